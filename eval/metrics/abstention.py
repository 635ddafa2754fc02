"""Whether the right questions were answered and the right ones refused.

Each score is of one question; averaged over the eligible ones it is the rate of that name.
Refusing is the positive class, as in SQuAD 2.0's "no answer", Rajpurkar et al. 2018.
"""

import numpy as np
from numpy.typing import ArrayLike


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
