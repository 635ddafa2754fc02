"""The collections, and how their documents are written to Chroma and read from it.

A collection is two Chroma collections. ``footnoted.NAME.chunks`` holds the text, cut into chunks;
``footnoted.NAME.documents`` holds one *head* per document, which says which of its revisions
counts. Writing a document is: write the chunks, then the head, then delete what the head replaced.
The head is one record, so a reader sees the old document or the new one, and what a killed run
leaves behind is never seen. The embedded store sweeps it away when the collection is next opened
for writing; behind a server it stays, since it may be what another process is writing.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from filelock import FileLock

from qa.chroma import (
    PAGE,
    PREFIX,
    chroma_name,
    embedded_client,
    lock,
    pages,
    remote_client,
    require_room,
    talking,
)
from qa.disk import writing
from qa.errors import (
    EmbedderMismatchError,
    NotInCollectionError,
    SnapshotGoneError,
    StoreError,
    UnknownCollectionError,
    without_credentials,
)
from qa.schema import Chunk, Document, DocumentInfo, StoredDocument, digest
from qa.snapshot import (
    Hit,
    Snapshot,
    StoredChunk,
    attach_all,
    chunk_id,
    chunk_metadata,
    document_info,
    head_id,
    stamp,
)

_CHUNKS = ".chunks"
_HEADS = ".documents"
_FORMAT = 2
"""Of what is stored; another one is refused, since its chunks would not be found."""
_ATTEMPTS = 3
_EF_SEARCH = 400
"""Chunks that Chroma's approximate search keeps in sight: docs/decisions/0013-hnsw.md."""


class _Changes:
    """Counts what this process changes. An embedded Chroma is changed by no other: what was read at
    one count is true as long as that stands.

    Attributes:
        count: how many changes there were.
        held_off: held by who changes the heads or deletes chunks, and by who must not meet that.
    """

    def __init__(self) -> None:
        self.count = 0
        self.held_off = threading.RLock()
        self._lock = threading.Lock()

    def add(self) -> None:
        with self._lock:
            self.count += 1


class Store:
    """All collections of one Chroma, embedded in ``data_dir`` or behind ``url``.

    Args:
        data_dir: where the embedded Chroma lives; locked against a second process.
        url: a Chroma server; then nothing is locked here.

    Raises:
        StoreError: what is there cannot be opened.
        StoreLockedError: another process has the directory.
        StoreUnreachableError: no Chroma server answers at ``url``.
    """

    def __init__(self, data_dir: Path, *, url: str | None = None) -> None:
        self._lock: FileLock | None = None
        self._swept: set[str] = set()
        self._changes = _Changes() if url is None else None
        self.location = without_credentials(url or str(data_dir / "chroma"))
        if url is None:
            self._lock = lock(data_dir)
            try:
                with writing(data_dir), talking(self.location):
                    self._client = embedded_client(data_dir / "chroma")
            except BaseException:
                self._lock.release()
                raise
        else:
            self._client = remote_client(url)

    def close(self) -> None:
        """Give the directory free for another process."""
        if self._lock is not None:
            self._client.close()
            (Path(self._lock.lock_file).with_suffix(".json")).unlink(missing_ok=True)
            self._lock.release()
            self._lock = None

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def names(self) -> list[str]:
        """Names of the collections, sorted."""
        with talking(self.location):
            found = [entry.name for entry in self._client.list_collections()]
        return sorted(
            name.removeprefix(PREFIX).removesuffix(_HEADS)
            for name in found
            if name.startswith(PREFIX) and name.endswith(_HEADS)
        )

    def collection(self, name: str) -> "Collection":
        """Open a collection.

        Raises:
            UnknownCollectionError: there is none of that name.
        """
        existing = self.names()
        if name not in existing:
            known = ", ".join(existing) or "none yet"
            raise UnknownCollectionError(f"no collection {name!r}; there are: {known}")
        with talking(self.location):
            chunks = self._client.get_collection(chroma_name(name, _CHUNKS), None)
            heads = self._client.get_collection(chroma_name(name, _HEADS), None)
        made = (heads.metadata or {}).get("format")
        if made != _FORMAT:
            raise StoreError(
                f"collection {name!r} has the format {made!r}; this version reads {_FORMAT}",
                help="Ingest its documents into another collection, by --collection NAME.",
            )
        return Collection(name, self.location, chunks, heads, self._client, self._changes)

    def create(self, name: str, *, embedder: str, dimension: int, maker: str = "") -> "Collection":
        """Open a collection for writing; make it first if need be, and note who made it.

        Raises:
            UsageError: not a name that a collection can have.
            EmbedderMismatchError: it exists, made with another embedder.
            DiskFullError: too little space is left to write.
        """
        require_room(self.location)
        metadata = {"embedder": embedder, "dimension": dimension, "format": _FORMAT, "maker": maker}
        if name not in self.names():
            with talking(self.location):
                left = [found.name for found in self._client.list_collections()]
                if chroma_name(name, _CHUNKS) in left:  # by a run that was killed
                    self._client.delete_collection(chroma_name(name, _CHUNKS))
                # The heads come last: a collection exists when it has them.
                for suffix in (_CHUNKS, _HEADS):
                    self._client.get_or_create_collection(
                        chroma_name(name, suffix),
                        metadata=metadata,
                        configuration={"hnsw": {"space": "cosine", "ef_search": _EF_SEARCH}},
                        embedding_function=None,
                    )
        collection = self.collection(name)
        collection.require_embedder(embedder, dimension)
        if self._lock is not None and name not in self._swept:
            # Once: later strays may be what another thread is writing. Behind a server they may
            # be another process's at any time.
            collection.sweep()
            self._swept.add(name)
        return collection

    def delete(self, name: str) -> None:
        """Delete a collection and all its documents."""
        self.collection(name)
        with talking(self.location):
            for suffix in (_HEADS, _CHUNKS):
                self._client.delete_collection(chroma_name(name, suffix))
        if self._changes is not None:
            self._changes.add()


class Collection:
    """Documents of one name, with the vectors of their chunks."""

    def __init__(
        self,
        name: str,
        location: str,
        chunks: Any,
        heads: Any,
        client: Any,
        changes: _Changes | None = None,
    ) -> None:
        self.name = name
        self._changes = changes
        self._last: tuple[int, Snapshot] | None = None
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
        return str((self._heads.metadata or {}).get("maker", ""))

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
        if self._changes is None:
            return self._snapshot()
        count, last = self._changes.count, self._last
        if last is None or last[0] != count:
            self._last = last = (count, self._snapshot())
        return last[1]

    def _snapshot(self) -> Snapshot:
        with talking(self._location):
            heads = [
                document_info(metadata)
                for page in pages(self._heads, include=["metadatas"])
                for metadata in page["metadatas"]
            ]
        # While an id passes from one key to another both heads are there; the given id counts.
        heads.sort(key=lambda head: head.key == head.id)
        unique = {head.id: head for head in heads}.values()
        return Snapshot(sorted(unique, key=lambda head: (head.title, head.id)))

    @contextmanager
    def changes_held_off(self) -> Iterator[None]:
        """In here no snapshot goes: writers wait, before what they replace is deleted.

        For who has lost several snapshots in a row, since a document is replaced faster than it
        is read. Behind a Chroma server, where others write, it holds off nothing.
        """
        if self._changes is None:
            yield
            return
        with self._changes.held_off:
            yield

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
            layout=digest(*(str(chunk.start) for chunk in chunks)),
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
        """Make ``info`` the head that counts, and delete what it replaces."""
        with self._changing():
            self._heads.upsert(
                ids=[head_id(info.key)], embeddings=[[1.0]], metadatas=[asdict(info)]
            )
        # An id that was derived from a text may come back as one that the user gives.
        with self._changing():
            self._heads.delete(where={"$and": [{"id": info.id}, {"key": {"$ne": info.key}}]})
        for field, value in (("key", info.key), ("document_id", info.id)):
            self._chunks.delete(
                where={"$and": [{field: value}, {"revision": {"$ne": stamp(info)}}]}
            )

    def remove(self, document_id: str) -> DocumentInfo:
        """Delete a document.

        Raises:
            NotInCollectionError: no document of that id.
        """
        info = self.snapshot().document(document_id)
        if info is None:
            raise NotInCollectionError(f"no document {document_id!r} in {self.name!r}")
        with talking(self._location), self.changes_held_off():
            with self._changing():
                self._heads.delete(ids=[head_id(info.key)])
            self._chunks.delete(where={"key": info.key})
        return info

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Around a change of the heads, whether it succeeds or not."""
        try:
            yield
        finally:
            if self._changes is not None:
                self._changes.add()

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
