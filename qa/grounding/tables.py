"""Which cells of a table's row a question or a claim is about."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from qa.layout import cells, is_row, say_part
from qa.schema import Evidence
from qa.words import plain, stems

CLAUSES = re.compile(r"[,;:]\s|\band\b|\bbut\b", re.IGNORECASE)
"""What parts the clauses of a claim."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a table below its head: the stems of each, column by column."""

    heads: tuple[frozenset[str], ...]
    cells: tuple[frozenset[str], ...]

    @classmethod
    def of(cls, part: Evidence) -> "_Row | None":
        """The row that a sentence is; ``None`` if it is none, or its columns are not known."""
        head = "".join(part.before[-1:])
        if not (is_row(part.text) and is_row(head)):
            return None
        heads, own = (
            tuple(frozenset(stems(it)) for it in cells(text)) for text in (head, part.text)
        )
        return cls(heads, own) if len(heads) == len(own) else None

    def named(self, words: Collection[str]) -> frozenset[int]:
        """The columns that the words name, but the first, which says what the row is about.

        "Limit abroad" is not named where "Limit" alone is shared and "Limit inland" whole.
        """
        met = {place: head.intersection(words) for place, head in enumerate(self.heads) if place}
        return frozenset(
            place
            for place, shared in met.items()
            if shared and not any(shared < others for others in met.values())
        )

    def alone_in(self, column: int) -> frozenset[str]:
        """What no other column but the first has."""
        others = (cell for place, cell in enumerate(self.cells) if place not in (0, column))
        return self.cells[column].difference(*others)


def say_row_for(question: str, row: Evidence) -> str:
    """A row as one statement: its first cell, and those that the question names or has a word of.

    All where it names no column.
    """
    read, asked = _Row.of(row), frozenset(stems(question))
    named = frozenset() if read is None else read.named(asked)
    if read is None or not named:
        return plain(say_part(row.text, row.before))
    meant = {place for place, cell in enumerate(read.cells) if cell & asked}
    return plain(say_part(row.text, row.before, columns={0, *named, *meant}))


def say_proof(question: str, proof: Sequence[Evidence]) -> str:
    """What the sentences of a proof say, as one statement; rows without their heads."""
    said = without_heads(proof)
    return " ".join(say_row_for(question, it) if is_row(it.text) else plain(it.text) for it in said)


def without_heads(proof: Sequence[Evidence]) -> list[Evidence]:
    """The sentences of a proof without the heads of its rows."""
    heads = {it.before[-1] for it in proof if is_row(it.text) and it.before}
    return [it for it in proof if it.text not in heads]


def may_mix_columns(claim: str, question: str, proof: Sequence[Evidence]) -> bool:
    """Whether a clause of the claim has what stands in another column than the one that it names.

    Or it names several columns and has what stands in several: which is whose, nobody checks. What
    a clause does not name, the question does.
    """
    rows = [row for row in map(_Row.of, proof) if row is not None]
    return any(_mixes(frozenset(stems(it)), question, rows) for it in CLAUSES.split(claim))


def _mixes(said: frozenset[str], question: str, rows: Sequence[_Row]) -> bool:
    asked = frozenset(stems(question))
    of_named: set[str] = set()
    of_others: set[str] = set()
    for row in rows:
        named = row.named(said) or row.named(asked)
        if not named:
            continue
        known = row.cells[0].union(asked, *row.heads)
        if sum(not said.isdisjoint(row.alone_in(place) - known) for place in named) > 1:
            return True
        of_named |= known.union(*(row.cells[place] for place in named))
        of_others.update(*(cell for place, cell in enumerate(row.cells) if place not in named))
    return not said.isdisjoint(of_others - of_named)
