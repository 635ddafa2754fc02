"""One question about one sentence, as the language model proposes it.

The code says how the question begins, for left to itself the embedded LLM asks "Who" of
everything; the model writes it, and then answers it from the sentence.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from eval.cases import GoldSpan
from qa.generation.llm import LLM, stream_chat
from qa.generation.prompt import Message, Prompt, typographic
from qa.schema import Document, Evidence, Passage, Span, sentence_id
from qa.sentences import split_sentences
from qa.words import terms, words

_MOST_TOKENS = 64
_REACH = 2
"""Sentences before and after that the grounding is offered with the chosen one."""
_SHORTEST, _LONGEST = 8, 60
"""Words of a sentence that is asked about."""

_OPENINGS = {
    "When": re.compile(
        r"\b(?:[12]\d{3}|January|February|March|April|May|June|July|August|September|October|"
        r"November|December|\w+day|week|month|year|decade|century)s?\b"
    ),
    "How much": re.compile(r"[$€£¥%]|\b(?:percent|dollars|euros)\b"),
    "How long": re.compile(r"\b(?:minutes|hours|days|weeks|months|years|decades)\b"),
    "How many": re.compile(r"\b(?:\d+|two|three|four|five|six|seven|eight|nine|ten|dozen)\b"),
    "Why": re.compile(r"\b(?:because|so that|in order to|due to|since|for fear|reason)\b"),
    "Where": re.compile(r"\b(?:in|at|near) (?:the )?[A-Z]"),
    "Who": re.compile(r"[A-Z]"),
    "What": re.compile(""),
}
"""How a question about a sentence may begin if the sentence has this in it."""


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
                before=tuple(self.text(earlier) for earlier in range(max(0, at - 2), at)),
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
class Author:
    """The language model with the prompts that make it propose.

    Attributes:
        ask: ``draft_question``, for the question.
        answer: ``quote``, for the answer to it.
    """

    llm: LLM
    ask: Prompt
    answer: Prompt

    @property
    def label(self) -> str:
        """What a draft's ``source`` records."""
        return f"{self.llm.name}, {self.ask.label}"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the language model wrote about a sentence; the answer is empty without a question."""

    question: str
    answer: str = ""

    @property
    def is_question(self) -> bool:
        """Whether it is one question."""
        return self.question.endswith("?") and self.question.count("?") == 1


def openings(sentence: str) -> list[str]:
    """How questions about a sentence may begin."""
    return [opening for opening, sign in _OPENINGS.items() if sign.search(sentence)]


def propose(author: Author, article: Article, place: int, opening: str) -> Proposal:
    """Ask for a question about a sentence that begins with ``opening``, and for its answer.

    Raises:
        LLMError: the model cannot be started or reached, or broke off.
    """
    sentence = typographic(article.text(place))
    asking = author.ask.messages(
        title=typographic(article.document.title),
        before=typographic(article.text(place - 1)) or "–",
        sentence=sentence,
        opening=opening,
    )
    asked = Proposal(_reply(author.llm, asking))
    if not asked.is_question:
        return asked
    shown = typographic(asked.question)
    answering = author.answer.messages(sentences=f"[1] {sentence}", question=shown)
    return Proposal(asked.question, _reply(author.llm, answering))


def _reply(llm: LLM, messages: list[Message]) -> str:
    """The first line of the model's reply."""
    chunks = stream_chat(llm, messages, max_tokens=_MOST_TOKENS)
    lines = "".join(chunk.text for chunk in chunks).strip(" \t\r\n*_").splitlines()
    return lines[0].removeprefix("Question:").strip(" \t*_") if lines else ""
