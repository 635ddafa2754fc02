"""The judge over one question; of each text it is asked once whether that answers."""

from collections.abc import Sequence
from typing import Protocol

from qa.grounding.support import Support
from qa.injection import addresses_model
from qa.schema import Evidence

_UNTITLED = "an article"


class Judge(Protocol):
    """The language model, as far as the checks need it."""

    def answers(self, question: str, text: str, title: str) -> float:
        """Probability that ``text``, of a document with that title, answers ``question``."""


class Judging:
    """The judge over one question.

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
