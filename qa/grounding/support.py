"""Is this claim proved by these sentences?

Without a language model: every name, number and quotation that the claim adds to the question must
stand in the sentences that are to prove it, and what it repeats from the question must be what
those sentences are about. Plain words may be said differently; there the share that is found again
and the closeness in meaning decide together.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qa.schema import Evidence
from qa.words import Term, fold, stems, terms, words

Similarity = Callable[[str, Sequence[str]], list[float]]
"""Cosine of one text with each of several."""

_REACH = 2
"""How many sentences back an antecedent may stand."""

_QUOTED = re.compile(r'"([^"]{2,})"')
_WHO = re.compile(r"\W*(?:and |so |but )?who(?:m|se)?\b|\W*by whom\b", re.IGNORECASE)
_DONE_BY = re.compile(r"(\w+) by ((?:[^\s,;.]+\s*){1,8})")
"""A passive and its agent: "arranged by a mutual friend"."""

_NEGATIONS = frozenset("not no never none nobody nothing neither nor without cannot".split())
_YES_NO = re.compile(
    r"\W*(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Support:
    """What the check found for one claim.

    Attributes:
        proof: the fewest offered sentences that prove it, in reading order; empty if none do.
        coverage: share of the claim's plain words that the proof says too, in [0, 1].
        similarity: cosine of the claim with the proof.
        focus: share of the question's content words in the proof or just before it, in [0, 1].
        reason: why there is no proof, in words.
    """

    proof: tuple[Evidence, ...]
    coverage: float = 0.0
    similarity: float = 0.0
    focus: float = 0.0
    reason: str | None = None


def find_support(
    claim: str, question: str, evidence: Sequence[Evidence], similarity: Similarity
) -> Support:
    """Find the fewest sentences of ``evidence`` that prove ``claim`` as an answer.

    Args:
        claim: one sentence of the draft.
        question: the standalone question that it answers.
        evidence: the sentences that were offered.
        similarity: cosine by the embedder.
    """
    asked = {term.stem for term in terms(question)}
    names = frozenset(
        term.stem
        for text in (question, *(item.text for item in evidence))
        for term in terms(text)
        if term.kind == "name"
    )
    stated = terms(claim, names)
    added = [term for term in stated if term.stem not in asked]
    if not added and not _YES_NO.match(question):
        return Support((), reason="the draft only repeats the question")
    candidates = [_Candidate.of(members, evidence) for members in _sets(evidence) if members]
    failures = [
        candidate.contradicts(claim, stated, added)
        or (candidate.names_another_agent(asked, added) if _WHO.match(question) else None)
        for candidate in candidates
    ]
    passed = [
        candidate
        for candidate, failure in zip(candidates, failures, strict=True)
        if failure is None
    ]
    if not passed:
        return Support((), reason=_most_telling(failures))
    cosines = similarity(claim, [candidate.text for candidate in passed])
    found = [
        Support(
            candidate.members,
            coverage=candidate.coverage(stated),
            similarity=cosine,
            focus=candidate.focus(asked),
        )
        for candidate, cosine in zip(passed, cosines, strict=True)
    ]
    return max(found, key=_preference)


def _preference(support: Support) -> float:
    # A second sentence must earn its place: it costs what a tenth of the words would bring.
    return support.coverage + support.similarity + support.focus - 0.1 * len(support.proof)


def _sets(evidence: Sequence[Evidence]) -> list[tuple[Evidence, ...]]:
    """Single sentences, and pairs that stand close together, in reading order."""
    singles: list[tuple[Evidence, ...]] = [(item,) for item in evidence]
    pairs: list[tuple[Evidence, ...]] = [
        (first, second)
        for first in evidence
        for second in evidence
        if first.document_id == second.document_id
        and 0 < second.sentence - first.sentence <= _REACH
    ]
    return singles + pairs


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A set of sentences that may prove the claim, with what a reader knows on reaching it."""

    members: tuple[Evidence, ...]
    text: str
    said: frozenset[str]
    known: frozenset[str]

    @classmethod
    def of(cls, members: tuple[Evidence, ...], evidence: Sequence[Evidence]) -> "_Candidate":
        text = " ".join(item.text for item in members)
        first = members[0]
        before = [
            item.text
            for item in evidence
            if item.document_id == first.document_id
            and 0 < first.sentence - item.sentence <= _REACH
        ]
        said = frozenset(term.stem for term in terms(text))
        known = said | {term.stem for term in terms(" ".join([first.title, *before]))}
        return cls(members, text, said, known)

    def contradicts(self, claim: str, stated: list[Term], added: list[Term]) -> str | None:
        """Why these sentences cannot prove the claim, or ``None`` if they may."""
        folded = fold(self.text)
        for quotation in _QUOTED.findall(fold(claim)):
            if quotation.strip(" .,!?;:") not in folded:
                return f"no sentence has the words “{quotation}”"
        for term in added:
            if term.kind != "word" and term.stem not in self.said:
                return f"no sentence that fits says {term.stem!r}"
        for term in stated:
            if term.kind != "word" and term.stem not in self.known:
                return f"the sentences that fit are not about {term.stem!r}"
        plain = [term for term in added if term.kind == "word"]
        if plain and not any(term.stem in self.said for term in plain) and len(plain) == len(added):
            return "no sentence says what the draft adds"
        if _NEGATIONS & set(words(claim)) and not _NEGATIONS & set(words(self.text)):
            return "no sentence that fits denies it"
        return None

    def names_another_agent(self, asked: set[str], added: list[Term]) -> str | None:
        """Whether the sentences say that somebody else did what is asked about."""
        for match in _DONE_BY.finditer(fold(self.text)):
            deed, agent = match.groups()
            if not asked & set(stems(deed)):
                continue
            if not {term.stem for term in added} & {term.stem for term in terms(agent)}:
                return f"the sentence says “{match.group().strip()}”"
        return None

    def coverage(self, stated: list[Term]) -> float:
        return _share([term.stem for term in stated], self.known)

    def focus(self, asked: set[str]) -> float:
        return _share(list(asked), self.known)


def _share(wanted: Sequence[str], found: frozenset[str]) -> float:
    return sum(stem in found for stem in wanted) / len(wanted) if wanted else 1.0


def _most_telling(failures: Sequence[str | None]) -> str:
    said = [failure for failure in failures if failure is not None]
    return max(said, key=said.count) if said else "nothing was offered"
