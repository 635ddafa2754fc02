"""A collection at one moment, with what finds sentences and documents in it."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from qa.collection import Collection
from qa.errors import EmptyCollectionError, SnapshotGoneError
from qa.network import A_CORE
from qa.retrieval.lexical import LexicalIndex, LexicalSearch
from qa.retrieval.sentences import to_index
from qa.retrieval.titles import Titles
from qa.snapshot import Snapshot, chunk_prefix

_ATTEMPTS = 3

T = TypeVar("T")


class Corpus(NamedTuple):
    """A collection at one moment, with what finds sentences and documents in it."""

    snapshot: Snapshot
    lexical: LexicalSearch
    titles: Titles

    def only(self, documents: Sequence[str] | None) -> "Corpus":
        """The same moment, with these documents alone; ``None`` for all.

        Raises:
            NotInCollectionError: one of them is not there.
        """
        return self if documents is None else self._replace(snapshot=self.snapshot.only(documents))


def lexical_folder(index_dir: Path, collection: str) -> Path:
    """Where the lexical index of a collection is kept.

    A disk may take "Notes" and "notes" for one name; their digests differ.
    """
    return index_dir / hashlib.sha256(collection.encode()).hexdigest()[:16]


class Corpora:
    """A collection from moment to moment.

    Args:
        collection: where the chunks are.
        index_dir: where the lexical indexes are kept, one folder a collection.
    """

    def __init__(self, collection: Collection, index_dir: Path) -> None:
        self._collection = collection
        self._index = LexicalIndex(lexical_folder(index_dir, collection.name))
        self._search: tuple[str, LexicalSearch, Titles] | None = None
        self._indexing = threading.Lock()

    def steadily(self, find: Callable[[Corpus], T]) -> T:
        """What ``find`` finds, though documents may be replaced meanwhile.

        Raises:
            EmptyCollectionError: the collection has no documents.
        """
        for _ in range(_ATTEMPTS - 1):
            try:
                corpus = self._corpus()
                with A_CORE:
                    return find(corpus)
            except SnapshotGoneError:
                continue  # a document was replaced meanwhile; the next snapshot has the new one
        with self._collection.changes_held_off():
            return find(self._corpus())

    def _corpus(self) -> Corpus:
        """What is searched; who waits for its index keeps no core from other questions."""
        snapshot = self._collection.snapshot()
        if not snapshot.documents:
            raise EmptyCollectionError(f"the collection {self._collection.name!r} is empty")
        return Corpus(snapshot, *self._indexed(snapshot))

    def prepare(self) -> None:
        """Index the collection as it is now, so that no question waits."""
        self._indexed(self._collection.snapshot())

    def _indexed(self, snapshot: Snapshot) -> tuple[LexicalSearch, Titles]:
        def read(revisions: set[str]) -> Iterator[tuple[str, str, str]]:
            missing = [info.id for info in snapshot.documents if chunk_prefix(info) in revisions]
            return to_index(self._collection.chunks(snapshot.only(missing)))

        with self._indexing:
            if self._search is None or self._search[0] != snapshot.version:
                revisions = {chunk_prefix(info) for info in snapshot.documents}
                search = self._index.bring_up_to(revisions, read)
                self._search = (snapshot.version, search, Titles(snapshot.documents))
            return self._search[1:]
