"""Is this claim proved by these sentences?

Without a language model: every name, number, unit and quotation that the claim adds to the question
must stand in the sentences that are to prove it, and what it repeats from the question must be what
those sentences are about. Plain words may be said differently; there the share that is found again
and the closeness in meaning decide together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from qa.grounding.agents import find_agent, tells_of_deed
from qa.grounding.antecedents import with_antecedents
from qa.grounding.candidates import Candidate, find_candidates
from qa.grounding.kinds import answers_kind
from qa.grounding.misfits import misfit
from qa.grounding.statement import Statement
from qa.questions import split_question
from qa.schema import Evidence
from qa.words import stems

Similarity = Callable[[str, Sequence[str]], list[float]]
"""Cosine of one text with each of several."""


@dataclass(frozen=True, slots=True)
class Support:
    """What the check found for one claim.

    Attributes:
        proof: the offered sentences that prove it best, in reading order; empty if none do.
        coverage: share of the claim's content words in the proof or just before it, in [0, 1].
        similarity: cosine of the claim with the proof.
        focus: share of the question's content words in the proof or just before it, in [0, 1].
        context: the proof with the sentence right before it, as a judge reads it.
        restates: whether the claim says no more than the question, beside yes or no.
        declines: whether it says no, and in words that all stand in the proof or just before it.
        reason: why there is no proof, in words.
    """

    proof: tuple[Evidence, ...]
    coverage: float = 0.0
    similarity: float = 0.0
    focus: float = 0.0
    context: str = ""
    restates: bool = False
    declines: bool = False
    reason: str | None = None


def find_support(
    claim: str, question: str, evidence: Sequence[Evidence], similarity: Similarity
) -> Support:
    """Find the sentence, or the two, of ``evidence`` that prove ``claim`` best as an answer.

    Two stand close together, or one names the document of the other: "The film was directed by
    Ann Lund." and, of Ann Lund, "She is Norwegian."

    Args:
        claim: one sentence of the draft.
        question: the standalone question that it answers.
        evidence: the sentences that were offered.
        similarity: cosine by the embedder.
    """
    it = Statement.of(claim, question, evidence)
    reason = _beside_the_question(it, evidence)
    if reason is not None:
        return Support((), reason=reason)
    candidates = find_candidates(it, evidence)
    failures = [
        misfit(question, candidate.text, context=candidate.context) or candidate.contradicts(it)
        for candidate in candidates
    ]
    passed = [
        candidate
        for candidate, failure in zip(candidates, failures, strict=True)
        if failure is None
    ]
    if not passed:
        return Support((), reason=_failure_of_the_nearest(candidates, failures, it))
    cosines = similarity(it.claim, [candidate.text for candidate in passed])
    found = [
        Support(
            candidate.members,
            coverage=candidate.coverage(it),
            similarity=cosine,
            focus=candidate.focus(it),
            context=candidate.context,
            restates=it.restates or it.turns,
            declines=it.denies and candidate.coverage(it) == 1,
        )
        for candidate, cosine in zip(passed, cosines, strict=True)
    ]
    best = max(found, key=_preference)
    return replace(best, proof=with_antecedents(best.proof, question, it.stated, evidence))


def _beside_the_question(it: Statement, evidence: Sequence[Evidence]) -> str | None:
    """Why a claim is no answer, whatever may prove it."""
    if it.repeats:
        return "the language model's draft only repeats the question"
    asked_for = split_question(it.question)
    added = {term.stem for term in it.added}
    for part in asked_for:
        agent = find_agent(part, evidence)
        told = len(asked_for) == 1 or tells_of_deed(part, it.claim)
        if agent is not None and told and added.isdisjoint(stems(agent)):
            return f"a sentence says that it was {agent}"
    if not any(answers_kind(part, it.claim) for part in asked_for):
        return "the language model's draft has nothing of the kind asked for"
    return None


def _preference(support: Support) -> float:
    # A second sentence must earn its place. Penalties of 0.1, 0.2 and 0.3, and the cross-encoder in
    # place of the cosine, gave a citation_f1 between 0.88 and 0.90 over the same 103 drafts.
    # Of a list only what the claim tells of is in the proof.
    extra = min(len(support.proof), 2)
    return support.coverage + support.similarity + support.focus - 0.2 * extra


def _failure_of_the_nearest(
    candidates: Sequence[Candidate], failures: Sequence[str | None], it: Statement
) -> str:
    """Why the sentences that have most of the claim do not prove it."""
    if not candidates:
        return "nothing was offered"
    covered = [candidate.coverage(it) for candidate in candidates]
    return failures[covered.index(max(covered))] or ""
