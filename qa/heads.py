"""The heads of a collection: one record a document, which says which of its revisions counts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from qa.changes import Changes
from qa.chroma import pages, talking
from qa.schema import DocumentInfo
from qa.snapshot import Snapshot, document_info, head_id


class Heads:
    """The heads of a collection.

    Args:
        records: the Chroma collection that holds them.
        location: of that Chroma, for messages.
        changes: ``None`` behind a Chroma server, where others write, too.
    """

    def __init__(self, records: Any, location: str, changes: Changes | None) -> None:
        self._records = records
        self._location = location
        self._changes = changes
        self._last: tuple[int, Snapshot] | None = None

    def snapshot(self) -> Snapshot:
        """The documents as they are now."""
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
                for page in pages(self._records, include=["metadatas"])
                for metadata in page["metadatas"]
            ]
        # While an id passes from one key to another both heads are there; the given id counts.
        heads.sort(key=lambda head: head.key == head.id)
        unique = {head.id: head for head in heads}.values()
        return Snapshot(sorted(unique, key=lambda head: (head.title, head.id)))

    @contextmanager
    def held_off(self) -> Iterator[None]:
        """In here nobody changes them or deletes chunks; see ``Collection.changes_held_off``."""
        if self._changes is None:
            yield
            return
        with self._changes.held_off:
            yield

    def put(self, info: DocumentInfo) -> list[DocumentInfo]:
        """Make ``info`` the head that counts; gives those of its key or its id that did."""
        with talking(self._location):
            found = self._records.get(
                where={"$or": [{"key": info.key}, {"id": info.id}]}, include=["metadatas"]
            )
        with self._changing():
            self._records.upsert(
                ids=[head_id(info.key)], embeddings=[[1.0]], metadatas=[asdict(info)]
            )
        # An id that was derived from a text may come back as one that the user gives.
        with self._changing():
            self._records.delete(where={"$and": [{"id": info.id}, {"key": {"$ne": info.key}}]})
        return [document_info(metadata) for metadata in found["metadatas"]]

    def remove(self, info: DocumentInfo) -> None:
        """Delete a head: its document is gone."""
        with self._changing():
            self._records.delete(ids=[head_id(info.key)])

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Around a change of the heads, whether it succeeds or not."""
        try:
            yield
        finally:
            if self._changes is not None:
                self._changes.add()
