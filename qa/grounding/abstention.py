"""How sure is it that a supported claim, or a sentence, answers the question?

Logistic functions over what the cross-encoder and the judge see, fitted by
``training/confidence.py``; docs/decisions/0018-confidence.md has the fit and its scores.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from qa.grounding.kinds import answers_kind
from qa.grounding.misfits import misfit
from qa.layout import LONGEST_LIST, introduces, is_item
from qa.odds import average, from_log_odds, log_odds
from qa.schema import Evidence, Passage
from qa.words import stems, without_marks

_CLAIM = (0.672, 0.753)
_CLAIM_JUDGED = (-0.64, 0.546, 1.138)
_QUOTE = (0.152, 0.811)
_QUOTE_JUDGED = (-0.779, 0.501, 1.038)
_AHEAD = (-0.563, 1.482)
FAR = 3.0
"""A lead that is as good as any greater one, in log odds."""
_HOPELESS, _CERTAIN = 0.1, 0.9
_CONTENDS, _ALWAYS = 0.2, 2


class Reading(Protocol):
    """Where in a passage its answer stands, as character offsets."""

    @property
    def start(self) -> int:
        """Its first character."""

    @property
    def end(self) -> int:
        """The character after its last."""


class Reader(Protocol):
    """The cross-encoder, as far as the checks need it."""

    def answers(self, question: str, passages: Sequence[Passage]) -> list[float]:
        """Probability that each passage answers ``question``."""

    def read(self, question: str, passages: Sequence[Passage]) -> Sequence[Reading]:
        """The likeliest answer in each passage; all of it where the reader tells no place."""

    def supports(self, claim: str, passages: Sequence[Passage]) -> list[float]:
        """Probability that each passage proves ``claim``."""


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


def like_answered(
    question: str, one: Passage, others: Sequence[Passage], reader: Reader
) -> list[bool]:
    """Whether the likeliest answer in each of the others has the same words as that in ``one``."""
    asked = frozenset(stems(question))
    shown = [one, *others]
    readings = reader.read(question, shown)
    said = [
        frozenset(stems(it.text[at.start : at.end])) for it, at in zip(shown, readings, strict=True)
    ]
    told = [it - asked for it in said]
    return [bool(it) and it == told[0] for it in told[1:]]


def likeliest(evidence: Sequence[Evidence]) -> Evidence | None:
    """The sentence that most likely answers; ``None`` if none was read."""
    read = [item for item in evidence if item.answers is not None]
    return max(read, key=lambda item: item.answers or 0.0, default=None)


def contenders(evidence: Sequence[Evidence]) -> list[Evidence]:
    """The sentences to draft from: each costs the language model a third of a second to read.

    Two at least; of the others those that are a fifth as likely as the likeliest, or that nobody
    has read, and what stands right before one of them, is introduced together with it or led to it.
    """
    ranked = [item for item in evidence if not item.neighbour]
    least = _CONTENDS * max((item.answers or 0.0 for item in ranked), default=0.0)
    kept = [
        item
        for place, item in enumerate(ranked)
        if place < _ALWAYS or item.answers is None or item.answers >= least
    ]
    before = {item.before[-1] for item in kept if item.before}
    introducing = {item.text for item in kept if introduces(item.text)}
    introducing |= {item.before[-1] for item in kept if item.before and is_item(item.text)}
    length = Counter(item.before[-1] for item in evidence if item.before)
    introducing = {text for text in introducing if length[text] <= LONGEST_LIST}
    leading = {item.led_by for item in kept}
    return kept + [
        item
        for item in evidence
        if (item.neighbour and (item.text in before or introducing & {*item.before[-1:]}))
        or (item.sentence_id in leading and item not in kept)
    ]


def quotable(question: str, passage: Passage, reader: Reader) -> bool:
    """Whether a passage fits, and it and the likeliest answer in it are of the kind asked for."""
    if misfit(question, passage.text) is not None:
        return False
    answer = without_marks(_likeliest_answer(question, passage, reader))
    return answers_kind(question, passage.text) and answers_kind(question, answer, whole=False)


def misses(claim: str, question: str, sentence: Evidence, reader: Reader) -> bool:
    """Whether ``claim`` has no word of the answer that ``reader`` finds in its proof.

    A reader that tells no place has found none: the claim misses nothing then.
    """
    found = _likeliest_answer(question, Passage(sentence.text, title=sentence.title), reader)
    if found == sentence.text:
        return False
    answer = set(stems(found)) - set(stems(question))
    return bool(answer) and not answer & set(stems(claim))


def _likeliest_answer(question: str, passage: Passage, reader: Reader) -> str:
    (answer,) = reader.read(question, [passage])
    return passage.text[answer.start : answer.end]


def _logistic(weights: Sequence[float], signals: Sequence[float]) -> float:
    constant, *rest = weights
    return from_log_odds(constant + sum(w * it for w, it in zip(rest, signals, strict=True)))


def _odds(probability: float) -> float:
    """Log odds; what is nearly certain counts as 0.5 % or 99.5 %."""
    return log_odds(min(max(probability, 0.005), 0.995))
