"""The sets of sentences that may prove a claim, and why one of them cannot."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qa.grounding.antecedents import with_sentence_before
from qa.grounding.lists import listed, of_one_list
from qa.grounding.opposites import IMPLIED_NEGATIONS, denies, reverses, turns
from qa.grounding.statement import Statement
from qa.grounding.units import MAGNITUDES, SIGNS, UNITS, units_in
from qa.schema import Evidence
from qa.words import fold, leans, share, stems, terms, without_marks

_REACH = 2
"""How far apart two sentences of one proof may stand."""

_NAMED = 2 / 3
"""Share of a title's words from where on a sentence of another document is taken to name it."""

_PARENTHESIS = re.compile(r"\([^)]*\)")

_TELLING, _SAID_THERE = 4, 0.3
"""A clause, or a claim, that adds so many words to the question must have this share of them in the
proof: the checks of names and numbers see nothing of "and slide the tank back until it stops". Of
504 questions of eleven suites the clauses change no answer."""

_ACTIVE = re.compile(
    r"<[a-z/!][^<>]*[>=]|!\[|\]\(\S*|\b(?:https?|ftp|data|javascript|mailto):\S+|\bwww\.\S+",
    re.IGNORECASE,
)
"""Markup and addresses: what a client may follow, so that a draft may only repeat it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A set of sentences that may prove the claim, with what a reader knows on reaching it."""

    members: tuple[Evidence, ...]
    text: str
    context: str
    said: frozenset[str]
    known: frozenset[str]

    @classmethod
    def of(cls, members: tuple[Evidence, ...]) -> "Candidate":
        """A candidate of these sentences, in reading order."""
        text = " ".join(item.text for item in members)
        # The number of a source's own footnote says nothing.
        unmarked = without_marks(text)
        said = units_in(unmarked) | {term.stem for term in terms(unmarked)}
        titles = dict.fromkeys(item.title for item in members)
        before = [sentence for item in members for sentence in item.before]
        known = said | {term.stem for term in terms(" ".join([*titles, *before]))}
        context = with_sentence_before(members)
        return cls(members, text, context, said, known)

    def contradicts(self, it: Statement) -> str | None:
        """Why these sentences cannot prove the statement, or ``None`` if they may."""
        return (
            self._lacks_copy(it)
            or self._lacks_term(it)
            or self._lacks_unit(it)
            or self._is_of_another(it)
            or self._lacks_clause(it)
            or self._denies_less(it)
            or reverses(it.claim, self.text)
        )

    def _lacks_copy(self, it: Statement) -> str | None:
        folded = fold(self.text)
        for active in _ACTIVE.findall(it.claim):
            if fold(active).rstrip(".,;:!?)'\"") not in folded:
                return "the language model's draft adds markup or an address that no sentence has"
        # A document's title may stand in quotation marks, too.
        titled = " ".join([*(fold(item.title) for item in self.members), folded])
        for quotation in it.quoted:
            if not re.search(rf"(?<!\w){re.escape(quotation)}(?!\w)", titled):
                return f"the language model's draft quotes “{quotation}”, and no sentence does"
        return None

    def _lacks_term(self, it: Statement) -> str | None:
        for term in it.added:
            telling = term.kind != "word" or term.stem in MAGNITUDES
            if telling and term.stem not in self.said:
                draft = f"the language model's draft says “{term.text}”"
                return f"{draft}, which no sentence that fits does"
        for term in it.stated:
            if term.kind != "word" and term.stem not in self.known:
                return f"no sentence that fits is about “{term.text}”"
        return None

    def _lacks_unit(self, it: Statement) -> str | None:
        for place, unit in enumerate(it.stated):
            before = it.stated[max(0, place - 2) : place]  # "500 square miles"
            measured = any(term.kind == "number" or term.stem in UNITS for term in before)
            if measured and unit.stem in UNITS and unit.stem not in self.said:
                said = " ".join(term.text for term in [*before, unit])
                return f"the language model's draft says “{said}”, no sentence that fits does"
        folded = fold(it.claim)
        for sign, names in SIGNS.items():
            if sign in folded and not names & self.said:
                return f"the language model's draft says “{sign}”, no sentence that fits does"
        return None

    def _is_of_another(self, it: Statement) -> str | None:
        """The number that the first of two sentences gives of somebody whom only the second names.

        "The founder, aged 39, had lost. … Musk went to court." does not say how old Musk is.
        """
        if len(self.members) != 2 or leans(self.members[-1].text):
            return None
        first, second = (Candidate.of((item,)) for item in self.members)
        news = [term for term in it.added if term.kind == "number" and term.stem not in second.said]
        subjects = [term for term in it.stated if term.kind == "name" and term not in it.added]
        if not news or not subjects or any(term.stem in first.known for term in subjects):
            return None
        return f"the sentence that says “{news[0].text}” is not about “{subjects[0].text}”"

    def _lacks_clause(self, it: Statement) -> str | None:
        for clause, new in it.clauses:
            if len(new) >= _TELLING and len(new & self.known) < _SAID_THERE * len(new):
                return f"no sentence that fits says “{clause}”"
        plain = all(term.kind == "word" for term in it.added)
        if it.added and plain and self.said.isdisjoint(term.stem for term in it.added):
            return "no sentence says what the language model's draft adds"
        return None

    def _denies_less(self, it: Statement) -> str | None:
        denied = denies(self.text) or bool(self.said & IMPLIED_NEGATIONS)
        if it.denies:  # "No, it is slower" needs no "not"
            denied = denied or turns(it.question, self.text)
        return None if denied or not denies(it.claim) else "no sentence that fits denies it"

    def coverage(self, it: Statement) -> float:
        """Share of the statement's content words that a reader knows, in [0, 1]."""
        return share([term.stem for term in it.stated], self.known)

    def focus(self, it: Statement) -> float:
        """Share of the question's content words that a reader knows, in [0, 1]."""
        return share(it.asked, self.known)


def find_candidates(statement: Statement, evidence: Sequence[Evidence]) -> list[Candidate]:
    """Single sentences, pairs that stand close together or lead one to the other, and lists."""
    lists = listed(statement.claim, statement.question, evidence)
    return [Candidate.of(members) for members in (*_sets(evidence), *lists)]


def _sets(evidence: Sequence[Evidence]) -> list[tuple[Evidence, ...]]:
    """Single sentences, and pairs that stand close together or lead one to the other."""
    singles: list[tuple[Evidence, ...]] = [(item,) for item in evidence if item.led_by is None]
    titles = {item.document_id: _title(item) for item in evidence}
    pairs: list[tuple[Evidence, ...]] = []
    for first in evidence:
        said = frozenset(stems(first.text))
        for second in evidence:
            if first.document_id == second.document_id:
                # What "they" did is not said of those whom the sentence before the last names.
                reach = 1 if leans(second.text) else _REACH
                near = 0 < second.sentence - first.sentence <= reach
                together = near and not of_one_list(first, second)
            else:
                title = titles[second.document_id]
                together = bool(title) and share(title, said) >= _NAMED
            if together:
                pairs.append((first, second))
    return singles + pairs


def _title(item: Evidence) -> list[str]:
    """The stems of a document's title, without what a parenthesis adds to tell it from others."""
    return stems(_PARENTHESIS.sub("", item.title))
