"""How likely does each sentence answer the question, by the model that reads both together?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from qa.odds import average
from qa.retrieval.context import passage, whole
from qa.retrieval.sentences import Place, Sentences
from qa.schema import Passage

_READ_TWICE = 3
"""How many of the likeliest sentences are read once more. Where no language model is asked, reading
all six moved no measure of eight suites."""


class Ranker(Protocol):
    """Reads each passage together with the question."""

    def answers(self, question: str, passages: Sequence[Passage]) -> list[float]:
        """Probability that each passage answers ``question``."""


@dataclass(frozen=True, slots=True)
class Rating:
    """Reads sentences together with one question.

    Attributes:
        question: the standalone question.
        sentences: those at the places to read.
        ranker: reads them.
    """

    question: str
    sentences: Sentences
    ranker: Ranker

    def in_context(self, places: Sequence[Place]) -> dict[Place, float]:
        """How likely each place answers, behind what stands before it."""
        self.sentences.fetch_before(places)
        return self.behind({place: self.sentences.before(place) for place in places})

    def behind(self, before: Mapping[Place, Place | None]) -> dict[Place, float]:
        """How likely each place answers, behind the one that it is mapped to."""
        passages = [passage(place, other, self.sentences) for place, other in before.items()]
        return dict(zip(before, self.ranker.answers(self.question, passages), strict=True))

    def again(self, places: Sequence[Place], answers: Mapping[Place, float]) -> dict[Place, float]:
        """The likeliest of the places, each read once more by itself: the mean of both readings.

        What introduces a list is read together with that.
        """
        read = sorted(places, key=answers.__getitem__, reverse=True)[:_READ_TWICE]
        passages = [Passage(whole(place, self.sentences)) for place in read]
        alone = self.ranker.answers(self.question, passages)
        return {place: average(answers[place], it) for place, it in zip(read, alone, strict=True)}
