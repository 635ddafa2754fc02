"""From a question to a stream of events that ends in one Answer."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qa.composition import Clock, Composition
from qa.errors import FootnotedError, LLMError
from qa.generation.drafter import Draft, Drafter
from qa.generation.judge import Judge
from qa.generation.queue import Free, Place
from qa.grounding.checks import Checked, Checks, covers
from qa.grounding.contenders import contenders
from qa.grounding.reader import Reader
from qa.pace import THOROUGH, Pace
from qa.questions import require_question, split_question
from qa.retrieval.evidence import Retrieval
from qa.retrieval.retriever import Retriever
from qa.schema import (
    Answer,
    AnswerEvent,
    ClaimEvent,
    ErrorEvent,
    Event,
    Provenance,
    TokenEvent,
    Turn,
    UnsupportedPolicy,
)
from qa.understanding import Understanding, Understood

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

_TOO_MANY = "say by its title which text is meant: there are more than an overview can hold"


class Answerer:
    """Answers questions from one collection.

    Args:
        retriever: finds the evidence.
        reader: reads a question or a claim together with a sentence.
        drafter: drafts from it; ``None`` to answer with the best sentence and no LLM.
        judge: decides over a draft's claims where the reader cannot; ``None`` to do without.
        min_confidence: below it a claim is not released.
        pace: when the drafter is not asked.
        place: makes a question's place in the queue before the language model.
        fall_back: whether a sentence that answers clearly is quoted where the LLM fails.
    """

    def __init__(
        self,
        retriever: Retriever,
        reader: Reader,
        drafter: Drafter | None,
        judge: Judge | None,
        *,
        min_confidence: float,
        pace: Pace = THOROUGH,
        place: Callable[[], Place] = Free,
        fall_back: bool = True,
    ) -> None:
        self.retriever = retriever
        self._reader = reader
        self._drafter = drafter
        self._judge = judge
        self._min_confidence = min_confidence
        self._pace = pace
        self._place = place
        self._fall_back = fall_back

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
            yield ErrorEvent.of(error)

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

        Its input is a question, a prompt value, or a dict of ``answer``'s arguments.
        """
        from langchain_core.prompt_values import PromptValue
        from langchain_core.runnables import RunnableLambda

        def ask(request: str | PromptValue | dict[str, Any]) -> Answer:
            if isinstance(request, PromptValue):
                request = str(request.to_messages()[-1].content)
            return self.answer(request) if isinstance(request, str) else self.answer(**request)

        return RunnableLambda(ask, name="footnoted")

    def _events(
        self,
        question: str,
        history: Sequence[Turn],
        documents: Sequence[str] | None,
        unsupported: UnsupportedPolicy,
    ) -> Iterator[Event]:
        with self._place() as place:
            question = require_question(question)
            clock = Clock()
            understanding = Understanding(
                self.retriever, self._drafter, documents, place.wait, self._fall_back
            )
            whole = self._part(understanding.understand(question, history))
            parts = split_question(question)
            if whole.at_once is None or (len(parts) > 1 and self._drafter is not None):
                place.reserve()  # where the queue is full, before anything is said
            clock.mark("retrieve")
            composing = Composition(
                question=question,
                standalone=whole.asked.question,
                policy=unsupported,
                clock=clock,
                provenance=self._provenance(whole.asked.retrieval),
            )
            self._note_rewriting(whole.asked, composing)
            yield composing.offer(whole.asked.retrieval.evidence, whole.asked.retrieval.found)
            clock.mark("first_evidence")
            said = yield from self._answer_part(whole, place, composing)
            # What stands alone as a whole is understood from itself: "it" is in an earlier part.
            earlier = [] if whole.asked.question == question else list(history)
            for number, asked in enumerate(parts if len(parts) > 1 else []):
                if any(covers(item, asked, self._reader) for item in said):
                    continue
                turns = [Turn(role="user", content=before) for before in parts[:number]]
                understood = understanding.understand(asked, [*earlier, *turns])
                part = self._part(understood, topic=whole.asked.question)
                self._note_rewriting(part.asked, composing)
                before = len(composing.offered)
                offer = composing.offer(part.asked.retrieval.evidence)
                if len(offer.evidence) > before:
                    yield offer
                if not (yield from self._answer_part(part, place, composing)):
                    composing.unanswered.append(asked)
            yield AnswerEvent(answer=composing.finish(), repeatable=not composing.makeshift)

    def _part(self, asked: Understood, topic: str | None = None) -> "_Part":
        checks = Checks(
            asked.question,
            asked.retrieval.usable,
            reader=self._reader,
            similarity=self.retriever.embedder.cosines,
            judge=self._judge,
            min_confidence=self._min_confidence,
            topic=topic,
        )
        return _Part(asked, checks, checks.openings() if asked.is_overview else self._quote(checks))

    def _quote(self, checks: Checks) -> list[Checked] | None:
        """The likeliest sentence where that is the answer; ``None`` where a draft is needed.

        Without a drafter it is the answer always, if there is one.
        """
        if self._drafter is not None and checks.evidence:
            quotation = self._pace.at_once(checks)
            return None if quotation is None else [quotation]
        quotation = checks.quote(judged=False)
        return [] if quotation is None else [quotation]

    def _note_rewriting(self, asked: Understood, composing: Composition) -> None:
        """Count what it took to understand a follow-up, and say so where that failed."""
        rewriting, error = asked.alone.rewriting, asked.alone.error
        if rewriting is not None:
            composing.usage += rewriting.usage
            if composing.provenance.llm == "none":
                composing.provenance = self._provenance(asked.retrieval, rewriting.prompt)
        if error is not None:
            composing.note_failure(f"understood without the language model, which failed: {error}")

    def _answer_part(
        self, part: "_Part", place: Place, composing: Composition
    ) -> Generator[TokenEvent | ClaimEvent, None, list[Checked]]:
        """Answer a question, or a part of it; gives what was said."""
        if part.asked.is_overview and not part.at_once:
            composing.notes.append(_TOO_MANY)
        checked: list[Checked] = []
        steps: Iterable[TokenEvent | Checked] = (
            self._draft(part, place, composing) if part.at_once is None else part.at_once
        )
        try:
            for step in steps:
                if isinstance(step, TokenEvent):
                    composing.clock.mark("first_token")
                    yield step
                    continue
                checked.append(step)
                if not composing.says(step):
                    yield composing.add(step)
        except LLMError as error:
            quotation = self._stand_in(error, part.checks, composing, begun=bool(checked))
            if quotation is not None:
                checked.append(quotation)
                yield composing.add(quotation)
        said = [item for item in checked if item.problem is None]
        if said:
            conflict = part.checks.contradiction(max(said, key=lambda item: item.sure))
            if conflict is not None and not composing.says(conflict):
                yield composing.add_conflict(conflict)
        return said

    def _draft(
        self, part: "_Part", place: Place, composing: Composition
    ) -> Iterator[TokenEvent | Checked]:
        """The pieces of the draft and the checked claims.

        Raises:
            LLMError: the LLM failed.
        """
        checks, retrieval = part.checks, part.asked.retrieval
        assert self._drafter is not None
        place.wait()
        if "first_token" in composing.clock.marks:
            yield TokenEvent(text=" ")  # between two drafts
        quotation = self._pace.judged(checks)
        if quotation is not None:
            if self._judge is not None:
                composing.provenance = self._provenance(retrieval, self._judge.prompt.label)
            yield quotation
            return
        drafted = self._provenance(retrieval, self._drafter.prompt_for(checks.question).label)
        draft = Draft()
        released: list[Checked] = []
        doubted = False
        for text in self._drafter.stream(checks.question, contenders(checks.evidence), draft):
            yield TokenEvent(text=text)
            for claim in draft.ended_claims()[len(released) :]:
                certain = None if doubted else checks.certain(claim)
                if certain is None:
                    doubted = True  # claims keep their order
                    break
                released.append(certain)
                composing.provenance = drafted
                yield certain
        composing.usage += draft.usage
        rest = checks.rest(draft.claims()[len(released) :], released)
        composing.provenance = drafted
        yield from rest

    def _stand_in(
        self, error: LLMError, checks: Checks, composing: Composition, *, begun: bool
    ) -> Checked | None:
        """A sentence that answers clearly, where the LLM failed before it had ``begun``.

        To say that the sources hold no answer, when nobody has drafted one, would be too much.

        Raises:
            LLMError: no sentence answers clearly, and nothing was said to another part.
        """
        if not self._fall_back:
            raise error
        quotation = None if begun else checks.quote(judged=False)
        if quotation is not None and quotation.problem is not None:
            quotation = None
        if quotation is None and not begun and not composing.released:
            raise error
        without = begun or quotation is not None
        outcome = "answered without the language model, which" if without else "the language model"
        composing.note_failure(f"{outcome} failed: {error}")
        return quotation

    def _provenance(self, retrieval: Retrieval, prompt: str = "none") -> Provenance:
        """What produces an answer; without a prompt, no language model."""
        drafter = None if prompt == "none" else self._drafter
        return Provenance(
            llm="none" if drafter is None else drafter.llm.name,
            embedder=self.retriever.embedder.name,
            prompt=prompt,
            collection=self.retriever.collection.name,
            collection_version=retrieval.collection_version,
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """A question, or one of those that it consists of.

    Attributes:
        asked: what it asks, and what was found for it.
        checks: of what is said to it.
        at_once: the answer, where no draft is needed.
    """

    asked: Understood
    checks: Checks
    at_once: list[Checked] | None
