"""Lists and tables, as their sentences show them.

"- Saturday: 8:00 to 20:00" says little without "Opening hours" above it, and a row of a table
little without its head: each is a part of something that was introduced. What introduces a list
says as little without it: "The following are forbidden:".
"""

import re
from collections.abc import Collection, Sequence

_HEADING = re.compile(r"#{1,6}\s")
ITEM = re.compile(r"(?:[-*+•‣◦▪●·–—]|\(?\d{1,3}[.)]|\(?[A-Za-z]\))\s+")
"""How an item of a list begins."""
LONGEST_LIST = 20
"""How many sentences a list may have to be offered and quoted whole."""

_MARK = re.compile(r"(?:#{1,6}|[-*+•‣◦▪●·–—])\s+")
_CELLS = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"[\s|:+-]*")
_ENDED = re.compile(r"[.!?…;,。！？][\W_]*$")
_ENDS = " \t;,."
_ASKED = re.compile(r"[?？][\W_]*$")
_QUOTES = frozenset("\"“”„‘’'«»「」『』")

_SEVERAL = re.compile(
    r"\W*(?:(?:and|but|so|then|please) )*(?:who|whom|what|which|list|name|enumerate|"
    r"(?:tell|give|show) (?:me|us)|"
    r"how (?:do|does|did|can|could|should|must|to))\b",
    re.IGNORECASE,
)


def is_heading(text: str) -> bool:
    """Whether a sentence is a heading in Markdown; code may begin with a comment like one."""
    return _HEADING.match(text) is not None and "\n" not in text


def is_item(text: str) -> bool:
    """Whether a sentence begins an item of a list; behind a long dash somebody speaks."""
    return ITEM.match(text) is not None and not text.startswith("—")


def is_row(text: str) -> bool:
    """Whether a sentence is a row of a table, maybe with the rule below it.

    "P(A | B)" and "dmesg | tail" are none.
    """
    return text.startswith("|") or (
        text.count(" | ") > 1 and all("|" in line for line in text.splitlines())
    )


def is_part(text: str) -> bool:
    """Whether a sentence is a part of a list or a table."""
    return is_item(text) or is_row(text)


def introduces(text: str) -> bool:
    """Whether a sentence announces what comes next: "It includes three things:"."""
    return text.rstrip(" *_").endswith((":", "："))


def asks(text: str) -> bool:
    """Whether a sentence, or a heading, is a question; one that ends with a quoted one is none."""
    end = _ASKED.search(text)
    quoted = end is not None and not _QUOTES.isdisjoint(end.group())
    return end is not None and (not quoted or text.lstrip(" *_>#")[:1] in _QUOTES)


def is_title(text: str) -> bool:
    """Whether a sentence may be the title of a list: it ends as no sentence does."""
    return _ENDED.search(text) is None


def asks_for_several(question: str) -> bool:
    """Whether a list may be meant: "What are the opening hours?", "How do I apply?".

    "When is it open on Saturday?" means one item.
    """
    return _SEVERAL.match(question) is not None


def say_list(introduction: str, items: Sequence[str]) -> str:
    """Items of a list behind what introduces them, as one statement on one line.

    Numbered ones keep their numbers, for they may be steps.

    Args:
        introduction: empty if there is none to be said.
        items: without their bullets.
    """
    said = "; ".join(text.rstrip(_ENDS) for text in items)
    if not introduction:
        return said
    return f"{introduction}{'' if introduces(introduction) else ':'} {said}"


_PAIR = 2
"""Cells of a row that says what something is: "Weight: 5 kg"."""


def say_row(head: str, row: str, *, columns: Collection[int] | None = None) -> str:
    """A row of a table, each cell behind the head of its column: "Plot: large; Price: 80 euros".

    Args:
        head: the first row, with the rule below it if there is one; ``""`` if it is not known.
        row: another one.
        columns: those that are said, from 0, if the head is known; ``None`` for all.
    """
    own, heads = cells(row), cells(head)
    if len(own) == _PAIR and head and not any(heads):
        return ": ".join(filter(None, own))
    if len(heads) != len(own):
        return ", ".join(filter(None, own))
    said = [
        f"{name}: {cell}" if name else cell
        for place, (name, cell) in enumerate(zip(heads, own, strict=True))
        if cell and (columns is None or place in columns)
    ]
    return "; ".join(said)


def say_part(part: str, before: Sequence[str], *, columns: Collection[int] | None = None) -> str:
    """An item behind what announces its list, or a row behind its head, as one statement.

    Args:
        part: an item, a row, or any other sentence, which is left as it is.
        before: the sentences before the list or the row's table, the nearest last, which may be the
            table's first row; of a heading, the one that it stands below may be among them.
        columns: of a row, as with ``say_row``.
    """
    introduction = "".join(before[-1:])
    if is_row(part):
        return say_row(introduction if is_row(introduction) else "", part, columns=columns)
    announces = introduces(introduction) or is_title(introduction) or is_item(introduction)
    if not is_item(part) or not introduction or not announces:
        return part
    said = [*(text for text in before[:-1] if is_heading(text)), introduction]
    return say_list(": ".join(unmarked(text).rstrip(":") for text in said), [unmarked(part)])


def heading_level(text: str) -> int:
    """How deep a heading in Markdown stands, from 1; 0 for what is none."""
    return len(text) - len(text.lstrip("#")) if is_heading(text) else 0


def unmarked(text: str) -> str:
    """A heading or an item without its mark; a number stays."""
    return _MARK.sub("", text)


def cells(row: str) -> list[str]:
    """The cells of a row, without the rule that may stand below it."""
    lines = [line for line in row.splitlines() if not _RULE.fullmatch(line)]
    text = lines[0].strip() if lines else ""
    return [cell.strip() for cell in _CELLS.split(text.removeprefix("|").removesuffix("|"))]
