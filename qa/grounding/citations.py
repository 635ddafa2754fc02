"""From proofs to footnotes: numbered by first use, each sentence once."""

from collections.abc import Sequence

from qa.schema import Citation, Evidence


class Footnotes:
    """Numbers the proving sentences of one answer."""

    def __init__(self) -> None:
        self._by_sentence: dict[str, Citation] = {}

    def cite(self, proof: Sequence[Evidence]) -> tuple[list[int], list[Citation]]:
        """Footnote a proof.

        Returns:
            The numbers of its footnotes, ascending, and those footnotes that are new.
        """
        numbers: list[int] = []
        new: list[Citation] = []
        for item in proof:
            citation = self._by_sentence.get(item.sentence_id)
            if citation is None:
                citation = _citation(item, len(self._by_sentence) + 1)
                self._by_sentence[item.sentence_id] = citation
                new.append(citation)
            numbers.append(citation.number)
        return sorted(set(numbers)), new

    def cited(self) -> list[Citation]:
        """All footnotes, by number."""
        return list(self._by_sentence.values())


def _citation(item: Evidence, number: int) -> Citation:
    fields = {name: getattr(item, name) for name in Citation.model_fields}
    return Citation(**fields | {"number": number})
