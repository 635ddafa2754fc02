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

from ingest.abbreviations import ABBREVIATIONS
from qa.layout import ITEM
from qa.schema import Span

LONGEST = 1000
"""Characters above which a sentence is cut at whitespace."""

_SEMICOLON_FROM, _SEMICOLON_PART = 200, 40

_CLOSERS = "\"'”’»)]}」』）】*_"
_WORD = re.compile(r"[^\W_]")
_HEADING_OR_ROW = re.compile(r"#{1,6}\s|\|")
_GAP = r".*?[^\s.!?:;] {2,}(?=\S)"
_TABULAR = re.compile(rf"[^\t]*\t[^\t]*\t|.*? \| .*? \| |{_GAP}{_GAP}")
_UNENDED = re.compile(r"(?i)(?:[,;–—-]|\b(?:the|an?|of|and|or|to|with|from|by|mrs?\.|dr\.|st\.))$")
_FULL_STOP = re.compile(rf"[。！？｡।॥؟۔]+[{re.escape(_CLOSERS)}]*")
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
    newlines inside a hard-wrapped paragraph are not.

    Returns:
        Ascending spans that do not overlap, without whitespace at their ends. Every character
        that is not whitespace is in exactly one of them.
    """
    sentences = (sentence for block in _blocks(text) for sentence in _sentences(text, *block))
    parts = (_trim(text, *part) for sentence in sentences for part in _parts(text, *sentence))
    return [Span(start, end) for start, end in parts if start < end]


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
                yield _trim(text, start, end)
            start = end


def _is_bound(line: str, following: str, full: float) -> bool:
    if not line or not following:
        return True
    if not _WORD.search(following):  # the line under a heading or under a table's head
        return False
    ended = line.rstrip(_CLOSERS).endswith(tuple(".!?…:。！？"))
    goes_on = _UNENDED.search(line) or (following[0].islower() and not ended)
    return _is_marked(line, following) or not (goes_on or len(line) >= full)


def _is_marked(line: str, following: str) -> bool:
    """Whether a rule, a list item, a heading or a table row parts the two lines."""
    if not _WORD.search(line) or ITEM.match(following):
        return True
    return any(_HEADING_OR_ROW.match(x) or _TABULAR.match(x) for x in (line, following))


def _full_length(lines: list[str]) -> float:
    """The length from which a line is full, so that its newline is only a wrap.

    Infinite where each line is a paragraph. Wrapped lines are alike in length, no longer than a
    page is wide, and many of them go on in lower case.
    """
    pairs = [(a, b) for a, b in pairwise(lines) if a and b and not _is_marked(a, b)]
    if not pairs:
        return math.inf
    lengths = sorted(len(line) for line in chain(*pairs))
    median, width = lengths[len(lengths) // 2], lengths[len(lengths) * 9 // 10]
    lower = [b[0].islower() for _, b in pairs if b[0].lower() != b[0].upper()]
    alike = 40 <= width <= 160 and median >= 0.75 * width
    return 0.75 * width if alike and sum(lower) >= max(1, len(lower) / 4) else math.inf


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
        if _WORD.search(text, cut, following) and _WORD.search(text, start, cut):
            yield start, cut
            start = cut
    yield start, end


def _full_stops(text: str, start: int, end: int) -> Iterator[int]:
    if _HEADING_OR_ROW.match(text, start, end):
        return
    if item := ITEM.match(text, start, end):  # the full stop of "1." ends nothing
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


def _parts(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The sentence, or its parts where it is too long to be quoted."""
    start, end = _trim(text, start, end)
    semicolons = _semicolons(text, start, end) if end - start > _SEMICOLON_FROM else ()
    for begin, stop in pairwise([start, *semicolons, end]):
        while stop - begin > LONGEST:
            cut = _break(text, begin, stop)
            yield begin, cut
            begin = cut
        yield begin, stop


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
