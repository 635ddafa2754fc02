"""Conversations over HTTP: events, the queue, clients that go away; with a real server."""

import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import llm_server
import pytest
from fake_llm import Call, FakeLLM, Reply
from fakes import BagOfWords
from fastapi.testclient import TestClient
from llm_server import LLMServer
from openai import OpenAI
from pydantic import TypeAdapter
from serving import serving
from waiting import until

from qa.assembly import Assembly
from qa.errors import BusyError, FootnotedError, LLMFailedError, StoreError
from qa.schema import (
    Answer,
    AnswerEvent,
    ClaimEvent,
    ErrorEvent,
    Event,
    EvidenceEvent,
    TokenEvent,
    Turn,
)
from qa.server import events as server_events
from qa.server.answers import Answers
from qa.server.app import create_app
from qa.server.service import Service
from qa.settings import LLMSettings, ServerSettings, Settings

CALL = (
    "The call took 25 minutes. A “mutual acquaintance” arranged the call for Altman. It rained. "
    "The call was about a deal of 500 billion dollars."
)
DEAL = "Oracle joined the deal in January. SoftBank left the deal in May."
WHO = "Who arranged the call?"
ACQUAINTANCE = "A “mutual acquaintance” arranged the call for Altman."


@contextmanager
def assembled(data_dir: Path, llm: Any, **server: Any) -> Iterator[Assembly]:
    settings = Settings(speed="thorough", data_dir=data_dir, server=ServerSettings(**server))
    if isinstance(llm, LLMServer):
        chosen = LLMSettings(model="slow", base_url=llm.url, api_key="key")
        settings = settings.model_copy(update={"llm": chosen})
    with Assembly(settings) as assembly:
        assembly.__dict__["embedder"] = BagOfWords()
        if not isinstance(llm, LLMServer):
            assembly.__dict__["llm"] = llm
        yield assembly


def fill(client: httpx.Client | TestClient) -> None:
    documents = [
        {"doc_id": "call", "title": "The call", "text": CALL},
        {"doc_id": "deal", "title": "The deal", "text": DEAL},
    ]
    assert client.post("/v1/documents", json={"documents": documents}).status_code in (200, 201)


@pytest.fixture
def llm() -> FakeLLM:
    return FakeLLM(itertools.repeat(Reply(ACQUAINTANCE, tokens=(312, 240, 31))), sure=0.97)


@pytest.fixture
def client(tmp_path: Path, llm: FakeLLM) -> Iterator[TestClient]:
    with assembled(tmp_path, llm) as assembly:
        app = create_app(assembly)
        with TestClient(app, raise_server_exceptions=False) as connected:
            fill(connected)
            yield connected


def said(*contents: str) -> list[dict[str, str]]:
    """Messages of user and assistant in turn."""
    roles = itertools.cycle(["user", "assistant"])
    return [
        {"role": role, "content": content} for role, content in zip(roles, contents, strict=False)
    ]


def parsed(text: str) -> list[Event]:
    """The events of a stream; each is named after its type."""
    events: list[Event] = []
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n") if block.startswith("event:") else ("", block)
        if data.startswith(":"):
            continue
        event: Event = TypeAdapter(Event).validate_json(data.removeprefix("data: "))
        assert name == f"event: {event.type}"
        events.append(event)
    return events


def chat(client: Any, *contents: str, **fields: Any) -> list[Event]:
    reply = client.post("/v1/chat", json={"messages": said(*contents)} | fields)
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"].partition(";")[0] == "text/event-stream"
    return parsed(reply.text)


# ── events ──────────────────────────────────────────────────────────────────────────────────


def test_evidence_then_the_draft_then_claims_then_the_answer(client: TestClient) -> None:
    events = chat(client, WHO)
    kinds = [kind for kind, _ in itertools.groupby(event.type for event in events)]
    assert kinds == ["evidence", "token", "claim", "answer"]
    assert "".join(e.text for e in events if isinstance(e, TokenEvent)) == ACQUAINTANCE
    answer = events[-1].answer
    assert answer.status == "answered"
    [claim] = [event for event in events if isinstance(event, ClaimEvent)]
    assert (claim.claim, claim.citations) == (answer.claims[0], answer.citations)
    assert "found" not in json.loads(events[0].model_dump_json())


def test_a_follow_up_is_understood_and_shown_so(client: TestClient, llm: FakeLLM) -> None:
    llm.say(["How long did the call take?", "The call took 25 minutes."])
    messages = [{"role": "system", "content": "Be brief."}]
    messages += said(WHO, f"{ACQUAINTANCE} [1]", "How long did it take?")
    reply = client.post("/v1/chat", json={"messages": messages})
    first, *_, last = parsed(reply.text)
    assert first.standalone_question == "How long did the call take?"
    assert last.answer.question == "How long did it take?"
    assert last.answer.standalone_question == first.standalone_question
    assert ACQUAINTANCE in llm.calls[0].text
    assert "Be brief." not in "".join(call.text for call in llm.calls)


def test_the_options_of_ask(client: TestClient, llm: FakeLLM) -> None:
    answer = chat(client, "Who joined the deal?", evidence_only=True, documents=["deal"])[-1].answer
    assert answer.provenance.llm == "none" and not llm.calls
    assert {item.document_id for item in answer.citations} == {"deal"}
    llm.say(["Zebras eat 40 pancakes in Peru."] * 4)
    claims = chat(client, "How many pancakes do zebras eat?", unsupported="mark")[-1].answer.claims
    assert claims[0].verdict == "unsupported"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"messages": said("?!")}, 422, "question"),
        ({"messages": said(WHO), "collection": "none"}, 404, "collection-not-found"),
        ({"messages": said(WHO), "documents": ["none"]}, 404, "document-not-found"),
        ({"messages": []}, 422, "invalid-request"),
        ({"messages": said(WHO, "Nobody.")}, 422, "invalid-request"),
        ({"messages": [{"role": "tool", "content": WHO}]}, 422, "invalid-request"),
        ({"messages": said("a\0b")}, 422, "invalid-request"),
        ({"question": WHO}, 422, "invalid-request"),
        ([], 422, "invalid-request"),
    ],
)
def test_what_breaks_before_the_first_event_is_a_problem(
    client: TestClient, body: Any, status: int, code: str
) -> None:
    reply = client.post("/v1/chat", json=body)
    assert reply.headers["content-type"] == "application/problem+json"
    assert (reply.status_code, reply.json()["code"]) == (status, code)


def test_a_conversation_that_ends_otherwise_is_told(client: TestClient) -> None:
    reply = client.post("/v1/chat", json={"messages": said(WHO, "Nobody.")}).json()
    assert reply["detail"] == "messages: the last one is the assistant's, not the user's"


@pytest.mark.parametrize(
    ("failure", "code"),
    [(LLMFailedError("it is ill"), "llm-failed"), (RuntimeError("it is ill"), "llm-failed")],
)
def test_what_breaks_later_is_an_event(
    client: TestClient, llm: FakeLLM, failure: Exception, code: str
) -> None:
    llm.say([Reply("Who", error=failure)])
    *before, last = chat(client, "When does the museum of the call open?")
    assert isinstance(last, ErrorEvent) and last.code == code
    assert "it is ill" in last.message
    assert last.help.startswith('Send "evidence_only": true')
    assert [event.type for event in before] == ["evidence", "token"]


@pytest.mark.parametrize("failure", [BusyError("full"), StoreError("ill")])
def test_what_is_refused_after_the_evidence_is_an_event_too(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, failure: FootnotedError
) -> None:
    """Whoever takes an answer over from another may be refused when the evidence is out."""

    def of(*_: Any) -> Iterator[Event]:
        yield EvidenceEvent(standalone_question=WHO, evidence=[])
        raise failure

    monkeypatch.setattr(Answers, "of", of)
    *before, last = chat(client, WHO)
    assert [event.type for event in before] == ["evidence"]
    assert isinstance(last, ErrorEvent) and last.code == failure.code
    assert last.retryable


def test_what_nobody_foresaw_is_an_event_without_internals(
    client: TestClient, llm: FakeLLM, caplog: pytest.LogCaptureFixture
) -> None:
    llm.connect_error = ZeroDivisionError("secret")
    *_, last = chat(client, WHO)
    assert isinstance(last, ErrorEvent) and last.code == "internal"
    assert "secret" not in last.model_dump_json()
    assert last.help.startswith("Run 'footnoted doctor' where the server runs")
    assert "ZeroDivisionError: secret" in caplog.text


def test_silence_is_broken_by_comments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, llm: FakeLLM
) -> None:
    monkeypatch.setattr(server_events, "_SILENCE_SECONDS", 0.05)
    held = threading.Event()
    with waiting_on(tmp_path, llm, held) as (url, _):
        with httpx.stream("POST", f"{url}/v1/chat", json={"messages": said(WHO)}) as reply:
            lines = reply.iter_lines()
            assert sum(line.startswith(":") for line in itertools.islice(lines, 12)) > 2
            held.set()
            assert any(line == "event: answer" for line in lines)


# ── one object everywhere ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("question", "draft"),
    [
        (WHO, ACQUAINTANCE),
        ("How long did the call take?", "The call took 25 minutes."),
        ("How long did the call take?", "The call took 35 minutes."),
        ("What was the call about?", f"It was about a deal of 500 billion dollars. {ACQUAINTANCE}"),
        ("Who joined the deal?", "Oracle joined the deal in January. Bob Krull paid for it."),
        ("Who left the deal and when?", "SoftBank left the deal in May."),
        ("How many pancakes do zebras eat?", "Zebras eat 40 pancakes in Peru."),
    ],
)
def test_every_face_gives_the_same_citations(
    tmp_path: Path, llm: FakeLLM, run: Any, question: str, draft: str
) -> None:
    llm.say(itertools.repeat(draft))
    answers: list[Answer] = []
    with assembled(tmp_path / "data", llm) as assembly, serving(create_app(assembly)) as url:
        with httpx.Client(base_url=url, timeout=60) as client:
            fill(client)
            reply = client.post("/v1/ask", json={"question": question})
            answers.append(Answer.model_validate_json(reply.content))
            answers.append(chat(client, question)[-1].answer)
            whole, streamed = completions(url, question)
        answers.append(assembly.answerer("default").answer(question))
    _, out, _ = run("ask", question, "--json")
    answers.append(Answer.model_validate_json(out))
    shown = [answer.model_dump(exclude={"timings_ms"}) for answer in answers]
    assert all(answer == shown[0] for answer in shown)
    assert whole == streamed == (answers[0].answer, marks(answers[0]))


def marks(answer: Answer) -> list[dict[str, Any]]:
    numbered = {citation.number: citation.model_dump() for citation in answer.citations}
    return [numbered[number] for claim in answer.claims for number in claim.citations]


def completions(url: str, question: str) -> tuple[Any, Any]:
    """Text and citations from the OpenAI client, at once and from a stream."""
    with OpenAI(base_url=f"{url}/v1", api_key="none") as openai:
        messages: list[Any] = said(question)
        message = (
            openai.chat.completions.create(model="footnoted", messages=messages).choices[0].message
        )
        whole = message.content, [note.citation for note in message.annotations]  # type: ignore[union-attr]
        text, notes = "", []
        for chunk in openai.chat.completions.create(
            model="footnoted", messages=messages, stream=True
        ):
            delta: Any = chunk.choices[0].delta
            text += delta.content or ""
            notes += [note["citation"] for note in getattr(delta, "annotations", None) or []]
    return whole, (text, notes)


# ── clients that go away ────────────────────────────────────────────────────────────────────


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[LLMServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with llm_server.running() as server:
        yield server


@contextmanager
def slowly_answering(
    tmp_path: Path, slow: LLMServer, **server: Any
) -> Iterator[tuple[httpx.Client, Service]]:
    with assembled(tmp_path, slow, **server) as assembly:
        app = create_app(assembly)
        with serving(app) as url, httpx.Client(base_url=url, timeout=60) as client:
            fill(client)
            client.post("/v1/ask", json={"question": WHO, "evidence_only": True})  # warm
            yield client, app.state.service


@pytest.mark.parametrize("silence", [60.0, 0.0], ids=["before the first token", "amid the draft"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat", {"messages": said(WHO)}),
        ("/v1/chat/completions", {"model": "footnoted", "messages": said(WHO), "stream": True}),
    ],
)
def test_a_stream_that_is_left_ends_the_generation(
    tmp_path: Path, slow: LLMServer, silence: float, path: str, body: Any
) -> None:
    slow.silence = silence
    with slowly_answering(tmp_path, slow) as (client, service):
        with client.stream("POST", path, json=body) as reply:
            lines = reply.iter_lines()
            assert next(lines)
            slow.asked.get(timeout=10)
            time.sleep(0.3)
            left = time.monotonic()
        assert slow.left.get(timeout=5) - left < 1
        assert until(lambda: service.at_work == service.queue.running == 0)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/ask", {"question": WHO}),
        ("/v1/chat/completions", {"model": "footnoted", "messages": said(WHO)}),
    ],
)
def test_a_reply_that_nobody_waits_for_ends_the_generation(
    tmp_path: Path, slow: LLMServer, path: str, body: Any
) -> None:
    slow.silence = 60.0
    with slowly_answering(tmp_path, slow) as (client, service):
        with pytest.raises(httpx.ReadTimeout):
            client.post(path, json=body, timeout=1)
        left = time.monotonic()
        assert slow.left.get(timeout=5) - left < 1
        assert until(lambda: service.at_work == service.queue.running == 0)


# ── the queue ───────────────────────────────────────────────────────────────────────────────


@contextmanager
def waiting_on(
    tmp_path: Path, llm: FakeLLM, held: threading.Event, **server: Any
) -> Iterator[tuple[str, Service]]:
    """A server whose language model says nothing before ``held`` is set."""
    take = llm.take

    def hold(call: Call) -> Reply:
        assert held.wait(30)
        return take(call)

    llm.take = hold  # type: ignore[method-assign]
    # Equal questions would be answered once.
    with assembled(tmp_path, llm, **{"answer_cache": 0, **server}) as assembly:
        app = create_app(assembly)
        with serving(app) as url:
            with httpx.Client(base_url=url, timeout=60) as client:
                fill(client)
            try:
                yield url, app.state.service
            finally:
                held.set()


@contextmanager
def asking(url: str, times: int) -> Iterator[list[tuple[int, httpx.Response]]]:
    """So many questions under way; their replies in the order in which they come."""
    replies: list[tuple[int, httpx.Response]] = []

    def ask(number: int) -> None:
        body = {"messages": said(WHO)}
        replies.append((number, httpx.post(f"{url}/v1/chat", json=body, timeout=30)))

    with ExitStack() as stack:
        for number in range(times):
            thread = threading.Thread(target=ask, args=(number,))
            thread.start()
            stack.callback(thread.join)
            time.sleep(0.1)
        yield replies


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/ask", {"question": WHO}),
        ("/v1/chat", {"messages": said(WHO)}),
        ("/v1/chat/completions", {"model": "footnoted", "messages": said(WHO)}),
        ("/v1/chat/completions", {"model": "footnoted", "messages": said(WHO), "stream": True}),
    ],
)
def test_one_too_many_is_told_to_come_back(
    tmp_path: Path, llm: FakeLLM, path: str, body: Any
) -> None:
    held = threading.Event()
    with waiting_on(tmp_path, llm, held, max_generations=1, max_waiting=1) as (url, service):
        with asking(url, 2) as replies:
            assert until(lambda: service.queue.waiting == 1)
            busy = httpx.post(f"{url}{path}", json=body, timeout=5)
            assert busy.status_code == 503
            assert int(busy.headers["retry-after"]) > 0
            said_so = busy.json()
            assert said_so.get("code", said_so.get("error", {}).get("code")) == "busy"
            quick = httpx.post(
                f"{url}/v1/ask", json={"question": WHO, "evidence_only": True}, timeout=30
            )
            assert quick.json()["status"] == "answered"
            assert httpx.get(f"{url}/healthz").status_code == 200
            held.set()
        assert {number for number, _ in replies} == {0, 1}  # their order: tests/unit/test_queue.py
        assert all(isinstance(parsed(reply.text)[-1], AnswerEvent) for _, reply in replies)
        assert until(lambda: service.queue.running == 0)


def test_nobody_waits_without_end(tmp_path: Path, llm: FakeLLM) -> None:
    held = threading.Event()
    settings = {"max_generations": 1, "max_wait_seconds": 0.2}
    with waiting_on(tmp_path, llm, held, **settings) as (url, service), asking(url, 1):
        assert until(lambda: service.queue.running == 1)
        reply = httpx.post(f"{url}/v1/ask", json={"question": WHO}, timeout=5)
        assert (reply.status_code, reply.json()["code"]) == (503, "busy")
        held.set()


def test_a_client_that_goes_leaves_the_queue(tmp_path: Path, llm: FakeLLM) -> None:
    held = threading.Event()
    with waiting_on(tmp_path, llm, held, max_generations=1) as (url, service), asking(url, 1):
        assert until(lambda: service.queue.running == 1)
        for path, body in (
            ("/v1/ask", {"question": WHO}),
            ("/v1/chat", {"messages": said(WHO)}),
        ):
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(f"{url}{path}", json=body, timeout=0.3)
            assert until(lambda: service.queue.waiting == 0, seconds=1)
        held.set()
    assert len(llm.drafts) == 1


def test_as_many_as_allowed_are_answered_at_once(tmp_path: Path, llm: FakeLLM) -> None:
    held = threading.Event()
    with waiting_on(tmp_path, llm, held, max_generations=3) as (url, service), asking(url, 4):
        assert until(lambda: service.queue.running == 3)
        assert until(lambda: service.queue.waiting == 1)
        held.set()


def test_a_turn_over_http_is_a_turn_of_the_answerer(client: TestClient) -> None:
    events = chat(client, WHO, f"{ACQUAINTANCE} [1]", "And how long did the call take?")
    assembly = client.app.state.service.assembly  # type: ignore[attr-defined]
    history = [Turn(role="user", content=WHO), Turn(role="assistant", content=ACQUAINTANCE)]
    answer = assembly.answerer("default").answer("And how long did the call take?", history)
    assert isinstance(events[0], EvidenceEvent)
    assert events[-1].answer.citations == answer.citations
