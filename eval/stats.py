"""How sure a number is, given how few questions it stands on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Statistic = Callable[[NDArray[np.float64]], float | None]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean, or another number summed up from questions, with its interval.

    Attributes:
        n: how many questions it stands on.
    """

    mean: float
    low: float
    high: float
    n: int


def bootstrap_interval(
    values: Sequence[float], *, seed: int, resamples: int = 2000, level: float = 0.95
) -> Estimate:
    """The mean with its percentile bootstrap interval.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13.

    Args:
        values: one a question; their order makes no difference.
        seed: the same values and seed give the same interval.
        resamples: how many times as many questions are drawn with replacement.
        level: share of the resampled means inside the interval.

    Raises:
        ValueError: there are no values, or an argument is out of bounds.
    """
    return bootstrap_statistic(
        [(value,) for value in values],
        lambda rows: float(rows.mean()),
        seed=seed,
        resamples=resamples,
        level=level,
    )


def bootstrap_statistic(
    rows: Sequence[tuple[float, ...]],
    statistic: Statistic,
    *,
    seed: int,
    resamples: int = 2000,
    level: float = 0.95,
) -> Estimate:
    """The same for any number that is worked out from whole questions, such as an F1.

    Args:
        rows: one a question; their order makes no difference.
        statistic: takes an array of shape (questions, columns); resamples for which it gives
            ``None`` are left out of the interval.
        seed: as in ``bootstrap_interval``.
        resamples: as in ``bootstrap_interval``.
        level: as in ``bootstrap_interval``.

    Raises:
        ValueError: there are no rows, the statistic is undefined on them, or an argument is out
            of bounds.
    """
    if not rows or resamples < 1 or not 0 < level < 1:
        raise ValueError(f"cannot bootstrap {len(rows)} rows, {resamples=}, {level=}")
    data = np.asarray(sorted(rows), dtype=np.float64)
    value = statistic(data)
    if value is None:
        raise ValueError("the statistic is undefined on these rows")
    generator = np.random.default_rng(seed)
    draws = (
        statistic(data[generator.integers(len(data), size=len(data))]) for _ in range(resamples)
    )
    defined = [draw for draw in draws if draw is not None] or [value]
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(mean=value, low=float(low), high=float(high), n=len(data))
