"""From the best sentences to what other documents say: a sentence leads to those that it names."""

import itertools
from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

from qa.retrieval.sentences import Place, Sentences
from qa.retrieval.titles import Titles
from qa.snapshot import Snapshot

_LEADING = 3
"""How many of the best sentences may lead to other documents."""

_FOLLOWED = 4
"""To how many documents they lead, at most."""

_LED = 2
"""How many sentences of theirs are offered."""


class Led(NamedTuple):
    """A sentence that another one led to.

    Attributes:
        lead: the other one.
        answers: how likely it answers, read behind the other one.
    """

    lead: Place
    answers: float


def find_leads(
    places: Sequence[Place],
    asked: Container[tuple[str, ...]],
    titles: Titles,
    sentences: Sentences,
    snapshot: Snapshot,
) -> dict[str, Place]:
    """The documents that the first of ``places`` name, each with the place that leads there.

    Args:
        places: the best first.
        asked: the titles that the question names; these lead nowhere.
        titles: to find in the sentences.
        sentences: those at the places.
        snapshot: no documents but these are led to.
    """
    leads: dict[str, Place] = {}
    for place in places[:_LEADING]:
        for title, named in titles.named_in(sentences.text(place)).items():
            if title not in asked:
                leads |= {
                    document: place
                    for document in named
                    if document not in leads
                    and document != sentences.document(place).id
                    and snapshot.document(document) is not None
                }
    return dict(itertools.islice(leads.items(), _FOLLOWED))


def likeliest(led: Mapping[Place, Led], rated: Mapping[Place, float]) -> dict[Place, Led]:
    """The likeliest of what was led to; what is offered anyway, only if it answers better so."""
    better = [place for place, it in led.items() if it.answers > rated.get(place, 0.0)]
    better.sort(key=lambda place: led[place].answers, reverse=True)
    return {place: led[place] for place in better[:_LED]}
