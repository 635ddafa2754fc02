"""HotpotQA, and what is written like it: a page is a document, all supporting facts are needed.

Where a supporting fact is not among the pages given (the full-wiki setting, and a few slips of the
data), no gold is known: half of it would make right footnotes wrong. Source: Yang et al. 2018.
"""

import logging
from typing import Any

from pydantic import ConfigDict, Field

from eval.cases import Alternatives, Case, GoldSpan, Suite
from eval.formats.corpus import add_document
from eval.formats.rows import Row
from qa.schema import Document

logger = logging.getLogger(__name__)


class _Question(Row):
    model_config = ConfigDict(strict=False)  # JSON has no tuples

    id: str = Field(alias="_id", min_length=1)
    question: str
    answer: str | None = None
    type: str = ""
    level: str = ""
    context: list[tuple[str, list[str]]]
    supporting_facts: list[tuple[str, int]] = []


class _File(Row):
    questions: list[_Question]


def is_hotpotqa(content: Any) -> bool:
    """Whether a JSON value looks like a HotpotQA file."""
    return (
        isinstance(content, list)
        and bool(content)
        and all(isinstance(row, dict) and {"_id", "context"} <= row.keys() for row in content)
    )


def read_hotpotqa(name: str, content: Any) -> Suite:
    """The suite in a HotpotQA file's JSON.

    Raises:
        ValidationError: a field is missing or of the wrong kind.
        ValueError: an id occurs twice.
    """
    documents: dict[str, Document] = {}
    cases: dict[str, Case] = {}
    lost = 0
    for row in _File.model_validate({"questions": content}).questions:
        if row.id in cases:
            raise ValueError(f"the id {row.id!r} occurs twice")
        cases[row.id] = case = _case(row, documents)
        lost += bool(row.supporting_facts and not case.evidence)
    if lost:
        logger.warning("%s: %d questions have facts outside their pages, so no gold", name, lost)
    return Suite(name, documents, tuple(cases.values()))


def _case(row: _Question, documents: dict[str, Document]) -> Case:
    doc_ids: list[str] = []
    spans: dict[tuple[str, int], GoldSpan] = {}
    for title, sentences in row.context:
        text, starts = _join(sentences)
        if not text.strip():
            continue
        doc_id = add_document(documents, title, text)
        doc_ids.append(doc_id)
        for number, (start, sentence) in enumerate(zip(starts, sentences, strict=True)):
            said = sentence.strip()
            spans[title, number] = GoldSpan(doc_id, start, start + len(said), said)
    facts = [spans.get(fact) for fact in row.supporting_facts]
    gold = tuple(dict.fromkeys(span for span in facts if span is not None and span.text))
    complete = bool(facts) and all(span is not None for span in facts)
    evidence: Alternatives = (gold,) if gold and complete else ()
    return Case(
        id=row.id,
        question=row.question.strip(),
        answers=(row.answer,) if row.answer else (),
        answerable=True,
        evidence=evidence,
        doc_ids=tuple(dict.fromkeys(doc_ids)),
        type="/".join(filter(None, (row.type, row.level))),
        source="hotpotqa",
    )


def _join(sentences: list[str]) -> tuple[str, list[int]]:
    """A page's text and where each sentence's first character stands that is no space."""
    text, starts = "", []
    for sentence in sentences:
        if text and not text[-1].isspace() and not sentence[:1].isspace():
            text += " "
        starts.append(len(text) + len(sentence) - len(sentence.lstrip()))
        text += sentence
    return text, starts
