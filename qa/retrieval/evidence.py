"""What was found for one question."""

from dataclasses import dataclass

from qa.retrieval.sentences import Place, Sentences
from qa.schema import Evidence, Found


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What was found for one question.

    Attributes:
        evidence: the offered sentences, best first, numbered from 1; a neighbour stands after
            all ranked sentences. Some may be flagged.
        collection_version: the version of the collection they come from.
        found: every sentence that was considered, best first: those that the ranker read, then the
            others in the order of the fusion.
    """

    evidence: tuple[Evidence, ...]
    collection_version: str
    found: tuple[Found, ...] = ()

    @property
    def usable(self) -> tuple[Evidence, ...]:
        """The evidence without the flagged sentences: what may be shown to a model and cited."""
        return tuple(item for item in self.evidence if not item.flagged)


def evidence_at(
    number: int,
    place: Place,
    sentences: Sentences,
    *,
    score: float = 0.0,
    similarity: float = 0.0,
    answers: float | None = None,
    neighbour: bool = False,
    led_by: str | None = None,
) -> Evidence:
    """The sentence at a place, as it is offered; the other arguments are fields of ``Evidence``."""
    info, span = sentences.document(place), sentences.span(place)
    return Evidence(
        number=number,
        sentence_id=sentences.identity(place),
        document_id=info.id,
        title=info.title,
        uri=info.uri,
        start=span.start,
        end=span.end,
        sentence=sentences.number(place),
        text=sentences.text(place),
        score=score,
        similarity=similarity,
        answers=answers,
        neighbour=neighbour,
        led_by=led_by,
        before=sentences.texts_before(place),
        flagged=sentences.is_flagged(place),
    )


def found_at(place: Place, sentences: Sentences, answers: float | None) -> Found:
    """The sentence at a place, as one that was considered."""
    span = sentences.span(place)
    return Found(
        document_id=sentences.document(place).id, start=span.start, end=span.end, answers=answers
    )
