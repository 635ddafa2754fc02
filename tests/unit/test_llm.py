import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from fake_llm import Article, FakeLLM, Reply, drafter_on, judge_on
from langchain_openai import ChatOpenAI

from qa.errors import LLMError, LLMFailedError, LLMUnavailableError, SettingsError
from qa.generation.drafter import Draft
from qa.generation.llm import RemoteLLM, stream_chat
from qa.schema import Usage

EVIDENCE = Article(["Ann met Bob.", "He refused."]).evidence()
KEY = "key-of-this-test"


class Server(ThreadingHTTPServer):
    """An OpenAI-compatible server that streams what it is told.

    Attributes:
        pieces: what it says.
        finish: its ``finish_reason``; ``None`` to break off after the pieces.
        delay: seconds before it says anything.
        requests: the bodies that were sent.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pieces = ["Ann", " met", " Bob."]
        self.finish: str | None = "stop"
        self.delay = 0.0
        self.requests: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/v1/chat/completions":
            self._reply(404, "application/json", b"{}")
        elif self.headers["Authorization"] != f"Bearer {KEY}":
            problem = {"error": {"message": "Incorrect API key provided", "type": "invalid"}}
            self._reply(401, "application/json", json.dumps(problem).encode())
        else:
            self.server.requests.append(json.loads(body))
            time.sleep(self.server.delay)
            events = [_event(piece) for piece in self.server.pieces]
            if self.server.finish is None:
                self._reply(200, "text/event-stream", b"".join(events), missing=100)
                return
            events.append(_event("", finish=self.server.finish))
            if self.server.requests[-1].get("stream_options", {}).get("include_usage"):
                events.append(_event(None))
            events.append(b"data: [DONE]\n\n")
            self._reply(200, "text/event-stream", b"".join(events))

    def _reply(self, status: int, kind: str, content: bytes, *, missing: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content) + missing))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _event(piece: str | None, *, finish: str | None = None) -> bytes:
    """One chunk of the stream; ``None`` for the last one, with the usage."""
    chunk: dict[str, Any] = {"id": "1", "object": "chat.completion.chunk", "created": 0}
    if piece is None:
        details = {"cached_tokens": 240}
        counted = {"prompt_tokens": 312, "completion_tokens": 31, "total_tokens": 343}
        chunk |= {"choices": [], "usage": counted | {"prompt_tokens_details": details}}
    else:
        delta = {"role": "assistant", "content": piece}
        chunk |= {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    return f"data: {json.dumps(chunk | {'model': 'tiny'})}\n\n".encode()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def remote(server: Server, *, model: str = "tiny", key: str | None = KEY) -> RemoteLLM:
    return RemoteLLM(model, base_url=server.url, api_key=key, timeout_seconds=10)


# A server of one's own


def test_a_draft_streams_from_an_openai_compatible_server(server: Server) -> None:
    draft = Draft()
    pieces = list(drafter_on(remote(server)).stream("Whom did Ann meet?", EVIDENCE, draft))
    assert pieces == ["Ann", " met", " Bob."]
    assert draft.text == "Ann met Bob."
    assert draft.usage == Usage(prompt_tokens=312, cached_tokens=240, completion_tokens=31)
    assert not draft.cut


def test_a_request_asks_for_a_reproducible_stream_of_bounded_length(server: Server) -> None:
    list(drafter_on(remote(server)).stream("Whom did Ann meet?", EVIDENCE, Draft()))
    (body,) = server.requests
    assert body["model"] == "tiny"
    assert body["temperature"] == 0
    assert body["stream"] is True
    assert 77 in (body.get("max_tokens"), body.get("max_completion_tokens"))
    assert "logprobs" not in body
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert "[1] Ann met Bob.\n[2] He refused.\n" in body["messages"][1]["content"]


def test_the_length_limit_shows(server: Server) -> None:
    server.finish = "length"
    draft = Draft()
    list(drafter_on(remote(server)).stream("Whom did Ann meet?", EVIDENCE, draft))
    assert draft.cut


def test_a_judge_of_another_provider_is_not_asked_for_probabilities(server: Server) -> None:
    """Many providers refuse a request that asks for them."""
    judge = judge_on(remote(server))
    server.pieces = ["Yes", "."]
    assert judge.answers("Whom did Ann meet?", "Ann met Bob.", "A") > 0.5
    assert all("logprobs" not in body for body in server.requests)


@pytest.mark.parametrize("provider", ["openai", "ollama"])
def test_the_prefix_of_a_provider_is_not_part_of_the_name(server: Server, provider: str) -> None:
    llm = remote(server, model=f"{provider}:tiny:7b")
    list(drafter_on(llm).stream("Whom?", EVIDENCE, Draft()))
    (body,) = server.requests
    assert body["model"] == "tiny:7b"
    assert 77 in (body.get("max_tokens"), body.get("max_completion_tokens"))
    assert llm.name == f"{provider}:tiny:7b"


@pytest.mark.parametrize("key", ["another key", None])
def test_a_wrong_key_is_a_clear_error(
    server: Server, key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(LLMFailedError) as caught:
        list(drafter_on(remote(server, key=key)).stream("Whom did Ann meet?", EVIDENCE, Draft()))
    message = str(caught.value)
    assert "'tiny'" in message
    assert "401" in message
    assert "Incorrect API key" in message
    assert "FOOTNOTED_LLM__API_KEY" in caught.value.help
    assert "\n" not in message
    assert server.requests == []


def test_a_server_that_breaks_off_is_an_error_and_no_draft(server: Server) -> None:
    server.finish = None
    draft = Draft()
    with pytest.raises(LLMFailedError, match="'tiny' failed"):
        list(drafter_on(remote(server)).stream("Whom did Ann meet?", EVIDENCE, draft))
    assert draft.text == "Ann met Bob."


def test_a_server_that_is_too_slow_is_an_error(server: Server) -> None:
    server.delay = 1
    llm = RemoteLLM("tiny", base_url=server.url, api_key=KEY, timeout_seconds=0.2)
    begun = time.monotonic()
    with pytest.raises(LLMError, match="(?i)time"):
        list(drafter_on(llm).stream("Whom did Ann meet?", EVIDENCE, Draft()))
    assert time.monotonic() - begun < 0.9


def test_a_server_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/v1"
    llm = RemoteLLM("tiny", base_url=url, api_key=KEY, timeout_seconds=5)
    with pytest.raises(LLMError, match=r"'tiny' failed: .*[Cc]onnection"):
        list(drafter_on(llm).stream("Whom did Ann meet?", EVIDENCE, Draft()))


# Providers


@pytest.mark.parametrize("name", ["gpt-4o", "qwen", ""])
def test_a_model_without_a_provider_is_refused_at_once(name: str) -> None:
    with pytest.raises(SettingsError, match=f"FOOTNOTED_LLM__MODEL='{name}'") as caught:
        RemoteLLM(name, base_url=None, api_key=None, timeout_seconds=1)
    assert f"'openai:{name}'" in caught.value.help
    assert "FOOTNOTED_LLM__BASE_URL" in caught.value.help


@pytest.mark.parametrize(
    ("model", "module", "package"),
    [
        ("groq:llama", "langchain_groq", "langchain-groq"),
        ("google_genai:gemini", "langchain_google_genai", "langchain-google-genai"),
        ("bedrock:claude", "langchain_aws", "langchain-aws"),
    ],
)
def test_a_provider_that_is_not_installed_is_named_with_its_package(
    monkeypatch: pytest.MonkeyPatch, model: str, module: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    llm = RemoteLLM(model, base_url=None, api_key="key", timeout_seconds=1)
    with pytest.raises(LLMUnavailableError, match=f"'{model}'") as caught:
        llm.connect()
    assert f"pip install {package}" in caught.value.help


def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_ADMIN_KEY", raising=False)
    llm = RemoteLLM("openai:gpt-4o", base_url=None, api_key=None, timeout_seconds=1)
    with pytest.raises(LLMUnavailableError, match="'openai:gpt-4o'") as caught:
        llm.connect()
    assert "FOOTNOTED_LLM__API_KEY" in caught.value.help


def test_an_unknown_provider_is_named_in_one_line() -> None:
    llm = RemoteLLM("nowhere:tiny", base_url=None, api_key="key", timeout_seconds=1)
    with pytest.raises(LLMUnavailableError, match="'nowhere:tiny'") as caught:
        llm.connect()
    assert "\n" not in str(caught.value)


def test_a_provider_that_fails_without_a_word_is_named_with_its_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ValueError

    monkeypatch.setattr("langchain.chat_models.init_chat_model", fail)
    llm = RemoteLLM("openai:gpt-4o", base_url=None, api_key=KEY, timeout_seconds=1)
    with pytest.raises(LLMUnavailableError, match="cannot set up 'openai:gpt-4o': ValueError$"):
        llm.connect()


def test_a_model_is_set_up_once_and_with_its_key() -> None:
    llm = RemoteLLM("openai:gpt-4o", base_url=None, api_key=KEY, timeout_seconds=7)
    model = llm.connect()
    assert isinstance(model, ChatOpenAI)
    assert (model.model_name, model.temperature, model.request_timeout) == ("gpt-4o", 0, 7)
    assert model.openai_api_key is not None
    assert not isinstance(model.openai_api_key, str)
    assert KEY not in repr(model)
    assert llm.connect() is model
    assert llm.name == "openai:gpt-4o"


def test_there_is_nothing_to_load_or_to_free(server: Server) -> None:
    llm = remote(server)
    llm.start_in_background()
    llm.close()
    assert server.requests == []
    assert llm.connect() is llm.connect()


# Any model


def test_a_reply_comes_piece_by_piece() -> None:
    llm = FakeLLM([Reply(pieces=["Ann", " met"])])
    chunks = stream_chat(llm, [("user", "Whom?")], max_tokens=5)
    assert next(chunks).text == "Ann"
    assert llm.calls[0].running
    assert next(chunks).text == " met"
    assert llm.calls[0].messages == [("user", "Whom?")]
    assert llm.calls[0].options == {"max_tokens": 5}


def test_errors_of_our_own_pass_and_others_are_named() -> None:
    ours = LLMUnavailableError("it has ended")
    with pytest.raises(LLMUnavailableError, match="it has ended"):
        list(stream_chat(FakeLLM([Reply(error=ours)]), [("user", "Whom?")], max_tokens=5))
    theirs = ValueError("line one\nline two")
    with pytest.raises(LLMFailedError, match="'fake' failed: ValueError: line one$") as caught:
        list(stream_chat(FakeLLM([Reply(error=theirs)]), [("user", "Whom?")], max_tokens=5))
    assert caught.value.__cause__ is theirs
