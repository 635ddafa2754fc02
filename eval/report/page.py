"""The report as a page: everything that it shows, put together and rendered."""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from eval.cases import Alternatives
from eval.diagnosis import Diagnosis, diagnose
from eval.report.excerpt import Source
from eval.report.plots import Plot, plots
from eval.report.question import Question
from eval.runner import Record
from eval.stats import Estimate
from eval.summary import Summary


@dataclass(frozen=True)
class Run:
    """One suite as it was run, with what the report shows beside it.

    Attributes:
        records: in the order in which the report lists them.
        summary: of these records.
        gold: by case id; a case that is missing has none.
        texts: the corpus, by document id.
        name: what the report calls the run; without one, the suite's name.
    """

    records: Sequence[Record]
    summary: Summary
    gold: Mapping[str, Alternatives]
    texts: Mapping[str, str]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Headline:
    """A number at the top of the report.

    Attributes:
        metric: its name in the summary.
        better: ``"high"`` or ``"low"``.
    """

    metric: str
    title: str
    meaning: str
    better: str = "high"


HEADLINES = (
    Headline("str_em", "Answers right", "of the answerable questions, an accepted answer given"),
    Headline("citation_recall", "Gold cited", "share of the gold sentences among the footnotes"),
    Headline("citation_precision", "Footnotes on gold", "of the footnotes of answered questions"),
    Headline("evidence_recall_at_8", "Gold offered", "as evidence, in the first eight"),
    Headline("answered_rate", "Answered", "of the answerable questions, rightly or not"),
    Headline("false_answer_rate", "False answers", "of the unanswerable questions", better="low"),
)


@dataclass(frozen=True, slots=True)
class Share:
    """How many questions have a diagnosis."""

    diagnosis: Diagnosis
    count: int
    of: int


@dataclass(frozen=True, slots=True)
class TypeRow:
    """The questions of one type; a mean is ``None`` where none of them is eligible."""

    type: str
    count: int
    shares: list[Share]
    means: dict[str, float | None]
    seconds: float | None

    @property
    def good(self) -> float:
        """Share of them where nothing went wrong."""
        return sum(it.count for it in self.shares if it.diagnosis.good) / self.count


class RunView:
    """A run as the template shows it."""

    def __init__(self, run: Run, number: int, anchors: Sequence[str]) -> None:
        self.number = number
        self.name = run.name or run.summary.suite
        self.summary = run.summary
        sources = {doc_id: Source(text) for doc_id, text in run.texts.items()}
        self._gold = [run.gold.get(record.case_id, ()) for record in run.records]
        self.questions = [
            Question(record, gold, diagnose(record, gold), sources, anchor)
            for record, gold, anchor in zip(run.records, self._gold, anchors, strict=True)
        ]
        self._records = run.records

    @cached_property
    def plots(self) -> list[Plot]:
        """The run's plots."""
        return plots(self._records, self._gold, salt=f"run-{self.number}")

    @property
    def shares(self) -> list[Share]:
        """The diagnoses that occur."""
        return _shares(self.questions)

    @property
    def good(self) -> float:
        """Share of the questions where nothing went wrong."""
        return sum(it.diagnosis.good for it in self.questions) / max(1, len(self.questions))

    @property
    def types(self) -> list[TypeRow]:
        """One row for each type of question, in the order in which they occur."""
        by_type: dict[str, list[Question]] = {}
        for question in self.questions:
            by_type.setdefault(question.type, []).append(question)
        return [_type_row(name, members) for name, members in by_type.items()]

    def estimate(self, metric: str) -> Estimate | None:
        """A metric of the summary, if it is there."""
        return self.summary.metrics.get(metric)


def write_report(runs: Sequence[Run], path: Path) -> None:
    """Write one HTML file that needs nothing else: no network, no other file.

    Whatever comes from articles, questions and models is escaped, and a content security policy
    lets the page run its own script alone.

    Args:
        runs: one or more; several stand side by side, and their questions in one list.
        path: of the file; its folder exists.

    Raises:
        ValueError: there are no runs.
        OSError: the file cannot be written.
    """
    if not runs:
        raise ValueError("a report needs at least one run")
    path.write_text(render(runs), encoding="utf-8", errors="replace", newline="\n")


def render(runs: Sequence[Run]) -> str:
    """The report's HTML."""
    anchors = iter(_anchors(record.case_id for run in runs for record in run.records))
    views = [
        RunView(run, number, [next(anchors) for _ in run.records])
        for number, run in enumerate(runs, start=1)
    ]
    environment = Environment(
        loader=PackageLoader("eval.report", "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "percent": _percent}
    script = _asset("report.js")
    return environment.get_template("page.html").render(
        runs=views,
        headlines=HEADLINES,
        shares=_shares([question for view in views for question in view.questions]),
        types=sorted({question.type for view in views for question in view.questions}),
        macro={it.metric: _macro([view.estimate(it.metric) for view in views]) for it in HEADLINES},
        style=Markup(_asset("report.css")),
        script=Markup(script),
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _anchors(case_ids: Iterable[str]) -> list[str]:
    """An id in the page for each question: its case id, and what keeps it apart from others."""
    taken: Counter[str] = Counter()
    anchors: list[str] = []
    for case_id in case_ids:
        anchor = "q-" + "-".join(case_id.split())
        taken[anchor] += 1
        while taken[anchor] > 1:
            anchor = f"{anchor}~{taken[anchor]}"
            taken[anchor] += 1
        anchors.append(anchor)
    return anchors


def _shares(questions: Sequence[Question]) -> list[Share]:
    counts = Counter(question.diagnosis for question in questions)
    return [Share(it, counts[it], len(questions)) for it in Diagnosis if counts[it]]


def _type_row(name: str, questions: Sequence[Question]) -> TypeRow:
    records = [question.record for question in questions]
    seconds = [record.seconds for record in records if record.seconds is not None]
    return TypeRow(
        type=name,
        count=len(records),
        shares=_shares(questions),
        means={
            metric: _mean([record.scores.get(metric) for record in records])
            for metric in ("str_em", "citation_f1", "evidence_recall_at_8", "false_answer_rate")
        },
        seconds=float(np.median(seconds)) if seconds else None,
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _macro(estimates: Iterable[Estimate | None]) -> float | None:
    return _mean(it.mean if it else None for it in estimates)


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _percent(value: float) -> str:
    return f"{value:.0%}".replace("%", "\N{NARROW NO-BREAK SPACE}%")


def _asset(name: str) -> str:
    return files("eval.report").joinpath("template", name).read_text("utf-8")
