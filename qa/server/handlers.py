"""From exceptions to problem documents."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Mount

from qa.errors import FootnotedError, UnknownCollectionError
from qa.keys import ALL
from qa.server.openai_wire import reply_to
from qa.server.problems import Problem

logger = logging.getLogger(__name__)


def install(app: FastAPI) -> None:
    """Make every error of ``app`` a problem document."""
    app.add_exception_handler(FootnotedError, _footnoted)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unforeseen)


async def _footnoted(request: Request, error: Exception) -> Response:
    assert isinstance(error, FootnotedError)
    if isinstance(error, UnknownCollectionError) and not request.state.caller.may("read", ALL):
        # The rest of the message lists the names that there are.
        error = UnknownCollectionError(str(error).partition(";")[0])
    if error.status >= 500:
        logger.warning("%s %r: %s: %s", request.method, request.url.path, error.code, error)
    return reply_to(request.url.path, Problem.of(error))


async def _gone(request: Request, error: Exception) -> Response:
    # Nobody reads it. The status is the one that proxies write into their logs.
    return Response(status_code=499)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = error.detail
    if detail == HTTPStatus(error.status_code).phrase:
        detail = f"{request.method} {request.url.path!r}: {detail.lower()}"
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request))
    return reply_to(request.url.path, Problem.of_status(error.status_code, detail), headers)


_OF_FILES = ("GET", "HEAD")
"""What is mounted are files, though a mount matches any method."""


def _methods(request: Request) -> list[str]:
    """All methods of the address; the router's own answer names those of one of its routes."""
    scope = dict(request.scope)
    scope["root_path"] = scope.get("app_root_path", scope.get("root_path", ""))  # not a mount's
    return [
        method
        for method in ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
        if any(
            route.matches({**scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
            if method in _OF_FILES or not isinstance(route, Mount)
        )
    ]


async def _unforeseen(request: Request, error: Exception) -> Response:
    # Starlette raises the error again behind this reply, and the server logs its traceback.
    return reply_to(request.url.path, Problem.of_status(500, "The server's log says more."))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    for item in found:
        if item["type"] == "json_invalid":
            where = f"{item['ctx']['error']} at character {item['loc'][-1]}"
            problem = Problem.of_status(400, f"the body is not JSON: {where}")
            return reply_to(request.url.path, problem)
    found = [{**item, "loc": _place(item)} for item in found]
    errors = [{"loc": list(item["loc"]), "msg": _in_words(item)} for item in found]
    members: dict[str, Any] = {"errors": errors}
    if any(item["loc"] == ("body",) for item in found):
        members["help"] = "Send a JSON object, with the header Content-Type: application/json."
    detail = "; ".join(f"{_name(item['loc'])}: {_in_words(item)}" for item in found)
    return reply_to(request.url.path, Problem.of_status(422, detail, **members))


_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "there is no such field",
    "string_type": "must be a string",
    "list_type": "must be a list",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dict_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
}


def _in_words(item: Mapping[str, Any]) -> str:
    message = _WORDS.get(item["type"], str(item["msg"]).removeprefix("Value error, "))
    return message.replace("Input should be", "must be")


def _place(item: Mapping[str, Any]) -> tuple[str | int, ...]:
    """Where in the request it is, without what pydantic calls the forms that a field may have."""
    *before, last = item["loc"]
    plain = [part for part in before if "[" not in str(part)]
    # A field that does not exist may be called anything.
    known = item["type"] == "extra_forbidden" or "[" not in str(last)
    return (*plain, last) if known else tuple(plain)


def _name(loc: Sequence[str | int]) -> str:
    """``("body", "documents", 0, "text")`` as ``documents[0].text``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc[1:])
    return "".join(parts).removeprefix(".") or str(loc[0])
