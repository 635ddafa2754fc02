"""Reciprocal rank fusion."""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)


def reciprocal_rank_fusion(
    rankings: Sequence[Mapping[Item, int]], *, k: int, weights: Sequence[float] | None = None
) -> dict[Item, float]:
    """Scores of ids over several rankings, best first: ``sum(weight / (k + rank))``.

    Source: Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and
    individual Rank Learning Methods", SIGIR 2009. Equal scores keep the order of first appearance.

    Args:
        rankings: the rank of each id, from 1; several ids may share a rank.
        k: the constant that keeps the first ranks from deciding alone.
        weights: how much each ranking counts; ``None``: 1 each.

    Raises:
        ValueError: there are not as many weights as rankings.
    """
    scores: defaultdict[Item, float] = defaultdict(float)
    for ranking, weight in zip(rankings, weights or [1.0] * len(rankings), strict=True):
        for item, rank in ranking.items():
            scores[item] += weight / (k + rank)
    return dict(sorted(scores.items(), key=lambda entry: -entry[1]))
