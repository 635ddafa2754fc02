"""Runs and comparisons as plain text for a terminal of 100 columns."""

import textwrap
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from eval.compare import Change, Changed, Comparison, Side
from eval.gate import Gate
from eval.judge import JudgedSummary
from eval.stats import Estimate
from eval.summary import SECONDS, Summary, Totals

_WIDTH = 100
_GAP = "  "
_HALF = (_WIDTH - len(_GAP)) // 2


def format_summary(numbers: Summary | Totals) -> str:
    """Value, 95 % interval and number of questions of each metric; of several suites, each."""
    if isinstance(numbers, Summary):
        return f"{headline(numbers)}\n{_numbers(numbers)}"
    parts = [format_summary(summary) for summary in numbers.suites]
    macro = f"macro average of {len(numbers.suites)} suites\n{_numbers(numbers)}"
    return "\n\n".join([*parts, macro])


def headline(summary: Summary) -> str:
    """How many questions were asked, answered and failed."""
    failed = ", ".join(f"{count} {kind}" for kind, count in summary.errors.items())
    return (
        f"{summary.suite}: {summary.questions} questions, {summary.answerable} answerable, "
        f"{summary.answered} answered; errors: {failed or 'none'}"
    )


def unfinished(missing: Sequence[str]) -> str:
    """One line on what a run lacks."""
    return f"unfinished: {'; '.join(missing)}"


def metric_rows(numbers: Summary | Totals) -> list[tuple[str, str, str, str]]:
    """Name, value, interval and number of questions."""
    rows = [_metric_row(name, estimate) for name, estimate in numbers.metrics.items()]
    for name in SECONDS:
        seconds = numbers.value(name)
        rows.append((name, "–" if seconds is None else f"{seconds:.3f}", "", ""))
    return rows


def format_gate(gate: Gate) -> str:
    """One line."""
    return f"gate {'passed' if gate.passed else 'FAILED'}: {gate.name} ({gate.detail})"


def format_judged(judged: JudgedSummary) -> str:
    """One line."""
    counts = [f"{count} {verdict}" for verdict, count in judged.verdicts.items()]
    counts += [f"{count} {error}" for error, count in judged.errors.items()]
    share = judged.judged_correct
    shown = "" if share is None else f"{share.mean:.3f} {_interval(share)} correct; "
    by = ", ".join(judged.llms) or "nobody"
    return f"judged by {by}: {shown}{judged.questions} answers: {', '.join(counts) or 'none'}"


def format_comparison(comparison: Comparison, *, show: int = 20) -> str:
    """The metrics of both runs, then the questions that changed, side by side.

    Args:
        comparison: of two runs.
        show: of how many questions at most; the worst losses come first.
    """
    parts = [f"A: {comparison.a}\nB: {comparison.b}\n{common(comparison)}"]
    rows = [CHANGE_HEADER, *(change_row(change) for change in comparison.changes)]
    parts.append(_align(rows, left={0, 5, 9}))
    shown = comparison.changed[:show]
    more = len(comparison.changed) - len(shown)
    rest = f", the first {show} of them:" if shown and more else ":" if shown else ""
    parts.append(f"{len(comparison.changed)} questions changed{rest}")
    parts += [_side_by_side(changed) for changed in shown]
    return "\n\n".join(parts)


def common(comparison: Comparison) -> str:
    """How many questions are compared, and how many are not."""
    return (
        f"{comparison.questions} questions in both; left out: {comparison.only_a} that only A has, "
        f"{comparison.only_b} that only B has"
    )


CHANGE_HEADER = ("metric", "n", "A", "B", "B-A", "95 % interval", "p", "exact", "shows", "")


def change_row(change: Change) -> tuple[str, ...]:
    """One metric of both runs, under ``CHANGE_HEADER``."""
    difference = change.difference
    return (
        change.metric,
        str(change.n),
        number(change.a),
        number(change.b),
        number(difference.mean, sign="+"),
        f"[{number(difference.low, sign='+')}, {number(difference.high, sign='+')}]",
        _chance(change.p),
        "" if change.mcnemar_p is None else _chance(change.mcnemar_p),
        "" if change.detectable is None else number(change.detectable),
        "" if change.verdict == "unclear" else change.verdict,
    )


def changed_scores(changed: Changed) -> str:
    """The scores that differ, as ``name before → after``."""
    return ", ".join(
        f"{name} {_score(before)} → {_score(changed.b.scores[name])}"
        for name, before in changed.a.scores.items()
    )


def number(value: float, *, sign: str = "") -> str:
    """Three decimals, one from ten on."""
    return f"{value:{sign}.{3 if abs(value) < 10 else 1}f}"


def _chance(p: float) -> str:
    return "<.001" if p < 0.001 else f"{p:.3f}"


def _metric_row(name: str, it: Estimate | None) -> tuple[str, str, str, str]:
    if it is None:
        return (name, "–", "", "0")
    return (name, f"{it.mean:.3f}", _interval(it), str(it.n))


def _interval(it: Estimate) -> str:
    return f"[{it.low:.3f}, {it.high:.3f}]"


def _numbers(numbers: Summary | Totals) -> str:
    return _align(metric_rows(numbers), left={0, 2})


def _align(rows: Sequence[Sequence[str]], *, left: set[int]) -> str:
    """Rows as columns, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        _GAP.join(
            cell.ljust(width) if place in left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _side_by_side(changed: Changed) -> str:
    accepted = " | ".join(changed.accepted) if changed.answerable else "(not in the sources)"
    head = [f"{changed.suite} {changed.case_id}: {changed.question}"]
    head += [f"accepted: {accepted}"] if accepted else []
    head.append(changed_scores(changed))
    a, b = _column("A", changed.a), _column("B", changed.b)
    pairs = (
        f"{left:<{_HALF}}{_GAP}{right}".rstrip() for left, right in zip_longest(a, b, fillvalue="")
    )
    return "\n".join([*_wrap(head, _WIDTH), *pairs])


def _column(name: str, side: Side) -> list[str]:
    notes = [f"[{place}] “{text}”" for place, text in enumerate(side.footnotes, start=1)]
    return [name, *_wrap([side.answer, *notes], _HALF)]


def _wrap(texts: Iterable[str], width: int) -> list[str]:
    return [line for text in texts for line in textwrap.wrap(text, width)]


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
