from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from eval.stats import Estimate, bootstrap_interval, bootstrap_statistic

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
