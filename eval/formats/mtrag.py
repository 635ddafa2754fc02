"""MTRAG's generation tasks: a conversation, its passages, the reference answer; a task a line.

A passage is a document. The gold of a task is the passages that its annotators marked as relevant,
all of them; a file without the marks has none. ``PARTIAL`` counts as answerable, as in the
benchmark's own scripts; chat and questions without a clear meaning do not. Source: Katsis et al.
2025, https://github.com/IBM/mt-rag-benchmark.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field

from eval.cases import Case, GoldSpan, Suite
from eval.formats.corpus import add_document
from eval.formats.rows import Row, read_rows
from qa.errors import SuiteError
from qa.schema import Document, Turn

_ANSWERABLE = {"ANSWERABLE", "PARTIAL"}


class _Turn(Row):
    speaker: Literal["user", "agent"]
    text: str


class _Passage(Row):
    document_id: str = Field(min_length=1)
    text: str
    title: Any = None
    feedback: Any = None

    @property
    def relevant(self) -> bool:
        """Whether an annotator said so."""
        marks = self.feedback.get("relevant") if isinstance(self.feedback, dict) else None
        given = marks.values() if isinstance(marks, dict) else ()
        return any(isinstance(mark, dict) and mark.get("value") == "yes" for mark in given)


class _Target(Row):
    text: str


class _Task(Row):
    task_id: str = Field(min_length=1)
    input: list[_Turn] = Field(min_length=1)
    contexts: list[_Passage] = []
    targets: list[_Target] = []
    answerability: list[str] = Field(
        validation_alias=AliasChoices("Answerability", "answerability"), min_length=1
    )


def is_mtrag(line: Any) -> bool:
    """Whether a line's JSON value looks like a task."""
    return isinstance(line, dict) and {"task_id", "input"} <= line.keys()


def load_mtrag(path: Path) -> Suite:
    """Read a file of generation tasks.

    Raises:
        SuiteError: a row is broken; the message names the line.
    """
    documents: dict[str, Document] = {}
    cases: dict[str, Case] = {}
    for number, task in read_rows(path, _Task):
        if task.task_id in cases:
            raise SuiteError(f"{path}, line {number}: the task_id {task.task_id!r} occurs twice")
        if task.input[-1].speaker != "user":
            raise SuiteError(f"{path}, line {number}: input: the last turn is not the user's")
        cases[task.task_id] = _case(task, documents)
    return Suite(path.stem, documents, tuple(cases.values()))


def _case(task: _Task, documents: dict[str, Document]) -> Case:
    *history, last = task.input
    answerable = task.answerability[0] in _ANSWERABLE
    doc_ids: list[str] = []
    gold: list[GoldSpan] = []
    for passage in task.contexts:
        if passage.text.strip():
            title = passage.title if isinstance(passage.title, str) else ""
            doc_id = add_document(documents, passage.document_id, passage.text, title=title)
            doc_ids.append(doc_id)
            if passage.relevant:
                gold.append(GoldSpan(doc_id, 0, len(passage.text), passage.text))
    return Case(
        id=task.task_id,
        question=last.text,
        answers=tuple(target.text for target in task.targets) if answerable else (),
        answerable=answerable,
        evidence=(tuple(dict.fromkeys(gold)),) if gold and answerable else (),
        doc_ids=tuple(dict.fromkeys(doc_ids)) or None,
        type=task.answerability[0].lower(),
        source="mtrag",
        history=tuple(
            Turn(role="user" if turn.speaker == "user" else "assistant", content=turn.text)
            for turn in history
        ),
    )
