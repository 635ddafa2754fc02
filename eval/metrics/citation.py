"""Whether the cited sentences are the gold ones, offered ones, and quoted to the byte.

``gold`` is a list of alternatives, each a list of spans that are needed together. Source of
precision and recall over gold evidence, not over entailment: FEVER, Thorne et al. 2018.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

from eval.cases import Alternatives, GoldSpan
from qa.schema import Quotation


class Located(Protocol):
    """A piece of a document: characters ``start`` to ``end``, end exclusive."""

    @property
    def document_id(self) -> str:
        """Which document."""

    @property
    def start(self) -> int:
        """Its first character."""

    @property
    def end(self) -> int:
        """The character after its last."""


def matches(cited: Located, gold: GoldSpan) -> bool:
    """``2 * overlap >= min(length of cited, length of gold)``, in the same document.

    Gold spans need not be whole sentences, nor cut where our sentences are.
    """
    if cited.document_id != gold.doc_id:
        return False
    overlap = min(cited.end, gold.end) - max(cited.start, gold.start)
    return overlap > 0 and 2 * overlap >= min(cited.end - cited.start, gold.end - gold.start)


def share_found(cited: Iterable[Located], gold: Collection[GoldSpan]) -> float:
    """``|gold spans matched by any cited| / |gold spans|`` of one alternative."""
    quotations = list(cited)
    return sum(any(matches(cite, span) for cite in quotations) for span in gold) / len(gold)


def citation_precision(cited: Sequence[Quotation], gold: Alternatives) -> float | None:
    """``|cited that match a gold span of any alternative| / |cited|``.

    For answered questions. An answer without a citation scores 0; ``None`` without gold.
    """
    if not gold:
        return None
    if not cited:
        return 0.0
    spans = {span for alternative in gold for span in alternative}
    return sum(any(matches(cite, span) for span in spans) for cite in cited) / len(cited)


def citation_recall(cited: Sequence[Quotation], gold: Alternatives) -> float | None:
    """``max over alternatives of |gold spans matched| / |gold spans|``.

    0 where nothing is cited, so also for an answerable question that is not answered; ``None``
    without gold.
    """
    return max((share_found(cited, alternative) for alternative in gold), default=None)


def citation_f1(cited: Sequence[Quotation], gold: Alternatives) -> float | None:
    """``2PR / (P + R)`` of one question's citation precision and recall; 0 where both are 0.

    ``None`` without gold.
    """
    precision, recall = citation_precision(cited, gold), citation_recall(cited, gold)
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def verbatim_rate(
    cited: Sequence[Quotation], source_text: Callable[[str], str | None]
) -> float | None:
    """``|cited with text == source[start:end]| / |cited|``; ``None`` if nothing is cited.

    Args:
        cited: the footnotes of one answer.
        source_text: a document's text by its id; ``None`` if there is no such document.
    """
    if not cited:
        return None
    texts = {
        document_id: source_text(document_id)
        for document_id in {cite.document_id for cite in cited}
    }
    return sum(_is_verbatim(cite, texts[cite.document_id]) for cite in cited) / len(cited)


def fabricated_rate(cited: Sequence[Quotation], offered: Sequence[Quotation]) -> float | None:
    """``|cited with an id that was not offered| / |cited|``; ``None`` if nothing is cited."""
    if not cited:
        return None
    ids = {evidence.sentence_id for evidence in offered}
    return sum(cite.sentence_id not in ids for cite in cited) / len(cited)


def _is_verbatim(cite: Quotation, source: str | None) -> bool:
    return source is not None and source[cite.start : cite.end] == cite.text
