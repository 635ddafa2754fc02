"""Two runs, question by question: what changed, and whether it can be chance."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel

from eval.pooled import POOLED
from eval.runner import Record
from eval.stats import (
    Estimate,
    bootstrap_statistic,
    mcnemar,
    paired_difference,
    permutation_test,
    smallest_detectable_difference,
    swap_test,
)
from qa.errors import UsageError

LOWER_IS_BETTER = frozenset(
    {"false_answer_rate", "fabricated_rate", "aurc", "expected_calibration_error", "seconds"}
)
NO_DIRECTION = frozenset({"answer_words"})
"""Compared, but neither more nor less is better."""
YES_OR_NO = frozenset(
    {
        "str_em",
        "exact_match",
        "correct",
        "answered_rate",
        "false_answer_rate",
        "refusal_recall",
    }
)
"""Metrics that are 0 or 1 of each question, for McNemar's test."""

LEVEL = 0.05
"""How likely chance may be where a difference is said to be more than that."""

_ALWAYS_EQUAL = "refusal_precision"
"""Only refused questions have it: where both runs have it, both refused, and it is the same."""

Verdict = Literal["better", "worse", "unclear"]


class Change(BaseModel, frozen=True, extra="forbid"):
    """One metric of both runs, over the questions that are eligible in both.

    A metric that is no mean of single questions is over those that are eligible in either.

    Attributes:
        a: mean of the first run, or its value.
        b: of the second.
        difference: ``b - a`` with its 95 % interval.
        p: two-sided, of the paired permutation test.
        mcnemar_p: two-sided and exact; ``None`` unless the metric is yes or no.
        detectable: the smallest difference that so many questions show with a power of 0.8;
            ``None`` for a single question, and where the metric is no mean.
    """

    metric: str
    n: int
    a: float
    b: float
    difference: Estimate
    p: float
    mcnemar_p: float | None
    detectable: float | None

    @property
    def chance(self) -> float:
        """The p that decides: the exact one where there is one."""
        return self.p if self.mcnemar_p is None else self.mcnemar_p

    @property
    def verdict(self) -> Verdict:
        """Unclear unless one side is better, and interval and test say that it is no chance.

        The interval has to lie wholly on one side of zero, and p below 0.05: of 60 questions 4
        lost and none gained have such an interval, and an exact p of 0.125.
        """
        low, high = self.difference.low, self.difference.high
        if low <= 0 <= high or self.chance >= LEVEL or self.metric in NO_DIRECTION:
            return "unclear"
        return "better" if (high < 0) == (self.metric in LOWER_IS_BETTER) else "worse"


class Side(BaseModel, frozen=True, extra="forbid"):
    """What one run made of a question.

    Attributes:
        answer: with its footnote marks, or the failure in words.
        footnotes: the cited sentences, in the order of their numbers.
        scores: those that the other run has otherwise.
    """

    answer: str
    footnotes: tuple[str, ...]
    scores: dict[str, float | None]


class Changed(BaseModel, frozen=True, extra="forbid"):
    """A question that the two runs score differently."""

    suite: str
    case_id: str
    question: str
    accepted: tuple[str, ...]
    answerable: bool
    a: Side
    b: Side


class Comparison(BaseModel, frozen=True, extra="forbid"):
    """Two runs side by side.

    Attributes:
        questions: how many are in both; the rest is left out.
        only_a: how many are in the first alone, or worded otherwise in the second.
        only_b: how many are in the second alone, or worded otherwise in the first.
        changed: the questions with another score, the worst losses first.
    """

    a: str
    b: str
    questions: int
    only_a: int
    only_b: int
    changes: tuple[Change, ...]
    changed: tuple[Changed, ...]


def compare(
    a: Sequence[Record],
    b: Sequence[Record],
    *,
    names: tuple[str, str] = ("A", "B"),
    metrics: Sequence[str] = (),
    seed: int = 0,
) -> Comparison:
    """Compare two runs.

    Args:
        a: the records of the first.
        b: of the second, in any order.
        names: what they are called.
        metrics: compare these alone; empty for all but ``refusal_precision``, and ``seconds``.
        seed: of the intervals and the permutations.

    Raises:
        UsageError: no question is in both, or a metric is in neither or cannot be compared.
    """
    first, second = _by_question(a), _by_question(b)
    pairs = [(record, second[key]) for key, record in first.items() if key in second]
    if not pairs:
        raise UsageError(
            f"{names[0]} ({_suites(a)}) and {names[1]} ({_suites(b)}) have no question in common",
            help="Compare two runs of the same suite.",
        )
    scored = dict.fromkeys(name for pair in pairs for record in pair for name in record.scores)
    known = [name for name in (*scored, *POOLED, "seconds") if name != _ALWAYS_EQUAL]
    for metric in metrics:
        if metric == _ALWAYS_EQUAL:
            raise UsageError(
                f"{metric} cannot be compared: it is the same wherever both runs have it",
                help="Compare refusal_f1, which counts wrong refusals too.",
            )
        if metric not in known:
            raise UsageError(f"no metric {metric!r}", help=f"Known: {', '.join(known)}.")
    chosen = list(metrics or known)
    changes = (
        _pooled_change(metric, pairs, seed) if metric in POOLED else _change(metric, pairs, seed)
        for metric in chosen
    )
    return Comparison(
        a=names[0],
        b=names[1],
        questions=len(pairs),
        only_a=len(a) - len(pairs),
        only_b=len(b) - len(pairs),
        changes=tuple(change for change in changes if change is not None),
        changed=_changed(pairs, [metric for metric in chosen if metric != "seconds"]),
    )


def _by_question(records: Sequence[Record]) -> dict[tuple[str, str, str], Record]:
    return {(record.suite, record.case_id, record.question): record for record in records}


def _suites(records: Sequence[Record]) -> str:
    return ", ".join(dict.fromkeys(record.suite for record in records)) or "empty"


def _scores(record: Record) -> dict[str, float | None]:
    return {**record.scores, "seconds": record.seconds}


def _change(metric: str, pairs: Sequence[tuple[Record, Record]], seed: int) -> Change | None:
    """``None`` where no question is eligible in both."""
    a: list[float] = []
    b: list[float] = []
    for first, second in pairs:
        before, after = _scores(first).get(metric), _scores(second).get(metric)
        if before is not None and after is not None:
            a.append(before)
            b.append(after)
    if not a:
        return None
    return Change(
        metric=metric,
        n=len(a),
        a=sum(a) / len(a),
        b=sum(b) / len(b),
        difference=paired_difference(a, b, seed=seed),
        p=permutation_test(a, b, seed=seed),
        mcnemar_p=mcnemar(a, b) if metric in YES_OR_NO else None,
        detectable=smallest_detectable_difference(a, b) if len(a) > 1 else None,
    )


def _pooled_change(metric: str, pairs: Sequence[tuple[Record, Record]], seed: int) -> Change | None:
    """``None`` where the metric is undefined in one of the runs."""
    pooled = POOLED[metric]
    rows = pooled.paired_rows(pairs)
    a, b = (pooled.value(half) for half in np.hsplit(np.array(rows), 2)) if rows else (None, None)
    if a is None or b is None:
        return None
    return Change(
        metric=metric,
        n=len(rows),
        a=a,
        b=b,
        difference=bootstrap_statistic(rows, pooled.difference, seed=seed),
        p=swap_test(rows, pooled.difference, seed=seed),
        mcnemar_p=None,
        detectable=None,
    )


def _changed(pairs: Sequence[tuple[Record, Record]], metrics: Sequence[str]) -> tuple[Changed, ...]:
    changed: list[tuple[float, Changed]] = []
    for a, b in pairs:
        names = [name for name in metrics if a.scores.get(name) != b.scores.get(name)]
        if names:
            gain = sum(_gain(name, a.scores.get(name), b.scores.get(name)) for name in names)
            changed.append((gain, _side_by_side(a, b, names)))
    return tuple(each for _, each in sorted(changed, key=lambda item: item[0]))


def _gain(metric: str, before: float | None, after: float | None) -> float:
    if before is None or after is None or metric in NO_DIRECTION:
        return 0.0
    return before - after if metric in LOWER_IS_BETTER else after - before


def _side_by_side(a: Record, b: Record, names: Sequence[str]) -> Changed:
    return Changed(
        suite=a.suite,
        case_id=a.case_id,
        question=a.question,
        accepted=a.answers,
        answerable=a.answerable,
        a=_side(a, names),
        b=_side(b, names),
    )


def _side(record: Record, names: Sequence[str]) -> Side:
    error = "" if record.error is None else f"failed: {record.error.type}: {record.error.message}"
    answer = record.answer
    return Side(
        answer=error if answer is None else answer.answer,
        footnotes=() if answer is None else tuple(each.text for each in answer.citations),
        scores={name: record.scores.get(name) for name in names},
    )
