"""Who reads a question together with a sentence, as far as the checks need it."""

from collections.abc import Sequence
from typing import Protocol

from qa.schema import Passage


class Reading(Protocol):
    """Where in a passage its answer stands, as character offsets."""

    @property
    def start(self) -> int:
        """Its first character."""

    @property
    def end(self) -> int:
        """The character after its last."""


class Reader(Protocol):
    """The cross-encoder, or another in its place."""

    def answers(self, question: str, passages: Sequence[Passage]) -> list[float]:
        """Probability that each passage answers ``question``."""

    def read(self, question: str, passages: Sequence[Passage]) -> Sequence[Reading]:
        """The likeliest answer in each passage; all of it where the reader tells no place."""

    def supports(self, claim: str, passages: Sequence[Passage]) -> list[float]:
        """Probability that each passage proves ``claim``."""
