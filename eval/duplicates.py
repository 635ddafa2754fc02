"""Questions that say nearly the same, found among many without comparing all with all.

Two sets of words with a Jaccard similarity of at least ``t`` share one of the first
``|set| - ceil(t |set|) + 1`` words of either, if all sets are sorted alike; sorted from rare to
frequent, few pairs are left to compare. Source: prefix filtering, Chaudhuri et al. 2006.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from qa.words import words

NEARLY = 0.8
"""Jaccard similarity from which two questions are looked at as one."""


@dataclass(frozen=True, slots=True)
class Similar:
    """Another text.

    Attributes:
        place: its index.
        similarity: Jaccard of the two sets of words, in [0, 1].
    """

    place: int
    similarity: float


def similarity(one: str, other: str) -> float:
    """``|words of both| / |words of either|``, words folded; 0 where neither has any."""
    return _jaccard(frozenset(words(one)), frozenset(words(other)))


def near_duplicates(texts: Sequence[str], threshold: float = NEARLY) -> list[list[Similar]]:
    """For each text, the earlier ones that are like it, in order.

    Args:
        texts: any number.
        threshold: least similarity, in (0, 1].
    """
    said = [frozenset(words(text)) for text in texts]
    frequency = Counter(word for each in said for word in each)
    holding: dict[str, list[int]] = defaultdict(list)
    found: list[list[Similar]] = []
    for place, mine in enumerate(said):
        rare = sorted(mine, key=lambda word: (frequency[word], word))
        prefix = rare[: len(mine) - math.ceil(threshold * len(mine) - 1e-9) + 1]
        earlier = sorted({other for word in prefix for other in holding[word]})
        compared = [Similar(other, _jaccard(mine, said[other])) for other in earlier]
        found.append([it for it in compared if it.similarity >= threshold])
        for word in prefix:
            holding[word].append(place)
    return found


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    shared = len(one & other)
    either = len(one) + len(other) - shared
    return shared / either if either else 0.0
