"""A claim beside the question that it is to answer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qa.grounding.kinds import offers_choice
from qa.grounding.opposites import turns
from qa.grounding.tables import CLAUSES
from qa.questions import asks_yes_or_no
from qa.schema import Evidence
from qa.words import Term, fold, terms

_QUOTED = (
    re.compile(r'"([^"]{2,})"'),
    re.compile(r'"(?=([^"\s][^"]*[^"\s])")'),  # whatever stray quote stands before
    re.compile(r"(?<![\w'])'((?:[^']|(?<=\w)'(?=\w)){2,})'(?!\w)"),  # no apostrophes
)

_YES = re.compile(r"\W*yes\b[\s,.;:–—-]*", re.IGNORECASE)
"""How the answer to a yes-or-no question may begin; no sentence says that."""
_NO = re.compile(r"\W*no\b[\s,.;:–—-]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statement:
    """A claim beside the question that it is to answer.

    Attributes:
        claim: what is said, without the "yes" that it may begin with.
        question: the standalone question.
        asked: the stems of the question's content words.
        stated: the claim's terms.
        added: those that the question does not have.
        clauses: each clause, and the whole claim, with the stems that the question does not have.
        quoted: what the claim has in quotation marks, folded; a title that the question names need
            not be said again.
        denies: whether it begins with "no", to a question for yes or no.
        turns: whether it begins with "yes" to such a question, and goes on to say the opposite.
    """

    claim: str
    question: str
    asked: frozenset[str]
    stated: tuple[Term, ...]
    added: tuple[Term, ...]
    clauses: tuple[tuple[str, frozenset[str]], ...]
    quoted: tuple[str, ...]
    denies: bool
    turns: bool

    @classmethod
    def of(cls, claim: str, question: str, evidence: Sequence[Evidence]) -> "Statement":
        """Read a claim; what is a name in the question or the evidence is one in the claim."""
        denies = turned = False
        if asks_yes_or_no(question):
            denies = _NO.match(claim) is not None
            turned = _YES.match(claim) is not None and turns(question, claim)
            claim = _YES.sub("", claim)
        asked = frozenset(term.stem for term in terms(question))
        met = [term for text in (question, *(e.text for e in evidence)) for term in terms(text)]
        stated = terms(
            claim,
            names=frozenset(term.stem for term in met if term.kind == "name"),
            common=frozenset(term.stem for term in met if term.text.islower()),
        )
        quoted = [said.strip(" .,!?;:") for marks in _QUOTED for said in marks.findall(fold(claim))]
        return cls(
            claim,
            question,
            asked,
            stated=tuple(stated),
            added=tuple(term for term in stated if term.stem not in asked),
            clauses=tuple(
                (clause.strip(), frozenset(term.stem for term in terms(clause)) - asked)
                for clause in dict.fromkeys([*CLAUSES.split(claim), claim])
            ),
            quoted=tuple(said for said in quoted if said not in fold(question)),
            denies=denies,
            turns=turned,
        )

    @property
    def repeats(self) -> bool:
        """Whether it adds nothing to a question that asks for more than a yes or a choice."""
        return not (self.added or asks_yes_or_no(self.question) or offers_choice(self.question))

    @property
    def restates(self) -> bool:
        """Whether it says no more than a question to be answered by yes or no.

        "Did profit fall?" has no "fell": a strong verb keeps little but its first letter.
        """
        if not asks_yes_or_no(self.question) or offers_choice(self.question):
            return False
        said = {term.stem for term in self.stated}
        asked = [term for term in terms(self.question) if term.kind == "word"]
        unsaid = {term.stem[0] for term in asked if term.stem not in said}
        return all(term.kind == "word" and term.stem[0] in unsaid for term in self.added)
