"""Whether a run is good enough: against fixed bounds, and against an earlier run."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from eval.compare import LEVEL, NO_DIRECTION, Comparison
from eval.stats import holm
from eval.summary import Summary, Totals, metric_names
from qa.errors import UsageError

NOT_GATED = NO_DIRECTION | {"seconds", "refusal_recall"}
"""Compared, but no regression: a busier machine takes longer, a longer answer is no worse, and
``refusal_recall`` is ``false_answer_rate`` turned round."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a metric's mean must reach, or must not exceed.

    Attributes:
        least: whether ``value`` is the least allowed; else it is the most.
    """

    metric: str
    value: float
    least: bool

    @classmethod
    def parse(cls, text: str, *, least: bool) -> "Bound":
        """Read ``citation_f1=0.8``.

        Raises:
            UsageError: it is not of that form, or there is no such metric.
        """
        metric, _, number = text.partition("=")
        known = metric_names()
        if metric not in known:
            raise UsageError(f"no metric {metric!r}", help=f"Known: {', '.join(known)}.")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise UsageError(
                f"{text!r} is not a bound", help=f"Write METRIC=NUMBER, such as {metric}=0.8."
            )
        return cls(metric, value, least)

    def __str__(self) -> str:
        return f"{self.metric} {'>=' if self.least else '<='} {self.value:g}"


class Gate(BaseModel, frozen=True, extra="forbid"):
    """One condition and whether it holds."""

    name: str
    passed: bool
    detail: str


def check_bounds(numbers: Summary | Totals, bounds: Sequence[Bound]) -> list[Gate]:
    """Hold the means, over several suites the macro averages, against the bounds.

    Where no question was eligible, the bound does not hold: it was not reached.
    """
    return [_check(numbers.value(bound.metric), bound) for bound in bounds]


def check_regressions(comparison: Comparison) -> list[Gate]:
    """A gate for each metric: it fails if the run is worse beyond chance than the one before.

    Beyond chance: the change's verdict is worse, and its p is below 0.05 by Holm's correction
    still: of 20 independent metrics, one is worse by a chance below that in two of five runs.
    """
    gated = [change for change in comparison.changes if change.metric not in NOT_GATED]
    chances = holm([change.chance for change in gated])
    return [
        Gate(
            name=f"{change.metric} no worse than {comparison.a}",
            passed=change.verdict != "worse" or chance >= LEVEL,
            detail=f"{change.a:.3f} then {change.b:.3f}, a difference of "
            f"{change.difference.mean:+.3f} [{change.difference.low:+.3f}, "
            f"{change.difference.high:+.3f}] over {change.n} questions, Holm's p {chance:.3f}",
        )
        for change, chance in zip(gated, chances, strict=True)
    ]


def check_whole(missing: Mapping[str, Sequence[str]]) -> list[Gate]:
    """A gate that fails for each run that lacks something; its numbers are those of a part.

    Args:
        missing: what each run lacks, in words, by the run's name.
    """
    return [
        Gate(name=f"{name} is finished", passed=False, detail="; ".join(lacking))
        for name, lacking in missing.items()
        if lacking
    ]


def _check(value: float | None, bound: Bound) -> Gate:
    if value is None:
        return Gate(name=str(bound), passed=False, detail="no question was eligible")
    passed = value >= bound.value if bound.least else value <= bound.value
    return Gate(name=str(bound), passed=passed, detail=f"it is {value:.3f}")
