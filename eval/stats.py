"""How sure a number is, given how few questions it stands on."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

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


def paired_difference(a: Sequence[float], b: Sequence[float], *, seed: int) -> Estimate:
    """The mean of ``b - a`` with its bootstrap interval."""
    return bootstrap_interval([y - x for x, y in zip(a, b, strict=True)], seed=seed)


def permutation_test(
    a: Sequence[float], b: Sequence[float], *, seed: int, resamples: int = 10_000
) -> float:
    """Two-sided p of the mean of ``b - a``, by flipping signs."""
    differences = np.subtract(b, a)
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(resamples, len(differences)))
    extreme = np.abs((signs * differences).mean(axis=1)) >= abs(differences.mean()) - 1e-12
    return float((extreme.sum() + 1) / (resamples + 1))


def mcnemar(a: Sequence[float], b: Sequence[float]) -> float:
    """Exact two-sided p of the questions on which two yes/no metrics differ."""
    gained = sum(x < y for x, y in zip(a, b, strict=True))
    lost = sum(x > y for x, y in zip(a, b, strict=True))
    changed = gained + lost
    tail = sum(math.comb(changed, k) for k in range(min(gained, lost) + 1))
    return min(1.0, float(2 * tail / 2**changed))


def smallest_detectable_difference(
    a: Sequence[float], b: Sequence[float], *, power: float = 0.8, level: float = 0.95
) -> float:
    """The difference that a paired test of so many questions finds with that power."""
    normal = NormalDist()
    quantiles = normal.inv_cdf((1 + level) / 2) + normal.inv_cdf(power)
    return float(quantiles * np.std(np.subtract(b, a), ddof=1) / math.sqrt(len(a)))
