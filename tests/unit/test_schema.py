import itertools
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from qa.schema import (
    NO_ANSWER,
    Answer,
    AnswerEvent,
    Citation,
    Claim,
    ClaimEvent,
    Document,
    ErrorEvent,
    Event,
    Evidence,
    EvidenceEvent,
    Provenance,
    Span,
    TokenEvent,
    digest,
    sentence_id,
)

QUOTATION: dict[str, Any] = {
    "number": 1,
    "sentence_id": "d:0-5",
    "document_id": "d",
    "title": "D",
    "uri": "",
    "start": 0,
    "end": 5,
    "sentence": 1,
    "text": "Ha ha",
}
CITATION = Citation(**QUOTATION)
EVIDENCE = Evidence(**QUOTATION, score=0.5)
CLAIM = Claim(text="Ha ha.", citations=[1], support=0.9, verdict="supported")
ANSWER = Answer(
    question="Ha?",
    standalone_question="Ha?",
    status="answered",
    answer="Ha ha. [1]",
    claims=[CLAIM],
    citations=[CITATION],
    confidence=0.9,
    provenance=Provenance(
        llm="l", embedder="e", prompt="p/v1@0", collection="c", collection_version="0"
    ),
)
EVENTS: list[Any] = [
    EvidenceEvent(standalone_question="Ha?", evidence=[EVIDENCE]),
    TokenEvent(text="Ha"),
    ClaimEvent(claim=CLAIM, citations=[CITATION]),
    AnswerEvent(answer=ANSWER),
    ErrorEvent(code="llm", message="It broke.", help="Mend it.", retryable=True),
]


# Documents


def test_the_id_is_a_digest_of_the_uri_and_the_text() -> None:
    made = Document.make("text", title="T", uri="u")
    assert made.id == digest("u", "text") == Document.make("text", title="Other", uri="u").id
    assert made.id != Document.make("text", title="T", uri="v").id
    assert made.id != Document.make("texts", title="T", uri="u").id


def test_an_id_that_is_given_is_the_id() -> None:
    made = Document.make("text", title="T", uri="u", doc_id="mine")
    assert (made.id, made.key) == ("mine", "mine")


def test_versions_of_a_document_share_its_uri_as_key() -> None:
    assert Document.make("old", title="T", uri="u").key == "u"
    assert Document.make("new", title="T", uri="u").key == "u"


def test_without_uri_and_id_only_the_same_text_shares_a_key() -> None:
    made = Document.make("text", title="T")
    assert made.key == made.id
    assert made.key != Document.make("texts", title="T").key


fields = st.fixed_dictionaries(
    {name: st.sampled_from(["", "a", "b", "ab"]) for name in ("id", "text", "title", "uri")}
)


@given(fields, fields)
def test_the_revision_changes_exactly_when_something_stored_changes(
    one: dict[str, str], other: dict[str, str]
) -> None:
    revisions = [Document(key="k", **one).revision, Document(key="k", **other).revision]
    assert (revisions[0] == revisions[1]) == (one == other)


def test_a_digest_keeps_its_parts_apart() -> None:
    parts = ["", "a", "ab", "abc"]
    pairs = [digest(*pair) for pair in itertools.product(parts, parts)]
    assert len(set(pairs)) == len(pairs)
    assert digest("a") != digest("a", "")


@given(st.text(st.characters(exclude_categories=[])))
def test_any_text_has_a_digest_of_sixteen_hex_digits(text: str) -> None:
    assert len(digest(text)) == 16
    assert set(digest(text)) <= set("0123456789abcdef")


def test_a_digest_is_the_same_in_every_process() -> None:
    assert digest("u", "text") == "e19a2666f55cbf8c"


def test_a_sentence_id_names_the_document_and_the_place() -> None:
    assert sentence_id("3f9c", Span(5312, 5591)) == "3f9c:5312-5591"


# Answers and events


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_events_survive_the_wire_and_are_told_apart_by_type(event: Any) -> None:
    adapter: TypeAdapter[Event] = TypeAdapter(Event)
    again = adapter.validate_json(event.model_dump_json())
    assert type(again) is type(event)
    assert again == event


def test_an_answer_has_the_published_fields_in_the_published_order() -> None:
    assert list(ANSWER.model_dump()) == [
        *("question", "standalone_question", "status", "answer", "claims", "citations"),
        *("confidence", "reason", "timings_ms", "usage", "provenance"),
    ]
    assert list(CITATION.model_dump()) == list(QUOTATION)


def test_answers_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        ANSWER.status = "partial"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        CITATION.text = "changed"  # type: ignore[misc]


@pytest.mark.parametrize(
    "wrong",
    [{"number": 0}, {"start": -1}, {"end": 0}, {"sentence": 0}, {"text": None}, {"extra": 1}],
    ids=str,
)
def test_a_footnote_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Citation(**QUOTATION | wrong)


@pytest.mark.parametrize(
    "wrong", [{"support": 1.1}, {"support": -0.1}, {"verdict": "perhaps"}, {"extra": 1}], ids=str
)
def test_a_claim_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Claim(**CLAIM.model_dump() | wrong)


def test_the_phrase_of_abstention_stands_in_one_place_only() -> None:
    packages = [files(package) for package in ("qa", "ingest", "eval", "prompts")]
    found = [file for package in packages for file in Path(str(package)).rglob("*")]
    shown = [file for file in found if file.suffix in (".py", ".md", ".html", ".js")]
    phrase = NO_ANSWER.rstrip(".")
    assert [file.name for file in shown if phrase in file.read_text("utf-8")] == ["schema.py"]
