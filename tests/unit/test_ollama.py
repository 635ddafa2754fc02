"""The real ``langchain-ollama`` on a server that speaks Ollama's own protocol."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from fake_llm import Article, drafter_on, judge_on

from qa.errors import LLMFailedError
from qa.generation.drafter import Draft
from qa.generation.llm import RemoteLLM
from qa.schema import Usage

EVIDENCE = Article(["Ann met Bob.", "He refused."]).evidence()


class Server(ThreadingHTTPServer):
    """Streams what it is told, a JSON object a line.

    Attributes:
        pieces: what it says.
        finish: its ``done_reason``.
        delay: seconds before it says anything.
        requests: the bodies that were sent.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pieces = ["Ann", " met", " Bob."]
        self.finish = "stop"
        self.delay = 0.0
        self.requests: list[dict[str, Any]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/api/chat" or body["model"] != "tiny:7b":
            self._reply(404, b'{"error": "model not found"}')
            return
        self.server.requests.append(body)
        time.sleep(self.server.delay)
        lines = [_line(piece) for piece in self.server.pieces]
        counted = {"prompt_eval_count": 312, "eval_count": 31}
        lines.append(_line("", done=True, done_reason=self.server.finish, **counted))
        self._reply(200, b"".join(lines))

    def _reply(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _line(piece: str, *, done: bool = False, **more: Any) -> bytes:
    message = {"role": "assistant", "content": piece}
    made = {"model": "tiny:7b", "created_at": "2025-01-01T00:00:00Z", "message": message}
    return json.dumps(made | {"done": done} | more).encode() + b"\n"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as running:
        monkeypatch.setenv("OLLAMA_HOST", f"http://127.0.0.1:{running.server_port}")
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def ollama(model: str = "tiny:7b", *, timeout_seconds: float = 10) -> RemoteLLM:
    return RemoteLLM(
        f"ollama:{model}", base_url=None, api_key=None, timeout_seconds=timeout_seconds
    )


def test_a_draft_streams_from_ollama(server: Server) -> None:
    draft = Draft()
    pieces = list(drafter_on(ollama()).stream("Whom did Ann meet?", EVIDENCE, draft))
    assert pieces == ["Ann", " met", " Bob."]
    assert draft.usage == Usage(prompt_tokens=312, cached_tokens=0, completion_tokens=31)
    assert not draft.cut


def test_a_request_asks_for_a_reproducible_stream_of_bounded_length(server: Server) -> None:
    list(drafter_on(ollama()).stream("Whom did Ann meet?", EVIDENCE, Draft()))
    (body,) = server.requests
    assert body["options"] == {"num_predict": 77, "temperature": 0}
    assert body["stream"] is True
    assert [message["role"] for message in body["messages"]] == ["system", "user"]


def test_the_length_limit_shows(server: Server) -> None:
    server.finish = "length"
    draft = Draft()
    list(drafter_on(ollama()).stream("Whom did Ann meet?", EVIDENCE, draft))
    assert draft.cut


def test_it_judges_by_its_word(server: Server) -> None:
    server.pieces = ["No", "."]
    assert judge_on(ollama()).answers("Whom did Ann meet?", "Ann met Bob.", "A") < 0.5
    assert server.requests[0]["options"]["num_predict"] == 8


def test_a_server_that_is_too_slow_is_an_error(server: Server) -> None:
    server.delay = 1
    begun = time.monotonic()
    with pytest.raises(LLMFailedError, match="(?i)time"):
        list(drafter_on(ollama(timeout_seconds=0.2)).stream("Whom?", EVIDENCE, Draft()))
    assert time.monotonic() - begun < 0.9


def test_a_model_that_is_not_there_is_an_error(server: Server) -> None:
    with pytest.raises(LLMFailedError, match="'ollama:large' failed: .*model not found"):
        list(drafter_on(ollama("large")).stream("Whom?", EVIDENCE, Draft()))
