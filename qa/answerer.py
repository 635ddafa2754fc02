"""From a question to a stream of events that ends in one Answer."""

import logging
import math
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qa.composition import Checked, Clock, Composition
from qa.errors import FootnotedError, LLMError, QuestionError
from qa.generation.drafter import Draft, Drafter
from qa.generation.followups import Standalone, stand_alone
from qa.generation.judge import Judge
from qa.generation.queue import Free, Place
from qa.grounding.abstention import (
    Reader,
    confidence,
    contenders,
    likeliest,
    misses,
    proof_score,
    quotable,
    quote_confidence,
    undecided,
)
from qa.grounding.antecedents import with_antecedents, with_sentence_before
from qa.grounding.conflicts import find_conflict
from qa.grounding.kinds import answers_kind
from qa.grounding.lists import listing, telling
from qa.grounding.misfits import fitting
from qa.grounding.roles import may_exchange
from qa.grounding.support import Support, find_support
from qa.injection import addresses_model
from qa.questions import MAX_CHARACTERS, asks_for_overview, points_back, split_question
from qa.retrieval.retriever import Retrieval, Retriever
from qa.schema import (
    DISAGREES,
    Answer,
    AnswerEvent,
    ClaimEvent,
    ErrorEvent,
    Event,
    Evidence,
    Passage,
    Provenance,
    TokenEvent,
    Turn,
    UnsupportedPolicy,
)
from qa.tracing import span
from qa.words import plain, terms

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

logger = logging.getLogger(__name__)

_LEAST_FOR_A_QUOTATION = 0.6
"""How sure it must be, at least, of a sentence that it quotes for want of a proved claim. Of 345
recorded and judged ones, 5 of the 18 between 0.5 and 0.6 are right, and 18 of the 27 up to 0.7."""

_LEAST_READ = 0.1
"""What the cross-encoder must say of a quotation, whatever the judge says, who is easily led: a
quotation proves itself, and no other check stands between. Of 305 recorded ones none that the judge
would have released is right below it."""

_SURER = 0.2
"""How much surer it must be of another sentence to quote that instead of a proved claim."""

_LIKELY = 0.5
"""From where on the reader is heeded where its answer is not the claim's.

Quoting the proof then, instead of the claim, took ``str_em`` from 0.90 to 0.93 on 40 recorded
drafts of SQuAD 2.0 and from 0.60 to 0.70 on 20 of QED; the footnotes stay.
"""


_ASKS_SEVERAL = re.compile(
    r"\?.+\?|\b(?:and|or) (?:who|whom|whose|what|which|when|where|why|how)\b|\b(?:compare|differ)",
    re.IGNORECASE | re.DOTALL,
)
"""Signs of a question that one sentence hardly answers whole."""


_DECLINES = 0.6
"""How sure it is, at least, of a no whose words all stand in its proof: reader and judge, asked
whether a sentence answers, take one that denies for one that does not. Of 52 questions for yes or
no, about six short articles, 7 were drafted so, all rightly: 0.59 or more, with 95 % confidence."""

_TELLS = 0.72
"""How sure it is that the first sentences of a text tell what it is about: they did for 26 of 36,
read by eye (docs/decisions/0015-overviews.md)."""

_UNTITLED = "an article"

_TOO_MANY = "say by its title which text is meant: there are more than an overview can hold"


@dataclass(frozen=True, slots=True)
class Pace:
    """When the language model is not asked for a draft.

    Attributes:
        quote_from: how sure it must be of a sentence, without the judge, to quote it instead.
        judged_from: the same of a sentence that the judge has read.
        draft_from: what the cross-encoder must say of a sentence, at least, for a draft to be worth
            its time.
    """

    quote_from: float
    judged_from: float
    draft_from: float


FAST = Pace(quote_from=_LEAST_FOR_A_QUOTATION, judged_from=math.inf, draft_from=0.1)
BALANCED = Pace(quote_from=0.65, judged_from=0.65, draft_from=0.06)
THOROUGH = Pace(quote_from=math.inf, judged_from=math.inf, draft_from=0)
"""docs/decisions/0011-speed.md has what each costs and brings."""


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
            yield from self._in_place(place, _checked(question), history, documents, unsupported)

    def _in_place(
        self,
        place: Place,
        question: str,
        history: Sequence[Turn],
        documents: Sequence[str] | None,
        unsupported: UnsupportedPolicy,
    ) -> Iterator[Event]:
        clock = Clock()
        whole = self._understood(question, history, documents, place)
        standalone = whole.question
        parts = split_question(question)
        if whole.at_once is None or (len(parts) > 1 and self._drafter is not None):
            place.reserve()  # where the queue is full, before anything is said
        clock.mark("retrieve")
        composing = Composition(
            question=question,
            standalone=standalone,
            policy=unsupported,
            clock=clock,
            provenance=self._provenance(whole.retrieval),
        )
        self._note_rewriting(whole, composing)
        yield composing.offer(whole.retrieval.evidence, whole.retrieval.found)
        clock.mark("first_evidence")
        said = yield from self._answer_part(whole, place, composing)
        if len(parts) > 1:
            # What stands alone as a whole is understood from itself: "it" is in an earlier part.
            earlier = [] if standalone == question else list(history)
            for number, part in enumerate(parts):
                if any(self._covers(item, part) for item in said):
                    continue
                turns = [Turn(role="user", content=before) for before in parts[:number]]
                alone = self._understood(part, [*earlier, *turns], documents, place)
                self._note_rewriting(alone, composing)
                before = len(composing.offered)
                offer = composing.offer(alone.retrieval.evidence)
                if len(offer.evidence) > before:
                    yield offer
                if not (yield from self._answer_part(alone, place, composing)):
                    composing.unanswered.append(part)
        yield AnswerEvent(answer=composing.finish(), repeatable=not composing.makeshift)

    def _covers(self, item: Checked, question: str) -> bool:
        """Whether what is said of all questions together answers this one."""
        (answers,) = self._reader.answers(question, [Passage(item.claim)])
        return answers >= _LIKELY and answers_kind(question, item.claim)

    def _understood(
        self,
        question: str,
        history: Sequence[Turn],
        documents: Sequence[str] | None,
        place: Place,
    ) -> "_Part":
        """The question as it would be asked outside the conversation, and what is found for it."""
        leans = history and points_back(asks_for_overview(question) or "")
        overview = None if leans else self._overview(question, documents)
        if overview is not None:
            return overview
        alone = self._standalone(question, history, place)
        if leans or alone.question != question:
            overview = self._overview(alone.question, documents)
        if overview is not None:
            return replace(overview, alone=alone)
        retrieval = self.retriever.retrieve(alone.question, documents=documents)
        at_once = self._without_draft(alone.question, retrieval.usable)
        return _Part(alone, retrieval, at_once)

    def _note_rewriting(self, part: "_Part", composing: Composition) -> None:
        """Count what it took to understand a follow-up, and say so where that failed."""
        rewriting, error = part.alone.rewriting, part.alone.error
        if rewriting is not None:
            composing.usage += rewriting.usage
            if composing.provenance.llm == "none":
                composing.provenance = self._provenance(part.retrieval, rewriting.prompt)
        if error is not None:
            note = f"understood without the language model, which failed: {error}"
            logger.warning("%s", note)
            composing.notes.append(note)
            composing.makeshift = True

    def _overview(self, question: str, documents: Sequence[str] | None) -> "_Part | None":
        """How the texts begin that a question asks an overview of; ``None`` if it asks for none."""
        what = asks_for_overview(question)
        found = None if what is None else self.retriever.overview(what, documents=documents)
        if found is None:
            return None
        problem = None if _TELLS >= self._min_confidence else "how a text begins may not do for it"
        told = [
            Checked(plain(item.text), Support((item,)), sure=_TELLS, problem=problem)
            for item in found.evidence
        ]
        return _Part(Standalone(question), found, told, note="" if told else _TOO_MANY)

    def _answer_part(
        self, part: "_Part", place: Place, composing: Composition
    ) -> Generator[TokenEvent | ClaimEvent, None, list[Checked]]:
        """Answer a question, or a part of it; gives what was said."""
        question, evidence = part.question, part.retrieval.usable
        if part.note:
            composing.notes.append(part.note)
        checked: list[Checked] = []
        drafted = part.at_once is None
        try:
            for step in self._steps(part, place, composing):
                if isinstance(step, TokenEvent):
                    composing.clock.mark("first_token")
                    yield step
                    continue
                checked.append(step)
                if not composing.says(step):
                    yield composing.add(step)
        except LLMError as error:
            drafted = bool(checked)
            quotation = self._stand_in(error, question, evidence, composing, begun=drafted)
            if quotation is not None:
                checked.append(quotation)
                yield composing.add(quotation)
        if drafted and self._drafter is not None:
            prompt = self._drafter.prompt_for(question)
            composing.provenance = self._provenance(part.retrieval, prompt.label)
        said = [item for item in checked if item.problem is None]
        if said:
            surest = max(said, key=lambda item: item.sure)
            yield from self._contradict(question, surest, evidence, composing)
        return said

    def _steps(
        self, part: "_Part", place: Place, composing: Composition
    ) -> Iterator[TokenEvent | Checked]:
        """The pieces of the draft and the checked claims.

        Raises:
            LLMError: the LLM failed.
        """
        if part.at_once is not None:
            yield from part.at_once
            return
        assert self._drafter is not None
        place.wait()
        if "first_token" in composing.clock.marks:
            yield TokenEvent(text=" ")  # between two drafts
        judging = _Judging(self._judge, part.question)
        evidence = part.retrieval.usable
        yield from self._draft(self._drafter, part.question, evidence, judging, composing)

    def _without_draft(self, question: str, evidence: Sequence[Evidence]) -> list[Checked] | None:
        """The likeliest sentence where that is the answer; ``None`` where a draft is needed.

        Without a drafter it is the answer always. With one, where it is sure enough; or so far from
        an answer that a draft would come to nothing.
        """
        quotation = self._quote(question, evidence, _Judging(None, question))
        if quotation is None:
            return None if evidence and self._drafter is not None else []
        if self._drafter is None:
            return [quotation]
        if max(item.answers or 0.0 for item in quotation.support.proof) < self._pace.draft_from:
            return [quotation]
        return [quotation] if _settles(quotation, question, self._pace.quote_from) else None

    def _stand_in(
        self,
        error: LLMError,
        question: str,
        evidence: Sequence[Evidence],
        composing: Composition,
        *,
        begun: bool,
    ) -> Checked | None:
        """A sentence that answers clearly, where the LLM failed before it had ``begun``.

        To say that the sources hold no answer, when nobody has drafted one, would be too much.

        Raises:
            LLMError: no sentence answers clearly, and nothing was said to another part.
        """
        if not self._fall_back:
            raise error
        quotation = None
        if not begun:
            quotation = self._quote(question, evidence, _Judging(None, question))
            if quotation is not None and quotation.problem is not None:
                quotation = None
            if quotation is None and not composing.released:
                raise error
        without = begun or quotation is not None
        outcome = "answered without the language model, which" if without else "the language model"
        note = f"{outcome} failed: {error}"
        logger.warning("%s", note)
        composing.notes.append(note)
        composing.makeshift = True
        return quotation

    def _draft(
        self,
        drafter: Drafter,
        question: str,
        evidence: Sequence[Evidence],
        judging: "_Judging",
        composing: Composition,
    ) -> Iterator[TokenEvent | Checked]:
        if math.isfinite(self._pace.judged_from):
            quotation = self._quote(question, evidence, judging)
            if quotation is not None and _settles(quotation, question, self._pace.judged_from):
                yield quotation
                return
        draft = Draft()
        released: list[Checked] = []
        doubted = False
        for text in drafter.stream(question, contenders(evidence), draft):
            yield TokenEvent(text=text)
            for claim in draft.claims()[len(released) : -1]:  # the last one may go on
                certain = None if doubted else self._certain(claim, question, evidence)
                if certain is None:
                    doubted = True  # claims keep their order
                    break
                released.append(certain)
                yield certain
        composing.usage += draft.usage
        rest = draft.claims()[len(released) :]
        checked = [self._check(claim, question, evidence) for claim in rest]
        judged = [self._judged(item, question, judging) for item in checked]
        judged = [item for claim in judged for item in self._or_proof(claim, question)]
        answered = self._or_quoted([*released, *judged], question, evidence, judging)
        yield from answered[len(released) :]

    def _certain(self, claim: str, question: str, evidence: Sequence[Evidence]) -> Checked | None:
        """A claim that needs neither the judge nor another sentence, checked; else ``None``."""
        item = self._check(claim, question, evidence)
        if item.problem is not None:
            return None
        sure = confidence(proof_score(question, item.support.proof, self._reader))
        item = replace(item, sure=sure)
        settled = not undecided(sure) and sure > 1 - _SURER and sure >= self._min_confidence
        return item if settled and self._or_proof(item, question) == [item] else None

    def _or_quoted(
        self,
        claims: Sequence[Checked],
        question: str,
        evidence: Sequence[Evidence],
        judging: "_Judging",
    ) -> list[Checked]:
        """The claims, joined by the likeliest sentence where that answers better."""
        proved = [item for item in claims if item.problem is None]
        if any(likeliest(evidence) in item.support.proof for item in proved):
            return list(claims)
        quotation = self._quote(question, evidence, judging)
        if quotation is None or quotation.problem is not None:
            return list(claims)
        if proved and quotation.sure <= max(item.sure for item in proved) + _SURER:
            return list(claims)
        reason = "a sentence that answers more clearly is quoted instead"
        return [
            *(item if item.problem else replace(item, problem=reason) for item in claims),
            quotation,
        ]

    @span("check")
    def _check(self, claim: str, question: str, evidence: Sequence[Evidence]) -> Checked:
        support = find_support(claim, question, evidence, self.retriever.embedder.cosines)
        return Checked(claim, support, problem=support.reason)

    def _judged(self, item: Checked, question: str, judging: "_Judging") -> Checked:
        """Say how sure it is of a claim that has passed the checks without a model."""
        if item.problem is not None:
            return item
        proof = proof_score(question, item.support.proof, self._reader)
        sure = confidence(proof)
        if undecided(sure):
            sure = confidence(proof, judging.answers(item.support))
        if item.support.declines:
            sure = max(sure, _DECLINES)
        if sure < self._min_confidence:
            reason = "the sentences found do not clearly answer the question"
            return replace(item, sure=sure, problem=reason)
        return replace(item, sure=sure)

    def _or_proof(self, item: Checked, question: str) -> list[Checked]:
        """A claim, or its proof where that may say something else.

        It has a likely answer which is not the claim's, or what the claim says of another. And no
        check holds a yes that only repeats the question: the model says yes to nearly everything.
        """
        if item.problem is None and item.support.restates:
            return [replace(item, claim=" ".join(plain(it.text) for it in item.support.proof))]
        if item.problem is not None or len(item.support.proof) > 1:
            return [item]
        (sentence,) = item.support.proof
        likely = (sentence.answers or 0.0) >= _LIKELY
        if likely and misses(item.claim, question, sentence, self._reader):
            reason = "the sentence that proves it seems to answer otherwise and is quoted instead"
        elif may_exchange(item.claim, sentence.text):
            reason = "it may mix up what the sentence that is quoted instead says"
        else:
            return [item]
        return [replace(item, problem=reason), replace(item, claim=plain(sentence.text))]

    def _quote(
        self, question: str, evidence: Sequence[Evidence], judging: "_Judging"
    ) -> Checked | None:
        """The sentence that most likely answers of those that may, proving itself.

        ``None`` if none was read.

        It is joined by the one that led to it, by the one before where only that names whom the
        question is about, and by what ``listing`` adds.
        """
        best = likeliest(telling(question, fitting(question, evidence)))
        if best is None or best.answers is None:
            return None
        quoted = listing(question, best, evidence, self._reader)
        proof = with_antecedents(quoted.proof or (best,), terms(question), evidence)
        read = quoted.proof if len(quoted.proof) > 1 else [best]
        read = proof if best.led_by is not None else read
        support = Support(proof, context=with_sentence_before(read))
        sure = quote_confidence(best.answers)
        passage = Passage(" ".join(item.text for item in read), title=best.title)
        fits = best.answers >= _LEAST_READ and quotable(question, passage, self._reader)
        if fits and quoted.proof:
            sure = quote_confidence(best.answers, judging.answers(support))
        clear = fits and sure >= max(self._min_confidence, _LEAST_FOR_A_QUOTATION)
        problem = None if clear and quoted.proof else "no sentence clearly answers the question"
        return Checked(quoted.text, support, sure=sure, problem=problem)

    def _contradict(
        self,
        question: str,
        surest: Checked,
        evidence: Sequence[Evidence],
        composing: Composition,
    ) -> Iterator[ClaimEvent]:
        """Add the sentence that contradicts the surest claim, if there is one."""
        conflict = find_conflict(question, surest.support.proof, evidence, self._reader)
        if conflict is None:
            return
        sure = quote_confidence(conflict.other.answers or 0.0)
        if sure >= self._min_confidence:
            claim = DISAGREES.format(plain(conflict.other.text))
            proof = (conflict.said, conflict.other)
            item = Checked(claim, Support(proof), sure=sure)
            if not composing.says(item):
                yield composing.add_conflict(item)

    def _standalone(self, question: str, history: Sequence[Turn], place: Place) -> Standalone:
        alone = stand_alone(question, history, self._drafter, place.wait)
        if alone.error is not None and not self._fall_back:
            raise alone.error
        return alone

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
    """A question, or one of those that it consists of, and what was found for it.

    Attributes:
        alone: the question, outside its conversation.
        at_once: the answer, where no draft is needed.
        note: what is to be said of it besides.
    """

    alone: Standalone
    retrieval: Retrieval
    at_once: list[Checked] | None
    note: str = ""

    @property
    def question(self) -> str:
        """What is asked."""
        return self.alone.question


class _Judging:
    """The judge over one question; of each text it is asked once whether that answers.

    Args:
        judge: ``None`` to do without; nothing is known then.
        question: the standalone question.
    """

    def __init__(self, judge: Judge | None, question: str) -> None:
        self._judge = judge
        self._question = question
        self._known: dict[str, float] = {}

    def answers(self, support: Support) -> float | None:
        """Probability that a proof answers the question."""
        if self._judge is None:
            return None
        text = support.context
        if text not in self._known:
            self._known[text] = self._judge.answers(self._question, text, _titles(support.proof))
        return self._known[text]


def _titles(proof: Sequence[Evidence]) -> str:
    """The titles of the documents that a proof is of, as the judge is told them.

    One that addresses a model is shown to none.
    """
    titles = dict.fromkeys(item.title for item in proof)
    return "” and “".join(_UNTITLED if addresses_model(it) else it for it in titles)


def _settles(quotation: Checked, question: str, least: float) -> bool:
    """Whether a quotation is all that the question needs."""
    sure = quotation.problem is None and quotation.sure >= least
    return sure and _ASKS_SEVERAL.search(question) is None


def _checked(question: str) -> str:
    text = question.strip()
    whole = text == text.encode("utf-8", "replace").decode()
    if not whole or not any(sign.isalnum() for sign in text):
        raise QuestionError(f"{question[:80]!r} is not a question")
    if len(text) > MAX_CHARACTERS:
        raise QuestionError(
            f"the question has {len(text)} characters; {MAX_CHARACTERS} are allowed"
        )
    return text
