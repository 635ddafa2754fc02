"""Which of the offered sentences a draft is made from."""

from collections import Counter
from collections.abc import Sequence

from qa.layout import LONGEST_LIST, introduces, is_item
from qa.schema import Evidence

_CONTENDS, _ALWAYS = 0.2, 2
"""A fifth as likely as the likeliest, and two at least: 3.8 of 6.4 on average, and as good as all
(docs/decisions/0011-speed.md)."""


def contenders(evidence: Sequence[Evidence]) -> list[Evidence]:
    """The sentences to draft from: each costs the language model a third of a second to read.

    Two at least; of the others those that are a fifth as likely as the likeliest, or that nobody
    has read, and what stands right before one of them, is introduced together with it or led to it.
    """
    ranked = [item for item in evidence if not item.neighbour]
    least = _CONTENDS * max((item.answers or 0.0 for item in ranked), default=0.0)
    kept = [
        item
        for place, item in enumerate(ranked)
        if place < _ALWAYS or item.answers is None or item.answers >= least
    ]
    before = {item.before[-1] for item in kept if item.before}
    introducing = {item.text for item in kept if introduces(item.text)}
    introducing |= {item.before[-1] for item in kept if item.before and is_item(item.text)}
    length = Counter(item.before[-1] for item in evidence if item.before)
    introducing = {text for text in introducing if length[text] <= LONGEST_LIST}
    leading = {item.led_by for item in kept}
    return kept + [
        item
        for item in evidence
        if (item.neighbour and (item.text in before or introducing & {*item.before[-1:]}))
        or (item.sentence_id in leading and item not in kept)
    ]
