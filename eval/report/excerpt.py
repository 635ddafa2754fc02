"""The sources around footnotes and gold, with both marked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from eval.cases import Alternatives, GoldSpan
from eval.metrics.citation import share_found
from qa.schema import Citation, Span
from qa.sentences import split_sentences

AROUND = 2
"""Sentences shown before and after a marked one."""

_MOST_AROUND = 500
"""Characters of these, so that a list or a table does not fill the page."""

_MOST_ALTERNATIVES = 3


@dataclass(frozen=True, slots=True)
class Mark:
    """Characters ``start`` to ``end`` of a document, and what they are.

    Attributes:
        footnote: its number; ``None`` for gold.
        alternatives: of the gold, those that need it, from 1; none for a footnote.
    """

    start: int
    end: int
    footnote: int | None = None
    alternatives: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text under the same marks; some of them start with it."""

    text: str
    marks: tuple[Mark, ...] = ()
    starting: tuple[Mark, ...] = ()

    @property
    def footnotes(self) -> list[int]:
        """The numbers of the footnotes that quote it."""
        return sorted({mark.footnote for mark in self.marks if mark.footnote is not None})

    @property
    def gold(self) -> bool:
        """Whether it is gold."""
        return any(mark.alternatives for mark in self.marks)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What is shown of one document.

    Attributes:
        passages: runs of pieces; text is left out between two.
    """

    document_id: str
    passages: tuple[tuple[Piece, ...], ...]


class Source:
    """A document's text; its sentences are split when they are first needed."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def sentences(self) -> list[Span]:
        """As ingesting splits them."""
        return split_sentences(self.text)

    def passages(self, marks: Sequence[Mark]) -> tuple[tuple[Piece, ...], ...]:
        """The text around ``marks``, in the document's order."""
        windows: list[Span] = []
        for window in sorted((self._window(mark) for mark in marks), key=lambda it: it.start):
            if windows and not self.text[windows[-1].end : window.start].strip():
                start, end = windows[-1].start, max(windows[-1].end, window.end)
                windows[-1] = Span(start, end)
            else:
                windows.append(window)
        return tuple(tuple(self._pieces(window, marks)) for window in windows)

    def _window(self, mark: Mark) -> Span:
        before = [it.start for it in self.sentences if it.start <= mark.start][-AROUND - 1 :]
        after = [it.end for it in self.sentences if it.end >= mark.end][: AROUND + 1]
        return Span(
            max(min([*before, mark.start]), mark.start - _MOST_AROUND),
            min(max([*after, mark.end]), mark.end + _MOST_AROUND),
        )

    def _pieces(self, window: Span, marks: Iterable[Mark]) -> Iterable[Piece]:
        inside = [it for it in marks if it.start < window.end and window.start < it.end]
        bounds = {window.start, window.end}.union(*((it.start, it.end) for it in inside))
        for start, end in pairwise(sorted(bounds)):
            here = tuple(it for it in inside if it.start <= start and end <= it.end)
            starting = tuple(it for it in here if it.start == start)
            yield Piece(self.text[start:end], here, starting)


def excerpts(
    footnotes: Sequence[Citation], gold: Alternatives, sources: Mapping[str, Source]
) -> list[Excerpt]:
    """What to show of each document that is cited or holds gold; the cited ones come first.

    A footnote that is not in its source word for word is left out, and so is what is in no source.
    """
    marks: dict[str, list[Mark]] = {}
    for cite in footnotes:
        if is_in_source(cite, sources):
            mark = Mark(cite.start, cite.end, footnote=cite.number)
            marks.setdefault(cite.document_id, []).append(mark)
    for span, alternatives in shown_gold(footnotes, gold).items():
        if span.doc_id in sources:
            mark = Mark(span.start, span.end, alternatives=tuple(alternatives))
            marks.setdefault(span.doc_id, []).append(mark)
    return [Excerpt(doc_id, sources[doc_id].passages(found)) for doc_id, found in marks.items()]


def shown_gold(footnotes: Sequence[Citation], gold: Alternatives) -> dict[GoldSpan, list[int]]:
    """The gold sentences, each with the alternatives that need it, numbered from 1.

    Of many alternatives only those that the footnotes match best.
    """
    numbered = sorted(enumerate(gold, start=1), key=lambda it: -share_found(footnotes, it[1]))
    shown: dict[GoldSpan, list[int]] = {}
    for number, spans in sorted(numbered[:_MOST_ALTERNATIVES]):
        for span in spans:
            shown.setdefault(span, []).append(number)
    return shown


def is_in_source(cite: Citation, sources: Mapping[str, Source]) -> bool:
    """Whether a footnote is what its source says at that place."""
    source = sources.get(cite.document_id)
    return source is not None and source.text[cite.start : cite.end] == cite.text
