"""How sure is it that a supported claim answers the question?"""

import math


def confidence(*, answers: float, stated: float) -> float:
    """Probability that a supported claim is a right answer, by a logistic model.

    The checks without a model have passed already; among what passes them, their numbers tell
    right from wrong no better than chance, and the judge's do (docs/measurements.md).

    Args:
        answers: the judge's yes to "is this the answer?", in [0, 1].
        stated: the judge's yes to "does the text say all of it?", in [0, 1].
    """
    return 1 / (1 + math.exp(0.8 - 0.7 * _logit(answers) - 0.3 * _logit(stated)))


def _logit(probability: float) -> float:
    bounded = min(max(probability, 0.01), 0.99)
    return math.log(bounded / (1 - bounded))
