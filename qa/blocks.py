"""What the layout of a text leaves together: paragraphs, items, rows, code."""

import math
import re
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import NamedTuple

from qa.layout import ITEM

WORD = re.compile(r"[^\W_]")
CLOSERS = "\"'”’»)]}」』）】*_"
HEADING_OR_ROW = re.compile(r"#{1,6}\s|\|")

_GAP = r".*?[^\s.!?:;] {2,}(?=\S)"
_TABULAR = re.compile(rf"[^\t]*\t[^\t]*\t|.*? \| .*? \| |{_GAP}{_GAP}")
_UNENDED = re.compile(r"(?i)(?:[,;–—-]|\b(?:the|an?|of|and|or|to|with|from|by|mrs?\.|dr\.|st\.))$")
_FENCE = re.compile(r" {0,3}(`{3,}(?!.*`)|~{3,})")
_KEY = re.compile(r"[\w-]+\s*:(?:\s|$)")


class Block(NamedTuple):
    """A run of lines, none of them blank.

    Attributes:
        start: offset of its first character that is not whitespace.
        end: offset behind its last.
        code: whether no sentence ends in it: program text is quoted as it stands.
    """

    start: int
    end: int
    code: bool = False


def split_blocks(text: str) -> Iterator[Block]:
    """The blocks of ``text``, in order; they hold every character that is not whitespace."""
    raw = text.splitlines(keepends=True)
    lines = [line.strip() for line in raw]
    full = _full_length(lines)
    code, front = _code(raw), _front_matter(raw)
    start = end = 0
    for i, (line, following) in enumerate(pairwise([*lines, ""])):
        end += len(raw[i])
        together = bool(line and following)
        if i + 1 < front:  # a rule alone says nothing
            bound = not together or (WORD.search(line) and _KEY.match(raw[i + 1])) is not None
        elif code[i] or code[i + 1]:
            bound = not together or code[i] != code[i + 1]
        else:
            bound = _is_bound(line, following, full)
        if bound:
            if line:
                yield _trimmed(text, start, end, code=code[i] > 0)
            start = end


def _trimmed(text: str, start: int, end: int, *, code: bool) -> Block:
    block = text[start:end]
    start += len(block) - len(block.lstrip())
    return Block(start, start + len(block.strip()), code)


def _front_matter(raw: Sequence[str]) -> int:
    """How many lines the keys and values take that a Markdown file may begin with."""
    if not raw or raw[0].rstrip() != "---":
        return 0
    for i, line in enumerate(raw[1:], start=1):
        if line.rstrip() == "---":
            return i + 1 if i > 1 else 0
        if not (line[0].isspace() or line[0] in "-#" or _KEY.match(line)):
            break
    return 0


def _code(raw: Sequence[str]) -> list[int]:
    """For each line, and one behind the last, the number of its fenced code from 1; else 0."""
    numbers = [0] * (len(raw) + 1)
    opened: tuple[int, str] | None = None
    found = 0
    for i, line in enumerate(raw):
        fence = _FENCE.match(line)
        if fence is None:
            continue
        if opened is None:
            opened = i, fence[1]
        elif line.strip().startswith(opened[1]) and not line.strip(" \t\r\n" + opened[1][0]):
            found += 1
            numbers[opened[0] : i + 1] = [found] * (i + 1 - opened[0])
            opened = None
    return numbers


def _is_bound(line: str, following: str, full: float) -> bool:
    if not line or not following:
        return True
    if not WORD.search(following):  # the line under a heading or under a table's head
        return False
    ended = line.rstrip(CLOSERS).endswith(tuple(".!?…:。！？"))
    goes_on = _UNENDED.search(line) or (following[0].islower() and not ended)
    return _is_marked(line, following) or not (goes_on or len(line) >= full)


def _is_marked(line: str, following: str) -> bool:
    """Whether a rule, a list item, a heading or a table row parts the two lines."""
    if not WORD.search(line) or ITEM.match(following):
        return True
    return any(HEADING_OR_ROW.match(x) or _TABULAR.match(x) for x in (line, following))


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
