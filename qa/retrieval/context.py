"""What stands around a sentence: it is read with that, and offered with it."""

from collections.abc import Sequence

from qa.layout import is_row
from qa.questions import asks_for_time
from qa.retrieval.sentences import Place, Sentences
from qa.schema import Passage
from qa.words import counts_from, leans

_LEANING = 4
"""How many of the best sentences may bring a neighbour; each costs the LLM a second to read."""

_LISTING = 3
"""How many of the best sentences may bring the list that they are a part of."""


def passage(place: Place, before: Place | None, sentences: Sentences) -> Passage:
    """A sentence behind another one, and a part of a list with what introduces that instead."""
    text = sentences.said(place)
    behind = ""
    before = sentences.introduction(place) or before
    if before is not None and text == sentences.text(place) and not sentences.is_flagged(before):
        behind = sentences.text(before)
    return Passage(text, title=sentences.document(place).title, before=behind)


def whole(place: Place, sentences: Sentences) -> str:
    """A sentence with what it introduces, or the question that it replies to, or as it is read."""
    question = sentences.replies_to(place)
    if question is not None and not sentences.is_flagged(question):
        return f"{sentences.text(question)} {sentences.text(place)}"
    parts = sentences.announced(place)
    said = " ".join(sentences.text(it) for it in parts if not sentences.is_flagged(it))
    return f"{sentences.text(place)} {said}" if said else sentences.said(place)


def neighbours(question: str, places: Sequence[Place], sentences: Sentences) -> list[Place]:
    """What the first of the places are not understood without: see ``Evidence.neighbour``."""
    asks_when = asks_for_time(question)
    leading: list[Place | None] = []
    for place in places[:_LEANING]:
        text = sentences.text(place)
        leaning = leans(text) or (asks_when and counts_from(text))
        before = sentences.before(place) if leaning else None
        leading.append(sentences.introduction(place) or before)
    listed = [item for place in places[:_LISTING] for item in _listed(place, sentences)]
    return [
        place
        for place in [*leading, *listed]
        if place is not None and not sentences.is_flagged(place) and not sentences.is_heading(place)
    ]


def _listed(place: Place, sentences: Sentences) -> list[Place]:
    """The list that ``place`` introduces or is an item of, or the sentence that it announces."""
    introduction = sentences.introduction(place)
    if introduction is not None and is_row(sentences.text(place)):
        return []
    return sentences.introduced(introduction or place)
