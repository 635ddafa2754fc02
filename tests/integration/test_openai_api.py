"""OpenAI's own client and LangChain's, against a server that really listens."""

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from fake_llm import FakeLLM, Reply
from fakes import BagOfWords
from hypothesis import given
from hypothesis import strategies as st
from langchain_openai import ChatOpenAI
from openai import DefaultHttpxClient, OpenAI
from pydantic import SecretStr
from serving import serving

from qa.assembly import Assembly
from qa.errors import LLMFailedError
from qa.schema import NO_ANSWER, Answer, Citation, Claim, Provenance
from qa.server.app import create_app
from qa.server.openai_wire import annotations_of
from qa.settings import ServerSettings, Settings

CALL = (
    "The call took 25 minutes. A “mutual acquaintance” arranged the call for Altman. It rained. "
    "The call was about a deal of 500 billion dollars."
)
ACQUAINTANCE = "A “mutual acquaintance” arranged the call for Altman."
DEAL = "It was about a deal of 500 billion dollars."
WHO: list[Any] = [{"role": "user", "content": "Who arranged the call?"}]
WHAT: list[Any] = [{"role": "user", "content": "What was the call about?"}]


@pytest.fixture
def llm() -> FakeLLM:
    """Its judge knows that the articles say nothing of zebras."""
    return FakeLLM(
        itertools.repeat(Reply(ACQUAINTANCE, tokens=(312, 240, 31))),
        sure=lambda call: 0.03 if "zebras" in call.text else 0.97,
    )


@pytest.fixture
def url(tmp_path: Path, llm: FakeLLM) -> Iterator[str]:
    settings = Settings(
        speed="thorough", data_dir=tmp_path, server=ServerSettings(max_body_bytes=20_000)
    )
    with Assembly(settings) as assembly:
        assembly.__dict__.update(embedder=BagOfWords(), llm=llm)
        with serving(create_app(assembly)) as url:
            for collection in ("default", "other"):
                sent = {"doc_id": f"call-{collection}", "title": "The call", "text": CALL}
                sent |= {"collection": collection, "uri": f"https://example.org/{collection}"}
                assert httpx.post(f"{url}/v1/documents", json=sent, timeout=60).status_code == 201
            yield url


@pytest.fixture
def client(url: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        yield client


# ── OpenAI's client ─────────────────────────────────────────────────────────────────────────


def test_a_completion_with_its_footnotes(client: OpenAI, url: str) -> None:
    completion = client.chat.completions.create(
        model="footnoted", messages=WHO, temperature=0.3, max_tokens=5, n=1, user="u", stop=["."]
    )
    assert completion.object == "chat.completion" and completion.model == "footnoted"
    [choice] = completion.choices
    assert choice.finish_reason == "stop"
    content = choice.message.content
    assert content == f"{ACQUAINTANCE} [1]"
    assert choice.message.annotations is not None
    [note] = choice.message.annotations
    where = note.url_citation
    assert content[where.start_index : where.end_index] == "[1]"
    assert (where.url, where.title) == ("https://example.org/default", "The call")
    citation = Citation.model_validate(note.citation)  # type: ignore[attr-defined]
    document = httpx.get(f"{url}/v1/documents/{citation.document_id}").json()
    assert document["text"][citation.start : citation.end] == citation.text == ACQUAINTANCE
    assert completion.usage is not None
    assert completion.usage.to_dict() == {
        "prompt_tokens": 312,
        "completion_tokens": 31,
        "total_tokens": 343,
        "prompt_tokens_details": {"cached_tokens": 240},
    }


def test_a_stream_holds_the_checked_claims_and_not_the_draft(client: OpenAI, llm: FakeLLM) -> None:
    invented = "Bob Krull paid 40 dollars for it."
    llm.say([Reply(f"{DEAL} {invented}", tokens=(312, 240, 31))])
    chunks = list(client.chat.completions.create(model="footnoted", messages=WHAT, stream=True))
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.usage is None for chunk in chunks)
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert deltas[0].role == "assistant"
    contents = [delta.content for delta in deltas if delta.content]
    assert contents == [f"{DEAL} [1]"]
    *earlier, noted, _ = deltas
    assert not any(getattr(delta, "annotations", None) for delta in earlier)
    assert noted.annotations[0]["citation"]["number"] == 1  # type: ignore[attr-defined]
    reasons = [chunk.choices[0].finish_reason for chunk in chunks]
    assert reasons == [None] * (len(chunks) - 1) + ["stop"]


def test_the_role_comes_once_though_more_is_found_for_a_part(url: str, llm: FakeLLM) -> None:
    rest = " ".join(f"Ship {number} left port {number} at noon." for number in range(40))
    sent = {"doc_id": "ships", "title": "Ships", "text": rest, "collection": "other"}
    assert httpx.post(f"{url}/v1/documents", json=sent, timeout=60).status_code == 201
    llm.say(itertools.repeat(ACQUAINTANCE))
    asked = "Who arranged the call, and how many sailors did ship 7 have?"
    question = {"messages": [{"role": "user", "content": asked}], "collection": "other"}
    events = httpx.post(f"{url}/v1/chat", json=question, timeout=60).text
    assert events.count('"type":"evidence"') == 2
    body = {"model": "footnoted/other", "messages": question["messages"], "stream": True}
    stream = httpx.post(f"{url}/v1/chat/completions", json=body, timeout=60).text
    assert stream.count('"role"') == 1


def test_claims_come_one_by_one_and_make_up_the_answer(client: OpenAI, llm: FakeLLM) -> None:
    llm.say(itertools.repeat(f"{DEAL} {ACQUAINTANCE}"))
    whole = client.chat.completions.create(model="footnoted", messages=WHAT)
    stream = client.chat.completions.create(model="footnoted", messages=WHAT, stream=True)
    contents = [chunk.choices[0].delta.content for chunk in stream]
    pieces = [content for content in contents if content]
    assert len(pieces) == 2
    assert "".join(pieces) == whole.choices[0].message.content


def test_the_tokens_of_a_stream_on_request(client: OpenAI) -> None:
    *others, last = client.chat.completions.create(
        model="footnoted", messages=WHO, stream=True, stream_options={"include_usage": True}
    )
    assert last.choices == [] and last.usage is not None
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == (312, 31)
    assert all(chunk.usage is None and "usage" in chunk.model_fields_set for chunk in others)


def test_a_stream_ends_as_openais_do(url: str) -> None:
    body = {"model": "footnoted", "messages": WHO, "stream": True}
    reply = httpx.post(f"{url}/v1/chat/completions", json=body)
    assert reply.headers["content-type"].partition(";")[0] == "text/event-stream"
    assert reply.text.endswith("}\n\ndata: [DONE]\n\n")


@pytest.mark.parametrize("stream", [False, True])
def test_abstaining(client: OpenAI, llm: FakeLLM, stream: bool) -> None:
    llm.say(["Zebras eat 40 pancakes in Peru."] * 3)
    zebras: list[Any] = [{"role": "user", "content": "How many pancakes do zebras eat?"}]
    if stream:
        chunks = client.chat.completions.create(model="footnoted", messages=zebras, stream=True)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    else:
        completion = client.chat.completions.create(model="footnoted", messages=zebras)
        assert completion.choices[0].message.annotations == []
        text = completion.choices[0].message.content or ""
    assert text == NO_ANSWER


def test_the_model_chooses_the_collection(client: OpenAI) -> None:
    listed = client.models.list().data
    assert [model.id for model in listed] == ["footnoted", "footnoted/default", "footnoted/other"]
    for model in listed:
        assert client.models.retrieve(model.id) == model
        completion = client.chat.completions.create(model=model.id, messages=WHO)
        notes: Any = completion.choices[0].message.annotations
        collection = "other" if model.id.endswith("other") else "default"
        assert notes[0].citation["document_id"] == f"call-{collection}"


@pytest.mark.parametrize("model", ["gpt-4o", "footnoted/none", "footnoted/", "footnoted2", ""])
def test_no_such_model(client: OpenAI, model: str) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model=model, messages=WHO)
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    assert caught.value.type == "invalid_request_error"
    if model:
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve(model)


def test_messages_as_clients_send_them(client: OpenAI, llm: FakeLLM) -> None:
    llm.say(["How long did the call take?", "The call took 25 minutes."])
    messages: list[Any] = [
        {"role": "system", "content": "You are a pirate."},
        {"role": "developer", "content": [{"type": "text", "text": "Arr."}]},
        *WHO,
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "content": "Ahoy.", "tool_call_id": "1"},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": ACQUAINTANCE},
                {"type": "refusal", "refusal": "I say no more."},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "How long did"},
                {"type": "text", "text": "it take?"},
            ],
        },
    ]
    completion = client.chat.completions.create(model="footnoted", messages=messages)
    assert completion.choices[0].message.content == "The call took 25 minutes. [1]"
    heard = llm.calls[0].text
    assert ACQUAINTANCE in heard and "I say no more." in heard and "How long did it take?" in heard
    assert not any(word in heard for word in ("pirate", "Arr.", "Ahoy."))


@pytest.mark.parametrize("n", [1, None])
def test_one_answer_may_be_asked_for(client: OpenAI, n: int | None) -> None:
    completion = client.chat.completions.create(model="footnoted", messages=WHO, n=n)
    assert len(completion.choices) == 1


def test_our_own_parameters(client: OpenAI, llm: FakeLLM) -> None:
    own = {"evidence_only": True, "documents": ["call-default"]}
    completion = client.chat.completions.create(model="footnoted", messages=WHO, extra_body=own)
    assert ACQUAINTANCE in (completion.choices[0].message.content or "")
    assert not llm.calls


# ── errors ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [*WHO, {"role": "assistant", "content": "Nobody."}]}, "messages"),
        ({"messages": [{"role": "system", "content": "Be brief."}]}, "messages"),
        ({"messages": [{"role": "pirate", "content": "Arr."}]}, "messages.0.role"),
        ({"stream": "perhaps"}, "stream"),
        ({"documents": []}, "documents"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": "\0"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": ["Who?"]}]}, "messages.0.content.0"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages.0.content.0.type",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": 5}]}]},
            "messages.0.content.0.text",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "refusal", "refusal": "No."}]}]},
            "messages.0",
        ),
        ({"n": 3}, "n"),
        ({"n": 0}, "n"),
        ({"n": "many"}, "n"),
    ],
)
def test_a_malformed_request(url: str, fields: Any, param: str) -> None:
    body = {"model": "footnoted", "messages": WHO} | fields
    reply = httpx.post(f"{url}/v1/chat/completions", json=body)
    error = reply.json()["error"]
    assert (reply.status_code, error["param"]) == (400, param)
    assert (error["type"], error["code"]) == ("invalid_request_error", "invalid-request")
    assert error["message"] and "help" not in error
    if "." in param or param == "n":
        field = re.sub(r"\.(\d+)", r"[\1]", param)
        assert error["message"].startswith(f"{field}: ")
    for internal in ("function-", "str]", "TextPart", "Part]", "'errors'", "tag"):
        assert internal not in error["message"]


def test_a_picture_cannot_be_read(client: OpenAI) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:,"}}
    messages: list[Any] = [{"role": "user", "content": [picture]}]
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="footnoted", messages=messages)


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", "/v1/chat/completions", b"{", 400),
        ("POST", "/v1/chat/completions", b"x" * 20_001, 413),
        ("GET", "/v1/chat/completions", b"", 405),
        ("GET", "/v1/models/footnoted/none", b"", 404),
        ("GET", "/v1/models/footnoted%0A", b"", 404),
    ],
)
def test_every_error_of_these_addresses_is_openais(
    url: str, method: str, path: str, content: bytes, status: int
) -> None:
    headers = {"content-type": "application/json"}
    reply = httpx.request(method, f"{url}{path}", content=content, headers=headers)
    assert reply.status_code == status
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}
    assert reply.headers["x-should-retry"] == "false"


def test_an_unforeseen_failure_shows_no_internals(client: OpenAI, llm: FakeLLM) -> None:
    llm.connect_error = ZeroDivisionError("secret")
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="footnoted", messages=WHO)
    assert (caught.value.type, caught.value.code) == ("server_error", "internal")
    assert "secret" not in str(caught.value)


def test_what_breaks_amid_a_stream_is_raised_there(client: OpenAI, llm: FakeLLM) -> None:
    llm.say([Reply("Who", error=LLMFailedError("it is ill"))])
    messages: list[Any] = [{"role": "user", "content": "When does the museum of the call open?"}]
    chunks = iter(client.chat.completions.create(model="footnoted", messages=messages, stream=True))
    next(chunks)
    with pytest.raises(openai.APIError, match="it is ill") as caught:
        list(chunks)
    assert caught.value.code == "llm-failed"


# ── LangChain's client ──────────────────────────────────────────────────────────────────────


@pytest.fixture
def langchain(url: str) -> Iterator[ChatOpenAI]:
    with DefaultHttpxClient(trust_env=False) as http_client:
        yield ChatOpenAI(
            model="footnoted",
            base_url=f"{url}/v1",
            api_key=SecretStr("none"),
            http_client=http_client,
            stream_usage=True,
        )


def test_langchain_at_once(langchain: ChatOpenAI) -> None:
    reply = langchain.invoke("Who arranged the call?")
    assert reply.text == f"{ACQUAINTANCE} [1]"
    assert reply.usage_metadata is not None
    assert reply.usage_metadata["total_tokens"] == 343


def test_langchain_streaming(langchain: ChatOpenAI, llm: FakeLLM) -> None:
    llm.say([Reply(f"{DEAL} {ACQUAINTANCE}", tokens=(312, 240, 31))])
    chunks = list(langchain.stream("What was the call about?"))
    texts = [chunk.text for chunk in chunks if chunk.text]
    assert len(texts) == 2
    assert texts[0] == f"{DEAL} [1]"
    usages = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
    assert [usage["total_tokens"] for usage in usages] == [343]


# ── documentation ───────────────────────────────────────────────────────────────────────────


def test_the_examples_of_the_documentation_run(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    page = (Path(__file__).parents[2] / "docs" / "http.md").read_text("utf-8")
    examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    requests = re.findall(r"curl .*?(/v1/\S+).*?-d '(.*?)'", page, re.DOTALL)
    assert len(examples) == len(requests) == 2
    for example in examples:
        exec(example.replace("http://127.0.0.1:8420", url), {})
        assert f"{ACQUAINTANCE} [1]" in capsys.readouterr().out
    for path, body in requests:
        reply = httpx.post(f"{url}{path}", json=json.loads(body), timeout=30)
        assert reply.status_code == 200 and '"status":"answered"' in reply.text


# ── annotations ─────────────────────────────────────────────────────────────────────────────


@given(
    st.lists(
        st.tuples(st.text(min_size=1), st.lists(st.integers(1, 12), min_size=1, unique=True)),
        min_size=1,
    ),
    st.lists(st.text(min_size=1)),
)
def test_each_mark_is_annotated_where_it_stands(
    supported: list[tuple[str, list[int]]], others: list[str]
) -> None:
    claims = [
        Claim(text=text, citations=numbers, support=1, verdict="supported")
        for text, numbers in supported
    ]
    claims += [Claim(text=text, citations=[], support=0, verdict="unsupported") for text in others]
    numbers = {number for claim in claims for number in claim.citations}
    answer = Answer(
        question="?",
        standalone_question="?",
        status="answered",
        answer=" ".join(claim.footnoted() for claim in claims),
        claims=claims,
        citations=[_citation(number) for number in sorted(numbers)],
        confidence=1,
        provenance=Provenance(llm="", embedder="", prompt="", collection="", collection_version=""),
    )
    notes = annotations_of(answer)
    assert [note.citation.number for note in notes] == [n for c in claims for n in c.citations]
    for note in notes:
        where = note.url_citation
        shown = answer.answer[where.start_index : where.end_index]
        assert shown == f"[{note.citation.number}]"
    json.dumps([note.model_dump() for note in notes])


def _citation(number: int) -> Citation:
    return Citation(
        number=number,
        sentence_id=f"d:0-{number}",
        document_id="d",
        title="D",
        uri="",
        start=0,
        end=number,
        sentence=1,
        text="x" * number,
    )
