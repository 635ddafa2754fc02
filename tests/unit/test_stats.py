import itertools
import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from eval.stats import (
    Estimate,
    bootstrap_interval,
    bootstrap_statistic,
    holm,
    mcnemar,
    paired_difference,
    permutation_test,
    smallest_detectable_difference,
    swap_test,
)

unit = st.floats(0, 1, allow_nan=False)


def test_the_interval_is_that_of_the_resampled_means() -> None:
    # Of two values 0 and 1, the means 0, 1/2 and 1 come with chances 1/4, 1/2 and 1/4.
    estimate = bootstrap_interval([0.0, 1.0], seed=0)
    assert estimate == Estimate(mean=0.5, low=0.0, high=1.0, n=2)
    assert bootstrap_interval([0.0, 1.0], seed=0, level=0.4) == Estimate(0.5, 0.5, 0.5, 2)


def test_the_interval_agrees_with_the_normal_one_on_many_values() -> None:
    values = [float(value) for value in np.random.default_rng(1).normal(0.5, 0.1, 2_000)]
    estimate = bootstrap_interval(values, seed=0)
    half = 1.96 * float(np.std(values)) / np.sqrt(len(values))
    assert estimate.mean - estimate.low == pytest.approx(half, rel=0.1)
    assert estimate.high - estimate.mean == pytest.approx(half, rel=0.1)


def test_the_seed_decides() -> None:
    values = [index / 30 for index in range(30)]
    assert bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3)
    assert bootstrap_interval(values, seed=3) != bootstrap_interval(values, seed=4)


def test_one_value_has_no_width() -> None:
    assert bootstrap_interval([0.3], seed=0) == Estimate(0.3, 0.3, 0.3, 1)


def test_resamples_on_which_the_statistic_is_undefined_are_left_out() -> None:
    def share(rows: NDArray[np.float64]) -> float | None:
        total = rows[:, 1].sum()
        return float(rows[:, 0].sum() / total) if total else None

    estimate = bootstrap_statistic([(1.0, 1.0), (0.0, 0.0)], share, seed=0)
    assert estimate == Estimate(1.0, 1.0, 1.0, 2)
    with pytest.raises(ValueError, match="undefined"):
        bootstrap_statistic([(0.0, 0.0)], share, seed=0)


def test_an_estimate_is_inside_its_interval_even_if_all_resamples_lie_to_one_side() -> None:
    def spread(rows: NDArray[np.float64]) -> float:
        return 0.0 if len(set(rows[:, 0])) == 50 else 1.0

    assert bootstrap_statistic([(float(row),) for row in range(50)], spread, seed=0) == (
        Estimate(0.0, 0.0, 1.0, 50)
    )


def test_a_statistic_is_estimated_as_the_mean_is() -> None:
    values = [float(value) for value in np.random.default_rng(1).beta(2, 3, 300)]
    mean = bootstrap_interval(values, seed=0, resamples=4000)
    same = bootstrap_statistic(
        [(value,) for value in values], lambda rows: float(rows.mean()), seed=0, resamples=4000
    )
    assert (same.mean, same.n) == (pytest.approx(mean.mean), 300)
    assert (same.low, same.high) == (
        pytest.approx(mean.low, abs=0.002),
        pytest.approx(mean.high, abs=0.002),
    )


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(unit, unit | st.just(math.nan)), min_size=1, max_size=8),
    st.randoms(use_true_random=False),
)
def test_rows_come_in_no_order(rows: list[tuple[float, float]], random: Random) -> None:
    def statistic(table: NDArray[np.float64]) -> float:
        return float(table[0, 0] * np.nansum(table))

    shuffled = list(rows)
    random.shuffle(shuffled)
    estimate = bootstrap_statistic(rows, statistic, seed=0, resamples=50)
    assert bootstrap_statistic(shuffled, statistic, seed=0, resamples=50) == estimate


@pytest.mark.parametrize("bad", [{"values": []}, {"level": 0.0}, {"level": 1.0}, {"resamples": 0}])
def test_bad_arguments_are_refused(bad: dict[str, object]) -> None:
    arguments = {"values": [1.0], "seed": 0, **bad}
    with pytest.raises(ValueError, match="cannot bootstrap"):
        bootstrap_interval(**arguments)  # type: ignore[arg-type]


@settings(deadline=None, max_examples=50)
@given(st.lists(unit, min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_bounds_and_order(values: list[float], random: Random) -> None:
    estimate = bootstrap_interval(values, seed=0, resamples=100)
    assert 0 <= estimate.low <= estimate.high <= 1
    assert 0 <= estimate.mean <= 1
    shuffled = list(values)
    random.shuffle(shuffled)
    assert bootstrap_interval(shuffled, seed=0, resamples=100) == estimate


# ── two runs ────────────────────────────────────────────────────────────────────────────────

pairs_of_scores = st.lists(
    st.tuples(st.sampled_from([0.0, 0.2, 0.5, 1.0]), st.sampled_from([0.0, 0.3, 1.0])),
    min_size=1,
    max_size=9,
)


def test_the_paired_difference_is_that_of_the_second_run() -> None:
    estimate = paired_difference([0.0, 0.5, 1.0], [1.0, 0.5, 1.0], seed=0)
    assert (estimate.mean, estimate.n) == (pytest.approx(1 / 3), 3)
    assert 0 <= estimate.low < estimate.mean < estimate.high <= 1
    assert paired_difference([0.2, 0.4], [0.2, 0.4], seed=0) == Estimate(0, 0, 0, 2)


def test_permutation_test_by_hand() -> None:
    # Of the 16 ways to flip four equal differences, two are as far from 0.
    assert permutation_test([0, 0, 0, 0], [1, 1, 1, 1], seed=0) == 2 / 16
    assert permutation_test([0.5, 0.1], [0.5, 0.1], seed=0) == 1.0


@settings(deadline=None)
@given(pairs_of_scores)
def test_permutation_test_is_exact_for_few_questions(pairs: list[tuple[float, float]]) -> None:
    a, b = zip(*pairs, strict=True)
    differences = [after - before for before, after in pairs]
    seen = abs(sum(differences))
    flips = list(itertools.product([-1, 1], repeat=len(pairs)))
    sums = [abs(sum(s * d for s, d in zip(signs, differences, strict=True))) for signs in flips]
    expected = sum(value >= seen - 1e-9 for value in sums) / len(flips)
    p = permutation_test(a, b, seed=0)
    assert p == pytest.approx(expected)
    assert permutation_test(b, a, seed=1) == pytest.approx(p)


def test_permutation_test_of_many_questions_agrees_with_the_t_test() -> None:
    generator = np.random.default_rng(2)
    a = generator.random(300)
    b = a + generator.normal(0.02, 0.2, 300)
    p = permutation_test(a.tolist(), b.tolist(), seed=0)
    assert p == pytest.approx(stats.ttest_rel(a, b).pvalue, abs=0.01)
    order = generator.permutation(300)
    assert permutation_test(a[order].tolist(), b[order].tolist(), seed=0) == p
    assert permutation_test(b.tolist(), a.tolist(), seed=0) == p
    assert permutation_test(a.tolist(), b.tolist(), seed=1) != p


def test_mcnemar_by_hand() -> None:
    # 8 of 10 turned from wrong to right: 2 * (C(10,0) + C(10,1) + C(10,2)) / 2^10.
    a, b = [0] * 8 + [1] * 2 + [1] * 5, [1] * 8 + [0] * 2 + [1] * 5
    assert mcnemar(a, b) == mcnemar(b, a) == pytest.approx(112 / 1024)
    assert mcnemar([1, 0], [1, 0]) == 1.0
    with pytest.raises(ValueError, match="0 and 1"):
        mcnemar([0.5], [1])


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=13))
def test_mcnemar_is_the_permutation_test_of_yes_and_no(pairs: list[tuple[int, int]]) -> None:
    a, b = zip(*pairs, strict=True)
    gained = sum(after > before for before, after in pairs)
    lost = sum(after < before for before, after in pairs)
    if gained + lost:
        reference = stats.binomtest(gained, gained + lost).pvalue
        assert mcnemar(a, b) == pytest.approx(reference)
    p = mcnemar(a, b)
    assert permutation_test(a, b, seed=0) == pytest.approx(p)


def test_a_difference_of_that_size_is_detected_as_often_as_asked() -> None:
    generator = np.random.default_rng(3)
    zero = [0.0] * 60
    size = smallest_detectable_difference(zero, generator.normal(0, 1, 60).tolist())
    samples = generator.normal(size, 1, (2000, 60))
    assert 0.7 < (stats.ttest_1samp(samples, 0, axis=1).pvalue < 0.05).mean() < 0.9


def test_smallest_detectable_difference_by_hand() -> None:
    # Differences 0 and 1: standard deviation sqrt(1/2), over sqrt(2).
    size = smallest_detectable_difference([0, 0], [0, 1])
    assert size == pytest.approx((1.959964 + 0.841621) / 2, abs=1e-6)
    assert smallest_detectable_difference([0, 0], [0, 1], power=0.9) > size
    assert smallest_detectable_difference([0, 0], [0, 1], level=0.9) < size
    assert smallest_detectable_difference([0, 0, 0, 0], [0, 1, 0, 1]) < size
    assert smallest_detectable_difference([0, 0], [1, 1]) == 0.0


@pytest.mark.parametrize(
    "bad", [{"b": [1.0]}, {"power": 0.0}, {"power": 1.0}, {"level": 1.0}, {"a": [1.0], "b": [1.0]}]
)
def test_nothing_can_be_detected_in_too_little(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="cannot pair|nothing to detect"):
        smallest_detectable_difference(**{"a": [0.0, 1.0], "b": [1.0, 1.0], **bad})  # type: ignore[arg-type]


def test_runs_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot pair 2 scores with 1"):
        paired_difference([0, 1], [1], seed=0)
    with pytest.raises(ValueError, match="cannot pair 0 scores with 0"):
        permutation_test([], [], seed=0)
    with pytest.raises(ValueError, match="cannot pair 1 scores with 0"):
        mcnemar([1], [])


def of_means(rows: NDArray[np.float64]) -> float:
    return float(rows[:, 1].mean() - rows[:, 0].mean())


def test_the_swap_test_of_means_is_the_permutation_test() -> None:
    generator = np.random.default_rng(4)
    a = generator.random(60)
    b = a + generator.normal(0.05, 0.2, 60)
    rows = list(zip(a.tolist(), b.tolist(), strict=True))
    p = swap_test(rows, of_means, seed=0, resamples=4000)
    assert p == pytest.approx(permutation_test(a.tolist(), b.tolist(), seed=0), abs=0.02)
    assert swap_test(rows[::-1], of_means, seed=0, resamples=4000) == p
    assert swap_test([(0.3, 0.3), (0.1, 0.1)], of_means, seed=0) == 1.0
    assert swap_test([(0.0, 1.0)] * 40, of_means, seed=0) == pytest.approx(1 / 1001)


def test_swaps_on_which_the_difference_is_undefined_are_left_out() -> None:
    def first_alone(rows: NDArray[np.float64]) -> float | None:
        return None if np.isnan(rows[:, 1]).all() else 1.0

    assert swap_test([(math.nan, 1.0)], first_alone, seed=0) == 1.0
    for rows in ([], [(1.0, math.nan)]):
        with pytest.raises(ValueError, match="no difference to test"):
            swap_test(rows, first_alone, seed=0)


def test_holm_by_hand() -> None:
    # 4 * 0.005, 3 * 0.01, 2 * 0.03, and 0.04, which must not be below the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.4, 0.9]) == pytest.approx([0.8, 0.9])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(unit, max_size=8))
def test_holm_lowers_no_p_and_turns_no_order_round(ps: list[float]) -> None:
    raised = holm(ps)
    assert all(p <= more <= 1 for p, more in zip(ps, raised, strict=True))
    order = sorted(range(len(ps)), key=ps.__getitem__)
    assert [raised[place] for place in order] == sorted(raised)
