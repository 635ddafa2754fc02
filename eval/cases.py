"""Suites of gold questions: a folder with ``corpus.jsonl`` and ``questions.jsonl``.

A question's gold is a list of alternatives, each the sentences that together prove an answer.
Three ways of writing it are read: a list of alternatives; a flat list of spans, all needed, or
each enough alone with ``"evidence_mode": "any"``; and a flat list with ``"evidence_sets"``, lists
of indices into it, with ``"evidence_mode": "sets"``. Unknown keys are ignored.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qa.errors import SuiteError
from qa.schema import Turn


@dataclass(frozen=True, slots=True)
class GoldSpan:
    """A piece of a document that proves an answer: ``text == document[start:end]``."""

    doc_id: str
    start: int
    end: int
    text: str


Alternatives = tuple[tuple[GoldSpan, ...], ...]
"""Each inner tuple is enough, and needed as a whole; empty: no gold is known."""


@dataclass(frozen=True, slots=True)
class Case:
    """One gold question.

    Attributes:
        answers: accepted answers; empty where the suite has none.
        evidence: the gold sentences, as alternatives.
        doc_ids: the documents to answer from; ``None`` for the whole corpus.
        history: the conversation before the question.
    """

    id: str
    question: str
    answers: tuple[str, ...]
    answerable: bool
    evidence: Alternatives = ()
    doc_ids: tuple[str, ...] | None = None
    type: str = ""
    source: str = ""
    history: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class Suite:
    """Gold questions and the corpus to answer them from."""

    name: str
    corpus_path: Path
    questions: tuple[Case, ...]


def load_suite(folder: Path) -> Suite:
    """Read a suite, checking that every gold span stands in the corpus where it says.

    Raises:
        SuiteError: a file is missing or a row is broken; the message names file and line.
    """
    corpus_path = folder / "corpus.jsonl"
    texts = load_corpus(corpus_path)
    cases: dict[str, Case] = {}
    path = folder / "questions.jsonl"
    for number, row in _read(path, _QuestionRow):
        try:
            case = _case(row, texts)
            if case.id in cases:
                raise ValueError(f"the id {case.id!r} occurs twice")
        except ValueError as error:
            raise SuiteError(f"{path}, line {number}: {error}") from None
        cases[case.id] = case
    if not cases:
        raise SuiteError(f"{path} holds no questions")
    return Suite(folder.resolve().name, corpus_path, tuple(cases.values()))


def load_corpus(path: Path) -> dict[str, str]:
    """Read a ``corpus.jsonl`` as texts by document id.

    Raises:
        SuiteError: the file is missing or a row is broken; the message names file and line.
    """
    texts: dict[str, str] = {}
    for number, row in _read(path, _DocumentRow):
        if row.doc_id in texts:
            raise SuiteError(f"{path}, line {number}: the doc_id {row.doc_id!r} occurs twice")
        texts[row.doc_id] = row.text
    return texts


# ── rows as they stand in the files ─────────────────────────────────────────────────────────


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class _DocumentRow(_Row):
    doc_id: str = Field(min_length=1)
    text: str


class _SpanRow(_Row):
    doc_id: str
    start: int = Field(ge=0)
    end: int = Field(ge=1)
    text: str = Field(min_length=1)


class _TurnRow(_Row):
    role: Literal["user", "agent", "assistant"]
    text: str


class _QuestionRow(_Row):
    id: str = Field(min_length=1)
    question: str = Field(min_length=1)
    answers: list[str] = []
    answerable: bool
    evidence: list[_SpanRow] | list[Annotated[list[_SpanRow], Field(min_length=1)]] = []
    evidence_mode: Literal["any", "all", "sets"] | None = None
    evidence_sets: list[Annotated[list[int], Field(min_length=1)]] = []
    doc_ids: list[str] | None = None
    type: str = ""
    source: str = ""
    history: list[_TurnRow] = []


RowT = TypeVar("RowT", bound=_Row)


def _read(path: Path, row: type[RowT]) -> Iterator[tuple[int, RowT]]:
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except OSError as error:
        raise SuiteError(f"{path} cannot be read: {error.strerror}") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield number, row.model_validate_json(line)
        except ValidationError as error:
            # Of the two forms of evidence, the one that was meant is read further before it fails.
            meant = max(error.errors(include_url=False), key=lambda item: len(item["loc"]))
            parts = [str(part) for part in meant["loc"] if "[" not in str(part)]
            place = ".".join(parts) or "the row"
            raise SuiteError(f"{path}, line {number}: {place}: {meant['msg']}") from None


def _case(row: _QuestionRow, texts: Mapping[str, str]) -> Case:
    for doc_id in row.doc_ids or ():
        if doc_id not in texts:
            raise ValueError(f"the corpus has no document {doc_id!r}")
    return Case(
        id=row.id,
        question=row.question,
        answers=tuple(row.answers),
        answerable=row.answerable,
        evidence=_alternatives(row, texts),
        doc_ids=None if row.doc_ids is None else tuple(row.doc_ids),
        type=row.type,
        source=row.source,
        history=tuple(
            Turn(role="user" if turn.role == "user" else "assistant", content=turn.text)
            for turn in row.history
        ),
    )


def _alternatives(row: _QuestionRow, texts: Mapping[str, str]) -> Alternatives:
    flat: list[GoldSpan] = []
    alternatives: list[tuple[GoldSpan, ...]] = []
    for item in row.evidence:
        if isinstance(item, _SpanRow):
            flat.append(_gold(item, texts))
        else:
            alternatives.append(tuple(_gold(span, texts) for span in item))
    if flat and row.evidence_mode == "any":
        alternatives = [(span,) for span in flat]
    elif flat and row.evidence_mode == "sets":
        alternatives = [_pick(flat, indices) for indices in row.evidence_sets]
        if not alternatives:
            raise ValueError("evidence_mode 'sets' needs evidence_sets")
    elif flat:
        alternatives = [tuple(flat)]
    distinct = (tuple(dict.fromkeys(alternative)) for alternative in alternatives)
    return tuple(dict.fromkeys(distinct))


def _pick(flat: list[GoldSpan], indices: list[int]) -> tuple[GoldSpan, ...]:
    for index in indices:
        if not 0 <= index < len(flat):
            raise ValueError(f"evidence_sets points to span {index!r} of {len(flat)}")
    return tuple(flat[index] for index in indices)


def _gold(span: _SpanRow, texts: Mapping[str, str]) -> GoldSpan:
    if span.doc_id not in texts:
        raise ValueError(f"the corpus has no document {span.doc_id!r}")
    found = texts[span.doc_id][span.start : span.end]
    if found != span.text or span.end != span.start + len(span.text):
        raise ValueError(
            f"{span.doc_id!r} holds {found!r} at {span.start}:{span.end}, not {span.text!r}"
        )
    return GoldSpan(span.doc_id, span.start, span.end, span.text)
