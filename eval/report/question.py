"""One question of the report: what was answered, from where, and what should have been."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.cases import Alternatives, GoldSpan
from eval.diagnosis import Diagnosis
from eval.metrics import matches, str_em
from eval.metrics.citation import Located
from eval.report.excerpt import (
    Excerpt,
    Source,
    excerpts,
    is_in_source,
    shown_gold,
)
from eval.runner import Record
from qa.schema import Citation, Claim, Evidence

_FOOTNOTE = re.compile(r"\[([0-9]{1,4})\]")


@dataclass(frozen=True, slots=True)
class GoldRow:
    """How far a gold sentence came; each ``None`` where it did not come so far.

    Attributes:
        alternatives: those that need it, from 1.
        found: its rank in the search, from 1.
        offered: its rank among what was offered as evidence.
        cited: the footnote that quotes it.
    """

    alternatives: Sequence[int]
    span: GoldSpan
    found: int | None
    offered: int | None
    cited: int | None


@dataclass(frozen=True, slots=True)
class Question:
    """A record as the template shows it.

    Attributes:
        anchor: its id in the page.
    """

    record: Record
    gold: Alternatives
    diagnosis: Diagnosis
    sources: Mapping[str, Source]
    anchor: str

    @property
    def type(self) -> str:
        """The question's type, or that it has none."""
        return self.record.type or "no type"

    @property
    def answer(self) -> list[str | int]:
        """The answer's text, with the numbers of its footnotes in their places."""
        text = self.record.answer.answer if self.record.answer else ""
        known = {cite.number for cite in self.footnotes}
        parts: list[str | int] = []
        for index, part in enumerate(_FOOTNOTE.split(text)):
            if index % 2 == 0:
                parts.append(part)
            else:
                parts.append(int(part) if int(part) in known else f"[{part}]")
        return [part for part in parts if part != ""]

    @property
    def footnotes(self) -> Sequence[Citation]:
        """The footnotes of the answer."""
        return self.record.answer.citations if self.record.answer else []

    @property
    def dropped(self) -> list[Claim]:
        """The claims that were not released."""
        return [claim for claim in self.record.claims if claim.verdict == "unsupported"]

    @property
    def offered(self) -> list[Evidence]:
        """The sentences that were offered as evidence, best first."""
        return sorted(self.record.evidence, key=lambda it: it.number)

    @property
    def excerpts(self) -> list[Excerpt]:
        """The sources around the footnotes and the gold."""
        return excerpts(self.footnotes, self.gold, self.sources)

    @property
    def unplaced(self) -> list[Citation]:
        """The footnotes that do not stand in their source as they say."""
        return [cite for cite in self.footnotes if not is_in_source(cite, self.sources)]

    @property
    def gold_rows(self) -> list[GoldRow]:
        """The gold sentences that are shown."""
        return [
            GoldRow(
                alternatives=alternatives,
                span=span,
                found=_rank(self.record.found, span),
                offered=_rank(self.offered, span),
                cited=next((it.number for it in self.footnotes if matches(it, span)), None),
            )
            for span, alternatives in shown_gold(self.footnotes, self.gold).items()
        ]

    def holds_accepted(self, text: str) -> bool:
        """Whether a claim or a sentence holds an accepted answer."""
        return str_em(text, self.record.answers) == 1

    def is_gold(self, sentence: Evidence) -> bool:
        """Whether a sentence that was offered is gold."""
        return any(matches(sentence, span) for spans in self.gold for span in spans)

    def title(self, document_id: str) -> str:
        """A document's title as far as the record knows it, else its id."""
        known = [*self.footnotes, *self.record.evidence]
        return next((it.title for it in known if it.document_id == document_id), document_id)


def _rank(sentences: Sequence[Located], span: GoldSpan) -> int | None:
    ranks = (rank for rank, it in enumerate(sentences, start=1) if matches(it, span))
    return next(ranks, None)
