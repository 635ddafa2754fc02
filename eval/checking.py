"""What is wrong with a suite, all of it at once.

An error is a row that cannot be run or contradicts itself or another; a warning is a row to look
at. Of a suite in a public format the first broken row is named, as for whoever runs it.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from eval import metrics
from eval.cases import Case
from eval.duplicates import near_duplicates
from eval.formats import load_suite
from eval.formats.beir import QUERIES
from eval.formats.folder import CORPUS, QUESTIONS, DocumentRow, QuestionRow
from eval.formats.rows import try_rows
from qa.errors import SuiteError
from qa.schema import Document, Turn

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a suite.

    Attributes:
        line: from 1; ``None`` where it is about the whole file, or the file has no lines.
    """

    file: str
    line: int | None
    severity: Severity
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.severity}: {self.message}"


def check_suite(*paths: Path | str) -> list[Finding]:
    """Check a suite, or several that should have no question in common, such as splits.

    Args:
        paths: what ``load_suite`` takes.

    Returns:
        The findings in the order of paths, files and lines; empty if there is nothing to find.
    """
    findings: list[Finding] = []
    asked: list[_Asked] = []
    for number, path in enumerate(paths):
        for item in _read(path, number):
            if isinstance(item, Finding):
                findings.append(item)
            else:
                asked.append(item)
    for question in asked:
        findings += question.check()
    findings += _check_duplicates(asked)
    order = {file: place for place, file in enumerate(dict.fromkeys(it.file for it in findings))}
    return sorted(findings, key=lambda it: (order[it.file], it.line or 0))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question with its place.

    Attributes:
        suite: which of the paths it is from.
    """

    case: Case
    suite: int
    file: str
    line: int | None = None
    draft: bool = False

    def found(self, severity: Severity, message: str) -> Finding:
        return Finding(self.file, self.line, severity, f"question {self.case.id!r} {message}")

    def seen_from(self, other: "_Asked") -> str:
        """What ``other`` calls its place."""
        place = repr(self.case.id) if self.line is None else f"line {self.line}"
        return place if self.file == other.file else f"{place} of {self.file}"

    def check(self) -> Iterator[Finding]:
        case = self.case
        if self.draft:
            yield self.found("warning", "is a draft that nobody has read yet")
        if not case.answerable:
            held = [name for name in ("answers", "evidence") if getattr(case, name)]
            if held:
                yield self.found("error", f"is not answerable and has {' and '.join(held)}")
        elif not case.evidence:
            lacks = "no evidence" if case.answers else "neither evidence nor answers"
            yield self.found("warning", f"is answerable and has {lacks}")
        elif not self._answer_stands_in_evidence():
            shown = ", ".join(map(repr, case.answers))
            yield self.found("warning", f"has no accepted answer in its evidence: {shown}")

    def _answer_stands_in_evidence(self) -> bool:
        answers = self.case.answers
        if any(
            metrics.is_free_text(answer) or metrics.normalize(answer) in ("yes", "no")
            for answer in answers
        ):
            return True
        texts = [" ".join(span.text for span in spans) for spans in self.case.evidence]
        return not answers or any(metrics.str_em(text, answers) for text in texts)

    def meets(self, other: "_Asked") -> bool:
        """Whether one of the two is too many if they ask the same."""
        mine, others = self.case.doc_ids, other.case.doc_ids
        return (
            self.suite != other.suite
            or self.contradicts(other)
            or (
                self.case.answerable == other.case.answerable
                and not (mine and others and set(mine).isdisjoint(others))
            )
        )

    def contradicts(self, other: "_Asked") -> bool:
        """Whether one of the two is called unanswerable over documents that answer the other."""
        if self.suite != other.suite or self.case.answerable == other.case.answerable:
            return False
        yes, no = (self, other) if self.case.answerable else (other, self)
        searched = no.case.doc_ids
        return searched is None or any(
            {span.doc_id for span in spans} <= set(searched) for spans in yes.case.evidence
        )


def _read(path: Path | str, number: int) -> Iterator[Finding | _Asked]:
    folder = Path(path)
    own = any((folder / name).is_file() for name in (CORPUS, QUESTIONS))
    try:
        if own and not (folder / QUERIES).is_file():
            yield from _read_folder(folder, number)
        else:
            for case in load_suite(path).questions:
                yield _Asked(case, number, str(path))
    except SuiteError as error:
        yield Finding(str(path), None, "error", str(error))


def _read_folder(folder: Path, number: int) -> Iterator[Finding | _Asked]:
    file = str(folder / CORPUS)
    documents: dict[str, Document] = {}
    lines: dict[str, int] = {}
    for line, document in try_rows(folder / CORPUS, DocumentRow):
        if isinstance(document, list):
            yield from (Finding(file, line, "error", message) for message in document)
        elif (first := lines.setdefault(document.doc_id, line)) != line:
            message = f"the doc_id {document.doc_id!r} already stands in line {first}"
            yield Finding(file, line, "error", message)
        else:
            documents[document.doc_id] = document.document()
    file = str(folder / QUESTIONS)
    lines = {}
    for line, row in try_rows(folder / QUESTIONS, QuestionRow):
        if isinstance(row, list):
            yield from (Finding(file, line, "error", message) for message in row)
            continue
        problems = list(row.problems(documents))
        if (first := lines.setdefault(row.id, line)) != line:
            problems.append(f"the id {row.id!r} already stands in line {first}")
        yield from (Finding(file, line, "error", problem) for problem in dict.fromkeys(problems))
        if not problems:
            yield _Asked(row.case(), number, file, line, row.draft)
    if not lines:
        yield Finding(file, None, "error", "it holds no questions")


def _check_duplicates(asked: list[_Asked]) -> Iterator[Finding]:
    """Each question that says the same, or nearly the same, as an earlier one."""
    same: dict[tuple[str, tuple[Turn, ...]], list[_Asked]] = defaultdict(list)
    twins_of: set[_Asked] = set()
    for question in asked:
        case = question.case
        twins = same[metrics.normalize(case.question), case.history]
        twin = next((twin for twin in twins if twin.meets(question)), None)
        twins.append(question)
        if twin is not None:
            twins_of.add(question)
            contradicts = twin.contradicts(question)
            yield question.found(
                "error" if contradicts else "warning",
                f"asks the same as {twin.seen_from(question)}"
                + (", and only one of them is answerable" if contradicts else ""),
            )
    # "And when?" means what the conversation makes it mean.
    alone = [question for question in asked if not question.case.history]
    found = near_duplicates([question.case.question for question in alone])
    for question, similar in zip(alone, found, strict=True):
        near = [(it.similarity, alone[it.place]) for it in similar]
        near = [(similarity, other) for similarity, other in near if _is_near(question, other)]
        if near and question not in twins_of:
            similarity, other = max(near, key=lambda it: it[0])
            yield question.found(
                "warning",
                f"asks nearly the same ({similarity:.2f}) as {other.seen_from(question)}: "
                f"{other.case.question!r}",
            )


def _is_near(question: _Asked, other: _Asked) -> bool:
    """Whether a near-duplicate is one too many.

    An unanswerable question is at its best when it comes close to an answerable one.
    """
    meant = question.suite == other.suite and question.case.answerable != other.case.answerable
    return question.meets(other) and not meant
