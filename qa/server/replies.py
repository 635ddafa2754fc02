"""What clients get, beside the ``Answer``; errors are in ``problems``."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from ingest.pipeline import Ingested
from qa.collection import Collection
from qa.errors import FootnotedError
from qa.schema import DocumentInfo, StoredDocument
from qa.server.problems import Problem
from qa.snapshot import Snapshot


class DocumentHead(BaseModel):
    """A document without its text."""

    id: str
    title: str
    uri: str = Field(description="Where it came from; empty if nobody said.")
    sentences: int
    characters: int

    @classmethod
    def of(cls, info: DocumentInfo) -> "DocumentHead":
        """The head of a stored document."""
        return cls(**_head(info), sentences=info.sentences)


class DocumentList(BaseModel):
    """The documents of a collection, by title."""

    collection: str
    version: str = Field(description="Changes when a document is added, changed or removed.")
    total: int = Field(description="How many the collection has.")
    documents: list[DocumentHead]

    @classmethod
    def of(
        cls, collection: str, snapshot: Snapshot, *, offset: int = 0, limit: int | None = None
    ) -> "DocumentList":
        """A page of a collection's documents at one moment."""
        end = None if limit is None else offset + limit
        return cls(
            collection=collection,
            version=snapshot.version,
            total=len(snapshot.documents),
            documents=[DocumentHead.of(info) for info in snapshot.documents[offset:end]],
        )


class DocumentText(BaseModel):
    """A whole document. A sentence is ``text[start:end]``, counted in code points."""

    id: str
    title: str
    uri: str
    text: str
    sentences: list[Annotated[list[int], Field(min_length=2, max_length=2)]] = Field(
        description="[start, end] of each, end exclusive."
    )
    characters: int

    @classmethod
    def of(cls, stored: StoredDocument) -> "DocumentText":
        """A stored document."""
        spans = [[span.start, span.end] for span in stored.sentences]
        return cls(**_head(stored.info), text=stored.text, sentences=spans)


class SubmittedDocument(BaseModel):
    """What became of one document that was sent."""

    name: str = Field(description="The file's name, the URL, or the id or title given.")
    outcome: Literal["added", "replaced", "unchanged", "failed"]
    id: str | None = None
    title: str | None = None
    uri: str | None = None
    sentences: int | None = None
    characters: int | None = None
    flagged: int | None = Field(
        default=None,
        description="How many sentences address a language model; those prove nothing.",
    )
    error: Problem | None = Field(default=None, description="Why it failed.")

    @classmethod
    def stored(cls, name: str, ingested: Ingested) -> "SubmittedDocument":
        """It is in the collection."""
        head = DocumentHead.of(ingested.document)
        return cls(
            name=name,
            outcome=ingested.outcome,
            flagged=ingested.flagged,
            **head.model_dump(),
        )

    @classmethod
    def failed(cls, name: str, error: FootnotedError) -> "SubmittedDocument":
        """It could not be read."""
        return cls(name=name, outcome="failed", error=Problem.of(error))


class SubmissionReply(BaseModel):
    """What became of each document that was sent."""

    collection: str
    documents: list[SubmittedDocument]


class IngestProgress(BaseModel):
    """How far a document is."""

    document: str = Field(description="As the reply will call it.")
    sentences_done: int
    sentences: int


class CollectionHead(BaseModel):
    """A collection."""

    name: str
    documents: int
    sentences: int
    version: str
    embedder: str = Field(description="What made its vectors.")

    @classmethod
    def of(cls, collection: Collection) -> "CollectionHead":
        """A collection as it is now."""
        snapshot = collection.snapshot()
        return cls(
            name=collection.name,
            documents=len(snapshot.documents),
            sentences=sum(info.sentences for info in snapshot.documents),
            version=snapshot.version,
            embedder=collection.embedder,
        )


class CollectionList(BaseModel):
    """The collections, by name."""

    collections: list[CollectionHead]


class Check(BaseModel):
    """One thing that answering needs."""

    ok: bool
    detail: str


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """Questions can be answered."""

    status: Literal["ready"] = "ready"
    checks: dict[str, Check]


def _head(info: DocumentInfo) -> dict[str, Any]:
    return {
        "id": info.id,
        "title": info.title,
        "uri": info.uri,
        "characters": info.characters,
    }
