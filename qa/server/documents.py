"""``/v1/documents``: what there is to answer from."""

from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.sse import EventSourceResponse
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ingest.fetch import fetch_url
from ingest.readers import MAX_ADDRESS, MAX_ID
from qa.errors import (
    DiskFullError,
    EmbedderMismatchError,
    NotInCollectionError,
    SourceNotFoundError,
    StoppingError,
    StoreUnreachableError,
    UnknownCollectionError,
    UnreadableError,
    UnsupportedTypeError,
    UsageError,
)
from qa.server.access import REFUSALS, Access
from qa.server.addresses import rest
from qa.server.events import STREAM_HEADERS, describe_events
from qa.server.ingesting import ingest, ingest_with_progress
from qa.server.problems import Problem, describe
from qa.server.replies import DocumentList, DocumentText, SubmissionReply
from qa.server.requests import TextsSubmission, TextSubmission, UrlSubmission
from qa.server.service import Shared
from qa.server.submissions import receive_submission

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
            "description": "Text, Markdown, HTML, PDF, DOCX or JSONL files. One replaces the "
            "document that came from a file of that name; no two have the same.",
        },
        "collection": {"type": "string", "default": "default"},
        "doc_id": {
            "type": "string",
            "maxLength": MAX_ID,
            "description": "With one file: its id from now on. JSONL says its own.",
        },
        "uri": {
            "type": "string",
            "maxLength": MAX_ADDRESS,
            "description": "With one file: where it came from; without it, the file's name.",
        },
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
        200: {
            "model": SubmissionReply,
            "description": "All of it was there already; or events, if asked for.",
            "content": {
                EventSourceResponse.media_type: describe_events("progress", "result", "error")
            },
        },
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
            StoppingError,
        ),
    },
    openapi_extra={"requestBody": _BODY},
)
async def add_documents(
    request: Request,
    response: Response,
    service: Shared,
    access: Access,
    collection: Annotated[str | None, Query(description="In place of the body's.")] = None,
) -> SubmissionReply | Response:
    """Add files, texts or a web page to a collection, which is made if need be.

    A document with the id, or without one the uri, of a stored document replaces it; a file's uri
    is its name, if none is given. Sending the same again changes nothing. What cannot be read does
    not stop the rest; if nothing can be read, the reply is an error.

    With the header `Accept: text/event-stream` the reply is a stream of events: `progress`, with
    the document at work, its `sentences` and `sentences_done`, as often as there is news; then
    `result`, which is the reply above, or `error`, which is a problem document.
    """
    server = service.assembly.settings.server
    submission = await receive_submission(
        request,
        max_documents=server.max_upload_documents,
        fetch=partial(fetch_url, public_only=not server.fetch_private),
    )
    if collection is not None:
        submission = replace(submission, collection=collection)
    access.require("write", submission.collection)
    if EventSourceResponse.media_type in request.headers.get("accept", ""):
        return EventSourceResponse(
            ingest_with_progress(request, service, submission, access), headers=STREAM_HEADERS
        )
    reply = await ingest(service, submission, access)
    if isinstance(reply, Problem):
        return reply.reply()
    if all(document.outcome in ("unchanged", "failed") for document in reply.documents):
        response.status_code = 200
    return reply


@router.get(
    "/documents",
    summary="List documents",
    responses=describe(422, UnknownCollectionError, StoreUnreachableError),
)
def list_documents(
    service: Shared,
    access: Access,
    collection: str = "default",
    offset: Annotated[int, Query(ge=0, description="How many to pass over.")] = 0,
    limit: Annotated[int | None, Query(ge=1, description="How many at most; else all.")] = None,
) -> DocumentList:
    """The documents of a collection, without their texts, by title.

    Pages fit together as long as `version` stays the same.
    """
    access.require("read", collection)
    snapshot = service.store.collection(collection).snapshot()
    return DocumentList.of(collection, snapshot, offset=offset, limit=limit)


@router.get(
    f"/documents/{rest('document_id')}",
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
    f"/documents/{rest('document_id')}",
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
