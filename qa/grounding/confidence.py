"""How sure is it that a supported claim, or a sentence, answers the question?

Logistic functions over what the cross-encoder and the judge see, fitted by
``training/confidence.py``; docs/decisions/0018-confidence.md has the fit and its scores.
"""

import math
from collections.abc import Sequence

from qa.grounding.reader import Reader
from qa.odds import average, from_log_odds, log_odds
from qa.schema import Evidence, Passage

# The constant, then a weight for the log odds of each signal, in the order of the arguments.
_CLAIM = (0.672, 0.753)
_CLAIM_JUDGED = (-0.64, 0.546, 1.138)
_QUOTE = (0.152, 0.811)
_QUOTE_JUDGED = (-0.779, 0.501, 1.038)
_AHEAD = (-0.563, 1.482)
FAR = 3.0
"""A lead that is as good as any greater one, in log odds."""
_HOPELESS, _CERTAIN = 0.1, 0.9
"""Between them the judge is asked, of 0.75 of the claims. Up to 0.95, of 0.91, it brought no
more."""


def proof_score(question: str, proof: Sequence[Evidence], reader: Reader) -> float:
    """Probability that ``proof`` answers; several sentences are read as one passage.

    Alone, each of two neighbours that answer together says too little: where a thing happened,
    but not which, and the other way round.
    """
    if len(proof) == 1 and proof[0].answers is not None:
        return proof[0].answers
    text = " ".join(item.text for item in proof)
    titled, bare = (
        reader.answers(question, [Passage(text, title=title)])[0] for title in (proof[0].title, "")
    )
    return average(titled, bare)


def confidence(proof: float, judged: float | None = None) -> float:
    """How sure it is that a supported claim is a right answer, in (0, 1).

    Args:
        proof: what the cross-encoder says of its proof.
        judged: what the judge says of it.
    """
    if judged is None:
        return _logistic(_CLAIM, [_odds(proof)])
    return _logistic(_CLAIM_JUDGED, [_odds(proof), _odds(judged)])


def undecided(sure: float) -> bool:
    """Whether a confidence without the judge is worth a judge's time."""
    return _HOPELESS < sure < _CERTAIN


def quote_confidence(answers: float, ahead: float, judged: float | None = None) -> float:
    """How sure it is that a sentence answers, in (0, 1): that one does, and that it is this one.

    The geometric mean of the two; the product would be too low, for one tells of the other.

    Args:
        answers: what the cross-encoder says of it.
        ahead: how far it is ahead of the next, by ``lead``.
        judged: what the judge says of it.
    """
    if judged is None:
        answered = _logistic(_QUOTE, [_odds(answers)])
    else:
        answered = _logistic(_QUOTE_JUDGED, [_odds(answers), _odds(judged)])
    return math.sqrt(answered * _logistic(_AHEAD, [ahead]))


def lead(answers: float, next_best: float) -> float:
    """How far one probability is ahead of another, in log odds, in [-1, ``FAR``].

    Of two sentences that both seem to answer, one is taken for the other: the lead tells a right
    quotation from a wrong one better than what the cross-encoder says of the sentence itself.
    """
    return min(max(_odds(answers) - _odds(next_best), -1.0), FAR)


def _logistic(weights: Sequence[float], signals: Sequence[float]) -> float:
    constant, *rest = weights
    return from_log_odds(constant + sum(w * it for w, it in zip(rest, signals, strict=True)))


def _odds(probability: float) -> float:
    """Log odds; what is nearly certain counts as 0.5 % or 99.5 %, as in the fit."""
    return log_odds(min(max(probability, 0.005), 0.995))
