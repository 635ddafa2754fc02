"""What of a collection counts at one moment, and how that is read back from Chroma's records."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qa.errors import NotInCollectionError
from qa.schema import Chunk, DocumentInfo, Span, digest

_SHOWN = 5
"""How many of the documents that are not there an error names; a client may ask for thousands."""


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk with the document it belongs to."""

    id: str
    document: DocumentInfo
    chunk: Chunk


@dataclass(frozen=True, slots=True)
class Hit:
    """A stored chunk and its cosine similarity with the query."""

    stored: StoredChunk
    similarity: float


class Snapshot:
    """Which revision of which document counts.

    Attributes:
        documents: the heads, by title.
        version: changes exactly when a document is added, changed or removed.
    """

    def __init__(
        self, documents: Sequence[DocumentInfo], *, version: str = "", restricted: bool = False
    ) -> None:
        self.documents = tuple(documents)
        self._by_id = {info.id: info for info in documents}
        self._restricted = restricted
        lines = sorted(f"{info.id}:{info.revision}:{info.layout}" for info in documents)
        self.version = version or hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]

    def only(self, document_ids: Sequence[str]) -> "Snapshot":
        """The same moment, with these documents alone.

        Raises:
            NotInCollectionError: one of them is not there.
        """
        missing = [repr(wanted) for wanted in document_ids if wanted not in self._by_id]
        if missing:
            shown = ", ".join(missing[:_SHOWN])
            more = f" and {len(missing) - _SHOWN:,} more" if len(missing) > _SHOWN else ""
            raise NotInCollectionError(f"no document {shown}{more} in the collection")
        wanted = frozenset(document_ids)
        kept = [info for info in self.documents if info.id in wanted]
        return Snapshot(kept, version=self.version, restricted=True)

    def document(self, document_id: str) -> DocumentInfo | None:
        """The head of a document."""
        return self._by_id.get(document_id)

    def filter(self) -> dict[str, Any] | None:
        """A Chroma filter for the documents, where they are not all of the collection."""
        if not self._restricted:
            return None
        return {"document_id": {"$in": list(self._by_id)}}

    def holds(self, metadata: Mapping[str, Any]) -> bool:
        """Whether a chunk with this metadata counts."""
        info = self._by_id.get(str(metadata["document_id"]))
        return info is not None and stamp(info) == metadata["revision"]

    def attach(
        self, identity: str, text: str | None, metadata: Mapping[str, Any] | None
    ) -> StoredChunk | None:
        """A chunk as stored, or ``None`` if it does not count, or was deleted a moment ago."""
        if text is None or metadata is None or not self.holds(metadata):
            return None
        bounds = json.loads(str(metadata["sentences"]))
        start = int(metadata["start"])
        chunk = Chunk(
            index=int(metadata["index"]),
            start=start,
            end=start + len(text),
            text=text,
            sentences=tuple(Span(begin, end) for begin, end in bounds),
            first_sentence=int(metadata["first_sentence"]),
        )
        return StoredChunk(identity, self._by_id[str(metadata["document_id"])], chunk)


def layout_of(chunks: Sequence[Chunk]) -> str:
    """The ``DocumentInfo.layout`` of a document that is cut so."""
    return digest(*(f"{chunk.start} {chunk.sentences}" for chunk in chunks))


def chunk_id(info: DocumentInfo, index: int) -> str:
    """Id of a chunk in Chroma; no two revisions share one."""
    return f"{chunk_prefix(info)}{index}"


def chunk_prefix(info: DocumentInfo) -> str:
    """How the ids of a document's chunks begin, and no others."""
    return f"{info.id}:{stamp(info)}:"


def stamp(info: DocumentInfo) -> str:
    """What a chunk shares with the head that counts it."""
    return f"{info.revision}.{info.layout}"


def head_id(key: str) -> str:
    """Id of a document's head in Chroma; of any key, however long."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def chunk_metadata(info: DocumentInfo, chunk: Chunk) -> dict[str, Any]:
    """What Chroma keeps beside a chunk's text; ``Snapshot.attach`` reads it."""
    return {
        "document_id": info.id,
        "key": info.key,
        "revision": stamp(info),
        "title": info.title,
        "uri": info.uri,
        "index": chunk.index,
        "start": chunk.start,
        "first_sentence": chunk.first_sentence,
        "sentences": json.dumps([[span.start, span.end] for span in chunk.sentences]),
    }


def document_info(metadata: Mapping[str, Any]) -> DocumentInfo:
    """A head as it was written."""
    return DocumentInfo(**{name: metadata[name] for name in DocumentInfo.__dataclass_fields__})


def attach_all(found: Mapping[str, Any], snapshot: Snapshot) -> dict[str, StoredChunk]:
    """The chunks of one reply of Chroma's that count, by id."""
    attached = (
        snapshot.attach(identity, text, metadata)
        for identity, text, metadata in zip(
            found["ids"], found["documents"], found["metadatas"], strict=True
        )
    )
    return {stored.id: stored for stored in attached if stored is not None}
