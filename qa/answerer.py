"""From a question to a stream of events that ends in one Answer."""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from qa.errors import FootnotedError, QuestionError
from qa.generation.drafter import Draft, Drafter
from qa.grounding.abstention import agrees, answers_kind, confidence
from qa.grounding.citations import Footnotes
from qa.grounding.support import Support, find_support
from qa.retrieval.retriever import Retrieval, Retriever
from qa.schema import (
    NO_ANSWER,
    Answer,
    AnswerEvent,
    Citation,
    Claim,
    ClaimEvent,
    ErrorEvent,
    Event,
    Evidence,
    EvidenceEvent,
    Provenance,
    Timings,
    TokenEvent,
    Turn,
    UnsupportedPolicy,
)
from qa.words import terms, words

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

MAX_QUESTION_CHARACTERS = 2000

_REFERS = re.compile(
    r"\b(?:it|he|she|they|him|her|them|his|hers|its|their|theirs|this|that|these|those|there|"
    r"one|ones|same|former|latter|else)\b|"
    r"^\W*(?:and|but|or|so|what about|how about|why|how come)\W",
    re.IGNORECASE,
)
"""Signs that a question leans on what was said before."""

_FEW_WORDS = 3
"""A follow-up with fewer content words than this is taken to lean on what was said before."""


@dataclass(slots=True)
class _Clock:
    """Milliseconds since the question arrived."""

    started: float = field(default_factory=time.perf_counter)
    marks: dict[str, float] = field(default_factory=dict)

    def mark(self, name: str) -> None:
        self.marks.setdefault(name, round((time.perf_counter() - self.started) * 1000, 1))


class Answerer:
    """Answers questions from one collection.

    Args:
        retriever: finds the evidence.
        drafter: drafts from it; ``None`` to answer with the best sentences and no LLM.
        min_confidence: below it a claim is not released.
    """

    def __init__(
        self, retriever: Retriever, drafter: Drafter | None, *, min_confidence: float
    ) -> None:
        self.retriever = retriever
        self._drafter = drafter
        self._min_confidence = min_confidence

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        documents: Sequence[str] | None = None,
        unsupported: UnsupportedPolicy = "drop",
    ) -> Iterator[Event]:
        """Yield events; the last is ``answer``, or ``error`` if it broke after the first.

        Args:
            question: what is asked.
            history: earlier messages of the conversation, oldest first.
            documents: ids of the documents to answer from; ``None`` for all.
            unsupported: what becomes of claims without proof.

        Raises:
            FootnotedError: it broke before the first event.
        """
        begun = False
        try:
            for event in self._events(question, history, documents, unsupported):
                yield event
                begun = True
        except FootnotedError as error:
            if not begun:
                raise
            yield ErrorEvent(
                code=error.code, message=str(error), help=error.help, retryable=error.retryable
            )

    def answer(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        documents: Sequence[str] | None = None,
        unsupported: UnsupportedPolicy = "drop",
    ) -> Answer:
        """The answer alone; arguments as for ``stream``.

        Raises:
            FootnotedError: it broke, before or after the first event.
        """
        *_, last = self._events(question, history, documents, unsupported)
        assert isinstance(last, AnswerEvent)
        return last.answer

    def as_runnable(self) -> "Runnable[Any, Answer]":
        """This answerer as a LangChain Runnable.

        Its input is a question, or a dict of ``answer``'s arguments.
        """
        from langchain_core.runnables import RunnableLambda

        def ask(request: str | dict[str, Any]) -> Answer:
            return self.answer(request) if isinstance(request, str) else self.answer(**request)

        return RunnableLambda(ask, name="footnoted")

    def _events(
        self,
        question: str,
        history: Sequence[Turn],
        documents: Sequence[str] | None,
        unsupported: UnsupportedPolicy,
    ) -> Iterator[Event]:
        clock = _Clock()
        question = _checked(question)
        standalone = self._standalone(question, history)
        retrieval = self.retriever.retrieve(standalone, documents=documents)
        clock.mark("retrieve")
        yield EvidenceEvent(standalone_question=standalone, evidence=list(retrieval.evidence))
        clock.mark("first_evidence")
        composing = _Composition(
            question=question,
            standalone=standalone,
            policy=unsupported,
            clock=clock,
            provenance=self._provenance(retrieval),
        )
        if self._drafter is None:
            for claim, support in self._quote(standalone, retrieval.evidence):
                yield composing.add(claim, support, support.similarity, None)
        else:
            yield from self._draft(self._drafter, standalone, retrieval.evidence, composing)
        yield AnswerEvent(answer=composing.finish())

    def _draft(
        self,
        drafter: Drafter,
        question: str,
        evidence: Sequence[Evidence],
        composing: "_Composition",
    ) -> Iterator[Event]:
        draft = composing.draft
        for text in drafter.stream(question, evidence, draft):
            composing.clock.mark("first_token")
            yield TokenEvent(text=text)
        checked = [(claim, *self._check(claim, question, evidence)) for claim in draft.claims()]
        quote = drafter.quote(question, evidence)
        if all(problem is not None for _, _, problem in checked) and quote:
            # What the model copies is sometimes right where its own sentence is not.
            checked.append((quote, *self._check(quote, question, evidence)))
        for claim, support, problem in checked:
            sure = 0.0
            if problem is None:
                verify = drafter.verify(question, evidence, claim)
                sure = confidence(support, verify, agrees(quote, claim, question, support))
                if sure < self._min_confidence:
                    problem = "the sentences found do not clearly answer the question"
            yield composing.add(claim, support, sure, problem)

    def _check(
        self, claim: str, question: str, evidence: Sequence[Evidence]
    ) -> tuple[Support, str | None]:
        """The claim's proof, and why it does not do as an answer."""
        support = find_support(claim, question, evidence, self._similarity)
        if support.reason is None and not answers_kind(question, claim):
            return support, "the draft does not hold the kind of thing asked for"
        return support, support.reason

    def _quote(self, question: str, evidence: Sequence[Evidence]) -> Iterator[tuple[str, Support]]:
        """The best sentences that speak of what is asked, each proving itself."""
        asked = [term.stem for term in terms(question)]
        offered = [item for item in evidence if not item.neighbour]
        cosines = self._similarity(question, [item.text for item in offered])
        rated: list[tuple[float, Support]] = []
        for item, cosine in zip(offered, cosines, strict=True):
            said = {term.stem for term in terms(f"{item.title} {item.text}")}
            focus = sum(stem in said for stem in asked) / len(asked) if asked else 1.0
            support = Support((item,), coverage=1.0, similarity=max(0.0, cosine), focus=focus)
            rated.append((cosine + focus, support))
        rated.sort(key=lambda entry: -entry[0])
        for _, support in rated[:1]:
            yield support.proof[0].text, support

    def _standalone(self, question: str, history: Sequence[Turn]) -> str:
        """The question as it would be asked outside the conversation."""
        asked = [turn.content for turn in history if turn.role == "user"]
        content = [term for term in terms(question)]
        if not asked or not (_REFERS.search(question) or len(content) < _FEW_WORDS):
            return question
        joined = f"{asked[-1].rstrip()} {question}"
        if self._drafter is None:
            return joined
        rewritten = self._drafter.condense(question, history)
        # The rewriting is a draft too: it may use no word that nobody has said.
        heard = {word for turn in history for word in words(turn.content)} | set(words(question))
        added = {term.stem for term in terms(rewritten)} - {
            term.stem for text in heard for term in terms(text)
        }
        return joined if not rewritten or added else rewritten

    def _similarity(self, text: str, others: Sequence[str]) -> list[float]:
        first, *rest = self.retriever.embedder.embed_documents([text, *others])
        cosines: list[float] = (np.array(rest) @ np.array(first)).tolist() if rest else []
        return cosines

    def _provenance(self, retrieval: Retrieval) -> Provenance:
        return Provenance(
            llm="none" if self._drafter is None else self._drafter.llm.name,
            embedder=self.retriever.embedder.name,
            prompt="none" if self._drafter is None else self._drafter.prompt.label,
            collection=self.retriever.collection.name,
            collection_version=retrieval.collection_version,
        )


@dataclass(slots=True)
class _Composition:
    """An answer while its claims come in."""

    question: str
    standalone: str
    policy: UnsupportedPolicy
    clock: _Clock
    provenance: Provenance
    draft: Draft = field(default_factory=Draft)
    claims: list[Claim] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    footnotes: Footnotes = field(default_factory=Footnotes)

    def add(self, text: str, support: Support, sure: float, problem: str | None) -> ClaimEvent:
        """Take a claim in and number its footnotes."""
        numbers: list[int] = []
        new: list[Citation] = []
        if problem is None:
            numbers, new = self.footnotes.cite(support.proof)
            self.clock.mark("first_claim")
        else:
            self.problems.append(problem)
        claim = Claim(
            text=text,
            citations=numbers,
            support=round(min(1.0, max(0.0, sure)), 3),
            verdict="supported" if problem is None else "unsupported",
        )
        self.claims.append(claim)
        return ClaimEvent(claim=claim, citations=new)

    def finish(self) -> Answer:
        """The whole answer."""
        supported = [claim for claim in self.claims if claim.verdict == "supported"]
        shown = self.claims if self.policy == "mark" else supported
        if not supported:
            status, text = "no_answer", NO_ANSWER
        else:
            status = "answered" if len(supported) == len(self.claims) else "partial"
            text = " ".join(_footnoted(claim) for claim in shown)
        reasons = list(dict.fromkeys(self.problems)) or (
            ["the language model drafted nothing"] if not self.claims else []
        )
        self.clock.mark("total")
        return Answer(
            question=self.question,
            standalone_question=self.standalone,
            status=status,
            answer=text,
            claims=shown,
            citations=self.footnotes.cited(),
            confidence=min((claim.support for claim in supported), default=0.0),
            reason="; ".join(reasons) or None,
            timings_ms=Timings(**self.clock.marks),
            usage=self.draft.usage,
            provenance=self.provenance,
        )


def _footnoted(claim: Claim) -> str:
    if claim.verdict == "unsupported":
        return f"~~{claim.text}~~"
    return " ".join([claim.text, "".join(f"[{number}]" for number in claim.citations)])


def _checked(question: str) -> str:
    text = question.strip()
    if not any(sign.isalnum() for sign in text):
        raise QuestionError(f"{question[:80]!r} is not a question")
    if len(text) > MAX_QUESTION_CHARACTERS:
        raise QuestionError(
            f"the question has {len(text)} characters; {MAX_QUESTION_CHARACTERS} are allowed"
        )
    return text
