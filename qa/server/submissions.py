"""From a ``POST /v1/documents`` to the documents in it: an upload, a URL, or texts as JSON."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from email.message import Message
from functools import partial
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from ingest.fetch import Fetch
from ingest.readers import read_documents
from ingest.sources import source_from_bytes, source_from_url
from qa.errors import SourceError
from qa.schema import Document
from qa.server.requests import (
    TextDocument,
    TextsSubmission,
    TextSubmission,
    UrlSubmission,
    validated,
)

_FORM = "multipart/form-data"
_JSON = "application/json"
_MAX_FIELDS = 10
"""Of a form, beside its files; there is one that means something."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing sent.

    Attributes:
        name: what the reply calls it.
        read: gives its documents, or raises a SourceError.
    """

    name: str
    read: Callable[[], Iterable[Document]]


@dataclass(frozen=True, slots=True)
class Submission:
    """What was sent, and where to."""

    collection: str
    items: Sequence[Item]


@dataclass(frozen=True, slots=True)
class Read:
    """A document that was read, or why none was."""

    name: str
    document: Document | SourceError


async def receive_submission(request: Request, *, max_documents: int, fetch: Fetch) -> Submission:
    """Take in the request's body.

    Args:
        request: with a body not read yet.
        max_documents: how many files, or texts, there may be.
        fetch: what gets a page, once the submission is read.

    Raises:
        RequestValidationError: it has not the form that it must have.
        HTTPException: it is neither JSON nor a multipart form, or cannot be parsed as such.
    """
    header = Message()
    header["Content-Type"] = request.headers.get("content-type", "")
    media_type = header.get_content_type()
    if media_type == _FORM:
        async with request.form(max_files=max_documents, max_fields=_MAX_FIELDS) as form:
            return await _from_form(form)
    if media_type == _JSON or media_type.endswith("+json"):
        submission = _from_json(await _json(request), fetch)
        if len(submission.items) > max_documents:
            message = f"has {len(submission.items)} entries; {max_documents} are allowed"
            raise _invalid("value_error", "documents", message)
        return submission
    raise HTTPException(415, f"a body of type {media_type!r} cannot be read")


def read_submission(submission: Submission) -> list[Read]:
    """Read all items; those that cannot be read do not stop the others."""
    found: list[Read] = []
    for item in submission.items:
        try:
            for document in item.read():
                found.append(Read(item.name, document))
        except SourceError as error:
            found.append(Read(item.name, error))
    return found


# ── multipart ───────────────────────────────────────────────────────────────────────────────


async def _from_form(form: FormData) -> Submission:
    collection = form.get("collection", "default")
    if not isinstance(collection, str):
        raise _invalid("string_type", "collection")
    for name in form:
        if name not in ("file", "collection"):
            raise _invalid("extra_forbidden", name)
    items: list[Item] = []
    for part in form.getlist("file"):
        if not isinstance(part, UploadFile) or not part.filename:
            raise _invalid("value_error", "file", "must be a file with a filename")
        source = source_from_bytes(
            await part.read(), name=part.filename, media_type=part.content_type
        )
        items.append(Item(part.filename, partial(read_documents, source)))
    if not items:
        raise _invalid("missing", "file")
    return Submission(collection, items)


# ── JSON ────────────────────────────────────────────────────────────────────────────────────


async def _json(request: Request) -> Any:
    try:
        return await request.json()
    except json.JSONDecodeError as error:
        raise RequestValidationError(
            [{"type": "json_invalid", "loc": ("body", error.pos), "ctx": {"error": error.msg}}]
        ) from None
    except (ValueError, RecursionError) as error:  # broken UTF-8, a number of 5,000 digits
        reason = str(error).partition(";")[0]  # what follows is Python's advice to programmers
        raise HTTPException(400, f"the body is not JSON that can be read: {reason}") from None


def _from_json(body: Any, fetch: Fetch) -> Submission:
    keys = body if isinstance(body, dict) else {}
    if "documents" in keys:
        texts = validated(TextsSubmission, body)
        items = [_text(item, f"documents[{at}]") for at, item in enumerate(texts.documents)]
        return Submission(texts.collection, items)
    if "url" in keys and "text" not in keys:
        page = validated(UrlSubmission, body)
        read = partial(_fetch, page.url, fetch)
        return Submission(page.collection, [Item(page.url, read)])
    text = validated(TextSubmission, body)
    return Submission(text.collection, [_text(text, "text")])


def _text(item: TextDocument, name: str) -> Item:
    return Item(item.doc_id or item.title or name, lambda: [item.document()])


def _fetch(url: str, fetch: Fetch) -> Iterable[Document]:
    return read_documents(source_from_url(url, fetch=fetch))


def _invalid(kind: str, field: str, message: str = "") -> RequestValidationError:
    return RequestValidationError([{"type": kind, "loc": ("body", field), "msg": message}])
