"""From documents to stored, embedded chunks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ingest.chunker import chunk
from qa.collection import Collection
from qa.errors import UnreadableError
from qa.injection import addresses_model
from qa.retrieval.embedder import Embedder
from qa.schema import Chunk, Document, DocumentInfo
from qa.sentences import split_sentences
from qa.snapshot import layout_of

Outcome = Literal["added", "replaced", "unchanged"]
Progress = Callable[[int, int], None]
"""Told how many sentences of the document at work are embedded, and how many it has."""

_STEP = 128
"""Chunks between two reports."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of one document.

    Attributes:
        flagged: how many of its sentences address a language model and so prove nothing; ``None``
            if it is unchanged.
    """

    document: DocumentInfo
    outcome: Outcome
    flagged: int | None = None


class Ingestor:
    """Writes documents into one collection.

    Args:
        collection: where to.
        embedder: the one the collection was made with.
        chunk_tokens: budget of a chunk, in cl100k_base tokens.
        progress: told how far a document is.
    """

    def __init__(
        self,
        collection: Collection,
        embedder: Embedder,
        *,
        chunk_tokens: int,
        progress: Progress = lambda done, total: None,
    ) -> None:
        collection.require_embedder(embedder.name, embedder.dimension)
        self._collection = collection
        self._embedder = embedder
        self._chunk_tokens = chunk_tokens
        self._progress = progress
        self._known = {info.key: info for info in collection.snapshot().documents}

    def ingest(self, document: Document) -> Ingested:
        """Write a document; the same bytes, cut in the same way, write nothing.

        Raises:
            UnreadableError: there is no sentence in it.
        """
        sentences = split_sentences(document.text)
        chunks = chunk(document.text, sentences, self._chunk_tokens)
        if not chunks:
            raise UnreadableError(f"{document.uri or document.title!r} holds no sentence")
        before = self._known.get(document.key)
        cut = (document.revision, layout_of(chunks))
        if before is not None and (before.revision, before.layout) == cut:
            return Ingested(before, "unchanged")
        info = self._collection.write(document, chunks, self._embed(document, chunks))
        self._known[document.key] = info
        flagged = sum(addresses_model(document.text[it.start : it.end]) for it in sentences)
        return Ingested(info, "added" if before is None else "replaced", flagged)

    def _embed(self, document: Document, chunks: Sequence[Chunk]) -> list[list[float]]:
        vectors: list[list[float]] = []
        done, total = 0, sum(len(item.sentences) for item in chunks)
        self._progress(done, total)
        for first in range(0, len(chunks), _STEP):
            step = chunks[first : first + _STEP]
            # The title says what "the company" is; measured in docs/measurements.md.
            vectors += self._embedder.embed_documents(
                [f"{document.title}. {item.text.strip()}" for item in step]
            )
            done += sum(len(item.sentences) for item in step)
            self._progress(done, total)
        return vectors
