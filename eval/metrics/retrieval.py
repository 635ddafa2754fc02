"""Whether the gold sentences were found, and how far up.

``ranked`` is best first. ``gold`` is a list of alternatives; the one that scores best counts.
Every score is ``None`` without gold, and 0 where nothing was found.
"""

import math
from collections.abc import Sequence

from eval.cases import Alternatives, GoldSpan
from eval.metrics.citation import Located, matches, share_found


def recall_at_k(ranked: Sequence[Located], gold: Alternatives, k: int) -> float | None:
    """``max over alternatives of |gold spans matched by the first k| / |gold spans|``.

    Source: Manning et al., Introduction to Information Retrieval, 2008, ch. 8.
    """
    return max((share_found(ranked[:k], alternative) for alternative in gold), default=None)


def mrr(ranked: Sequence[Located], gold: Alternatives) -> float | None:
    """``1 / rank`` of the first that matches a gold span of any alternative.

    Source: TREC-8 question answering track, Voorhees 1999.
    """
    if not gold:
        return None
    spans = {span for alternative in gold for span in alternative}
    for rank, item in enumerate(ranked, start=1):
        if any(matches(item, span) for span in spans):
            return 1 / rank
    return 0.0


def ndcg_at_k(ranked: Sequence[Located], gold: Alternatives, k: int) -> float | None:
    """``DCG@k / ideal DCG@k``, ``DCG@k = sum over rank <= k of gain / log2(rank + 1)``.

    The gain is 1 for an item that matches a gold span that none before it matched, so pieces of
    one gold span count once. The ideal has a gain for each such item among the first k and for
    each span that none of them matched: what one sentence holds needs one rank, not two.

    Source: Järvelin and Kekäläinen 2002, with binary gains.
    """
    return max((_ndcg(ranked[:k], alternative, k) for alternative in gold), default=None)


def _ndcg(ranked: Sequence[Located], gold: Sequence[GoldSpan], k: int) -> float:
    missing = set(gold)
    gains: list[bool] = []
    for item in ranked:
        found = {span for span in missing if matches(item, span)}
        gains.append(bool(found))
        missing -= found
    return _dcg(gains) / _dcg([True] * min(k, sum(gains) + len(missing)))


def _dcg(gains: Sequence[bool]) -> float:
    return math.fsum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))
