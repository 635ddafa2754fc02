"""The command line's way to a running server; the server is a stub on loopback."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from qa.client import RemoteAnswerer, RemoteLibrary, is_up, readiness
from qa.errors import (
    EmptyCollectionError,
    FootnotedError,
    NotInCollectionError,
    QuestionError,
    SourceError,
    UnknownCollectionError,
    UsageError,
)
from qa.running import Running
from qa.schema import Document, ErrorEvent, Turn


class Stub(ThreadingHTTPServer):
    """Replies the same to everything, and keeps what was asked.

    Attributes:
        reply: status and body.
        asked: method, path, headers, body of each request.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.reply: tuple[int, Any] = (200, {})
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []

    @property
    def running(self) -> Running:
        return Running(f"http://127.0.0.1:{self.server_address[1]}", "a-token")


class Handler(BaseHTTPRequestHandler):
    server: Stub

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        said = json.loads(body) if body else None
        self.server.asked.append((self.command, self.path, dict(self.headers), said))
        status, content = self.server.reply
        sent = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_POST = do_DELETE = answer  # noqa: N815  (the base class's names)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def problem(kind: type[FootnotedError]) -> dict[str, str]:
    return {"code": kind.code, "detail": "it is not there", "help": "Over HTTP do that."}


def test_a_server_is_up_if_it_says_so(stub: Stub) -> None:
    stub.reply = (200, {"status": "ok"})
    assert is_up(stub.running)
    stub.reply = (200, "another's page")
    assert not is_up(stub.running)
    assert not is_up(Running("http://127.0.0.1:9", "t"))


def test_a_server_that_is_ready_says_what_it_has(stub: Stub) -> None:
    checks = {"store": {"ok": True, "detail": "collections: 2"}, "llm": {"detail": "up"}}
    stub.reply = (200, {"checks": checks})
    assert readiness(stub.running) == f"{stub.running.url} (store: collections: 2; llm: up)"
    assert [path for _, path, *_ in stub.asked] == ["/readyz"]


def test_a_server_that_is_not_ready_says_why(stub: Stub) -> None:
    stub.reply = (503, {"code": "not-ready", "detail": "llm: no weights", "help": "Run doctor."})
    with pytest.raises(FootnotedError, match="cannot answer: llm: no weights") as error:
        readiness(stub.running)
    assert "doctor" not in error.value.help


@pytest.mark.parametrize("reply", [(200, "another's page"), (502, "<html>")])
def test_what_does_not_reply_as_a_server_does_is_not_one(stub: Stub, reply: Any) -> None:
    stub.reply = reply
    with pytest.raises(FootnotedError, match="is gone"):
        readiness(stub.running)
    with pytest.raises(FootnotedError, match="is gone: ConnectError"):
        readiness(Running("http://127.0.0.1:9", "t"))


def test_a_conversation_may_go_on_for_ever(stub: Stub) -> None:
    stub.reply = (200, "")
    history = [Turn(role="user", content=str(number)) for number in range(500)]
    assert list(RemoteAnswerer(stub.running, "news").stream("Who?", history)) == []
    ((method, path, headers, body),) = stub.asked
    assert (method, path) == ("POST", "/v1/chat")
    assert headers["Authorization"] == "Bearer a-token"
    assert [message["content"] for message in body["messages"]][-2:] == ["499", "Who?"]
    assert len(body["messages"]) < 20


def test_events_are_read_as_they_were_sent(stub: Stub) -> None:
    event = ErrorEvent(code="busy", message="full", help="Wait.", retryable=True)
    stub.reply = (200, f": keep-alive\n\nevent: error\ndata: {event.model_dump_json()}\n\n")
    assert list(RemoteAnswerer(stub.running, "news").stream("Who?")) == [event]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_event_ends_where_its_line_does_and_nowhere_else(stub: Stub, end: str) -> None:
    said = "One\u2028two\u2029three\x85four\x0bfive\x0csix\x1cseven é"
    event = ErrorEvent(code="busy", message=said, help="Wait.", retryable=True)
    sent = ("event: error", f"data: {event.model_dump_json()}", "", "")
    stub.reply = (200, end.join(sent))
    assert list(RemoteAnswerer(stub.running, "news").stream("Who?")) == [event]


def test_an_event_that_was_cut_off_is_none(stub: Stub) -> None:
    event = ErrorEvent(code="busy", message="full", help="Wait.", retryable=True)
    stub.reply = (200, f"data: {event.model_dump_json()}\n\ndata: {event.model_dump_json()[:20]}")
    assert list(RemoteAnswerer(stub.running, "news").stream("Who?")) == [event]


@pytest.mark.parametrize(
    "said", ['{"type": "thought"}', '{"type": "error", "code": "busy"}', '{"type":', "null"]
)
def test_an_event_of_another_version_is_told(stub: Stub, said: str) -> None:
    known = ErrorEvent(code="busy", message="full", help="Wait.", retryable=True)
    stub.reply = (200, f"data: {known.model_dump_json()}\n\ndata: {said}\n\n")
    events = RemoteAnswerer(stub.running, "news").stream("Who?")
    assert next(events) == known
    with pytest.raises(FootnotedError, match=f"{stub.running.url} speaks another version") as error:
        next(events)
    assert "start it again" in error.value.help


def test_a_question_that_is_no_text_is_refused_before_it_is_sent(stub: Stub) -> None:
    with pytest.raises(QuestionError, match="not text"):
        list(RemoteAnswerer(stub.running, "news").stream("\udcff who?"))
    assert stub.asked == []


@pytest.mark.parametrize(
    ("kind", "status"),
    [(UnknownCollectionError, 404), (NotInCollectionError, 404), (EmptyCollectionError, 409)],
)
def test_a_problem_is_the_error_that_it_would_be_here(
    stub: Stub, kind: type[FootnotedError], status: int
) -> None:
    stub.reply = (status, problem(kind))
    for act in (
        lambda: list(RemoteAnswerer(stub.running, "news").stream("Who?")),
        RemoteLibrary(stub.running, "news").documents,
    ):
        with pytest.raises(kind, match="it is not there") as error:
            act()
        assert type(error.value) is kind
        assert error.value.help == kind.help


@pytest.mark.parametrize(
    ("reply", "kind", "said", "advice"),
    [
        ((422, problem(UsageError)), UsageError, "it is not there", "Over HTTP do that."),
        ((418, problem(UsageError) | {"code": "new"}), UsageError, "it is not", "Over HTTP"),
        ((599, problem(UsageError) | {"code": "new"}), FootnotedError, "it is not", "Over HTTP"),
        ((413, problem(UsageError)), SourceError, "it is not there", "Over HTTP do that."),
        ((502, "<html>"), FootnotedError, "status 502", "doctor"),
    ],
)
def test_a_problem_of_no_known_kind_keeps_its_advice(
    stub: Stub, reply: tuple[int, Any], kind: type[FootnotedError], said: str, advice: str
) -> None:
    stub.reply = reply
    with pytest.raises(FootnotedError, match=said) as error:
        RemoteLibrary(stub.running, "news").document("a")
    assert type(error.value) is kind
    assert advice in error.value.help


def test_a_server_that_is_gone_is_told() -> None:
    gone = Running("http://127.0.0.1:9", "t")
    with pytest.raises(FootnotedError, match=r"127\.0\.0\.1:9 is gone: ConnectError"):
        RemoteLibrary(gone, "news").documents()
    with pytest.raises(FootnotedError, match=r"127\.0\.0\.1:9 is gone: ConnectError"):
        list(RemoteAnswerer(gone, "news").stream("Who?"))


def test_a_document_keeps_the_id_that_was_given_and_only_that(stub: Stub) -> None:
    head = {"id": "x", "title": "T", "uri": "", "sentences": 1, "characters": 8}
    stub.reply = (201, {"documents": [{"name": "T", "outcome": "added"} | head]})
    given = Document.make("One day.", title="T", uri="file:///a", doc_id="x")
    derived = Document.make("One day.", title="T", uri="file:///a")
    nameless = Document.make("One day.", title="T")
    with RemoteLibrary(stub.running, "news").ingesting() as ingest:
        for document in (given, derived, nameless):
            assert ingest(document) == {"outcome": "added"} | head | {"flagged": None}
    assert [body["doc_id"] for *_, body in stub.asked] == ["x", None, None]
    assert {path for _, path, *_ in stub.asked} == {"/v1/documents?collection=news"}


def test_an_id_may_hold_any_sign(stub: Stub) -> None:
    stub.reply = (200, {"documents": [{"id": "a/b?c#d é", "title": "T"}]})
    library = RemoteLibrary(stub.running, "news")
    assert library.remove("a/b?c#d é") == "T"
    assert library.remove("other") == "other"
    deleted = [path for method, path, *_ in stub.asked if method == "DELETE"]
    assert deleted[0] == "/v1/documents/a%2Fb%3Fc%23d%20%C3%A9?collection=news"


@pytest.mark.parametrize(
    ("document_id", "path"),
    [
        ("./notes/a.md", "%2E%2Fnotes%2Fa%2Emd"),
        ("a/../b", "a%2F%2E%2E%2Fb"),
        ("..", "%2E%2E"),
        ("/a", "%2Fa"),
        ("a%2Fb", "a%252Fb"),
    ],
)
def test_no_id_leads_to_another_address(stub: Stub, document_id: str, path: str) -> None:
    RemoteLibrary(stub.running, "news").document(document_id)
    assert [asked for _, asked, *_ in stub.asked] == [f"/v1/documents/{path}?collection=news"]
