"""Splitting a text into sentences, the units that footnotes quote.

Layout is read first (blank lines, headings, list items, table rows, wrapped lines), then nupunkt
tells the full stops that end a sentence, then what is too long to be quoted is cut. What was
measured stands in docs/decisions/0001-sentence-splitting.md.
"""

import dataclasses
import functools
import re
import unicodedata
from collections.abc import Iterator
from itertools import chain, pairwise

import nupunkt

from qa.abbreviations import ABBREVIATIONS
from qa.blocks import CLOSERS, HEADING_OR_ROW, WORD, Block, split_blocks
from qa.layout import ITEM
from qa.schema import Span

LONGEST = 1000
"""Characters above which a sentence is cut at whitespace."""

_SEMICOLON_FROM, _SEMICOLON_PART = 200, 40

_FULL_STOP = re.compile(rf"[。！？｡।॥؟۔]+[{re.escape(CLOSERS)}]*")
# nupunkt goes on behind "7 p.m.", whatever follows. Days, months and zones do: "7 p.m. Friday".
_CLOCK = re.compile(
    rf"\b[ap]\.m\.[{re.escape(CLOSERS)}]*\s+(?=[“\"‘'(]?"
    r"(?!(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|"
    r"Eastern|Central|Mountain|Pacific|Greenwich|British))(?:[A-Z][a-z]|[AI]\s))"
)
_NOTES = re.compile(r"(?:\[[^\[\]\s]{1,12}\])+")  # Wikipedia's "[1]"
# nupunkt takes quadratic time on punctuation without spaces.
_UNSPACED = re.compile(rf"(?<!\S)\S{{{LONGEST},}}")
_SEMICOLON_OR_QUOTE = re.compile(
    r"(?P<semicolon>;(?=\s)|；)|(?P<opening>[(\[{“«「『（]|(?<!\w)['‘](?=\w))"
    r"|[)\]}”»」』）\"]|['’](?!\w)"
)
_CLOSING = dict(zip("([{“«「『（'‘\"", ")]}”»」』）'’\"", strict=True))
_ROMAN = re.compile(r"[ivxlc]+")
# nupunkt learned from public records, where these start sentences: "U.S. | Secretary of State".
_RANKS = frozenset(
    "admiral ambassador captain chairman chairwoman colonel congressman congresswoman general "
    "governor judge lieutenant secretary senator sergeant sheriff".split()
)


def split_sentences(text: str) -> list[Span]:
    """Split ``text`` into sentences.

    Blank lines, headings, list items and table rows are bounds whatever the punctuation; the
    newlines inside a hard-wrapped paragraph are not. What blank lines leave together of fenced code
    is one sentence.

    Returns:
        Ascending spans that do not overlap, without whitespace at their ends. Every character
        that is not whitespace is in exactly one of them.
    """
    parts = (_trim(text, *part) for block in split_blocks(text) for part in _quotable(text, block))
    return [Span(start, end) for start, end in parts if start < end]


def _quotable(text: str, block: Block) -> Iterator[tuple[int, int]]:
    """The sentences of a block; what is too long to be quoted in parts."""
    if block.code:
        yield from _short(text, block.start, block.end)
        return
    for start, end in _sentences(text, block.start, block.end):
        yield from _parts(text, *_trim(text, start, end))


@functools.cache
def _punkt() -> nupunkt.PunktSentenceTokenizer:
    model = nupunkt.load("default").parameters
    # Everyday words ("dusk", "fish", "lock") stand among the learned abbreviations by the hundred.
    known = {
        word
        for word in model.abbrev_types
        if word in ABBREVIATIONS or not word.isalpha() or len(word) == 1 or _ROMAN.fullmatch(word)
    }
    # The model's counts of what ended a sentence tell "etc." from "Mr."; for initialisms ("U.K.",
    # counted once) they are too few.
    counts = {word: n for word, n in model.abbrev_break_rates.items() if "." not in word}
    punkt = nupunkt.PunktSentenceTokenizer(
        dataclasses.replace(
            model,
            abbrev_types=known | {"lt"},
            abbrev_break_rates=counts,
            sent_starters=model.sent_starters - _RANKS,
        )
    )
    punkt.BREAK_RATE_MIN_COUNT = 1
    punkt.EXCL_QUEST_LOWERCASE_CONTINUES = True  # "Yahoo! is"
    return punkt


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The sentences of one block, however long."""
    cuts = sorted({cut for cut in _full_stops(text, start, end) if start < cut < end})
    for cut, following in pairwise([*cuts, end]):
        # Dots or a closing mark alone are no sentence.
        if WORD.search(text, cut, following) and WORD.search(text, start, cut):
            yield start, cut
            start = cut
    yield start, end


def _full_stops(text: str, start: int, end: int) -> Iterator[int]:
    if HEADING_OR_ROW.match(text, start, end):
        return
    if item := ITEM.match(text, start, end):  # the full stop of "1." ends nothing
        start = item.end()
    yield from (stop.end() for stop in _FULL_STOP.finditer(text, start, end))
    yield from (stop.end() for stop in _CLOCK.finditer(text, start, end))
    runs = [edge for run in _UNSPACED.finditer(text, start, end) for edge in run.span()]
    yield from runs
    edges = [start, *runs, end]
    for begin, stop in zip(edges[::2], edges[1::2], strict=True):
        for first, _ in _punkt().spans(text[begin:stop], paragraph_breaks=False)[1:]:
            cut = begin + first
            notes = None if text[cut - 1].isspace() else _NOTES.match(text, cut, stop)
            yield notes.end() if notes else cut


def _parts(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The sentence, or its parts where it is too long to be quoted."""
    semicolons = _semicolons(text, start, end) if end - start > _SEMICOLON_FROM else ()
    for begin, stop in pairwise([start, *semicolons, end]):
        yield from _short(text, begin, stop)


def _short(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > LONGEST:
        cut = _break(text, start, end)
        yield start, cut
        start = cut
    yield start, end


def _semicolons(text: str, start: int, end: int) -> Iterator[int]:
    """Cuts after semicolons, none inside quotes or parentheses."""
    awaited: list[str] = []
    for mark in _SEMICOLON_OR_QUOTE.finditer(text, start, end):
        char, cut = mark.group(), mark.end()
        if mark["semicolon"]:
            if not awaited and min(cut - start, end - cut) >= _SEMICOLON_PART:
                yield cut
                start = cut
        elif awaited and char == awaited[-1]:
            awaited.pop()
        elif mark["opening"] or char == '"':
            awaited.append(_CLOSING[char])


def _break(text: str, start: int, end: int) -> int:
    """A cut at the last whitespace in reach, else between two whole characters."""
    near = range(start + LONGEST, start, -1)
    spaces = (cut for cut in near if text[cut].isspace() and _is_whole(text, cut + 1))
    between = (cut for cut in chain(near, range(start + LONGEST, end)) if _is_whole(text, cut))
    return next(chain(spaces, between), end)


def _is_whole(text: str, cut: int) -> bool:
    """Whether neither a combining mark nor half of a surrogate pair would be cut off."""
    return unicodedata.category(text[cut])[0] != "M" and not "\udc00" <= text[cut] <= "\udfff"


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    sentence = text[start:end]
    start += len(sentence) - len(sentence.lstrip())
    return start, start + len(sentence.strip())
