"""The documents of one name in Chroma: how they are searched, read and written."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any

from qa.chroma import PAGE, pages, require_room, talking
from qa.errors import EmbedderMismatchError, NotInCollectionError, SnapshotGoneError, StoreError
from qa.heads import Heads
from qa.schema import Chunk, Document, DocumentInfo, StoredDocument
from qa.snapshot import (
    Hit,
    Snapshot,
    StoredChunk,
    attach_all,
    chunk_id,
    chunk_metadata,
    chunk_prefix,
    layout_of,
    stamp,
)

_ATTEMPTS = 3


class Collection:
    """Documents of one name, with the vectors of their chunks."""

    def __init__(self, name: str, location: str, chunks: Any, heads: Heads, client: Any) -> None:
        self.name = name
        self._location = location
        self._chunks = chunks
        self._heads = heads
        self._client = client

    @property
    def embedder(self) -> str:
        """Name of the embedder that made the vectors."""
        return str(self._chunks.metadata["embedder"])

    @property
    def maker(self) -> str:
        """Who made it, as ``Store.create`` was told; empty for the user."""
        return str(self._chunks.metadata.get("maker", ""))

    def require_embedder(self, name: str, dimension: int) -> None:
        """Refuse vectors that cannot be compared with those stored.

        Raises:
            EmbedderMismatchError: the names or the dimensions differ.
        """
        made = self._chunks.metadata
        if (made["embedder"], made["dimension"]) != (name, dimension):
            raise EmbedderMismatchError(
                f"collection {self.name!r} was made with the embedder {made['embedder']!r} "
                f"({made['dimension']} dimensions), not {name!r} ({dimension})"
            )

    # ── reading ─────────────────────────────────────────────────────────────────────────────

    def snapshot(self) -> Snapshot:
        """The documents as they are now; later writes do not change what it holds."""
        return self._heads.snapshot()

    def changes_held_off(self) -> AbstractContextManager[None]:
        """In here no snapshot goes: writers wait, before what they replace is deleted.

        For who has lost several snapshots in a row, since a document is replaced faster than it
        is read. Behind a Chroma server, where others write, it holds off nothing.
        """
        return self._heads.held_off()

    def search(self, vector: Sequence[float], limit: int, snapshot: Snapshot) -> list[Hit]:
        """The chunks of ``snapshot`` nearest to ``vector``, nearest first.

        Args:
            vector: a unit vector of the collection's dimension.
            limit: how many at most.
            snapshot: chunks of other documents and revisions are passed over.
        """
        where = snapshot.filter()
        wanted = limit
        while True:
            with talking(self._location):
                found = self._chunks.query(
                    query_embeddings=[list(vector)],
                    n_results=wanted,
                    where=where,
                    include=["documents", "metadatas", "distances"],
                )
            rows = list(
                zip(
                    found["ids"][0],
                    found["documents"][0],
                    found["metadatas"][0],
                    found["distances"][0],
                    strict=True,
                )
            )
            hits = [
                Hit(stored, 1 - float(distance))
                for identity, text, metadata, distance in rows
                if (stored := snapshot.attach(identity, text, metadata)) is not None
            ]
            # Leftovers of a killed run can crowd out live chunks; look further until they do not.
            if len(hits) >= limit or len(rows) < wanted:
                return hits[:limit]
            wanted *= 4

    def get(self, ids: Sequence[str], snapshot: Snapshot) -> dict[str, StoredChunk]:
        """Chunks by id; ids that are not in ``snapshot``, or not any more, are left out."""
        attached: dict[str, StoredChunk] = {}
        for first in range(0, len(ids), PAGE):  # so many names fit into one statement
            page = list(ids[first : first + PAGE])
            with talking(self._location):
                found = self._chunks.get(ids=page, include=["documents", "metadatas"])
            attached |= attach_all(found, snapshot)
        return attached

    def chunks(self, snapshot: Snapshot) -> Iterator[StoredChunk]:
        """All chunks of ``snapshot``, a document after the other.

        Raises:
            SnapshotGoneError: some have been replaced or removed since.
        """
        ids = (chunk_id(info, index) for info in snapshot.documents for index in range(info.chunks))
        while page := list(islice(ids, PAGE)):
            found = self.get(page, snapshot)
            if len(found) < len(page):
                raise SnapshotGoneError("documents changed while they were read")
            yield from (found[identity] for identity in page)

    def document(self, document_id: str) -> StoredDocument:
        """A document put together again from its chunks.

        Raises:
            NotInCollectionError: no document of that id.
            StoreError: chunks of it are missing.
        """
        for _ in range(_ATTEMPTS - 1):  # it may be replaced between its head and its chunks
            stored = self._document(document_id)
            if stored is not None:
                return stored
        with self.changes_held_off():
            stored = self._document(document_id)
        if stored is None:
            raise StoreError(
                f"chunks of the document {document_id!r} are missing",
                help="Remove it with 'footnoted sources remove' and ingest it again.",
            )
        return stored

    def _document(self, document_id: str) -> StoredDocument | None:
        """The document, or ``None`` where its chunks are not all there."""
        snapshot = self.snapshot()
        info = snapshot.document(document_id)
        if info is None:
            raise NotInCollectionError(f"no document {document_id!r} in {self.name!r}")
        found = self.get([chunk_id(info, index) for index in range(info.chunks)], snapshot)
        if len(found) < info.chunks:
            return None
        chunks = sorted((item.chunk for item in found.values()), key=lambda chunk: chunk.index)
        return StoredDocument(
            info,
            "".join(chunk.text for chunk in chunks),
            tuple(span for chunk in chunks for span in chunk.sentences),
        )

    # ── writing ─────────────────────────────────────────────────────────────────────────────

    def write(
        self, document: Document, chunks: Sequence[Chunk], vectors: Sequence[Sequence[float]]
    ) -> DocumentInfo:
        """Add a document, or replace the one with its key.

        Args:
            document: what the chunks partition.
            chunks: in order.
            vectors: one unit vector a chunk.

        Raises:
            DiskFullError: too little space is left.
        """
        info = DocumentInfo(
            id=document.id,
            key=document.key,
            revision=document.revision,
            layout=layout_of(chunks),
            title=document.title,
            uri=document.uri,
            chunks=len(chunks),
            sentences=sum(len(chunk.sentences) for chunk in chunks),
            characters=len(document.text),
        )
        with talking(self._location):
            size = self._client.get_max_batch_size()
            for first in range(0, len(chunks), size):
                require_room(self._location)
                batch = chunks[first : first + size]
                self._chunks.upsert(
                    ids=[chunk_id(info, chunk.index) for chunk in batch],
                    embeddings=[list(vector) for vector in vectors[first : first + size]],
                    documents=[chunk.text for chunk in batch],
                    metadatas=[chunk_metadata(info, chunk) for chunk in batch],
                )
            with self.changes_held_off():
                self._replace(info)
        return info

    def _replace(self, info: DocumentInfo) -> None:
        """Make ``info`` the head that counts, and delete what it replaces.

        Nothing else of its key: behind a Chroma server another process may be about to make that
        count.
        """
        for old in self._heads.put(info):
            if chunk_prefix(old) != chunk_prefix(info):
                self._chunks.delete(where={"$and": [{"key": old.key}, {"revision": stamp(old)}]})

    def remove(self, document_id: str) -> DocumentInfo:
        """Delete a document.

        Raises:
            NotInCollectionError: no document of that id.
        """
        info = self.snapshot().document(document_id)
        if info is None:
            raise NotInCollectionError(f"no document {document_id!r} in {self.name!r}")
        with talking(self._location), self.changes_held_off():
            self._heads.remove(info)
            self._chunks.delete(where={"key": info.key})
        return info

    def sweep(self) -> int:
        """Delete the chunks that no head counts, left by a killed run; returns how many."""
        snapshot = self.snapshot()
        with talking(self._location):
            if self._chunks.count() == sum(info.chunks for info in snapshot.documents):
                return 0
            stray = [
                identity
                for page in pages(self._chunks, include=["metadatas"])
                for identity, metadata in zip(page["ids"], page["metadatas"], strict=True)
                if not snapshot.holds(metadata)
            ]
            for first in range(0, len(stray), PAGE):
                self._chunks.delete(ids=stray[first : first + PAGE])
        return len(stray)

    # ── LangChain ───────────────────────────────────────────────────────────────────────────

    def as_vector_store(self, embeddings: Any) -> Any:
        """The chunks as a ``langchain_chroma.Chroma``, for reading in one's own chains."""
        from langchain_chroma import Chroma

        return Chroma(
            client=self._client,
            collection_name=self._chunks.name,
            embedding_function=embeddings,
            create_collection_if_not_exists=False,
        )
