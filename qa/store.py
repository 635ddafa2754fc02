"""The collections, and how their documents are written to Chroma and read from it.

A collection is two Chroma collections. ``footnoted.NAME.chunks`` holds the text, cut into chunks;
``footnoted.NAME.documents`` holds one *head* per document, which says which of its revisions
counts. Writing a document is: write the chunks, then the head, then delete what the head replaced.
The head is one record, so a reader sees the old document or the new one, and what a killed run
leaves behind is never seen. The embedded store sweeps it away when the collection is next opened
for writing; behind a server it stays, since it may be what another process is writing.
"""

from pathlib import Path

from filelock import FileLock

from qa.changes import Changes
from qa.chroma import (
    PREFIX,
    chroma_name,
    embedded_client,
    lock,
    remote_client,
    require_room,
    talking,
)
from qa.collection import Collection
from qa.disk import writing
from qa.errors import StoreError, UnknownCollectionError, without_credentials
from qa.heads import Heads

_CHUNKS = ".chunks"
_HEADS = ".documents"
_FORMAT = 2
"""Of what is stored; another one is refused, since its chunks would not be found."""
_EF_SEARCH = 400
"""Chunks that Chroma's approximate search keeps in sight: docs/decisions/0013-hnsw.md."""


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
        self._changes = Changes() if url is None else None
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

    def collection(self, name: str) -> Collection:
        """Open a collection.

        Raises:
            UnknownCollectionError: there is none of that name.
        """
        existing = self.names()
        if name not in existing:
            if not existing:
                raise UnknownCollectionError(
                    f"no collection {name!r}: nothing has been ingested yet",
                    help="Ingest something first: footnoted ingest FILE, FOLDER or ADDRESS.",
                )
            known = ", ".join(existing)
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
        kept = Heads(heads, self.location, self._changes)
        return Collection(name, self.location, chunks, kept, self._client)

    def create(self, name: str, *, embedder: str, dimension: int, maker: str = "") -> Collection:
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
                # Chunks without heads are of a run that was killed, or of another process that is
                # about to make the heads, too: only what cannot be used is deleted.
                made = {
                    found.name: found.metadata or {} for found in self._client.list_collections()
                }
                left = made.get(chroma_name(name, _CHUNKS), metadata)
                if chroma_name(name, _HEADS) not in made and left != metadata:
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
        try:
            with talking(self.location):
                for suffix in (_HEADS, _CHUNKS):
                    self._client.delete_collection(chroma_name(name, suffix))
        finally:  # half of it may be gone
            if self._changes is not None:
                self._changes.add()
