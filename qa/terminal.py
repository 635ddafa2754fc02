"""How answers, footnotes and progress look in a terminal."""

import logging
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TextIO
from urllib.parse import unquote

from qa.errors import FootnotedError
from qa.schema import Answer, Evidence, Quotation

logger = logging.getLogger(__name__)

_KEPT = {"\n", "\t"}


def printable(text: str) -> str:
    """``text`` without the control characters that could command a terminal."""
    return "".join(
        sign for sign in text if sign in _KEPT or unicodedata.category(sign) not in ("Cc", "Cf")
    )


def source_name(item: Quotation) -> str:
    """A short name of the document: its file, else its address, else its title."""
    if item.uri.startswith("file:"):
        return file_name(item.uri)
    return item.uri or item.title


def file_name(uri: str) -> str:
    """What an address ends with, as a file is called: "my notes.md"."""
    return unquote(uri.rpartition("/")[2])


def format_quotation(item: Quotation, mark: str) -> str:
    """One line: where the sentence stands and what it says."""
    words = " ".join(item.text.split())
    return printable(f"{mark} {source_name(item)}, sentence {item.sentence} · “{words}”")


def format_answer(answer: Answer) -> str:
    """The answer with its footnotes; where nothing was proved, behind what was drafted."""
    drafted = answer.claims if answer.status == "no_answer" else []
    lines = [printable(claim.footnoted()) for claim in drafted] + [printable(answer.answer)]
    if answer.citations:
        lines.append("")
        lines += [format_quotation(item, f"[{item.number}]") for item in answer.citations]
    return "\n".join(lines)


def format_evidence(evidence: Sequence[Evidence], limit: int = 3) -> str:
    """The best of what was found."""
    marks = ["· set aside:" if item.flagged else "·" for item in evidence[:limit]]
    lines = [format_quotation(*entry) for entry in zip(evidence, marks, strict=False)]
    if len(evidence) > limit:
        lines.append(f"· and {len(evidence) - limit} more")
    return "\n".join(lines)


def format_error(error: FootnotedError) -> str:
    """What happened, and the next step."""
    return printable(f"footnoted: {error}\n           {error.help}")


def format_table(rows: Iterable[Sequence[object]]) -> str:
    """Rows as columns, left-aligned."""
    texts = [[printable(str(cell)) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in texts
    )


class Progress:
    """Says on standard error what takes time: in place on a terminal, in lines elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._live = self._stream.isatty()
        self._said: tuple[str, int] | None = None
        self._logged = False

    def log(self) -> None:
        """Say everything in the log from now on, where a bare line would be out of place."""
        self._live, self._logged = False, True

    def say(self, text: str) -> None:
        """One line."""
        if self._logged:
            logger.info("%s", text)
        else:
            print(text, file=self._stream, flush=True)

    def __call__(self, what: str, done: int, total: int) -> None:
        """How far something is, in units of the caller's choice."""
        percent = done * 100 // max(total, 1)
        step = percent if self._live else percent // 25
        if self._said == (what, step):
            return
        self._said = (what, step)
        if self._live:
            end = "\n" if done >= total else ""
            print(f"\r{what}: {percent} %", end=end, file=self._stream, flush=True)
        else:
            self.say(f"{what}: {percent} %")
