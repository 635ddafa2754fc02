"""How sure is it that a supported claim answers the question?"""

import math


def confidence(*, answers: float, stated: float) -> float:
    """How sure it is that a supported claim is a right answer, in (0, 1).

    A logistic function whose weights were set by hand: it orders claims and is not calibrated.
    Word overlap has no part in it; among claims that pass the checks without a model it tells
    little (docs/decisions/0002-drafting-and-proof.md).

    Args:
        answers: the judge's yes to "is this the answer?", in [0, 1].
        stated: the judge's yes to "does the text say all of it?", in [0, 1].
    """
    return 1 / (1 + math.exp(0.8 - 0.7 * _logit(answers) - 0.3 * _logit(stated)))


def _logit(probability: float) -> float:
    bounded = min(max(probability, 0.01), 0.99)
    return math.log(bounded / (1 - bounded))
