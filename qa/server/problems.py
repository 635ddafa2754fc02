"""Problem documents (RFC 9457): the one shape of every reply that is not a success."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi import Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

from qa.errors import (
    BusyError,
    EmptyCollectionError,
    FootnotedError,
    LLMError,
    NotInCollectionError,
    UnknownCollectionError,
    UsageError,
    kind_of,
)
from qa.schema import ErrorEvent

MEDIA_TYPE = "application/problem+json"

NAMED = "The member 'errors' names each field; "
"""How the help for a request of the wrong form begins."""

_SEE_DOCS = "GET /docs shows what each request takes."

_HELP: dict[type[FootnotedError], str] = {
    FootnotedError: "Run 'footnoted doctor' where the server runs to see what is wrong.",
    UsageError: _SEE_DOCS,
    NotInCollectionError: "GET /v1/documents lists the ids.",
    UnknownCollectionError: "POST a document into it first; GET /v1/collections lists the names.",
    EmptyCollectionError: "POST an article to /v1/documents first.",
    LLMError: 'Send "evidence_only": true for the proving sentence without a language model.',
}
"""The next step as one takes it over HTTP, where the class's own speaks of the command line."""


class _Kind(NamedTuple):
    code: str
    title: str
    help: str = _SEE_DOCS


_BY_STATUS = {
    400: _Kind("bad-request", "The request cannot be read"),
    401: _Kind(
        "unauthorized",
        "An API key is needed",
        "Send 'Authorization: Bearer KEY'; 'footnoted keys create NAME', where the server runs, "
        "makes one.",
    ),
    403: _Kind(
        "forbidden",
        "The API key lacks this right",
        "'footnoted keys list', where the server runs, shows the rights; another key may have it.",
    ),
    404: _Kind("not-found", "There is nothing at this address"),
    405: _Kind(
        "method-not-allowed", "This address takes other methods", "The header Allow names them."
    ),
    413: _Kind(
        "body-too-large",
        "The request's body is too large",
        "Send less at once, or raise FOOTNOTED_SERVER__MAX_UPLOAD_BYTES for documents, "
        "FOOTNOTED_SERVER__MAX_BODY_BYTES for the rest.",
    ),
    415: _Kind(
        "unsupported-media-type",
        "There is no way to read a body of this type",
        "Send application/json, or multipart/form-data for uploads.",
    ),
    421: _Kind(
        "wrong-host",
        "This server does not answer for that host",
        "Call it by 127.0.0.1 or localhost, or name the host in FOOTNOTED_SERVER__ALLOWED_HOSTS.",
    ),
    422: _Kind(
        "invalid-request",
        "The request does not have the expected form",
        f"{NAMED}GET /docs shows the request.",
    ),
    429: _Kind(
        "too-many-requests",
        "Too many requests in a minute",
        "Wait as the header Retry-After says, or raise FOOTNOTED_SERVER__REQUESTS_PER_MINUTE.",
    ),
    500: _Kind(
        "internal",
        "The server failed in a way that was not foreseen",
        "The server's log has the traceback; report it with that.",
    ),
    503: _Kind(
        "not-ready",
        "Questions cannot be answered now",
        "Run 'footnoted doctor' where the server runs to see what is wrong.",
    ),
}


class CodedResponse(JSONResponse):
    """A reply to a request that failed, which leaves the code for the log and the metrics."""

    def __init__(
        self, content: Any, status_code: int, headers: Mapping[str, str] | None, *, code: str
    ) -> None:
        self._code = code
        super().__init__(content, status_code, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        scope.setdefault("state", {})["problem"] = self._code
        await super().__call__(scope, receive, send)


class ProblemResponse(CodedResponse):
    """A problem document."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        """Encode ``content``; lone surrogates, which a message may quote, are escaped."""
        return json.dumps(content, ensure_ascii=False).encode("utf-8", "backslashreplace")


class Problem(BaseModel):
    """What went wrong and what to do about it (RFC 9457); some kinds have members of their own."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str = Field(
        description="The kind of problem, as a URI reference: /problems/CODE.",
        examples=["/problems/document-not-found"],
    )
    title: str = Field(description="The kind of problem, in words; the same each time.")
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(description="What happened this time.")
    code: str = Field(description="The kind of problem.", examples=["document-not-found"])
    help: str = Field(description="The next step.")
    retryable: bool = Field(description="Whether the same request may succeed later, unchanged.")

    @classmethod
    def of(cls, error: FootnotedError, **members: Any) -> "Problem":
        """The problem that an error is, with further ``members``."""
        return _of_kind(type(error), str(error), error.help, error.retryable, members)

    @classmethod
    def of_event(cls, event: ErrorEvent, **members: Any) -> "Problem":
        """The problem that ended a stream, with further ``members``."""
        kind = kind_of(event.code)
        return _of_kind(kind, event.message, event.help, event.retryable, members)

    @classmethod
    def of_status(cls, status: int, detail: str, **members: Any) -> "Problem":
        """The problem behind an HTTP status that no error stands for."""
        kind = _BY_STATUS.get(status) or _Kind(f"http-{status}", HTTPStatus(status).phrase)
        fields = {
            "code": kind.code,
            "title": kind.title,
            "status": status,
            "detail": detail,
            "help": kind.help,
            "retryable": status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS),
        } | members
        return cls.model_validate({"type": f"/problems/{fields['code']}"} | fields)

    @property
    def headers(self) -> dict[str, str]:
        """What a reply with this problem tells besides."""
        if self.code != BusyError.code:
            return {}
        return {"Retry-After": str(BusyError.retry_after)}

    def reply(self, headers: Mapping[str, str] | None = None) -> Response:
        """This problem as the reply to a request."""
        content = self.model_dump(mode="json")
        headers = self.headers | dict(headers or {})
        return ProblemResponse(content, self.status, headers, code=self.code)


def describe(*kinds: type[FootnotedError] | int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of an endpoint, for OpenAPI; 500 is among them always.

    Args:
        kinds: the errors that it raises, or the status where no error stands for it.
    """
    described: dict[int | str, dict[str, Any]] = {}
    for kind in (*kinds, 500):
        problem = (
            Problem.of_status(kind, "What happened, and the value that caused it.")
            if isinstance(kind, int)
            else Problem.of(kind("What happened, and the value that caused it."))
        )
        entry = described.setdefault(
            problem.status,
            {
                "description": "",
                "content": {
                    MEDIA_TYPE: {
                        "schema": {"$ref": "#/components/schemas/Problem"},
                        "examples": {},
                    }
                },
            },
        )
        entry["description"] = ". ".join(filter(None, [entry["description"], problem.title]))
        entry["content"][MEDIA_TYPE]["examples"][problem.code] = {
            "summary": problem.title,
            "value": problem.model_dump(mode="json"),
        }
    return described


def _of_kind(
    kind: type[FootnotedError],
    detail: str,
    advice: str,
    retryable: bool,
    members: Mapping[str, Any],
) -> Problem:
    if advice == kind.help:
        origin = next(base for base in kind.__mro__ if "help" in vars(base))
        advice = _HELP.get(origin, advice)
    return Problem.of_status(
        kind.status,
        detail,
        code=kind.code,
        title=(kind.__doc__ or kind.code).partition("\n")[0].rstrip("."),
        help=advice,
        retryable=retryable,
        **members,
    )
