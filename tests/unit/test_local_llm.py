"""The real child process and its supervision, with a stand-in for the native runtime."""

import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from fake_llm import Article, drafter_on

from qa.errors import LLMUnavailableError, StoreError, WeightsNotFoundError
from qa.generation import local_llm
from qa.generation.drafter import Draft
from qa.generation.llm import EmbeddedLLM, stream_chat
from qa.generation.local_llm import LocalLLM

RUNTIME = '''
"""Stands in for the native runtime: the "weights" are a text file that says how it behaves."""

import json, os, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace


class CommonParams(SimpleNamespace):
    def __init__(self):
        parts = ("model", "cpuparams", "cpuparams_batch")
        super().__init__(**{part: SimpleNamespace() for part in parts})


class Server:
    def __init__(self, settings):
        manner = open(settings.model.path).read()
        print("loading the weights", flush=True)
        print("of the stand-in", file=sys.stderr, flush=True)
        os.write(1, b"and native code writes past Python\\n")
        if manner == "fail":
            raise RuntimeError("cannot load the file")
        if manner == "crash":
            os.abort()
        if manner == "hang":
            time.sleep(60)
        if manner == "slow":
            time.sleep(0.5)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers["Authorization"].removeprefix("Bearer ") not in settings.api_keys:
                    return self.send_error(401)
                told = {
                    "path": settings.model.path,
                    "name": sorted(settings.model_alias),
                    "context": settings.n_ctx,
                    "threads": [settings.cpuparams.n_threads, settings.cpuparams_batch.n_threads],
                    "hosts": settings.hostnames,
                }
                delta = {"role": "assistant", "content": json.dumps(told)}
                chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m"}
                chunk["choices"] = [{"index": 0, "delta": delta, "finish_reason": "stop"}]
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                self.wfile.write(f"data: {json.dumps(chunk)}\\n\\ndata: [DONE]\\n\\n".encode())

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.listening_address = f"http://127.0.0.1:{server.server_port}"
'''

NO_RUNTIME = """
raise ModuleNotFoundError("No module named 'xllamacpp'", name="xllamacpp")
"""


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in, found by the child before what is installed."""
    folder = tmp_path / "site"
    folder.mkdir()
    module = folder / "xllamacpp.py"
    module.write_text(RUNTIME)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return module


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "fake.gguf"
    path.write_text("serve")
    return path


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "logs" / "llm.log"


@pytest.fixture
def llm(weights: Path, log_file: Path) -> Iterator[LocalLLM]:
    made = make(lambda: weights, log_file)
    yield made
    made.close()


def make(find: Callable[[], Path], log_file: Path, *, threads: int | None = 3) -> LocalLLM:
    return LocalLLM(find, name="Fake 1B", context_tokens=2048, threads=threads, log_file=log_file)


def alive(pid: int) -> bool:
    """Whether the process runs; one that nobody has waited for yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    patience = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < patience, "waited in vain"
        time.sleep(0.01)


def running(llm: LocalLLM) -> int:
    """The pid of the child, started if need be."""
    llm.endpoint()
    assert llm.pid is not None
    assert alive(llm.pid)
    return llm.pid


def post(url: str, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    reply = httpx.post(f"{url}/chat/completions", headers=headers, json={}, trust_env=False)
    return reply.status_code


# Starting


def test_nothing_runs_before_it_is_needed(log_file: Path) -> None:
    def find() -> Path:
        raise AssertionError("nobody has asked yet")

    llm = make(find, log_file)
    assert llm.pid is None
    assert not log_file.parent.exists()


def test_the_child_listens_on_loopback_for_those_who_have_the_key(llm: LocalLLM) -> None:
    endpoint = llm.endpoint()
    assert endpoint.base_url.startswith("http://127.0.0.1:")
    assert endpoint.base_url.endswith("/v1")
    assert post(endpoint.base_url, endpoint.api_key) == 200
    assert post(endpoint.base_url, "guessed") == 401
    assert len(endpoint.api_key) >= 32


def test_the_key_is_not_on_the_command_line_or_in_the_log(llm: LocalLLM, log_file: Path) -> None:
    key = llm.endpoint().api_key
    process = psutil.Process(running(llm))
    assert key not in " ".join(process.cmdline())
    assert key not in " ".join(process.environ().values())
    assert key not in log_file.read_text()


def test_a_running_child_is_used_again(llm: LocalLLM) -> None:
    pid = running(llm)
    assert llm.endpoint() == llm.endpoint()
    assert running(llm) == pid


def test_threads_at_once_start_one_child(llm: LocalLLM, weights: Path) -> None:
    weights.write_text("slow")
    barrier = threading.Barrier(6)

    def ask(_: int) -> str:
        barrier.wait(10)
        return llm.endpoint().api_key

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(ask, range(6)))) == 1


def test_two_models_have_two_children_and_two_keys(
    llm: LocalLLM, weights: Path, tmp_path: Path
) -> None:
    other = make(lambda: weights, tmp_path / "other.log")
    try:
        assert running(other) != running(llm)
        assert other.endpoint().api_key != llm.endpoint().api_key
    finally:
        other.close()
    assert alive(running(llm))


def test_the_child_is_told_what_was_set(llm: LocalLLM, weights: Path) -> None:
    embedded = EmbeddedLLM(llm, timeout_seconds=10)
    text = "".join(chunk.text for chunk in stream_chat(embedded, [("user", "Who?")], max_tokens=5))
    assert json.loads(text) == {
        "path": str(weights),
        "name": ["Fake 1B"],
        "context": 2048,
        "threads": [3, 3],
        "hosts": ["127.0.0.1"],
    }


def test_without_a_number_of_threads_it_takes_the_cores_that_it_may_use(
    weights: Path, log_file: Path
) -> None:
    llm = make(lambda: weights, log_file, threads=None)
    try:
        chunks = stream_chat(EmbeddedLLM(llm, timeout_seconds=10), [("user", "Who?")], max_tokens=5)
        told = json.loads("".join(chunk.text for chunk in chunks))
    finally:
        llm.close()
    assert told["threads"] == [len(os.sched_getaffinity(0))] * 2


def test_native_messages_go_to_the_log(llm: LocalLLM, log_file: Path) -> None:
    llm.endpoint()
    said = log_file.read_text()
    assert "loading the weights" in said
    assert "of the stand-in" in said
    assert "and native code writes past Python" in said


def test_a_terminal_does_not_interrupt_the_child(llm: LocalLLM) -> None:
    """Ctrl-C goes to the whole group of the command line, which ends the child itself."""
    assert os.getpgid(running(llm)) != os.getpgid(0)


@pytest.mark.parametrize("behind", ["", ":", ":/nowhere:"])
def test_the_current_directory_is_not_searched_for_modules(
    llm: LocalLLM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behind: str
) -> None:
    """A file named as a module of ours, where somebody happens to stand, is not run."""
    folder = tmp_path / "elsewhere"
    (folder / "qa").mkdir(parents=True)
    (folder / "qa" / "__init__.py").write_text("raise SystemExit('the wrong qa')")
    (folder / "json.py").write_text("raise SystemExit('the wrong json')")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", os.environ["PYTHONPATH"].rstrip(":") + behind)
    assert alive(running(llm))


# In the background


def test_loading_in_the_background_is_waited_for(llm: LocalLLM, weights: Path) -> None:
    weights.write_text("slow")
    begun = time.monotonic()
    llm.start_in_background()
    assert time.monotonic() - begun < 0.3
    wait_until(lambda: llm.pid is not None)
    pid = llm.pid
    assert running(llm) == pid


def test_a_failure_in_the_background_shows_when_it_is_needed(
    log_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def find() -> Path:
        raise WeightsNotFoundError("no weights of Fake 1B")

    llm = make(find, log_file)
    with caplog.at_level(logging.INFO):
        llm.start_in_background()
        wait_until(lambda: "no weights of Fake 1B" in caplog.text)
    with pytest.raises(WeightsNotFoundError):
        llm.endpoint()


# Ending


def test_closing_ends_the_child_quietly(llm: LocalLLM) -> None:
    process = psutil.Process(running(llm))
    begun = time.monotonic()
    llm.close()
    assert time.monotonic() - begun < 4  # it was not waited for in vain, and killed
    assert not process.is_running()
    assert llm.pid is None


def test_closing_twice_or_before_the_start_is_no_error(llm: LocalLLM) -> None:
    llm.close()
    running(llm)
    llm.close()
    llm.close()
    assert llm.pid is None


def test_after_closing_the_next_question_starts_it_again(llm: LocalLLM) -> None:
    first = llm.endpoint()
    llm.close()
    second = llm.endpoint()
    assert post(second.base_url, second.api_key) == 200
    assert second.api_key != first.api_key


def test_a_child_that_does_not_end_is_killed(llm: LocalLLM) -> None:
    process = psutil.Process(running(llm))
    process.suspend()
    llm.close()
    assert not process.is_running()


def test_closing_does_not_wait_for_the_weights_and_nothing_starts_after_it(
    weights: Path, log_file: Path
) -> None:
    asked, found = threading.Event(), threading.Event()

    def find() -> Path:
        asked.set()
        found.wait(20)
        return weights

    llm = make(find, log_file)
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(llm.endpoint) for _ in range(2)]
        assert asked.wait(10)
        begun = time.monotonic()
        llm.close()
        took = time.monotonic() - begun
        found.set()
        for call in waiting:
            with pytest.raises(LLMUnavailableError, match="was closed"):
                call.result(20)
    assert took < 1
    assert llm.pid is None
    assert not log_file.exists()
    assert alive(running(llm))
    llm.close()


def test_closing_ends_a_child_that_is_loading(llm: LocalLLM, weights: Path) -> None:
    weights.write_text("hang")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(llm.endpoint)
        wait_until(lambda: llm.pid is not None)
        process = psutil.Process(llm.pid)
        begun = time.monotonic()
        llm.close()
        assert time.monotonic() - begun < 4
        assert not process.is_running()
        with pytest.raises(LLMUnavailableError, match="was closed"):
            waiting.result(10)
    assert llm.pid is None


def test_closing_at_the_very_start_ends_the_child_too(
    llm: LocalLLM, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has looked for a child, found none, and waits for the lock."""
    weights.write_text("hang")
    closing = threading.Thread(target=llm.close)
    popen = subprocess.Popen

    def start(*arguments: Any, **options: Any) -> Any:
        closing.start()
        wait_until(lambda: llm._closings == 1)
        time.sleep(0.1)
        return popen(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", start)
    begun = time.monotonic()
    with pytest.raises(LLMUnavailableError, match="was closed"):
        llm.endpoint()
    closing.join(10)
    assert time.monotonic() - begun < 10
    assert llm.pid is None


# Crashes


def test_a_killed_child_is_started_again(llm: LocalLLM, caplog: pytest.LogCaptureFixture) -> None:
    first, pid = llm.endpoint(), running(llm)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid))
    assert llm.pid is None
    second = llm.endpoint()
    assert llm.pid not in (pid, None)
    assert post(second.base_url, second.api_key) == 200
    assert second != first
    assert str(-signal.SIGKILL) in caplog.text


def test_a_child_may_crash_again_and_again(llm: LocalLLM) -> None:
    handles = psutil.Process().num_fds()
    running(llm)
    for _ in range(3):
        pid = running(llm)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda pid=pid: not alive(pid))
    llm.close()
    assert psutil.Process().num_fds() <= handles


def test_a_question_after_a_crash_is_answered(llm: LocalLLM) -> None:
    embedded = EmbeddedLLM(llm, timeout_seconds=10)
    drafter = drafter_on(embedded)
    evidence = Article(["Ann met Bob."]).evidence()
    for _ in range(2):
        draft = Draft()
        list(drafter.stream("Whom did Ann meet?", evidence, draft))
        assert "Fake 1B" in draft.text
        assert embedded.connect() is embedded.connect()
        pid = running(llm)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda pid=pid: not alive(pid))
    embedded.close()


def test_a_proxy_of_the_network_is_not_asked_for_the_child(
    llm: LocalLLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a company's proxy the loopback is still here."""
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.delenv("no_proxy", raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    embedded = EmbeddedLLM(llm, timeout_seconds=10)
    chunks = stream_chat(embedded, [("user", "Who?")], max_tokens=5)
    assert "Fake 1B" in "".join(chunk.text for chunk in chunks)


# Failures at the start


def test_a_failed_start_has_the_last_words_and_the_place_of_the_rest(
    llm: LocalLLM, weights: Path, log_file: Path
) -> None:
    weights.write_text("fail")
    with pytest.raises(LLMUnavailableError, match=r"exit 1.*cannot load the file") as caught:
        llm.endpoint()
    assert str(log_file) in caught.value.help
    assert "--evidence-only" in caught.value.help
    assert "\n" not in str(caught.value)
    assert "Traceback" in log_file.read_text()
    assert llm.pid is None


def test_a_crash_at_the_start_is_reported_and_the_next_start_may_succeed(
    llm: LocalLLM, weights: Path
) -> None:
    weights.write_text("crash")
    with pytest.raises(LLMUnavailableError, match=f"exit {-signal.SIGABRT}") as caught:
        llm.endpoint()
    assert "native code writes past Python" in str(caught.value)
    weights.write_text("serve")
    assert alive(running(llm))


def test_a_start_that_hangs_is_given_up(
    llm: LocalLLM, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_llm, "_START_SECONDS", 1)
    weights.write_text("hang")
    begun = time.monotonic()
    with pytest.raises(LLMUnavailableError, match=f"exit {-signal.SIGKILL}"):
        llm.endpoint()
    assert time.monotonic() - begun < 10
    assert llm.pid is None


def test_a_child_without_words_is_reported_too(
    llm: LocalLLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(LLMUnavailableError, match="exit 1.*it said nothing"):
        llm.endpoint()


def test_a_runtime_that_is_not_installed_is_named_with_its_remedy(
    llm: LocalLLM, runtime: Path
) -> None:
    runtime.write_text(NO_RUNTIME)
    with pytest.raises(LLMUnavailableError, match="xllamacpp") as caught:
        llm.endpoint()
    assert "footnoted[local]" in caught.value.help


def test_missing_weights_are_reported_when_a_question_needs_them(log_file: Path) -> None:
    def find() -> Path:
        raise WeightsNotFoundError("no weights of Fake 1B")

    llm = make(find, log_file)
    for _ in range(2):
        with pytest.raises(WeightsNotFoundError):
            llm.endpoint()
    assert llm.pid is None
    llm.close()


def test_a_log_that_cannot_be_written_is_reported(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a directory should be")
    llm = make(lambda: weights, tmp_path / "data" / "llm.log")
    with pytest.raises(StoreError, match="cannot write"):
        llm.endpoint()
    assert llm.pid is None


# No orphans

PARENT = """
import sys, time
from pathlib import Path
from qa.generation.local_llm import LocalLLM

weights, log_file, manner = map(Path, sys.argv[1:])
llm = LocalLLM(lambda: weights, name="Fake", context_tokens=1024, threads=1, log_file=log_file)
if manner.name == "while-loading":
    llm.start_in_background()
    while llm.pid is None:
        time.sleep(0.01)
else:
    llm.endpoint()
print(llm.pid, flush=True)
if manner.name == "exit":
    sys.exit()
time.sleep(60)
"""


@pytest.mark.parametrize("manner", ["kill", "exit", "while-loading"])
def test_the_child_does_not_outlive_its_parent(
    weights: Path, log_file: Path, runtime: Path, manner: str
) -> None:
    if manner == "while-loading":
        weights.write_text("slow")
    path = os.pathsep.join([str(runtime.parent), *sys.path])
    command = [sys.executable, "-c", textwrap.dedent(PARENT)]
    with subprocess.Popen(
        [*command, str(weights), str(log_file), manner],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        if manner != "exit":
            assert alive(pid)
            parent.kill()
        parent.wait(20)
    wait_until(lambda: not alive(pid))
