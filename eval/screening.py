"""Whether a proposed question is worth keeping, and which sentences are its gold.

The checks are those of answering: the answer must stand in the sentence, the grounding must find
that sentence for it, and the cross-encoder must see the same answer there. What passes is easier
than what people ask, and still a draft.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Protocol

from eval.cases import Alternatives
from eval.duplicates import NEARLY, similarity
from eval.proposals import Article, Proposal
from qa.grounding.cross_encoder import Reading
from qa.grounding.support import Similarity, find_support
from qa.schema import Passage
from qa.words import stems, terms, words

ANSWERS_FLOOR = 0.3
"""Three of four gold sentences of the sample suite are rated higher for their question; at 0.5 it
would be three of five, and only what is easy for the cross-encoder would be left to evaluate."""

_ANSWER_WORDS = 8
_COPIED_WORDS = 8
_FOCUS = 0.5
"""Share of the question's words, above which it is about the sentence and the one before."""
_COMPARED = 32
"""Sentences of the document that are read for a question, those first that share most with it."""

_AROUND = " .,;:!"
_LEANS = re.compile(
    r"\b(?:this|these|those|here|the (?:article|author|passage|sentence|text|above|following))\b",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"\b(?:it|its|he|she|they|him|her|them|his|hers|their|theirs|we|our|us|i|my|you|your)\b",
    re.IGNORECASE,
)
_QUOTES = str.maketrans(dict.fromkeys('“”„‘’"', "'"))
_QUOTED = re.compile(r"'(?P<inside>[^']+)'")


class Dropped(StrEnum):
    """Why a proposal is not kept."""

    REPLY = "the reply is not a question"
    NOT_COPIED = "the answer does not stand in the sentence"
    LONG = "the answer is too long"
    GIVEN_AWAY = "the question gives the answer away"
    COPIES = "the question copies the sentence"
    LEANS = "the question leans on its context"
    UNGROUNDED = "the grounding does not find that sentence"
    FOREIGN = "the question brings in what the sentences do not say"
    NOT_ANSWERED = "the cross-encoder does not see that it answers"
    DISAGREED = "the model and the cross-encoder see different answers"
    AMBIGUOUS = "another sentence answers it better"
    DUPLICATE = "it asks nearly the same as an earlier one"


class Reader(Protocol):
    """The cross-encoder, as far as drafting needs it."""

    def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
        """What it sees in each passage."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A proposal that passed the checks.

    Attributes:
        answer: as it stands in the sentence.
        evidence: what proves it; each further sentence that says the same is an alternative.
    """

    question: str
    answer: str
    evidence: Alternatives


def examine(
    proposal: Proposal,
    article: Article,
    place: int,
    *,
    reader: Reader,
    similar: Similarity,
    earlier: Sequence[str],
    floor: float = ANSWERS_FLOOR,
) -> Kept | Dropped:
    """Check a proposal about a sentence.

    Args:
        proposal: what the language model wrote.
        article: the document.
        place: which of its sentences, from 0.
        reader: the cross-encoder.
        similar: cosine by the embedder.
        earlier: the questions kept so far.
        floor: how likely the sentence must answer by the cross-encoder, in [0, 1].
    """
    question, sentence = proposal.question, article.text(place)
    if not proposal.is_question:
        return Dropped.REPLY
    if _longest_copy(question, sentence) >= _COPIED_WORDS:
        return Dropped.COPIES
    if leans_on_context(question):
        return Dropped.LEANS
    if any(similarity(question, other) >= NEARLY for other in earlier):
        return Dropped.DUPLICATE
    answer = find_copy(proposal.answer, sentence)
    if answer is None:
        return Dropped.NOT_COPIED
    if len(answer.split()) > _ANSWER_WORDS:
        return Dropped.LONG
    if set(stems(answer)) <= set(stems(question)):
        return Dropped.GIVEN_AWAY
    support = find_support(answer, question, article.evidence(place), similar)
    proving = {item.sentence - 1 for item in support.proof}
    if place not in proving:
        return Dropped.UNGROUNDED
    if support.focus <= _FOCUS:
        return Dropped.FOREIGN
    readings = _read(question, article, place, reader)
    if readings[place].answers < floor:
        return Dropped.NOT_ANSWERED
    agreeing = {at for at, it in readings.items() if _agree(answer, article.text(at), it)}
    if place not in agreeing:
        return Dropped.DISAGREED
    likelier = {at for at, it in readings.items() if it.answers > readings[place].answers}
    if likelier - agreeing:
        return Dropped.AMBIGUOUS
    others = sorted(at for at in agreeing - proving if readings[at].answers >= floor)
    gold = [tuple(sorted(proving)), *((at,) for at in others)]
    spans = tuple(tuple(article.gold(at) for at in places) for places in gold)
    return Kept(question, answer, spans)


def find_copy(answer: str, text: str) -> str | None:
    """The words of ``text`` that are ``answer``, whatever the case, the quotes and the spaces."""
    bare = answer.translate(_QUOTES).strip(_AROUND)
    quoted = _QUOTED.fullmatch(bare)
    wanted = quoted["inside"].strip(_AROUND) if quoted else bare
    pattern = r"\s+".join(map(re.escape, wanted.split()))
    match = re.search(rf"(?<!\w){pattern}(?!\w)", text.translate(_QUOTES), re.IGNORECASE)
    return text[match.start() : match.end()] if pattern and match is not None else None


def leans_on_context(question: str) -> bool:
    """Whether a reader without the article would ask who or what is meant."""
    pronoun = _PRONOUN.search(question)
    named = [term.kind != "word" for term in terms(question[: pronoun.start()] if pronoun else "")]
    unclear = pronoun is not None and not any(named)
    return unclear or _LEANS.search(question) is not None or len(set(stems(question))) < 2


def _read(question: str, article: Article, place: int, reader: Reader) -> dict[int, Reading]:
    """What is seen in the sentence and in those that share most words with the question."""
    asked = set(stems(question))
    shared = [len(asked & set(stems(article.text(at)))) for at in range(len(article.spans))]
    nearest = sorted(range(len(shared)), key=lambda at: (at != place, -shared[at], at))[:_COMPARED]
    readings = reader.read(question, [article.passage(at) for at in nearest])
    return dict(zip(nearest, readings, strict=True))


def _agree(answer: str, text: str, reading: Reading) -> bool:
    """Whether the cross-encoder sees ``answer``, or a part or more of it, where it looks."""
    seen = text[reading.start : reading.end]
    return bool(find_copy(answer, text) and (find_copy(seen, answer) or find_copy(answer, seen)))


def _longest_copy(question: str, sentence: str) -> int:
    asked, said = words(question), words(sentence)
    return SequenceMatcher(None, asked, said, autojunk=False).find_longest_match().size
