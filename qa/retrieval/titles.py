"""Which documents does a sentence name?"""

import re
from collections.abc import Iterable

from qa.schema import DocumentInfo
from qa.words import SMALL, STOPWORDS, words

_PARENTHESIS = re.compile(r"\([^)]*\)")
"""What tells a title from others: "Alien (film)"."""

_CAPITALISED = re.compile(rf"\b[^\W\d_{SMALL}]\w*")

_LONGEST = 8
"""Longest title, in words, that is looked for: a headline is named by nobody. Nor is a letter."""


class Titles:
    """The titles of a collection's documents, to be found in sentences.

    Args:
        documents: whose titles.
    """

    def __init__(self, documents: Iterable[DocumentInfo]) -> None:
        self._documents: dict[tuple[str, ...], list[str]] = {}
        for info in documents:
            title = tuple(words(_PARENTHESIS.sub("", info.title)))
            letters = sum(map(len, title))
            if 1 < letters and len(title) <= _LONGEST and not STOPWORDS.issuperset(title):
                self._documents.setdefault(title, []).append(info.id)

    def named_in(self, text: str) -> dict[tuple[str, ...], list[str]]:
        """The titles that stand in ``text``, with the ids of their documents.

        Of titles that overlap, the one that begins first counts, and of these the longest. A title
        is a name there: some word of it has a capital.
        """
        if not self._documents:
            return {}
        spoken = words(text)
        capitalised = set(words(" ".join(_CAPITALISED.findall(text))))
        found: dict[tuple[str, ...], list[str]] = {}
        place = 0
        while place < len(spoken):
            for end in range(min(place + _LONGEST, len(spoken)), place, -1):
                title = tuple(spoken[place:end])
                if title in self._documents and not capitalised.isdisjoint(title):
                    found[title] = self._documents[title]
                    place = end
                    break
            else:
                place += 1
        return found
