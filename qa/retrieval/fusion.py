"""Reciprocal rank fusion."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)


def reciprocal_rank_fusion(rankings: Iterable[Mapping[Item, int]], *, k: int) -> dict[Item, float]:
    """Scores of ids over several rankings, best first: ``sum(1 / (k + rank))``.

    Source: Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and
    individual Rank Learning Methods", SIGIR 2009. Equal scores keep the order of first appearance.

    Args:
        rankings: the rank of each id, from 1; several ids may share a rank.
        k: the constant that keeps the first ranks from deciding alone.
    """
    scores: defaultdict[Item, float] = defaultdict(float)
    for ranking in rankings:
        for item, rank in ranking.items():
            scores[item] += 1 / (k + rank)
    return dict(sorted(scores.items(), key=lambda entry: -entry[1]))
