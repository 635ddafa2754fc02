"""Whether the right questions were answered and the right ones refused.

Each score is of one question; averaged over the eligible ones it is the rate of that name.
Refusing is the positive class, as in SQuAD 2.0's "no answer", Rajpurkar et al. 2018.
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

    A mean of single questions would not be it, so this one takes a whole run.

    Args:
        answered: shape (questions,), booleans.
        answerable: shape (questions,), booleans.

    Returns:
        ``None`` where nothing was refused and nothing should have been.
    """
    refused, unanswerable = ~np.asarray(answered, bool), ~np.asarray(answerable, bool)
    relevant = int(refused.sum()) + int(unanswerable.sum())
    return 2 * int((refused & unanswerable).sum()) / relevant if relevant else None


@dataclass(frozen=True, slots=True, eq=False)
class RiskCoverage:
    """What a threshold on the confidence would answer, and how much of that is wrong."""

    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]
    threshold: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """The questions whose confidence is between ``low`` and ``high``."""

    low: float
    high: float
    confidence: float
    accuracy: float
    n: int


def risk_coverage_curve(confidence: ArrayLike, correct: ArrayLike) -> RiskCoverage:
    """One point a distinct confidence, most confident first."""
    sure, right = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    threshold = np.unique(sure)[::-1]
    covered = np.array([(sure >= least).sum() for least in threshold], np.float64)
    wrong = np.array([(1 - right[sure >= least]).sum() for least in threshold], np.float64)
    return RiskCoverage(covered / max(sure.size, 1), wrong / covered, threshold)


def aurc(confidence: ArrayLike, correct: ArrayLike) -> float | None:
    """Area under the risk-coverage curve; ``None`` without questions."""
    sure, right = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    wrong = 1 - right[np.argsort(-sure, kind="stable")]
    return float((wrong.cumsum() / np.arange(1, sure.size + 1)).mean()) if sure.size else None


def calibration_curve(
    confidence: ArrayLike, correct: ArrayLike, *, bins: int = 10
) -> list[CalibrationBin]:
    """Confidence against accuracy, in bins of equal width; empty ones are left out."""
    sure, right = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    place = np.clip(np.ceil(sure * bins) - 1, 0, bins - 1)
    return [
        CalibrationBin(
            low=index / bins,
            high=(index + 1) / bins,
            confidence=float(sure[place == index].mean()),
            accuracy=float(right[place == index].mean()),
            n=int((place == index).sum()),
        )
        for index in range(bins)
        if (place == index).any()
    ]


def expected_calibration_error(
    confidence: ArrayLike, correct: ArrayLike, *, bins: int = 10
) -> float | None:
    """``sum over bins of n_bin / n * |accuracy - confidence|``; ``None`` without questions."""
    curve = calibration_curve(confidence, correct, bins=bins)
    total = sum(each.n for each in curve)
    gaps = (each.n * abs(each.accuracy - each.confidence) for each in curve)
    return sum(gaps) / total if total else None
