"""The checks of what is said to one question: claims of a draft, and sentences that are quoted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from qa.grounding.abstention import like_answered, likeliest, misses, quotable
from qa.grounding.antecedents import who_is_meant, with_antecedents, with_sentence_before
from qa.grounding.confidence import (
    FAR,
    confidence,
    lead,
    proof_score,
    quote_confidence,
    undecided,
)
from qa.grounding.conflicts import find_conflict
from qa.grounding.judging import Judge, Judging
from qa.grounding.kinds import answers_kind
from qa.grounding.lists import likeliest_list, listing, telling
from qa.grounding.misfits import fitting
from qa.grounding.reader import Reader
from qa.grounding.relevance import OF_A_CLAIM, OF_A_QUOTATION, relevance
from qa.grounding.roles import may_confuse, may_exchange
from qa.grounding.support import Similarity, Support, find_support
from qa.grounding.tables import may_mix_columns, say_proof
from qa.questions import is_question
from qa.schema import DISAGREES, ELSEWHERE, Evidence, Passage
from qa.tracing import span
from qa.words import plain, stems, terms

LEAST_FOR_A_QUOTATION = 0.72
"""How sure it must be, at least, of a sentence that it quotes for want of a proved claim. Of 310
recorded questions that have an answer it quotes a right sentence for 0.66 and a wrong one for 0.02,
unjudged, and any for 0.23 of 39 without one; judged 0.70, 0.01 and 0.26."""

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

_DECLINES = 0.6
"""How sure it is, at least, of a no whose words all stand in its proof: reader and judge, asked
whether a sentence answers, take one that denies for one that does not. Of 52 questions for yes or
no, about six short articles, 7 were drafted so, all rightly: 0.59 or more, with 95 % confidence."""

_SAME_MATTER = 0.6
"""Least cosine of sentences of two documents, behind their titles, that disagree. What the repair
of a pipe and of a ship cost has 0.48."""

_TELLS = 0.72
"""How sure it is that the first sentences of a text tell what it is about: they did for 26 of 36,
read by eye (docs/decisions/0015-overviews.md)."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A claim with its proof.

    Attributes:
        sure: how sure it is that it is a right answer, in [0, 1]; not calibrated.
        problem: why it does not do as an answer, in words.
    """

    claim: str
    support: Support
    sure: float = 0.0
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Quotation:
    """What may be quoted.

    Attributes:
        text: what it says, as one statement.
        support: the sentences that are cited for it.
        answers: what the reader says of it.
        ahead: how far that is ahead of the likeliest sentence that answers otherwise, by ``lead``;
            0 where it does not fit.
        fits: whether it is of the kind asked for.
    """

    text: str
    support: Support
    answers: float
    ahead: float
    fits: bool


class Checks:
    """Checks what is said to one question.

    Args:
        question: the standalone question.
        evidence: the sentences that may be shown to a model and cited.
        reader: reads a question or a claim together with a sentence.
        similarity: cosine by the embedder.
        judge: decides where the reader cannot; ``None`` to do without.
        min_confidence: below it nothing is released.
        topic: the whole of what is asked, where ``question`` is a part of it.
    """

    def __init__(
        self,
        question: str,
        evidence: Sequence[Evidence],
        *,
        reader: Reader,
        similarity: Similarity,
        judge: Judge | None,
        min_confidence: float,
        topic: str | None = None,
    ) -> None:
        self.question = question
        self._topic = topic or question
        self.evidence = evidence
        self._reader = reader
        self._similarity = similarity
        self._judging = Judging(judge, question)
        self._min_confidence = min_confidence

    def certain(self, claim: str) -> Checked | None:
        """A claim that needs neither the judge nor another sentence, checked; else ``None``."""
        item = self._check(claim)
        if item.problem is not None:
            return None
        sure = confidence(self._proof_score(item))
        item = replace(item, sure=sure)
        # No quotation can be so much surer that _or_quoted would take this back once it is sent.
        settled = not undecided(sure) and sure > 1 - _SURER and sure >= self._min_confidence
        return item if settled and self._or_proof(item) == [item] else None

    def rest(self, claims: Sequence[str], certain: Sequence[Checked]) -> list[Checked]:
        """The claims behind those that are ``certain``, checked, and what is quoted besides."""
        judged = [self._judged(item) for item in [self._check(claim) for claim in claims]]
        proved = [item for claim in judged for item in self._or_proof(claim)]
        return self._or_quoted([*certain, *proved])[len(certain) :]

    @span("check")
    def _check(self, claim: str) -> Checked:
        support = find_support(claim, self.question, self.evidence, self._similarity)
        problem = support.reason
        if problem is None and self._relevance(support.proof) < OF_A_CLAIM:
            problem = "the sentence that proves it is about something else"
        return Checked(claim, support, problem=problem)

    def _proof_score(self, item: Checked) -> float:
        return proof_score(self.question, item.support.proof, self._reader)

    def _judged(self, item: Checked) -> Checked:
        """Say how sure it is of a claim that has passed the checks without a model."""
        if item.problem is not None:
            return item
        proof = self._proof_score(item)
        sure = confidence(proof)
        if undecided(sure):
            sure = confidence(proof, self._judging.answers(item.support))
        if item.support.declines:
            sure = max(sure, _DECLINES)
        if sure < self._min_confidence:
            reason = "the sentences found do not clearly answer the question"
            return replace(item, sure=sure, problem=reason)
        return replace(item, sure=sure)

    def _or_proof(self, item: Checked) -> list[Checked]:
        """A claim, or its proof where that may say something else.

        It has a likely answer which is not the claim's, or what the claim says of another. And no
        check holds a yes that only repeats the question: the model says yes to nearly everything.
        """
        if item.problem is None and item.support.restates:
            return [replace(item, claim=say_proof(self.question, item.support.proof))]
        if item.problem is not None:
            return [item]
        if may_mix_columns(item.claim, self.question, item.support.proof):
            reason = "it may take from one column what stands in another"
            said = say_proof(self.question, item.support.proof)
            return [replace(item, problem=reason), replace(item, claim=said)]
        if len(item.support.proof) > 1:
            return [item]
        (sentence,) = item.support.proof
        likely = (sentence.answers or 0.0) >= _LIKELY
        if likely and misses(item.claim, self.question, sentence, self._reader):
            reason = "the sentence that proves it seems to answer otherwise and is quoted instead"
        elif may_exchange(item.claim, sentence.text) or may_confuse(self.question, sentence.text):
            reason = "it may mix up what the sentence that is quoted instead says"
        else:
            return [item]
        return [replace(item, problem=reason), replace(item, claim=plain(sentence.text))]

    def _or_quoted(self, claims: list[Checked]) -> list[Checked]:
        """The claims, joined by the likeliest sentence where that answers better."""
        proved = [item for item in claims if item.problem is None]
        if any(likeliest(self.evidence) in item.support.proof for item in proved):
            return claims
        quotation = self.quote(judged=True)
        if quotation is None or quotation.problem is not None:
            return claims
        if proved and quotation.sure <= max(item.sure for item in proved) + _SURER:
            return claims
        reason = "a sentence that answers more clearly is quoted instead"
        return [
            *(item if item.problem else replace(item, problem=reason) for item in claims),
            quotation,
        ]

    def quote(self, *, judged: bool) -> Checked | None:
        """The sentence that most likely answers of those that may, proving itself.

        ``None`` if none was read.

        Args:
            judged: whether the judge is asked for it, too.
        """
        found = self.quotation
        if found is None:
            return None
        judge = self._judging.answers(found.support) if judged and found.fits else None
        sure = quote_confidence(found.answers, found.ahead, judge)
        clear = found.fits and sure >= max(self._min_confidence, LEAST_FOR_A_QUOTATION)
        problem = None if clear else "no sentence clearly answers the question"
        return Checked(found.text, found.support, sure=sure, problem=problem)

    @property
    def likeliest_answers(self) -> float:
        """What the reader says of the likeliest sentence or list, be it quotable or not."""
        read = [item.answers for item in self.evidence if item.answers is not None]
        listed = 0.0 if self.quotation is None else self.quotation.answers
        return max(listed, *read, 0.0)

    @cached_property
    def quotation(self) -> "Quotation | None":
        """What ``quote`` may quote.

        The likeliest sentence is joined by the one that led to it, by the one before where only
        that names whom the question is about or who "she" is, and by what ``listing`` adds.
        """
        question, evidence = self.question, self.evidence
        best = likeliest(self._telling)
        if best is None or best.answers is None:
            return None
        answers = best.answers
        whole = likeliest_list(question, evidence, self._reader)
        named = False
        if whole is not None and whole.beats(best):
            best, quoted, answers = whole.first, whole.listing, whole.answers
            named = whole.is_named  # what is asked for by its name has no rival
        else:
            quoted = listing(question, best, evidence, self._reader)
        proof = with_antecedents(quoted.proof or (best,), question, terms(question), evidence)
        read = quoted.proof if len(quoted.proof) > 1 else (best,)
        read = proof if best.led_by is not None else read
        text = quoted.text
        meant = who_is_meant(question, best, evidence)
        if meant is not None and meant not in proof:
            proof, read, text = (meant, *proof), (meant, *read), f"{plain(meant.text)} {text}"
        passage = Passage(" ".join(item.text for item in read), title=best.title)
        fits = bool(quoted.proof) and answers >= _LEAST_READ
        fits = fits and quotable(question, passage, self._reader)
        fits = fits and (is_question(question) or _meets(question, proof))
        fits = fits and self._relevance(proof) >= OF_A_QUOTATION
        ahead = 0.0
        if fits:
            ahead = FAR if named else self._lead(answers, proof)
        return Quotation(
            text=text,
            support=Support(proof, context=with_sentence_before(read)),
            answers=answers,
            ahead=ahead,
            fits=fits,
        )

    def _is_same_matter(self, one: Evidence, other: Evidence) -> bool:
        """Whether two sentences are of one document, or alike behind the titles of theirs."""
        if one.document_id == other.document_id:
            return True
        said, also = (f"{it.title}: {it.text}" for it in (one, other))
        (alike,) = self._similarity(said, [also])
        return alike >= _SAME_MATTER

    def _relevance(self, proof: Sequence[Evidence]) -> float:
        return relevance(self._topic, proof, self.evidence, self._similarity)

    @cached_property
    def _telling(self) -> list[Evidence]:
        """The sentences that may be quoted."""
        return telling(self.question, fitting(self.question, self.evidence))

    def _lead(self, answers: float, proof: tuple[Evidence, ...]) -> float:
        """How far a quotation is ahead of the likeliest sentence that answers otherwise.

        One that disagrees on the value asked for is shown beside it, and no rival.
        """
        rivals = [it for it in self._telling if it not in proof and it.answers is not None]
        rivals.sort(key=lambda it: it.answers or 0.0, reverse=True)
        near = [it for it in rivals if lead(answers, it.answers or 0.0) < FAR]
        said = Passage(" ".join(item.text for item in proof), title=proof[0].title)
        passages = [Passage(it.text, title=it.title) for it in near]
        alike = like_answered(self.question, said, passages, self._reader) if near else []
        for rival, agrees in zip(near, alike, strict=True):
            disagrees = find_conflict(self.question, proof, [*proof, rival], self._reader)
            if not agrees and disagrees is None:
                return lead(answers, rival.answers or 0.0)
        return FAR

    def contradiction(self, of: Checked) -> Checked | None:
        """The sentence that contradicts a claim on the value asked for, beside its proof."""
        conflict = find_conflict(self.question, of.support.proof, self.evidence, self._reader)
        if conflict is None:
            return None
        answers = conflict.other.answers or 0.0
        ahead = self._lead(answers, (conflict.said, conflict.other))
        sure = quote_confidence(answers, ahead)
        if sure < self._min_confidence:
            return None
        together = self._is_same_matter(conflict.said, conflict.other)
        if not together and self._relevance((conflict.other,)) < OF_A_QUOTATION:
            return None
        claim = (DISAGREES if together else ELSEWHERE).format(plain(conflict.other.text))
        return Checked(claim, Support((conflict.said, conflict.other)), sure=sure)

    def openings(self) -> list[Checked]:
        """The evidence as an overview: each sentence tells what its text is about."""
        problem = None if _TELLS >= self._min_confidence else "how a text begins may not do for it"
        return [
            Checked(plain(item.text), Support((item,)), sure=_TELLS, problem=problem)
            for item in self.evidence
        ]


def _meets(request: str, proof: Sequence[Evidence]) -> bool:
    """Whether a proof, or what stands before it, has a word of what is asked for."""
    said = (text for item in proof for text in (item.title, *item.before, item.text))
    return not set(stems(request)).isdisjoint(stem for text in said for stem in stems(text))


def covers(item: Checked, question: str, reader: Reader) -> bool:
    """Whether what is said of several questions together answers this one of them."""
    (answers,) = reader.answers(question, [Passage(item.claim)])
    return answers >= _LIKELY and answers_kind(question, item.claim)
