"""Which documents a request for an overview means, and how they begin."""

from collections.abc import Sequence

from qa.questions import points_at_text, tells_text_apart
from qa.retrieval.lexical import LexicalSearch
from qa.retrieval.sentences import Place, Sentences
from qa.retrieval.titles import Titles
from qa.schema import DocumentInfo
from qa.snapshot import Snapshot, chunk_prefix
from qa.words import stems

LONGEST_OVERVIEW = 6
"""How many sentences an overview has, at most."""

_OPENING = 3
"""How many of them are of one document, at most."""


def meant_documents(
    what: str,
    titles: Titles,
    search: LexicalSearch,
    sentences: Sentences,
    snapshot: Snapshot,
) -> Sequence[DocumentInfo]:
    """The documents that ``what`` means: by nothing but their titles, or as texts.

    "The costs of Stargate" are not the document "Stargate". "The article on bees" has the word in
    its title, or else is the one whose best sentence has it.
    """
    apart = tells_text_apart(what)
    named = titles.named_in(what)
    if named:
        ids = [identity for found in named.values() for identity in found]
        rest = set(apart).difference(*named)
        found = [info for it in ids if (info := snapshot.document(it)) is not None]
        return [] if rest else found
    if not points_at_text(what):
        return []
    wanted = set(stems(" ".join(apart)))
    titled = [info for info in snapshot.documents if wanted <= set(stems(info.title))]
    if titled:
        return titled
    within = [chunk_prefix(info) for info in snapshot.documents]
    for place in map(Place.parse, search.search(" ".join(apart), 1, within)):
        sentences.fetch([place.chunk])
        info = sentences.document(place)
        if wanted <= set(stems(f"{info.title} {sentences.text(place)}")):
            return [info]
    return []


def openings(documents: Sequence[DocumentInfo], sentences: Sentences) -> list[Place]:
    """The first sentences of each document, together no more than ``LONGEST_OVERVIEW``."""
    count = min(_OPENING, LONGEST_OVERVIEW // max(1, len(documents)))
    return [place for info in documents for place in sentences.opening(info, count)]
