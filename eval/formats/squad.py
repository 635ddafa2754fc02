"""SQuAD 1.1 and 2.0: an article is a document, its paragraphs a blank line apart.

The gold is the answer's span as published, wherever our sentences are cut; several annotators'
answers are alternatives. Source: Rajpurkar et al. 2018.
"""

from typing import Any

from eval.cases import Case, GoldSpan, Suite
from eval.formats.corpus import add_document
from eval.formats.rows import Row
from qa.schema import Document

_BETWEEN = "\n\n"


class _Answer(Row):
    text: str
    answer_start: int


class _Question(Row):
    id: str | int
    question: str
    answers: list[_Answer] = []
    is_impossible: bool = False


class _Paragraph(Row):
    context: str
    qas: list[_Question]


class _Article(Row):
    title: str = ""
    paragraphs: list[_Paragraph]


class _File(Row):
    data: list[_Article]


def is_squad(content: Any) -> bool:
    """Whether a JSON value looks like a SQuAD file."""
    articles = content.get("data") if isinstance(content, dict) else None
    return isinstance(articles, list) and all(
        isinstance(article, dict) and "paragraphs" in article for article in articles
    )


def read_squad(name: str, content: Any) -> Suite:
    """The suite in a SQuAD file's JSON.

    Raises:
        ValidationError: a field is missing or of the wrong kind.
        ValueError: an answer does not stand at its offset, or an id occurs twice.
    """
    documents: dict[str, Document] = {}
    cases: dict[str, Case] = {}
    for number, article in enumerate(_File.model_validate(content).data):
        text = _BETWEEN.join(paragraph.context for paragraph in article.paragraphs)
        if not text.strip():
            continue
        title = article.title.replace("_", " ")
        doc_id = add_document(
            documents, article.title or f"article {number + 1}", text, title=title
        )
        begin = 0
        for paragraph in article.paragraphs:
            for row in paragraph.qas:
                case = _case(row, doc_id, paragraph.context, begin)
                if case.id in cases:
                    raise ValueError(f"the id {case.id!r} occurs twice")
                cases[case.id] = case
            begin += len(paragraph.context) + len(_BETWEEN)
    return Suite(name, documents, tuple(cases.values()))


def _case(row: _Question, doc_id: str, context: str, begin: int) -> Case:
    given = [] if row.is_impossible else row.answers
    for answer in given:
        start = answer.answer_start
        found = context[start : start + len(answer.text)]
        if not answer.text or found != answer.text:
            raise ValueError(
                f"question {row.id!r}: not {answer.text!r} but {found!r} stands at {start}"
            )
    spans = [
        GoldSpan(
            doc_id,
            begin + answer.answer_start,
            begin + answer.answer_start + len(answer.text),
            answer.text,
        )
        for answer in given
    ]
    return Case(
        id=str(row.id),
        question=row.question.strip(),
        answers=tuple(dict.fromkeys(answer.text for answer in given)),
        answerable=not row.is_impossible,
        evidence=tuple((span,) for span in dict.fromkeys(spans)),
        doc_ids=(doc_id,),
        type="impossible" if row.is_impossible else "extractive",
        source="squad",
    )
