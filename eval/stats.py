"""How sure a number is, given how few questions it stands on, and whether two runs differ.

Two runs are compared question by question: ``a`` and ``b`` are one score a question each, in the
same order.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Statistic = Callable[[NDArray[np.float64]], float | None]

_BLOCK = 500
"""So many resamples at once: 10,000 questions are 40 MB then."""


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
    _check(len(values), resamples, level)
    # A resample says how often each distinct value is drawn; scores have few distinct ones.
    distinct, counts = np.unique(np.asarray(values, np.float64), return_counts=True)
    n = len(values)
    draws = np.random.default_rng(seed).multinomial(n, counts / n, size=resamples)
    return _estimate(float(counts @ distinct / n), draws @ distinct / n, level, n)


def bootstrap_statistic(
    rows: Sequence[tuple[float, ...]],
    statistic: Statistic,
    *,
    seed: int,
    resamples: int = 1000,
    level: float = 0.95,
) -> Estimate:
    """The same for any number that is worked out from whole questions, such as an F1.

    Args:
        rows: one a question; their order makes no difference. A column may hold NaN.
        statistic: takes an array of shape (questions, columns), its rows sorted; resamples for
            which it gives ``None`` are left out of the interval.
        seed: as in ``bootstrap_interval``.
        resamples: as in ``bootstrap_interval``.
        level: as in ``bootstrap_interval``.

    Raises:
        ValueError: there are no rows, the statistic is undefined on them, or an argument is out
            of bounds.
    """
    _check(len(rows), resamples, level)
    data = _sorted(rows)
    value = statistic(data)
    if value is None:
        raise ValueError("the statistic is undefined on these rows")
    generator, n = np.random.default_rng(seed), len(data)
    draws = (
        statistic(data.repeat(np.bincount(generator.integers(n, size=n), minlength=n), axis=0))
        for _ in range(resamples)
    )
    return _estimate(value, [draw for draw in draws if draw is not None] or [value], level, n)


def paired_difference(a: Sequence[float], b: Sequence[float], *, seed: int) -> Estimate:
    """The mean of ``b - a`` with its bootstrap interval.

    Args:
        a: scores of one run.
        b: scores of the other on the same questions.
        seed: as in ``bootstrap_interval``.

    Raises:
        ValueError: there are no scores, or not as many of both.
    """
    return bootstrap_interval(_differences(a, b).tolist(), seed=seed)


def permutation_test(
    a: Sequence[float], b: Sequence[float], *, seed: int, resamples: int = 10_000
) -> float:
    """Two-sided p of the mean of ``b - a``, were each question's two scores exchangeable.

    Exact where the signs of all differences can be flipped in no more than ``resamples`` ways.

    Source: the paired randomization test, Fisher 1935; Smucker et al. 2007 for retrieval.

    Args:
        a: scores of one run.
        b: scores of the other on the same questions.
        seed: the same differences and seed give the same p, in whatever order.
        resamples: how many times signs are drawn.

    Raises:
        ValueError: there are no scores, or not as many of both.
    """
    differences = _differences(a, b)
    sizes = np.sort(np.abs(differences[differences != 0]))  # a 0 stays one, whatever its sign
    # Not by scipy, whose ties are relative to the mean seen and so wrong where that is about 0.
    least = abs(differences.sum()) - 1e-12 * sizes.sum()
    if 2**sizes.size <= resamples:
        signs = np.array(list(itertools.product((-1, 1), repeat=sizes.size)))
        return float((np.abs(signs @ sizes) >= least).mean())
    generator = np.random.default_rng(seed)
    extreme = 0
    for done in range(0, resamples, _BLOCK):
        shape = (min(_BLOCK, resamples - done), sizes.size)
        signs = 2 * generator.integers(2, size=shape, dtype=np.int8) - 1
        extreme += int((np.abs(signs @ sizes) >= least).sum())
    return (extreme + 1) / (resamples + 1)


def swap_test(
    rows: Sequence[tuple[float, ...]],
    difference: Statistic,
    *,
    seed: int,
    resamples: int = 1000,
) -> float:
    """Two-sided p of a difference of two runs, were each question's two rows exchangeable.

    For numbers that are worked out from whole questions, as in ``bootstrap_statistic``.

    Source: approximate randomization, Noreen 1989; Yeh 2000 for F1 scores.

    Args:
        rows: one a question, the first half of its columns of one run, the second of the other;
            their order makes no difference. A column may hold NaN.
        difference: takes an array of shape (questions, columns), its rows sorted; swaps for which
            it gives ``None`` are left out.
        seed: the same rows and seed give the same p.
        resamples: how many times the rows of questions drawn by lot are swapped.

    Raises:
        ValueError: there are no rows, or the difference is undefined on them.
    """
    data = _sorted(rows)
    seen = difference(data) if len(data) else None
    if seen is None:
        raise ValueError(f"no difference to test in {len(data)} rows")
    generator, swapped = np.random.default_rng(seed), np.roll(data, data.shape[1] // 2, axis=1)
    draws = (
        difference(np.where(generator.integers(2, size=(len(data), 1)), swapped, data))
        for _ in range(resamples)
    )
    far = [abs(draw) >= abs(seen) - 1e-12 for draw in draws if draw is not None]
    return (sum(far) + 1) / (len(far) + 1)


def holm(ps: Sequence[float]) -> list[float]:
    """The p values, raised so that of all tests together so few say by chance what is not so.

    ``max over j <= i of min(1, (m - j + 1) * p_j)`` for the ``i``-th smallest of ``m``.

    Source: Holm 1979.

    Args:
        ps: one a test, in any order, which the result keeps.
    """
    raised = [0.0] * len(ps)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[place]))
        raised[place] = highest
    return raised


def mcnemar(a: Sequence[float], b: Sequence[float]) -> float:
    """Exact two-sided p of how many questions turned from 0 to 1, and how many from 1 to 0.

    ``2 * sum over k <= min(gained, lost) of C(n, k) / 2^n`` with ``n = gained + lost``, at most 1.

    Source: McNemar 1947, with the binomial distribution.

    Args:
        a: scores of one run, 0 or 1.
        b: scores of the other on the same questions.

    Raises:
        ValueError: a score is neither 0 nor 1, there are none, or not as many of both.
    """
    differences = _differences(a, b)
    if not set(a) | set(b) <= {0, 1}:
        raise ValueError("McNemar's test takes scores of 0 and 1 alone")
    gained, lost = int((differences > 0).sum()), int((differences < 0).sum())
    turned = gained + lost
    tail = sum(math.comb(turned, count) for count in range(min(gained, lost) + 1))
    return float(min(1.0, 2 * tail / 2**turned))


def smallest_detectable_difference(
    a: Sequence[float], b: Sequence[float], *, power: float = 0.8, level: float = 0.95
) -> float:
    """``(z(1 - (1 - level) / 2) + z(power)) * sd(b - a) / sqrt(n)``, with ``z`` normal quantiles.

    A true mean difference of this size would be told from 0 with a chance of ``power``. Where
    all differences are equal it is 0, and says nothing.

    Source: the power of the paired test, Cohen 1988, ch. 2.

    Args:
        a: scores of one run.
        b: scores of the other on the same questions.
        power: the chance, in (0, 1).
        level: confidence of the two-sided test, in (0, 1).

    Raises:
        ValueError: there are fewer than two scores, not as many of both, or an argument is out
            of bounds.
    """
    differences = _differences(a, b)
    if len(differences) < 2 or not 0 < level < 1 or not 0 < power < 1:
        raise ValueError(f"nothing to detect in {len(differences)} scores, {power=}, {level=}")
    normal = NormalDist()
    quantiles = normal.inv_cdf((1 + level) / 2) + normal.inv_cdf(power)
    return float(quantiles * differences.std(ddof=1) / np.sqrt(len(differences)))


def _differences(a: Sequence[float], b: Sequence[float]) -> NDArray[np.float64]:
    if not len(a) or len(a) != len(b):
        raise ValueError(f"cannot pair {len(a)} scores with {len(b)}")
    return np.asarray(b, np.float64) - np.asarray(a, np.float64)


def _sorted(rows: Sequence[tuple[float, ...]]) -> NDArray[np.float64]:
    data = np.asarray(rows, dtype=np.float64)
    return data[np.lexsort(data.T[::-1])] if data.size else data


def _check(n: int, resamples: int, level: float) -> None:
    if not n or resamples < 1 or not 0 < level < 1:
        raise ValueError(f"cannot bootstrap {n} rows, {resamples=}, {level=}")


def _estimate(value: float, draws: ArrayLike, level: float, n: int) -> Estimate:
    low, high = np.quantile(np.asarray(draws, np.float64), [(1 - level) / 2, (1 + level) / 2])
    # Resampled calibration errors lie above that of the whole, which belongs to its interval.
    return Estimate(mean=value, low=min(float(low), value), high=max(float(high), value), n=n)
