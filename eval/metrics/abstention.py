"""Whether the right questions were answered and the right ones refused, and how knowingly.

A rate's score is of one question; averaged over the eligible ones it is the rate of that name.
Refusing is the positive class, as in SQuAD 2.0's "no answer", Rajpurkar et al. 2018. The others
take a whole run, and the order of its questions makes no difference.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


def answered_rate(answered: bool, *, answerable: bool) -> float | None:
    """``|answerable and answered| / |answerable|``; ``None`` for an unanswerable question."""
    return float(answered) if answerable else None


def false_answer_rate(answered: bool, *, answerable: bool) -> float | None:
    """``|unanswerable and answered| / |unanswerable|``; ``None`` for an answerable question."""
    return None if answerable else float(answered)


def refusal_precision(answered: bool, *, answerable: bool) -> float | None:
    """``|unanswerable and refused| / |refused|``; ``None`` for an answered question."""
    return None if answered else float(not answerable)


def refusal_recall(answered: bool, *, answerable: bool) -> float | None:
    """``|unanswerable and refused| / |unanswerable|``; ``None`` for an answerable question."""
    return None if answerable else float(not answered)


def refusal_f1(answered: ArrayLike, answerable: ArrayLike) -> float | None:
    """``2TP / (2TP + FP + FN)`` over all questions, TP being unanswerable and refused.

    Args:
        answered: shape (questions,), booleans.
        answerable: shape (questions,), booleans.

    Returns:
        ``None`` where nothing was refused and nothing should have been.
    """
    refused, unanswerable = ~np.asarray(answered, bool), ~np.asarray(answerable, bool)
    relevant = int(refused.sum()) + int(unanswerable.sum())
    return 2 * int((refused & unanswerable).sum()) / relevant if relevant else None


def answerability_macro_f1(answered: ArrayLike, answerable: ArrayLike) -> float | None:
    """The mean of the F1 of refusing and the F1 of answering, each seen as detection.

    A class that neither occurs nor is predicted is left out of the mean.

    Source: ``F1_GR``, the grounded refusals of Trust-Align, Song et al. 2024.

    Args:
        answered: shape (questions,), booleans.
        answerable: shape (questions,), booleans.

    Returns:
        ``None`` without questions.
    """
    done, could = np.asarray(answered, bool), np.asarray(answerable, bool)
    both = [refusal_f1(done, could), refusal_f1(~done, ~could)]
    defined = [f1 for f1 in both if f1 is not None]
    return sum(defined) / len(defined) if defined else None


# ── confidence ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, eq=False)
class RiskCoverage:
    """What a threshold on the confidence would answer, and how much of that is wrong.

    Attributes:
        coverage: shape (thresholds,), ascending to 1: share of the questions at or above it.
        risk: shape (thresholds,): share of these that are wrong.
        threshold: shape (thresholds,), descending: the distinct confidences.
    """

    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]
    threshold: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """The questions whose confidence is in ``(low, high]``; 0 is in the first bin.

    Attributes:
        confidence: their mean.
        accuracy: share of them that is right.
        n: how many they are.
    """

    low: float
    high: float
    confidence: float
    accuracy: float
    n: int


def risk_coverage_curve(confidence: ArrayLike, correct: ArrayLike) -> RiskCoverage:
    """``coverage(t) = |c >= t| / n``, ``risk(t) = |c >= t and wrong| / |c >= t|``.

    One point a distinct confidence: a threshold cannot part equals.

    Source: El-Yaniv and Wiener 2010; Geifman and El-Yaniv 2017.

    Args:
        confidence: shape (questions,), of any scale.
        correct: shape (questions,), 1 where the answer is right, else 0.

    Raises:
        ValueError: the shapes differ, or a confidence is not a number.
    """
    threshold, covered, wrong = _count_by_threshold(confidence, correct)
    return RiskCoverage(covered / covered[-1:], wrong / covered, threshold)


def aurc(confidence: ArrayLike, correct: ArrayLike) -> float | None:
    """Area under the risk-coverage curve: ``1/n * sum over i of risk of the i most confident``.

    Questions of equal confidence come in no order, so between two thresholds the number of wrong
    ones is its expectation over all orders. 0 is perfect; a confidence that knows nothing has
    the share of wrong answers.

    Source: Geifman, Uziel and El-Yaniv 2019.

    Args:
        confidence: as in ``risk_coverage_curve``.
        correct: as in ``risk_coverage_curve``.

    Returns:
        ``None`` without questions.

    Raises:
        ValueError: as in ``risk_coverage_curve``.
    """
    _, covered, wrong = _count_by_threshold(confidence, correct)
    if not covered.size:
        return None
    first = np.arange(1, covered[-1] + 1)
    expected = np.interp(first, np.append(0, covered), np.append(0, wrong))
    return float((expected / first).mean())


def calibration_curve(
    confidence: ArrayLike, correct: ArrayLike, *, bins: int = 10
) -> list[CalibrationBin]:
    """Confidence against accuracy, in bins of equal width; empty ones are left out.

    Source: the reliability diagram of Guo et al. 2017.

    Args:
        confidence: shape (questions,), in [0, 1].
        correct: shape (questions,), 1 where the answer is right, else 0.
        bins: how many, between 0 and 1.

    Raises:
        ValueError: the shapes differ, a confidence is out of bounds or there is no bin.
    """
    sure, right = _checked(confidence, correct)
    if bins < 1 or (sure.size and not 0 <= sure[0] <= sure[-1] <= 1):
        raise ValueError(f"cannot calibrate confidences outside [0, 1] or with {bins=}")
    edges = np.arange(bins + 1) / bins
    place = np.maximum(np.searchsorted(edges, sure, side="left") - 1, 0)
    n = np.bincount(place, minlength=bins)
    sums = [np.bincount(place, weights, minlength=bins) for weights in (sure, right)]
    return [
        CalibrationBin(
            low=float(edges[index]),
            high=float(edges[index + 1]),
            confidence=float(sums[0][index] / n[index]),
            accuracy=float(sums[1][index] / n[index]),
            n=int(n[index]),
        )
        for index in np.flatnonzero(n)
    ]


def expected_calibration_error(
    confidence: ArrayLike, correct: ArrayLike, *, bins: int = 10
) -> float | None:
    """``sum over bins of n_bin / n * |accuracy - confidence|``; ``None`` without questions.

    Source: Naeini et al. 2015; Guo et al. 2017.

    Args:
        confidence: as in ``calibration_curve``.
        correct: as in ``calibration_curve``.
        bins: as in ``calibration_curve``.

    Raises:
        ValueError: as in ``calibration_curve``.
    """
    curve = calibration_curve(confidence, correct, bins=bins)
    total = sum(each.n for each in curve)
    if not total:
        return None
    return sum(each.n * abs(each.accuracy - each.confidence) for each in curve) / total


def _count_by_threshold(
    confidence: ArrayLike, correct: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Distinct confidences, descending, and how many questions and wrong ones reach each."""
    sure, right = _checked(confidence, correct)
    ascending, first = np.unique(sure, return_index=True)
    covered = sure.size - first[::-1]
    wrong = np.cumsum(1 - right[::-1])
    return ascending[::-1], covered, wrong[covered - 1]


def _checked(
    confidence: ArrayLike, correct: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both as arrays, ascending by confidence."""
    sure, right = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    if sure.ndim != 1 or sure.shape != right.shape or np.isnan(sure).any():
        raise ValueError(f"confidences of shape {sure.shape} for answers of shape {right.shape}")
    order = np.lexsort((right, sure))
    return sure[order], right[order]
