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
from urllib.parse import quote, urlsplit

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

    def limit(self, max_tokens: int) -> dict[str, Any]:
        return {"max_tokens": max_tokens}

    def start_in_background(self) -> None:
        pass

    def close(self) -> None:
        (self._folder / "llm-closed").touch()


class Process:
    """A running server."""

    def __init__(self, data_dir: Path) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, __file__, str(data_dir)],
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
    running.popen.kill()
    running.popen.communicate()


def test_serves_until_told_to_stop(process: Process, tmp_path: Path) -> None:
    assert process.url.startswith("http://127.0.0.1:")
    with httpx.Client(base_url=process.url) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        with pytest.raises(StoreLockedError):
            Store(tmp_path)
        _ids_of_any_characters(client)
        _bodies_too_large(client)
        code, out, err = process.stop()  # while the client keeps its connection
    assert (code, out, err) == (0, "", "")
    assert (tmp_path / "llm-closed").exists()
    Store(tmp_path).close()


def _ids_of_any_characters(client: httpx.Client) -> None:
    for identity in ("mhr-1/2 x", "100%2Fb", "Größe 𝒜?#&", "//"):
        client.post("/v1/documents", json={"text": TEXT, "doc_id": identity})
        path = f"/v1/documents/{quote(identity, safe='')}"
        assert client.get(path).json()["id"] == identity
        assert client.delete(path).status_code == 204


def _bodies_too_large(client: httpx.Client) -> None:
    piece = b"x" * 1_000_000
    headers = {"content-type": "application/json"}
    for content in (piece * 5, iter([piece] * 5)):
        reply = client.post("/v1/documents", content=content, headers=headers)
        assert (reply.status_code, reply.json()["code"]) == (413, "body-too-large")
        assert client.get("/healthz").status_code == 200


def test_interrupted_right_after_the_announcement(process: Process, tmp_path: Path) -> None:
    assert process.stop(signal.SIGINT) == (0, "", "")
    Store(tmp_path).close()


def test_a_failure_is_logged_and_a_long_request_does_not_hold_up_the_end(
    process: Process, tmp_path: Path
) -> None:
    with httpx.Client(base_url=process.url) as client:
        client.post("/v1/documents", json={"text": TEXT})
        reply = client.post("/v1/ask", json={"question": "Where did it rain?"})
    assert (reply.status_code, reply.json()["code"]) == (500, "internal")
    assert "secret" not in reply.text

    replies: list[httpx.Response] = []

    def post() -> None:
        url = f"{process.url}/v1/documents"
        replies.append(httpx.post(url, json={"text": "A slow one."}, timeout=60))

    thread = threading.Thread(target=post)
    thread.start()
    time.sleep(1)
    began = time.monotonic()
    code, out, err = process.stop()
    thread.join()
    assert (code, out) == (0, "")
    assert (replies[0].status_code, replies[0].json()["retryable"]) == (503, True)
    assert time.monotonic() - began < 10
    assert "RuntimeError: secret" in err
    assert '"POST /v1/ask' not in err  # no access log
    assert "requests under way" in err
    with Store(tmp_path) as store:
        assert len(store.collection("default").snapshot().documents) == 1


# ── in this process ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("host", "shown"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("::", "[::1]")],
)
def test_the_announcement_can_be_connected_to(tmp_path: Path, host: str, shown: str) -> None:
    if ":" in host and not _has_ipv6():
        pytest.skip("there is no IPv6 here")
    announced: list[str] = []

    def announce(url: str) -> None:
        parts = urlsplit(url)
        socket.create_connection((parts.hostname, parts.port or 0)).close()
        announced.append(url)
        raise BrokenPipeError  # instead of a signal, to get out again

    with pytest.raises(BrokenPipeError):
        serve(_assembly(tmp_path), host=host, port=0, announce=announce)
    assert announced[0].startswith(f"http://{shown}:")
    Store(tmp_path).close()


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def test_signals_are_left_alone_in_a_thread(tmp_path: Path) -> None:
    def announce(url: str) -> None:
        raise BrokenPipeError(url)

    def run() -> None:
        with pytest.raises(BrokenPipeError):
            serve(_assembly(tmp_path), host="127.0.0.1", port=0, announce=announce)
        done.set()

    done = threading.Event()
    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert done.is_set()


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
    server = ServerSettings(max_upload_bytes=1_000_000, auth="off", warm_up=False)
    settings = Settings(data_dir=data_dir, speed="thorough", server=server)
    assembly = Assembly(settings)
    assembly.__dict__.update(embedder=FlatEmbedder(), llm=FakeLLM(data_dir))
    return assembly


if __name__ == "__main__":
    serve(
        _assembly(Path(sys.argv[1])),
        host="127.0.0.1",
        port=0,
        announce=lambda url: print(url, flush=True),  # noqa: T201
    )
