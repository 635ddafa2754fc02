"""How far a whole run can be trusted, in one number."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eval.metrics.abstention import answerability_macro_f1


def trust_score(
    answered: ArrayLike, answerable: ArrayLike, str_em: ArrayLike, citation_f1: ArrayLike
) -> float | None:
    """The mean of ``answerability_macro_f1``, and of ``str_em`` and ``citation_f1`` of answers.

    Source: Trust-Align, Song et al. 2024, with two parts made simpler: correctness is a mean
    over the answered questions that have accepted answers, not an F1 that counts refusals once
    more, and citations are held against gold sentences, not against entailment.

    Args:
        answered: shape (questions,), booleans.
        answerable: shape (questions,), booleans.
        str_em: shape (questions,); NaN where a question has no such score.
        citation_f1: shape (questions,); NaN where a question has no such score.

    Returns:
        ``None`` if no question at all has one of the three.
    """
    done = np.asarray(answered, bool)
    parts = [
        answerability_macro_f1(done, answerable),
        _mean_of_answered(np.asarray(str_em, np.float64), done),
        _mean_of_answered(np.asarray(citation_f1, np.float64), done),
    ]
    defined = [part for part in parts if part is not None]
    return sum(defined) / len(parts) if len(defined) == len(parts) else None


def _mean_of_answered(scores: NDArray[np.float64], answered: NDArray[np.bool_]) -> float | None:
    """0 where questions have a score and none of them was answered."""
    eligible = ~np.isnan(scores)
    if not eligible.any():
        return None
    kept = scores[eligible & answered]
    return float(kept.mean()) if kept.size else 0.0
