"""``/v1/documents`` and ``/v1/collections``: what there is to answer from."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException

from ingest.fetch import fetch_url
from ingest.pipeline import Ingestor
from qa.errors import (
    DiskFullError,
    EmbedderMismatchError,
    NotInCollectionError,
    SourceError,
    SourceNotFoundError,
    StoreUnreachableError,
    UnknownCollectionError,
    UnreadableError,
    UnsupportedTypeError,
    UsageError,
)
from qa.server.access import REFUSALS, Access, Caller
from qa.server.problems import Problem, describe
from qa.server.replies import (
    CollectionHead,
    CollectionList,
    DocumentList,
    DocumentText,
    SubmissionReply,
    SubmittedDocument,
)
from qa.server.requests import TextsSubmission, TextSubmission, UrlSubmission
from qa.server.service import Service, Shared
from qa.server.submissions import Read, read_submission, receive_submission

router = APIRouter(prefix="/v1", tags=["documents"], responses=REFUSALS)

_COMPONENT = "#/components/schemas/{model}"
_JSON_BODIES: dict[str, tuple[type[BaseModel], dict[str, Any]]] = {
    "text": (TextSubmission, {"text": "The call took 25 minutes.", "doc_id": "call"}),
    "url": (UrlSubmission, {"url": "https://example.org/article.html"}),
    "texts": (
        TextsSubmission,
        {
            "documents": [
                {"doc_id": "call", "title": "The call", "text": "The call took 25 minutes."},
                {"doc_id": "deal", "title": "The deal", "text": "The deal fell through."},
            ]
        },
    ),
}
_FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {
            "type": "array",
            "items": {"type": "string", "contentMediaType": "application/octet-stream"},
            "description": "Text, Markdown, HTML, PDF, DOCX or JSONL files.",
        },
        "collection": {"type": "string", "default": "default"},
    },
}
_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "anyOf": [
                    {"$ref": _COMPONENT.format(model=model.__name__)}
                    for model, _ in _JSON_BODIES.values()
                ]
            },
            "examples": {name: {"value": value} for name, (_, value) in _JSON_BODIES.items()},
        },
        "multipart/form-data": {"schema": _FORM},
    },
}


def body_schemas() -> dict[str, Any]:
    """The schemas that the body of ``POST /v1/documents`` refers to, for OpenAPI."""
    models = [model for model, _ in _JSON_BODIES.values()]
    _, schemas = models_json_schema(
        [(model, "validation") for model in models], ref_template=_COMPONENT
    )
    defined: dict[str, Any] = schemas["$defs"]
    return defined


@router.post(
    "/documents",
    status_code=201,
    response_model=SubmissionReply,
    response_model_exclude_none=True,
    summary="Add documents",
    responses={
        200: {"model": SubmissionReply, "description": "All of it was there already."},
        **describe(
            400,
            413,
            422,
            UsageError,
            SourceNotFoundError,
            UnreadableError,
            UnsupportedTypeError,
            EmbedderMismatchError,
            StoreUnreachableError,
            DiskFullError,
        ),
    },
    openapi_extra={"requestBody": _BODY},
)
async def add_documents(
    request: Request, response: Response, service: Shared, access: Access
) -> SubmissionReply | Response:
    """Add files, texts or a web page to a collection, which is made if need be.

    A document with the id, or without one the uri, of a stored document replaces it. Sending the
    same again changes nothing. What cannot be read does not stop the rest; if nothing can be read,
    the reply is an error.
    """
    server = service.assembly.settings.server
    submission = await receive_submission(
        request,
        max_documents=server.max_upload_documents,
        fetch=partial(fetch_url, public_only=not server.fetch_private),
    )
    access.require("write", submission.collection)
    read = await service.read(partial(read_submission, submission))
    outcomes = await service.write(partial(_ingest, service, submission.collection, read, access))
    reply = SubmissionReply(collection=submission.collection, documents=outcomes)
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    if len(errors) == len(outcomes):
        return _failure(errors, reply).reply()
    if all(outcome.outcome in ("unchanged", "failed") for outcome in outcomes):
        response.status_code = 200
    return reply


@router.get(
    "/documents",
    summary="List documents",
    responses=describe(422, UnknownCollectionError, StoreUnreachableError),
)
def list_documents(service: Shared, access: Access, collection: str = "default") -> DocumentList:
    """The documents of a collection, without their texts."""
    access.require("read", collection)
    return DocumentList.of(collection, service.store.collection(collection).snapshot())


@router.get(
    "/documents/{document_id:path}",
    summary="Read a document",
    responses=describe(422, UnknownCollectionError, NotInCollectionError, StoreUnreachableError),
)
def read_document(
    service: Shared, access: Access, document_id: str, collection: str = "default"
) -> DocumentText:
    """A document's text with its sentences; the offsets of footnotes count in it."""
    access.require("read", collection)
    return DocumentText.of(service.store.collection(collection).document(document_id))


@router.delete(
    "/documents/{document_id:path}",
    status_code=204,
    summary="Remove a document",
    responses=describe(422, UnknownCollectionError, NotInCollectionError, StoreUnreachableError),
)
async def remove_document(
    service: Shared, access: Access, document_id: str, collection: str = "default"
) -> None:
    """Remove a document; no answer cites it from then on."""
    access.require("write", collection)
    await service.write(lambda: service.store.collection(collection).remove(document_id))


@router.get("/collections", summary="List collections", responses=describe(StoreUnreachableError))
def list_collections(service: Shared, access: Access) -> CollectionList:
    """The collections that the caller may read, and what is in them."""
    names = [name for name in service.store.names() if access.may("read", name)]
    opened = [service.store.collection(name) for name in names]
    return CollectionList(collections=[CollectionHead.of(collection) for collection in opened])


def _ingest(
    service: Service, collection: str, read: Sequence[Read], access: Caller
) -> list[SubmittedDocument]:
    outcomes: list[SubmittedDocument] = []
    ingestor: Ingestor | None = None
    for item in read:
        try:
            if isinstance(item.document, SourceError):
                raise item.document
            # Made here: where nothing could be read, no empty collection is left behind.
            ingestor = ingestor or _ingestor(service, collection, access)
            outcomes.append(SubmittedDocument.stored(item.name, ingestor.ingest(item.document)))
        except SourceError as error:
            outcomes.append(SubmittedDocument.failed(item.name, error))
    return outcomes


def _ingestor(service: Service, collection: str, access: Caller) -> Ingestor:
    if not access.may("admin", collection) and collection not in service.store.names():
        raise HTTPException(
            403, f"there is no collection {collection!r} yet; to make it takes the right 'admin'"
        )
    store, embedder, chunk = service.store, service.embedder, service.assembly.settings.chunk
    opened = store.create(collection, embedder=embedder.name, dimension=embedder.dimension)
    return Ingestor(opened, embedder, chunk_tokens=chunk.tokens)


def _failure(errors: Sequence[Problem], reply: SubmissionReply) -> Problem:
    if len(errors) == 1:
        return errors[0]
    return Problem.of_status(
        422,
        f"none of the {len(errors)} documents could be read",
        code="nothing-read",
        title="None of the documents can be read",
        help="The member 'documents' says of each what is wrong with it.",
        documents=reply.model_dump(mode="json", exclude_none=True)["documents"],
    )
