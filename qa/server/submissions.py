"""From a ``POST /v1/documents`` to the documents in it: an upload, a URL, or texts as JSON."""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from email.message import Message
from functools import partial
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from ingest.decoding import UNNAMEABLE
from ingest.fetch import Fetch
from ingest.kinds import kind_of
from ingest.readers import MAX_ADDRESS, read_documents
from ingest.sources import Source, source_from_bytes, source_from_url
from qa.errors import SourceError
from qa.schema import Document
from qa.server.requests import (
    TextDocument,
    TextsSubmission,
    TextSubmission,
    UploadFields,
    UrlSubmission,
    validated,
)

_FORM = "multipart/form-data"
_JSON = "application/json"
_MAX_FIELDS = 10
"""Of a form, beside its files; there are three that mean something."""


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
    sent = {name: value for name, value in form.items() if name != "file"}
    fields = validated(UploadFields, sent)
    items: list[Item] = []
    for part in form.getlist("file"):
        name = _file_name(part.filename or "") if isinstance(part, UploadFile) else ""
        if not isinstance(part, UploadFile) or not name:
            raise _invalid("value_error", "file", "must be a file with a filename")
        source = source_from_bytes(
            await part.read(), name=name, media_type=part.content_type, uri=fields.uri or name
        )
        items.append(Item(name, partial(_read_file, source, fields)))
    if not items:
        raise _invalid("missing", "file")
    for field in ("doc_id", "uri"):
        if getattr(fields, field) and len(items) > 1:
            raise _invalid("value_error", field, f"is for one file, and {len(items)} were sent")
    for name, times in Counter(item.name for item in items).items():
        if times > 1:
            message = f"{times} files go by {name!r}: the last would replace the rest"
            raise _invalid("value_error", "file", message)
    return Submission(fields.collection, items)


def _file_name(sent: str) -> str:
    """The last part of the path that a client sent; empty if that names no file.

    In NFC, whatever the client's file system has: the same file is to have the same name.
    """
    name = UNNAMEABLE.sub("", re.split(r"[/\\]", sent)[-1]).strip()
    named = name not in (".", "..") and len(name) <= MAX_ADDRESS
    return unicodedata.normalize("NFC", name) if named else ""


def _read_file(source: Source, fields: UploadFields) -> Iterable[Document]:
    if fields.doc_id or fields.uri:
        kind = kind_of(source.load(), filename=source.filename, name=source.name)
        if kind == "jsonl":
            raise SourceError(
                f"{source.name!r} is JSONL, whose lines say their own doc_id and url",
                help="Send it without doc_id and uri.",
            )
    for found in read_documents(source):
        if fields.doc_id is None:
            yield found
        else:
            yield Document.make(found.text, title=found.title, uri=found.uri, doc_id=fields.doc_id)


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
