"""One question about one sentence: proposed by the language model, then checked.

The checks are those of answering: the answer must stand in the sentence, the grounding must find
that sentence for it, and the cross-encoder must see that it answers. What passes is still a draft.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from functools import cached_property

from eval.cases import Alternatives, GoldSpan
from eval.duplicates import NEARLY, similarity
from ingest.sentences import split_sentences
from qa.generation.llm import LLM, stream_chat
from qa.generation.prompt import Prompt, typographic
from qa.grounding.abstention import Reader
from qa.grounding.support import Similarity, find_support
from qa.schema import Document, Evidence, Passage, Span, sentence_id
from qa.words import stems, terms, words

ANSWERS_FLOOR = 0.3
"""Three of four gold sentences of the sample suite are rated higher for their question; at 0.5 it
would be three of five, and only what is easy for the cross-encoder would be left to evaluate."""

_REPLY = re.compile(
    r"question\W{0,3}:(?P<question>.+?)\banswer\W{0,3}:(?P<answer>.+)", re.IGNORECASE | re.DOTALL
)
_MOST_TOKENS = 96
_ANSWER_WORDS = 12
_COPIED_WORDS = 8
_AROUND = " .,;:!"
_COMPARED = 32
"""Sentences of the document that are read for a question, those first that share most with it."""
_REACH = 2
"""Sentences before and after that the grounding is offered with the chosen one."""
_SHORTEST, _LONGEST = 8, 60
"""Words of a sentence that is asked about."""

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

    REPLY = "the reply is not a question and an answer"
    NOT_COPIED = "the answer does not stand in the sentence"
    LONG = "the answer is too long"
    GIVEN_AWAY = "the question gives the answer away"
    COPIES = "the question copies the sentence"
    LEANS = "the question leans on its context"
    UNGROUNDED = "the grounding does not find that sentence"
    NOT_ANSWERED = "the cross-encoder does not see that it answers"
    AMBIGUOUS = "another sentence answers it better"
    DUPLICATE = "it asks nearly the same as an earlier one"


class Article:
    """A document with its sentences."""

    def __init__(self, document: Document) -> None:
        self.document = document

    @cached_property
    def spans(self) -> list[Span]:
        """Where its sentences stand."""
        return split_sentences(self.document.text)

    def text(self, place: int) -> str:
        """A sentence, from 0; empty before the first."""
        if place < 0:
            return ""
        span = self.spans[place]
        return self.document.text[span.start : span.end]

    def passage(self, place: int) -> Passage:
        """A sentence as the cross-encoder reads it."""
        return Passage(self.text(place), title=self.document.title, before=self.text(place - 1))

    def evidence(self, place: int) -> list[Evidence]:
        """A sentence among its neighbours, as the grounding is offered them."""
        document = self.document
        near = range(max(0, place - _REACH), min(len(self.spans), place + _REACH + 1))
        return [
            Evidence(
                number=number,
                sentence_id=sentence_id(document.id, self.spans[at]),
                document_id=document.id,
                title=document.title,
                uri=document.uri,
                start=self.spans[at].start,
                end=self.spans[at].end,
                sentence=at + 1,
                text=self.text(at),
                score=0.0,
            )
            for number, at in enumerate(near, start=1)
        ]

    def gold(self, place: int) -> GoldSpan:
        """A sentence as gold."""
        span = self.spans[place]
        return GoldSpan(self.document.id, span.start, span.end, self.text(place))

    def worth_asking(self) -> Iterator[int]:
        """The sentences that state something with a name or a number in it."""
        for place in range(len(self.spans)):
            text = self.text(place)
            if (
                _SHORTEST <= len(words(text)) <= _LONGEST
                and text.rstrip("\"'”’)]*_").endswith((".", "!"))
                and any(term.kind != "word" for term in terms(text))
            ):
                yield place


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the language model wrote about a sentence."""

    question: str
    answer: str


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


def propose(llm: LLM, prompt: Prompt, article: Article, place: int) -> Proposal | None:
    """Ask for a question about a sentence; ``None`` if the reply is none.

    Raises:
        LLMError: the model cannot be started or reached, or broke off.
    """
    messages = prompt.messages(
        title=typographic(article.document.title),
        before=typographic(article.text(place - 1)) or "–",
        sentence=typographic(article.text(place)),
    )
    reply = "".join(chunk.text for chunk in stream_chat(llm, messages, max_tokens=_MOST_TOKENS))
    match = _REPLY.search(reply)
    if match is None:
        return None
    question, answer = (_first_line(match[name]) for name in ("question", "answer"))
    if not question.endswith("?") or question.count("?") != 1 or not words(answer):
        return None
    return Proposal(question, answer)


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
    answer = find_copy(proposal.answer, sentence)
    if answer is None:
        return Dropped.NOT_COPIED
    if len(answer.split()) > _ANSWER_WORDS:
        return Dropped.LONG
    if set(stems(answer)) <= set(stems(question)):
        return Dropped.GIVEN_AWAY
    if _longest_copy(question, sentence) >= _COPIED_WORDS:
        return Dropped.COPIES
    if leans_on_context(question):
        return Dropped.LEANS
    if any(similarity(question, other) >= NEARLY for other in earlier):
        return Dropped.DUPLICATE
    proof = find_support(answer, question, article.evidence(place), similar).proof
    if place + 1 not in [item.sentence for item in proof]:
        return Dropped.UNGROUNDED
    ratings = _rate(question, article, place, reader)
    if ratings[place] < floor:
        return Dropped.NOT_ANSWERED
    saying = {at for at in ratings if find_copy(answer, article.text(at))}
    if any(rating > ratings[place] for at, rating in ratings.items() if at not in saying):
        return Dropped.AMBIGUOUS
    proving = {item.sentence - 1 for item in proof}
    others = sorted(at for at in saying - proving if ratings[at] >= floor)
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


def _rate(question: str, article: Article, place: int, reader: Reader) -> dict[int, float]:
    """How likely the sentence, and those that share most words with the question, answer it."""
    asked = set(stems(question))
    shared = [len(asked & set(stems(article.text(at)))) for at in range(len(article.spans))]
    nearest = sorted(range(len(shared)), key=lambda at: (at != place, -shared[at], at))[:_COMPARED]
    rated = reader.answers(question, [article.passage(at) for at in nearest])
    return dict(zip(nearest, rated, strict=True))


def _longest_copy(question: str, sentence: str) -> int:
    asked, said = words(question), words(sentence)
    return SequenceMatcher(None, asked, said, autojunk=False).find_longest_match().size


def _first_line(text: str) -> str:
    lines = text.strip(" \t\r\n*_").splitlines()
    return lines[0].strip(" \t*_") if lines else ""
