"""A run in numbers: each suite's, and over several suites."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel

from eval.cases import Case
from eval.pooled import POOLED, Pooled
from eval.runner import Record, score
from eval.stats import Estimate, bootstrap_interval, bootstrap_statistic
from qa.schema import Provenance

SECONDS = ("seconds_median", "seconds_p95")


class Summary(BaseModel, frozen=True, extra="forbid"):
    """A suite's run in numbers, with what produced them; the content of ``summary.json``.

    Attributes:
        errors: how many questions failed, by the exception's type.
        metrics: ``None`` where no question was eligible.
        provenance: every distinct one; more than one means that something changed on the way.
    """

    suite: str
    questions: int
    answerable: int
    answered: int
    errors: dict[str, int]
    metrics: dict[str, Estimate | None]
    seconds_median: float | None
    seconds_p95: float | None
    seed: int
    provenance: tuple[Provenance, ...]

    def value(self, name: str) -> float | None:
        """A metric's mean, or the seconds of that name; ``None`` where nothing was eligible."""
        return _value(self, name)


class Totals(BaseModel, frozen=True, extra="forbid"):
    """A run over several suites in numbers.

    Attributes:
        metrics: macro averages: each suite that has a value counts the same.
        seconds_median: macro average too, as is ``seconds_p95``.
    """

    suites: tuple[Summary, ...]
    metrics: dict[str, Estimate | None]
    seconds_median: float | None
    seconds_p95: float | None

    def value(self, name: str) -> float | None:
        """As of a ``Summary``."""
        return _value(self, name)


def metric_names() -> tuple[str, ...]:
    """What a summary can hold a value of."""
    scores = score(Case(id="", question="", answers=(), answerable=True), None, str)
    return *dict.fromkeys([*scores, *summarize([]).metrics]), *SECONDS


def summarize(records: Sequence[Record], *, seed: int = 0) -> Summary:
    """Sum the scores up; ``seed`` is that of the bootstrap."""
    estimates: dict[str, Estimate | None] = {}
    for name in dict.fromkeys(name for record in records for name in record.scores):
        values = [value for record in records if (value := record.scores.get(name)) is not None]
        estimates[name] = bootstrap_interval(values, seed=seed) if values else None
    estimates |= {name: _estimate(pooled, records, seed) for name, pooled in POOLED.items()}
    seconds = [record.seconds for record in records if record.seconds is not None]
    answers = [record.answer for record in records if record.answer is not None]
    return Summary(
        suite=", ".join(sorted({record.suite for record in records})),
        questions=len(records),
        answerable=sum(record.answerable for record in records),
        answered=sum(record.answered for record in records),
        errors=dict(Counter(record.error.type for record in records if record.error)),
        metrics=estimates,
        seconds_median=float(np.quantile(seconds, 0.5)) if seconds else None,
        seconds_p95=float(np.quantile(seconds, 0.95)) if seconds else None,
        seed=seed,
        provenance=tuple(dict.fromkeys(answer.provenance for answer in answers)),
    )


def total(summaries: Sequence[Summary]) -> Totals:
    """Average over suites."""
    names = dict.fromkeys(name for summary in summaries for name in summary.metrics)
    return Totals(
        suites=tuple(summaries),
        metrics={
            name: macro_average([it for each in summaries if (it := each.metrics.get(name))])
            for name in names
        },
        seconds_median=_mean([each.seconds_median for each in summaries]),
        seconds_p95=_mean([each.seconds_p95 for each in summaries]),
    )


def macro_average(estimates: Sequence[Estimate]) -> Estimate | None:
    """The mean of independent estimates, with the interval that follows from theirs.

    ``mean -/+ sqrt(sum of (distance of each bound from its mean)^2) / number of estimates``.

    Source: the method of variance estimates recovery, Zou and Donner, Statistics in Medicine,
    2008. ``None`` without estimates.
    """
    if not estimates:
        return None
    mean = math.fsum(each.mean for each in estimates) / len(estimates)
    below = math.hypot(*(each.mean - each.low for each in estimates)) / len(estimates)
    above = math.hypot(*(each.high - each.mean for each in estimates)) / len(estimates)
    return Estimate(mean, mean - below, mean + above, sum(each.n for each in estimates))


def _estimate(pooled: Pooled, records: Sequence[Record], seed: int) -> Estimate | None:
    rows = pooled.rows(records)
    if not rows or pooled.value(np.asarray(rows)) is None:
        return None
    return bootstrap_statistic(rows, pooled.value, seed=seed)


def _value(numbers: Summary | Totals, name: str) -> float | None:
    if name in SECONDS:
        seconds: float | None = getattr(numbers, name)
        return seconds
    estimate = numbers.metrics.get(name)
    return None if estimate is None else estimate.mean


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None
