"""Metrics of a whole run: what the confidence knows, and how far the run can be trusted."""

import itertools
import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.metrics import (
    CalibrationBin,
    answerability_macro_f1,
    aurc,
    calibration_curve,
    expected_calibration_error,
    risk_coverage_curve,
    trust_score,
)

judged = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.3, 0.7, 1.0]) | st.floats(0, 1), st.integers(0, 1)),
    min_size=1,
    max_size=12,
)


def columns(pairs: list[tuple[float, int]]) -> tuple[list[float], list[int]]:
    return [sure for sure, _ in pairs], [right for _, right in pairs]


# ── risk and coverage ───────────────────────────────────────────────────────────────────────


def test_the_curve_by_hand() -> None:
    curve = risk_coverage_curve([0.5, 0.9, 0.2, 0.5], [0, 1, 0, 1])
    assert curve.threshold.tolist() == [0.9, 0.5, 0.2]
    assert curve.coverage.tolist() == [0.25, 0.75, 1.0]
    assert curve.risk.tolist() == pytest.approx([0, 1 / 3, 1 / 2])


def test_the_area_by_hand() -> None:
    # Risks of the one, two, … most confident: 0, 1/2, 1/3, 2/4.
    assert aurc([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0]) == pytest.approx(
        (0 + 1 / 2 + 1 / 3 + 1 / 2) / 4
    )
    assert aurc([0.9, 0.8], [1, 1]) == 0.0
    assert aurc([0.9, 0.8], [0, 0]) == 1.0


def test_the_order_of_the_wrong_ones_matters() -> None:
    right = [1, 1, 0]
    knowing, blind, mistaken = (aurc(sure, right) for sure in ([3, 2, 1], [1, 1, 1], [1, 2, 3]))
    assert knowing is not None and blind is not None and mistaken is not None
    assert knowing < blind < mistaken
    assert blind == pytest.approx(1 / 3)


def test_no_questions_have_no_area() -> None:
    curve = risk_coverage_curve([], [])
    assert (curve.coverage.size, curve.risk.size, curve.threshold.size) == (0, 0, 0)
    assert aurc([], []) is expected_calibration_error([], []) is None
    assert calibration_curve([], []) == []
    assert answerability_macro_f1([], []) is None


@pytest.mark.parametrize("metric", [risk_coverage_curve, aurc, calibration_curve])
@pytest.mark.parametrize("bad", [([0.1, 0.2], [1]), ([math.nan], [1]), ([[0.1]], [[1]])])
def test_confidences_that_fit_no_answers_are_refused(metric, bad) -> None:
    with pytest.raises(ValueError, match="confidences of shape"):
        metric(*bad)


@settings(deadline=None)
@given(judged)
def test_each_point_is_what_its_threshold_gives(pairs: list[tuple[float, int]]) -> None:
    curve = risk_coverage_curve(*columns(pairs))
    assert curve.threshold.tolist() == sorted({sure for sure, _ in pairs}, reverse=True)
    for coverage, risk, least in zip(curve.coverage, curve.risk, curve.threshold, strict=True):
        kept = [right for sure, right in pairs if sure >= least]
        assert coverage == pytest.approx(len(kept) / len(pairs))
        assert risk == pytest.approx(1 - sum(kept) / len(kept))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), min_size=1, max_size=6))
def test_the_area_is_its_mean_over_all_orders_of_equals(pairs: list[tuple[int, int]]) -> None:
    def area(order: tuple[tuple[int, int], ...]) -> float:
        risks = [
            sum(1 - right for _, right in order[:count]) / count
            for count in range(1, len(order) + 1)
        ]
        return sum(risks) / len(risks)

    orders = [
        order
        for order in itertools.permutations(pairs)
        if all(before[0] >= after[0] for before, after in itertools.pairwise(order))
    ]
    expected = sum(area(order) for order in orders) / len(orders)
    assert aurc(*columns(pairs)) == pytest.approx(expected)


# ── calibration ─────────────────────────────────────────────────────────────────────────────


def test_calibration_by_hand() -> None:
    bins = calibration_curve([0.0, 0.1, 0.95, 0.96, 1.0], [0, 1, 1, 0, 1], bins=10)
    assert bins == [
        CalibrationBin(0.0, 0.1, 0.05, 0.5, 2),
        CalibrationBin(0.9, 1.0, pytest.approx(0.97), pytest.approx(2 / 3), 3),
    ]
    error = expected_calibration_error([0.0, 0.1, 0.95, 0.96, 1.0], [0, 1, 1, 0, 1])
    assert error == pytest.approx(2 / 5 * 0.45 + 3 / 5 * (0.97 - 2 / 3))


@pytest.mark.parametrize("tenth", range(1, 11))
def test_an_edge_belongs_to_the_bin_below(tenth: int) -> None:
    (only,) = calibration_curve([tenth / 10], [1])
    assert (only.low, only.high) == ((tenth - 1) / 10, tenth / 10)


@pytest.mark.parametrize(("sure", "bins"), [(-0.1, 10), (1.1, 10), (0.5, 0)])
def test_what_cannot_be_binned_is_refused(sure: float, bins: int) -> None:
    with pytest.raises(ValueError, match="cannot calibrate"):
        calibration_curve([sure], [1], bins=bins)


@settings(deadline=None)
@given(judged, st.integers(1, 15), st.randoms(use_true_random=False))
def test_bounds_and_order(pairs: list[tuple[float, int]], bins: int, random: Random) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)
    sure, right = columns(pairs)
    other = columns(shuffled)
    for metric in (aurc, expected_calibration_error):
        value = metric(sure, right)
        assert value is not None
        assert 0 <= value <= 1 + 1e-12
        assert metric(*other) == value
    curve = calibration_curve(sure, right, bins=bins)
    assert curve == calibration_curve(*other, bins=bins)
    assert sum(each.n for each in curve) == len(pairs)
    for each in curve:
        assert each.low - 1e-12 <= each.confidence <= each.high + 1e-12
        assert 0 <= each.accuracy <= 1
    assert (
        risk_coverage_curve(sure, right).risk.tolist() == risk_coverage_curve(*other).risk.tolist()
    )


# ── trust ───────────────────────────────────────────────────────────────────────────────────


def test_macro_f1_by_hand() -> None:
    # Refusing: 1 right, 1 missed, 1 too many: 1/2. Answering: 2 right, 1 and 1: 2/3.
    answered, answerable = [True, True, True, False, False], [True, True, False, False, True]
    assert answerability_macro_f1(answered, answerable) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert answerability_macro_f1([True], [True]) == 1.0
    assert answerability_macro_f1([True, True], [True, False]) == pytest.approx((0 + 2 / 3) / 2)


def test_trust_by_hand() -> None:
    answered, answerable = [True, True, True, False], [True, True, False, True]
    macro = answerability_macro_f1(answered, answerable)
    assert macro is not None
    score = trust_score(answered, answerable, [1, 0, math.nan, 0], [0.5, 1, math.nan, 0])
    assert score == pytest.approx((macro + 1 / 2 + 3 / 4) / 3)


def test_refusing_everything_is_not_trusted() -> None:
    assert trust_score([False], [True], [0.0], [0.0]) == 0.0
    assert trust_score([False, False], [True, False], [0, math.nan], [0, math.nan]) == (
        pytest.approx((0 + 2 / 3) / 2 / 3)
    )


def test_without_accepted_answers_or_gold_there_is_no_trust_score() -> None:
    assert trust_score([True], [True], [math.nan], [1.0]) is None
    assert trust_score([True], [True], [1.0], [math.nan]) is None
    assert trust_score([], [], [], []) is None


runs = st.lists(
    st.tuples(
        st.booleans(),
        st.booleans(),
        st.floats(0, 1) | st.just(math.nan),
        st.floats(0, 1) | st.just(math.nan),
    ),
    min_size=1,
    max_size=10,
)


@settings(deadline=None)
@given(runs, st.randoms(use_true_random=False))
def test_trust_bounds_and_order(
    rows: list[tuple[bool, bool, float, float]], random: Random
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    score = trust_score(*zip(*rows, strict=True))
    other = trust_score(*zip(*shuffled, strict=True))
    if score is None:
        assert other is None
        assert any(all(np.isnan(column)) for column in list(zip(*rows, strict=True))[2:])
    else:
        assert other == pytest.approx(score)
        assert 0 <= score <= 1
