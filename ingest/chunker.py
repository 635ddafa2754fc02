"""Packing sentences into chunks, the units that are embedded and stored."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

from qa.layout import is_heading
from qa.schema import Chunk, Span
from qa.tokens import count_tokens

_LONGEST_HEADING = 80
_NOT_IN_HEADINGS = frozenset(".!?…,;\"'”’)。！？")


def chunk(text: str, sentences: Sequence[Span], budget: int) -> list[Chunk]:
    """Pack whole sentences into chunks of at most ``budget`` tokens.

    A chunk that is more than half full ends with a paragraph rather than within the next one, and
    none ends with a heading if that can be helped. A sentence over the budget is a chunk alone.

    Args:
        text: the document.
        sentences: its sentences, ascending.
        budget: tokens, as ``qa.tokens`` counts them.

    Returns:
        A partition of ``text``, the whitespace between two sentences in the earlier one's chunk;
        empty if there are no sentences.
    """
    if not sentences:
        return []
    chunks: list[Chunk] = []
    for first, last in pairwise([0, *_cuts(text, sentences, budget)]):
        start = sentences[first].start if first else 0
        end = sentences[last].start if last < len(sentences) else len(text)
        inside = tuple(sentences[first:last])
        chunks.append(Chunk(len(chunks), start, end, text[start:end], inside, first))
    return chunks


def _cuts(text: str, sentences: Sequence[Span], budget: int) -> Iterator[int]:
    """How many sentences stand before the end of each chunk."""
    starts = [*(sentence.start for sentence in sentences), len(text)]
    ends = [0, *(sentence.end for sentence in sentences)]
    # With the whitespace before it, as it is tokenized within a chunk.
    before = [0, *accumulate(count_tokens(text[start:end]) for start, end in pairwise(ends))]
    breaks = [text.count("\n", end, start) for end, start in zip(ends, starts, strict=True)]
    leads = _leads([text[s.start : s.end] for s in sentences], breaks)

    cut = 0
    while cut < len(sentences):
        first, start = cut, starts[cut] if cut else 0

        def merit(cut: int, first: int = first) -> tuple[bool, int, int]:
            roomy = 2 * (before[cut] - before[first]) > budget
            return not leads[cut - 1], min(breaks[cut], 2) * roomy, cut

        last = max(first + 1, bisect_right(before, before[first] + budget) - 1)
        while last > first + 1 and count_tokens(text[start : starts[last]]) > budget:
            last -= 1
        cut = last if last == len(sentences) else max(range(first + 1, last + 1), key=merit)
        yield cut


def _leads(sentences: Sequence[str], breaks: Sequence[int]) -> list[bool]:
    """Whether each sentence is a heading whose text comes next.

    Args:
        sentences: their texts.
        breaks: newlines before each of them, and after the last.
    """
    marked = [is_heading(sentence) for sentence in sentences]
    short = [
        len(sentence) <= _LONGEST_HEADING
        and sentence[0].isalnum()
        and sentence[-1] not in _NOT_IN_HEADINGS
        and (index == 0 or breaks[index] > 0)
        and breaks[index + 1] > 0
        for index, sentence in enumerate(sentences)
    ]
    # Short lines one after the other are a list, of which the last may lead on.
    return [a or b and not c for a, b, c in zip(marked, short, [*short[1:], True], strict=True)]
