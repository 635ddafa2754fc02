"""Runs and comparisons as Markdown, for the job summary of a continuous integration system."""

import html
import re
from collections.abc import Sequence

from eval.compare import Changed, Comparison, Side
from eval.gate import Gate
from eval.runner import Record
from eval.summary import Summary, Totals
from eval.tables import (
    CHANGE_HEADER,
    change_row,
    changed_scores,
    common,
    headline,
    metric_rows,
    unfinished,
)

_SIGNS = re.compile(r"([\\`*_{}\[\]#|~])")


def run_markdown(
    numbers: Summary | Totals,
    records: Sequence[Record],
    gates: Sequence[Gate] = (),
    comparison: Comparison | None = None,
    *,
    missing: Sequence[str] = (),
) -> str:
    """What is missing and the gates, then the numbers, what failed, what changed since before."""
    parts = [_escape(unfinished(missing))] if missing else []
    if gates:
        rows = [
            (_escape(gate.name), "passed" if gate.passed else "**failed**", _escape(gate.detail))
            for gate in gates
        ]
        parts += ["## Gates", _table(("gate", "", "measured"), rows)]
    parts += _numbers(numbers)
    failed = [
        f"- {_escape(record.suite)} {_escape(record.case_id)}: "
        f"{_escape(record.error.type)}: {_escape(record.error.message)}"
        for record in records
        if record.error is not None
    ]
    if failed:
        parts += ["## Questions that failed", "\n".join(failed)]
    if comparison is not None:
        parts.append(comparison_markdown(comparison))
    return "\n\n".join(parts) + "\n"


def comparison_markdown(comparison: Comparison) -> str:
    """The metrics of both runs and every question that changed, with both answers."""
    rows = [tuple(map(_escape, change_row(change))) for change in comparison.changes]
    parts = [
        f"## {_escape(comparison.a)} (A) and {_escape(comparison.b)} (B)",
        common(comparison),
        _table(CHANGE_HEADER, rows),
        f"### {len(comparison.changed)} questions changed",
        *map(_changed, comparison.changed),
    ]
    return "\n\n".join(parts) + "\n"


def _numbers(numbers: Summary | Totals) -> list[str]:
    header = ("metric", "value", "95 % interval", "n")
    rows = [tuple(map(_escape, row)) for row in metric_rows(numbers)]
    if isinstance(numbers, Summary):
        return [f"## {_escape(numbers.suite)}", _escape(headline(numbers)), _table(header, rows)]
    suites = [part for summary in numbers.suites for part in _numbers(summary)]
    title = f"## Macro average of {len(numbers.suites)} suites"
    return [title, _table(header, rows), *suites]


def _changed(changed: Changed) -> str:
    head = f"**{_escape(changed.suite)} {_escape(changed.case_id)}**: {_escape(changed.question)}"
    rows = [(_cell(changed.a), _cell(changed.b))]
    return f"{head}  \n{_escape(changed_scores(changed))}\n\n{_table(('A', 'B'), rows)}"


def _cell(side: Side) -> str:
    notes = (f"[{place}] “{text}”" for place, text in enumerate(side.footnotes, start=1))
    return "<br>".join(map(_escape, [side.answer, *notes]))


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escape(text: str) -> str:
    """So that it is shown as it is, on one line."""
    return _SIGNS.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))
