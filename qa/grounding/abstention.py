"""How sure is it that a supported claim answers the question?

Two logistic functions over what the cross-encoder and the judge see, fitted by
``training/confidence.py``; docs/decisions/0006-cross-encoder.md has the fit and its scores.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from qa.grounding.support import Support
from qa.schema import Passage

_WITHOUT_JUDGE = (0.517, 0.359, 0.234)
_WITH_JUDGE = (-0.677, 0.336, 0.325, 0.462)
_QUOTE = (0.29, 0.42)
_HOPELESS, _CERTAIN = 0.2, 0.95


class Reader(Protocol):
    """The cross-encoder, as far as the checks need it."""

    def answers(self, question: str, passages: Sequence[Passage]) -> list[float]:
        """Probability that each passage answers ``question``."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What the cross-encoder says of a claim, as probabilities.

    Attributes:
        proof: that a sentence of the proof answers the question.
        claim: that the claim itself, read like a sentence of the document, does.
    """

    proof: float
    claim: float


def see(claim: str, question: str, support: Support, reader: Reader) -> Signals:
    """Read a claim that passed the checks without a model, and its proof."""
    unread = [item for item in support.proof if item.answers is None]
    passages = [Passage(item.text, title=item.title) for item in unread]
    title = support.proof[0].title
    *found, own = reader.answers(question, [*passages, Passage(claim, title=title)])
    known = [item.answers for item in support.proof if item.answers is not None]
    return Signals(proof=max([*known, *found]), claim=own)


def confidence(signals: Signals) -> float:
    """How sure it is that a supported claim is a right answer, in (0, 1), without a judge."""
    return _logistic(_WITHOUT_JUDGE, [signals.proof, signals.claim])


def confidence_with_judge(signals: Signals, stated: float) -> float:
    """The same, with the judge's probability that the proof says everything in the claim."""
    return _logistic(_WITH_JUDGE, [signals.proof, signals.claim, stated])


def undecided(sure: float) -> bool:
    """Whether a confidence without the judge is worth a judge's time."""
    return _HOPELESS < sure < _CERTAIN


def quote_confidence(answers: float) -> float:
    """How sure it is that a sentence answers, in (0, 1), by what the cross-encoder says of it."""
    return _logistic(_QUOTE, [answers])


def _logistic(weights: Sequence[float], probabilities: Sequence[float]) -> float:
    constant, *rest = weights
    total = constant + sum(w * _logit(p) for w, p in zip(rest, probabilities, strict=True))
    return 1 / (1 + math.exp(-total))


def _logit(probability: float) -> float:
    bounded = min(max(probability, 0.005), 0.995)
    return math.log(bounded / (1 - bounded))
