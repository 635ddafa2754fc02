"""Splitting a text into sentences, the units that footnotes quote.

Layout is read first (blank lines, headings, list items, table rows, wrapped lines), then nupunkt
tells the full stops that end a sentence, then what is too long to be quoted is cut. What was
measured stands in docs/decisions/0001-sentence-splitting.md.
"""

import dataclasses
import functools
import math
import re
import unicodedata
from collections.abc import Iterator
from itertools import chain, pairwise

import nupunkt

from qa.schema import Span

LONGEST = 1000
"""Characters above which a sentence is cut at whitespace."""

_SEMICOLON_FROM, _SEMICOLON_PART = 200, 40

_CLOSERS = "\"'”’»)]}」』）】*_"
_WORD = re.compile(r"[^\W_]")
_HEADING_OR_ROW = re.compile(r"\s*(?:#{1,6}\s|\|)")
_ITEM = re.compile(r"\s*(?:[-*+•‣◦▪●·–—]|\(?\d{1,3}[.)]|\(?[A-Za-z]\))\s+")
_ENDED = tuple(".!?…:。！？")
_UNENDED = re.compile(
    r"(?:[,;–—-]|\b(?:the|an?|of|and|or|to|with|from|by|(?:mrs?|ms|dr|prof|st|vs)\.))$", re.I
)
_FULL_STOP = re.compile(rf"[。！？｡।॥؟۔]+[{re.escape(_CLOSERS)}]*")
_NOTES = re.compile(r"(?:\[[^\[\]\s]{1,12}\])+")  # Wikipedia's "[1]"
# nupunkt takes quadratic time on punctuation without spaces.
_UNSPACED = re.compile(rf"(?<!\S)\S{{{LONGEST},}}")
_SEMICOLON_OR_QUOTE = re.compile(
    r"(?P<semicolon>;(?=\s)|；)|(?P<opening>[(\[{“«「『（]|(?<!\w)['‘](?=\w))"
    r"|[)\]}”»」』）\"]|['’](?!\w)"
)
_CLOSING = dict(zip("([{“«「『（'‘\"", ")]}”»」』）'’\"", strict=True))
_JOINERS = "\u200d\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
# nupunkt learned from public records, where these start sentences: "U.S. | Secretary of State".
_RANKS = frozenset(
    "admiral ambassador captain chairman chairwoman colonel congressman congresswoman general "
    "governor judge lieutenant secretary senator sergeant sheriff".split()
)


def split_sentences(text: str) -> list[Span]:
    """Split ``text`` into sentences.

    Blank lines, headings, list items and table rows are bounds whatever the punctuation; the
    newlines inside a hard-wrapped paragraph are not.

    Returns:
        Ascending spans that do not overlap, without whitespace at their ends. Every character
        that is not whitespace is in exactly one of them.
    """
    sentences = (sentence for block in _blocks(text) for sentence in _sentences(text, *block))
    return [part for sentence in sentences for part in _parts(text, *sentence)]


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Runs of lines that the layout leaves together; none is blank."""
    raw = text.splitlines(keepends=True)
    lines = [line.strip() for line in raw]
    full = _full_length(lines)
    start = end = 0
    for i, (line, following) in enumerate(pairwise([*lines, ""])):
        end += len(raw[i])
        if _is_bound(line, following, full):
            if line:
                yield start, end
            start = end


def _is_bound(line: str, following: str, full: float) -> bool:
    if not line or not following:
        return True
    if not _WORD.search(following):  # the line under a heading or under a table's head
        return False
    ended = line.rstrip(_CLOSERS).endswith(_ENDED)
    goes_on = _UNENDED.search(line) or (following[0].islower() and not ended)
    return _is_marked(line, following) or not (goes_on or len(line) >= full)


def _is_marked(line: str, following: str) -> bool:
    """Whether a rule, a list item, a heading or a table row parts the two lines."""
    if not _WORD.search(line) or _ITEM.match(following):
        return True
    both = (line, following)
    return any(_HEADING_OR_ROW.match(x) or x.count(" | ") > 1 or x.count("\t") > 1 for x in both)


def _full_length(lines: list[str]) -> float:
    """The length from which a line is full, so that its newline is only a wrap.

    Infinite where each line is a paragraph. Wrapped lines are alike in length, no longer than a
    page is wide, and many of them go on in lower case.
    """
    pairs = [(a, b) for a, b in pairwise(lines) if a and b and not _is_marked(a, b)]
    if not pairs:
        return math.inf
    lengths, following = sorted(len(a) for a, _ in pairs), sorted(len(b) for _, b in pairs)
    median, width = lengths[len(pairs) // 2], lengths[len(pairs) * 9 // 10]
    lower = [b[0].islower() for _, b in pairs if b[0].lower() != b[0].upper()]
    wrapped = (
        40 <= width <= 160
        and following[len(pairs) * 19 // 20] <= 160
        and median >= 0.75 * width
        and sum(lower) >= max(1, len(lower) / 4)
    )
    return 0.75 * width if wrapped else math.inf


@functools.cache
def _punkt() -> nupunkt.PunktSentenceTokenizer:
    model = nupunkt.load("default").parameters
    # Everyday words ("week", "south") stand among the learned abbreviations. The model's counts
    # of what ended a sentence tell them; for initialisms ("U.K.", counted once) they are too few.
    counts = {word: n for word, n in model.abbrev_break_rates.items() if "." not in word}
    starters = model.sent_starters - _RANKS
    model = dataclasses.replace(model, sent_starters=starters, abbrev_break_rates=counts)
    punkt = nupunkt.PunktSentenceTokenizer(model)
    punkt.add_abbreviation("lt")
    punkt.BREAK_RATE_MIN_COUNT = 1
    punkt.EXCL_QUEST_LOWERCASE_CONTINUES = True  # "Yahoo! is"
    return punkt


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The sentences of one block, however long."""
    cuts = sorted({cut for cut in _full_stops(text, start, end) if start < cut < end})
    for cut, following in pairwise([*cuts, end]):
        # Dots or a closing mark alone are no sentence.
        if _WORD.search(text, cut, following) and _WORD.search(text, start, cut):
            yield start, cut
            start = cut
    yield start, end


def _full_stops(text: str, start: int, end: int) -> Iterator[int]:
    if _HEADING_OR_ROW.match(text, start, end):
        return
    if item := _ITEM.match(text, start, end):  # the full stop of "1." ends nothing
        start = item.end()
    yield from (stop.end() for stop in _FULL_STOP.finditer(text, start, end))
    runs = [edge for run in _UNSPACED.finditer(text, start, end) for edge in run.span()]
    yield from runs
    edges = [start, *runs, end]
    for begin, stop in zip(edges[::2], edges[1::2], strict=True):
        for first, _ in _punkt().spans(text[begin:stop], paragraph_breaks=False)[1:]:
            cut = begin + first
            notes = None if text[cut - 1].isspace() else _NOTES.match(text, cut, stop)
            yield notes.end() if notes else cut


def _parts(text: str, start: int, end: int) -> Iterator[Span]:
    """The sentence, cut where it is too long."""
    start, end = _trim(text, start, end)
    semicolons = _semicolons(text, start, end) if end - start > _SEMICOLON_FROM else ()
    for begin, stop in pairwise([start, *semicolons, end]):
        while stop - begin > LONGEST:
            cut = _break(text, begin, stop)
            yield Span(*_trim(text, begin, cut))
            begin = cut
        yield Span(*_trim(text, begin, stop))


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
    """Whether neither a combining mark nor a joined emoji nor a low surrogate is cut off."""
    char = text[cut]
    joins = unicodedata.category(char)[0] == "M" or char in _JOINERS or "\udc00" <= char <= "\udfff"
    return not joins and text[cut - 1] != "\u200d"


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    sentence = text[start:end]
    start += len(sentence) - len(sentence.lstrip())
    return start, start + len(sentence.strip())
