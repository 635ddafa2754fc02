"""The server as a process of its own: its port, its signals, its log, its lock.

Run as a script, this file is that process.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from qa.assembly import Assembly
from qa.errors import FootnotedError, StoreLockedError, UsageError
from qa.retrieval.embedder import Embedder
from qa.server.app import serve
from qa.settings import ServerSettings, Settings
from qa.store import Store

TEXT = "It rained in Oslo. The sun shone in Rome."


class FlatEmbedder(Embedder):
    """Every text the same vector, and ``slow`` takes its time."""

    name = "flat"
    dimension = 2

    def embed_query(self, text: str) -> list[float]:
        if "slow" in text:
            time.sleep(60)
        return [1.0, 0.0]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]


class FakeLLM:
    name = "fake"
    token_probabilities = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def connect(self) -> Any:
        raise RuntimeError("secret")

    def start_in_background(self) -> None:
        pass

    def close(self) -> None:
        (self._folder / "llm-closed").touch()


class Process:
    """A running server."""

    def __init__(self, data_dir: Path, *, host: str = "127.0.0.1") -> None:
        self.data_dir = data_dir
        self.popen = subprocess.Popen(
            [sys.executable, __file__, str(data_dir), host],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        assert self.popen.stdout is not None
        self.url = self.popen.stdout.readline().strip()

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Exit code, the rest of stdout, and stderr, twenty seconds after a signal at most."""
        self.popen.send_signal(number)
        out, err = self.popen.communicate(timeout=20)
        return self.popen.returncode, out, err


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    running = Process(tmp_path)
    yield running
    if running.popen.poll() is None:
        running.popen.kill()
    running.popen.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serves_until_told_to_stop(process: Process, tmp_path: Path, number: int) -> None:
    assert process.url.startswith("http://127.0.0.1:")
    with httpx.Client(base_url=process.url) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        with pytest.raises(StoreLockedError):
            Store(tmp_path)
        code, out, err = process.stop(number)  # while the client keeps its connection
    assert (code, out, err) == (0, "", "")
    assert (tmp_path / "llm-closed").exists()
    Store(tmp_path).close()


def test_the_log_has_the_traceback_and_the_reply_has_not(process: Process) -> None:
    with httpx.Client(base_url=process.url) as client:
        client.post("/v1/documents", json={"text": TEXT})
        reply = client.post("/v1/ask", json={"question": "Where did it rain?"})
    assert (reply.status_code, reply.json()["code"]) == (500, "internal")
    assert "secret" not in reply.text
    code, out, err = process.stop()
    assert code == 0 and out == ""
    assert "RuntimeError: secret" in err
    assert "/v1/ask" not in err  # no access log


def test_any_id_on_the_wire(process: Process) -> None:
    with httpx.Client(base_url=process.url) as client:
        for identity in ("mhr-1/2 x", "100%2Fb", "Größe 𝒜?#&", "//"):
            client.post("/v1/documents", json={"text": TEXT, "doc_id": identity})
            path = f"/v1/documents/{quote(identity, safe='')}"
            assert client.get(path).json()["id"] == identity
            assert client.delete(path).status_code == 204


def test_a_body_too_large_on_the_wire(process: Process) -> None:
    large = b"x" * 5_000_000

    def pieces() -> Iterator[bytes]:
        for _ in range(5):
            yield large[:1_000_000]

    with httpx.Client(base_url=process.url) as client:
        for content in (large, pieces()):
            headers = {"content-type": "application/json"}
            reply = client.post("/v1/documents", content=content, headers=headers)
            assert (reply.status_code, reply.json()["code"]) == (413, "body-too-large")
            assert client.get("/healthz").status_code == 200


def test_a_request_under_way_does_not_hold_up_the_end_for_long(
    process: Process, tmp_path: Path
) -> None:
    def post() -> None:
        try:
            httpx.post(f"{process.url}/v1/documents", json={"text": "A slow one."}, timeout=60)
        except httpx.HTTPError:
            pass

    thread = threading.Thread(target=post)
    thread.start()
    time.sleep(1)
    began = time.monotonic()
    code, _, _ = process.stop()
    thread.join()
    assert code == 0
    assert time.monotonic() - began < 10
    with Store(tmp_path) as store:
        assert store.collection("default").snapshot().documents == ()


def test_a_signal_right_after_the_announcement(tmp_path: Path) -> None:
    code, _, _ = Process(tmp_path).stop()
    assert code == 0


def test_a_wildcard_address_is_announced_as_one_to_connect_to(tmp_path: Path) -> None:
    process = Process(tmp_path, host="0.0.0.0")
    assert process.url.startswith("http://127.0.0.1:")
    assert httpx.get(f"{process.url}/healthz").status_code == 200
    assert process.stop()[0] == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_in_a_thread_there_are_no_signals_to_handle(tmp_path: Path, host: str) -> None:
    try:
        socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError:
        pytest.skip(f"there is no {host} here")
    announced: list[str] = []
    problem: list[BaseException] = []

    def announce(url: str) -> None:
        announced.append(url)
        raise KeyboardInterrupt  # the only way out of a server that gets no signals

    def run() -> None:
        try:
            serve(_assembly(tmp_path), host=host, port=0, announce=announce)
        except KeyboardInterrupt as error:
            problem.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert problem and announced[0].startswith(f"http://{'[::1]' if ':' in host else host}:")
    Store(tmp_path).close()


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=str(port)) as caught:
            serve(_assembly(tmp_path), host="127.0.0.1", port=port, announce=lambda _: None)
    assert "--port 0" in caught.value.help
    assert "in use" in str(caught.value)
    Store(tmp_path).close()


def test_an_address_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'no\.such\.host\.invalid'"):
        serve(_assembly(tmp_path), host="no.such.host.invalid", port=0, announce=lambda _: None)


def test_a_locked_directory_is_told_at_once(tmp_path: Path) -> None:
    with Store(tmp_path), pytest.raises(FootnotedError) as caught:
        serve(_assembly(tmp_path), host="127.0.0.1", port=0, announce=lambda _: None)
    assert isinstance(caught.value, StoreLockedError)
    assert str(os.getpid()) in str(caught.value)


def _assembly(data_dir: Path) -> Assembly:
    settings = Settings(data_dir=data_dir, server=ServerSettings(max_body_bytes=1_000_000))
    assembly = Assembly(settings)
    assembly.__dict__.update(embedder=FlatEmbedder(), llm=FakeLLM(data_dir))
    return assembly


if __name__ == "__main__":
    serve(
        _assembly(Path(sys.argv[1])),
        host=sys.argv[2],
        port=0,
        announce=lambda url: print(url, flush=True),  # noqa: T201
    )
