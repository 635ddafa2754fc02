"""Footnoted's own suites: a folder with ``corpus.jsonl`` and ``questions.jsonl``.

A question's gold is a list of alternatives, each the sentences that together prove an answer.
Three ways of writing it are read: a list of alternatives; a flat list of spans, all needed, or
each enough alone with ``"evidence_mode": "any"``; and a flat list with ``"evidence_sets"``, lists
of indices into it, with ``"evidence_mode": "sets"``. Unknown keys are ignored.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from eval.cases import Alternatives, Case, GoldSpan, Suite
from eval.formats.rows import Row, read_rows
from ingest.decoding import UNNAMEABLE, UNSTORABLE
from ingest.readers import MAX_ADDRESS, MAX_ID, clean_title
from qa.errors import SuiteError
from qa.schema import Document, Turn

CORPUS = "corpus.jsonl"
QUESTIONS = "questions.jsonl"


class DocumentRow(Row):
    """A line of ``corpus.jsonl``."""

    doc_id: str = Field(min_length=1, max_length=MAX_ID)
    text: str
    title: str = ""
    url: str = Field(default="", max_length=MAX_ADDRESS)

    @field_validator("doc_id")
    @classmethod
    def _nameable(cls, doc_id: str) -> str:
        if UNNAMEABLE.search(doc_id):
            raise ValueError(f"{doc_id!r} holds control characters or lone surrogates")
        return doc_id

    @field_validator("text", "title", "url")
    @classmethod
    def _storable(cls, text: str) -> str:
        if UNSTORABLE.search(text):
            raise ValueError("it holds NUL characters or lone surrogates")
        return text

    @field_validator("text")
    @classmethod
    def _holds_text(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("it is empty")
        return text

    def document(self) -> Document:
        """The document, with its id for a title where it has none."""
        title = clean_title(self.title, self.doc_id)
        return Document.make(self.text, title=title, uri=self.url, doc_id=self.doc_id)


class SpanRow(Row):
    """A gold span."""

    doc_id: str
    start: int = Field(ge=0)
    end: int = Field(ge=1)
    text: str = Field(min_length=1)


class _TurnRow(Row):
    role: Literal["user", "agent", "assistant"]
    text: str


class QuestionRow(Row):
    """A line of ``questions.jsonl``.

    Attributes:
        draft: proposed by a language model and not yet read by anybody.
    """

    id: str = Field(min_length=1)
    question: str = Field(min_length=1)
    answers: list[str] = []
    answerable: bool
    evidence: list[SpanRow] | list[Annotated[list[SpanRow], Field(min_length=1)]] = []
    evidence_mode: Literal["any", "all", "sets"] | None = None
    evidence_sets: list[Annotated[list[int], Field(min_length=1)]] = []
    doc_ids: list[str] | None = None
    type: str = ""
    source: str = ""
    history: list[_TurnRow] = []
    draft: bool = False

    @field_validator("doc_ids")
    @classmethod
    def _names_some(cls, doc_ids: list[str] | None) -> list[str] | None:
        if doc_ids == []:
            raise ValueError("it is empty; leave it out, or say null, for the whole corpus")
        return doc_ids

    def problems(self, documents: Mapping[str, Document]) -> Iterator[str]:
        """Everything about the row that does not agree with itself or with the corpus."""
        for doc_id in self.doc_ids or ():
            if doc_id not in documents:
                yield f"the corpus has no document {doc_id!r}"
        for span in [span for item in self._written() for span in item]:
            if span.doc_id not in documents:
                yield f"the corpus has no document {span.doc_id!r}"
                continue
            found = documents[span.doc_id].text[span.start : span.end]
            if found != span.text or span.end != span.start + len(span.text):
                yield (
                    f"{span.doc_id!r} holds {found!r} at {span.start}:{span.end}, not {span.text!r}"
                )
        if self._is_flat() and self.evidence_mode == "sets":
            if not self.evidence_sets:
                yield "evidence_mode 'sets' needs evidence_sets"
            for index in [index for chosen in self.evidence_sets for index in chosen]:
                if not 0 <= index < len(self.evidence):
                    yield f"evidence_sets points to span {index!r} of {len(self.evidence)}"

    def case(self) -> Case:
        """The question; the row must be without problems."""
        return Case(
            id=self.id,
            question=self.question,
            answers=tuple(self.answers),
            answerable=self.answerable,
            evidence=self._alternatives(),
            doc_ids=None if self.doc_ids is None else tuple(self.doc_ids),
            type=self.type,
            source=self.source,
            history=tuple(
                Turn(role="user" if turn.role == "user" else "assistant", content=turn.text)
                for turn in self.history
            ),
        )

    def _is_flat(self) -> bool:
        return any(isinstance(item, SpanRow) for item in self.evidence)

    def _written(self) -> list[list[SpanRow]]:
        """The evidence as written; a flat list is one alternative."""
        flat = [item for item in self.evidence if isinstance(item, SpanRow)]
        return [flat] if flat else [item for item in self.evidence if isinstance(item, list)]

    def _alternatives(self) -> Alternatives:
        """What the evidence means by ``evidence_mode``, each alternative and span once."""
        meant = [
            tuple(GoldSpan(span.doc_id, span.start, span.end, span.text) for span in item)
            for item in self._written()
        ]
        if self._is_flat() and self.evidence_mode == "any":
            meant = [(span,) for span in meant[0]]
        elif self._is_flat() and self.evidence_mode == "sets":
            meant = [tuple(meant[0][index] for index in chosen) for chosen in self.evidence_sets]
        return tuple(dict.fromkeys(tuple(dict.fromkeys(spans)) for spans in meant))


def load_folder(folder: Path) -> Suite:
    """Read a suite, checking that every gold span stands in the corpus where it says.

    Raises:
        SuiteError: a file is missing or a row is broken; the message names file and line.
    """
    documents: dict[str, Document] = {}
    for number, document_row in read_rows(folder / CORPUS, DocumentRow):
        if document_row.doc_id in documents:
            raise SuiteError(
                f"{folder / CORPUS}, line {number}: the doc_id {document_row.doc_id!r} occurs twice"
            )
        documents[document_row.doc_id] = document_row.document()
    cases: dict[str, Case] = {}
    for number, row in read_rows(folder / QUESTIONS, QuestionRow):
        place = f"{folder / QUESTIONS}, line {number}"
        for problem in row.problems(documents):
            raise SuiteError(f"{place}: {problem}")
        if row.id in cases:
            raise SuiteError(f"{place}: the id {row.id!r} occurs twice")
        cases[row.id] = row.case()
    if not cases:
        raise SuiteError(f"{folder / QUESTIONS} holds no questions")
    return Suite(folder.resolve().name, documents, tuple(cases.values()))
