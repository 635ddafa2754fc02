"""The collections: the only module that talks to Chroma.

A collection is two Chroma collections. ``footnoted.NAME.chunks`` holds the text, cut into chunks;
``footnoted.NAME.documents`` holds one *head* per document, which says which of its revisions
counts. Writing a document is: write the chunks, then the head, then delete what the head replaced.
The head is one record, so a reader sees the old document or the new one, and what a killed run
leaves behind is never seen. The embedded store sweeps it away when the collection is next opened
for writing; behind a server it stays, since it may be what another process is writing.
"""

import hashlib
import json
import re
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from filelock import FileLock, Timeout

from qa.disk import writing
from qa.errors import (
    DiskFullError,
    EmbedderMismatchError,
    NotInCollectionError,
    SettingsError,
    SnapshotGoneError,
    StoreError,
    StoreLockedError,
    StoreUnreachableError,
    UnknownCollectionError,
    UsageError,
    first_line,
    without_credentials,
)
from qa.schema import Chunk, Document, DocumentInfo, Span, StoredDocument, digest

_PREFIX = "footnoted."
_CHUNKS = ".chunks"
_HEADS = ".documents"
_FORMAT = 2
"""Of what is stored; another one is refused, since its chunks would not be found."""
_ATTEMPTS = 3
_PAGE = 1000
"""Records read at once; a whole large collection in one reply would double the memory."""
_EF_SEARCH = 400
"""Chunks that Chroma's approximate search keeps in sight: docs/decisions/0013-hnsw.md."""
_ROOM_BYTES = 100_000_000
"""Free bytes that a write needs, some 10,000 for each of a batch's 5,461 chunks. After one that
filled the disk, the embedded Chroma's next call never returns, and no other thread runs."""


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
            self._lock = _lock(data_dir)
            try:
                with writing(data_dir), _talking(self.location):
                    self._client = _embedded_client(data_dir / "chroma")
            except BaseException:
                self._lock.release()
                raise
        else:
            self._client = _remote_client(url)

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
        with _talking(self.location):
            found = [entry.name for entry in self._client.list_collections()]
        return sorted(
            name.removeprefix(_PREFIX).removesuffix(_HEADS)
            for name in found
            if name.startswith(_PREFIX) and name.endswith(_HEADS)
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
        with _talking(self.location):
            chunks = self._client.get_collection(_chroma_name(name, _CHUNKS), None)
            heads = self._client.get_collection(_chroma_name(name, _HEADS), None)
        made = (heads.metadata or {}).get("format")
        if made != _FORMAT:
            raise StoreError(
                f"collection {name!r} has the format {made!r}; this version reads {_FORMAT}",
                help="Ingest its documents into another collection, by --collection NAME.",
            )
        return Collection(name, self.location, chunks, heads, self._client, self._changes)

    def create(self, name: str, *, embedder: str, dimension: int) -> "Collection":
        """Open a collection for writing; make it first if need be.

        Raises:
            UsageError: not a name that a collection can have.
            EmbedderMismatchError: it exists, made with another embedder.
            DiskFullError: too little space is left to write.
        """
        _require_room(self.location)
        metadata = {"embedder": embedder, "dimension": dimension, "format": _FORMAT}
        if name not in self.names():
            with _talking(self.location):
                left = [found.name for found in self._client.list_collections()]
                if _chroma_name(name, _CHUNKS) in left:  # by a run that was killed
                    self._client.delete_collection(_chroma_name(name, _CHUNKS))
                # The heads come last: a collection exists when it has them.
                for suffix in (_CHUNKS, _HEADS):
                    self._client.get_or_create_collection(
                        _chroma_name(name, suffix),
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
        with _talking(self.location):
            for suffix in (_HEADS, _CHUNKS):
                self._client.delete_collection(_chroma_name(name, suffix))
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

    def snapshot(self) -> "Snapshot":
        """The documents as they are now; later writes do not change what it holds."""
        if self._changes is None:
            return self._snapshot()
        count, last = self._changes.count, self._last
        if last is None or last[0] != count:
            self._last = last = (count, self._snapshot())
        return last[1]

    def _snapshot(self) -> "Snapshot":
        with _talking(self._location):
            heads = [
                _info(metadata)
                for page in _pages(self._heads, include=["metadatas"])
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

    def search(self, vector: Sequence[float], limit: int, snapshot: "Snapshot") -> list[Hit]:
        """The chunks of ``snapshot`` nearest to ``vector``, nearest first.

        Args:
            vector: a unit vector of the collection's dimension.
            limit: how many at most.
            snapshot: chunks of other documents and revisions are passed over.
        """
        where = snapshot.filter()
        wanted = limit
        while True:
            with _talking(self._location):
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

    def get(self, ids: Sequence[str], snapshot: "Snapshot") -> dict[str, StoredChunk]:
        """Chunks by id; ids that are not in ``snapshot``, or not any more, are left out."""
        attached: dict[str, StoredChunk] = {}
        for first in range(0, len(ids), _PAGE):  # so many names fit into one statement
            page = list(ids[first : first + _PAGE])
            with _talking(self._location):
                found = self._chunks.get(ids=page, include=["documents", "metadatas"])
            attached |= _attach_all(found, snapshot)
        return attached

    def chunks(self, snapshot: "Snapshot") -> Iterator[StoredChunk]:
        """All chunks of ``snapshot``, a document after the other.

        Raises:
            SnapshotGoneError: some have been replaced or removed since.
        """
        ids = (chunk_id(info, index) for info in snapshot.documents for index in range(info.chunks))
        while page := list(islice(ids, _PAGE)):
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
        with _talking(self._location):
            size = self._client.get_max_batch_size()
            for first in range(0, len(chunks), size):
                _require_room(self._location)
                batch = chunks[first : first + size]
                self._chunks.upsert(
                    ids=[chunk_id(info, chunk.index) for chunk in batch],
                    embeddings=[list(vector) for vector in vectors[first : first + size]],
                    documents=[chunk.text for chunk in batch],
                    metadatas=[_chunk_metadata(info, chunk) for chunk in batch],
                )
            with self.changes_held_off():
                self._replace(info)
        return info

    def _replace(self, info: DocumentInfo) -> None:
        """Make ``info`` the head that counts, and delete what it replaces."""
        with self._changing():
            self._heads.upsert(
                ids=[_head_id(info.key)], embeddings=[[1.0]], metadatas=[asdict(info)]
            )
        # An id that was derived from a text may come back as one that the user gives.
        with self._changing():
            self._heads.delete(where={"$and": [{"id": info.id}, {"key": {"$ne": info.key}}]})
        for field, value in (("key", info.key), ("document_id", info.id)):
            self._chunks.delete(
                where={"$and": [{field: value}, {"revision": {"$ne": _stamp(info)}}]}
            )

    def remove(self, document_id: str) -> DocumentInfo:
        """Delete a document.

        Raises:
            NotInCollectionError: no document of that id.
        """
        info = self.snapshot().document(document_id)
        if info is None:
            raise NotInCollectionError(f"no document {document_id!r} in {self.name!r}")
        with _talking(self._location), self.changes_held_off():
            with self._changing():
                self._heads.delete(ids=[_head_id(info.key)])
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
        with _talking(self._location):
            if self._chunks.count() == sum(info.chunks for info in snapshot.documents):
                return 0
            stray = [
                identity
                for page in _pages(self._chunks, include=["metadatas"])
                for identity, metadata in zip(page["ids"], page["metadatas"], strict=True)
                if not snapshot.holds(metadata)
            ]
            for first in range(0, len(stray), _PAGE):
                self._chunks.delete(ids=stray[first : first + _PAGE])
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
            raise NotInCollectionError(f"no document {', '.join(missing)} in the collection")
        kept = [self._by_id[wanted] for wanted in dict.fromkeys(document_ids)]
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
        return info is not None and _stamp(info) == metadata["revision"]

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


def chunk_id(info: DocumentInfo, index: int) -> str:
    """Id of a chunk in Chroma; no two revisions share one."""
    return f"{chunk_prefix(info)}{index}"


def chunk_prefix(info: DocumentInfo) -> str:
    """How the ids of a document's chunks begin, and no others."""
    return f"{info.id}:{_stamp(info)}:"


def _stamp(info: DocumentInfo) -> str:
    """What a chunk shares with the head that counts it."""
    return f"{info.revision}.{info.layout}"


def _head_id(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _chunk_metadata(info: DocumentInfo, chunk: Chunk) -> dict[str, Any]:
    return {
        "document_id": info.id,
        "key": info.key,
        "revision": _stamp(info),
        "title": info.title,
        "uri": info.uri,
        "index": chunk.index,
        "start": chunk.start,
        "first_sentence": chunk.first_sentence,
        "sentences": json.dumps([[span.start, span.end] for span in chunk.sentences]),
    }


def _info(metadata: Mapping[str, Any]) -> DocumentInfo:
    return DocumentInfo(**{name: metadata[name] for name in DocumentInfo.__dataclass_fields__})


def _attach_all(found: Mapping[str, Any], snapshot: Snapshot) -> dict[str, StoredChunk]:
    attached = (
        snapshot.attach(identity, text, metadata)
        for identity, text, metadata in zip(
            found["ids"], found["documents"], found["metadatas"], strict=True
        )
    )
    return {stored.id: stored for stored in attached if stored is not None}


def _pages(collection: Any, *, include: list[str]) -> Iterator[Any]:
    page = collection.get(limit=_PAGE, include=include)
    if len(page["ids"]) < _PAGE:
        yield page
        return
    # By id: what is deleted between two pages would move an offset past records that are there.
    ids = collection.get(include=[])["ids"]
    for first in range(0, len(ids), _PAGE):
        yield collection.get(ids=ids[first : first + _PAGE], include=include)


def _chroma_name(name: str, suffix: str) -> str:
    allowed = name.isascii() and all(sign.isalnum() or sign in "-_" for sign in name)
    if not (allowed and 0 < len(name) <= 64):
        raise UsageError(
            f"{name!r} cannot name a collection",
            help="Use up to 64 letters, digits, '-' and '_'.",
        )
    return f"{_PREFIX}{name}{suffix}"


# ── connecting ──────────────────────────────────────────────────────────────────────────────


def _lock(data_dir: Path) -> FileLock:
    with writing(data_dir):
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = FileLock(data_dir / "store.lock", blocking=False, thread_local=False)
        holder = data_dir / "store.json"
        try:
            lock.acquire()
        except Timeout:
            raise StoreLockedError(
                f"the data directory {str(data_dir)!r} is in use by {_describe_holder(holder)}"
            ) from None
        process = psutil.Process()
        holder.write_text(
            json.dumps({"pid": process.pid, "command": " ".join(process.cmdline())[:200]})
        )
    return lock


def _describe_holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text())
        return f"process {holder['pid']} ({holder['command']})"
    except (OSError, ValueError, KeyError):
        return "another process"


def _embedded_client(path: Path) -> Any:
    import chromadb
    from chromadb.api.shared_system_client import SharedSystemClient

    try:
        return chromadb.PersistentClient(path=str(path), settings=_settings())
    except chromadb.errors.ChromaError:
        # Chroma keeps what it could not open, and gives that out again once the file is mended.
        SharedSystemClient._identifier_to_system.pop(str(path), None)
        raise


def _require_room(location: str) -> None:
    """Refuse to write where an embedded Chroma could fill the disk.

    Raises:
        DiskFullError: fewer than ``_ROOM_BYTES`` are free.
    """
    if not Path(location).is_dir():  # a Chroma server's
        return
    free = shutil.disk_usage(location).free
    if free < _ROOM_BYTES:
        raise DiskFullError(
            f"{free:,} bytes are free at {location!r}; {_ROOM_BYTES:,} are needed to write"
        )


def _remote_client(url: str) -> Any:
    import chromadb

    try:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 8000)
    except ValueError as error:
        raise SettingsError(f"FOOTNOTED_STORE__URL={url!r} is no address: {error}") from None
    try:
        return chromadb.HttpClient(
            host=parts.hostname or "localhost", port=port, ssl=secure, settings=_settings()
        )
    except Exception as error:  # whatever else may listen there, the client fails in its own way
        raise StoreUnreachableError(f"no Chroma server at {url!r}: {first_line(error)}") from error


def _settings() -> Any:
    from chromadb.config import Settings

    return Settings(anonymized_telemetry=False)


@contextmanager
def _talking(location: str) -> Iterator[None]:
    """Turn Chroma's own failures into ours, with the way out."""
    import chromadb.errors
    import httpx

    try:
        yield
    except httpx.TransportError as error:
        raise StoreUnreachableError(f"no Chroma server at {location!r}: {error}") from error
    except chromadb.errors.ChromaError as error:
        # Chroma has no class for it: SQLite says the one, and the vectors' files the other.
        if re.search("disk is full|No space left", str(error)):
            raise DiskFullError(f"no space left for Chroma at {location!r}") from error
        if re.search("is not a database|is malformed", str(error)):
            raise StoreError(
                f"Chroma's database, chroma.sqlite3 at {location!r}, is broken: {error}",
                help="Restore that folder from a backup; or delete it, and ingest again.",
            ) from error
        raise StoreError(f"Chroma at {location!r}: {error}") from error
    except ValueError as error:
        if "Could not connect" not in str(error):
            raise
        raise StoreUnreachableError(f"no Chroma server at {location!r}") from error
