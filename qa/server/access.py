"""Who calls, and what they may do: API keys, rights, rates."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Annotated, Literal

from fastapi import Depends, Request, Response
from fastapi.security import HTTPBearer
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from qa.errors import KeyFileError, UsageError
from qa.keys import ALL, KeyFile, Right, allows
from qa.server.openai_wire import reply_to
from qa.server.problems import Problem, describe
from qa.server.rates import Rates

PROBES = ("/healthz", "/readyz")
_OPEN = {"/", "/docs", "/openapi.json", *PROBES}
_OPEN_FOLDERS = ("/static/", "/docs/")
"""What needs no key: probes, the page and the description of the interface. None of them tells a
name or a text; whatever is not named here needs one."""

REFUSALS = describe(401, 403, 429)
"""The ``responses`` of every endpoint that needs a key, for OpenAPI."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request.

    Attributes:
        name: the key's; empty without one.
        grants: the right in each collection, or in ``qa.keys.ALL``.
    """

    name: str
    grants: Mapping[str, Right]

    def may(self, right: Right, collection: str) -> bool:
        """Whether the caller has a right in a collection, or in ``ALL``."""
        return allows(self.grants, right, collection)

    def require(self, right: Right, collection: str) -> None:
        """Refuse what the caller may not do.

        Raises:
            HTTPException: 403.
        """
        if not self.may(right, collection):
            where = "every collection" if collection == ALL else f"the collection {collection!r}"
            raise HTTPException(403, f"the key {self.name!r} lacks the right {right!r} in {where}")


_ANYONE = Caller("", {ALL: "admin"})
_NOBODY = Caller("", {})


@dataclass(frozen=True, slots=True)
class Lock:
    """Whether requests need a key, now: the first one may be created while the server runs.

    Attributes:
        keys: those that there are.
        auth: the setting: ``on``, ``off``, or ``auto``: beyond loopback, or once there has been a
            key. Revoking the last one opens nothing.
        loopback: whether this machine alone can connect.
    """

    keys: KeyFile
    auth: Literal["auto", "on", "off"]
    loopback: bool

    def closed(self) -> bool:
        """Whether a key is needed."""
        if self.auth == "auto":
            return not self.loopback or self.keys.exists()
        return self.auth == "on"

    def require_key(self) -> None:
        """See to it that somebody can come in, before anybody does.

        Raises:
            UsageError: other machines could connect, a key is needed, and there is none.
            KeyFileError: the keys cannot be read.
        """
        if self.closed() and not self.loopback and not self.keys.keys():
            raise UsageError(
                "other machines could connect, and there is no API key to tell who may",
                help="Create one with 'footnoted keys create NAME', or listen on 127.0.0.1. Where "
                "something in front of the server checks who calls: FOOTNOTED_SERVER__AUTH=off.",
            )


class Admission:
    """Lets a request in with its ``Caller``, or refuses it with status 401 or 429.

    Args:
        app: what the requests are for.
        lock: whether a key is needed, and which there are; where none is, anybody may do anything.
        rates: counts the requests of each key, or address without one; this machine's are not
            counted without a key.
        token: lets in the command line of the server's own user, as if there were no keys; ``None``
            for nobody.
    """

    def __init__(self, app: ASGIApp, lock: Lock, rates: Rates, token: str | None = None) -> None:
        self._app = app
        self._lock = lock
        self._rates = rates
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        try:
            caller = self._caller(Headers(scope=scope))
        except KeyFileError as error:
            await reply_to(path, Problem.of(error))(scope, receive, send)
            return
        refusal = None
        if path not in PROBES:
            refusal = self._too_many(caller, scope)
        if refusal is None and caller is _NOBODY and not _is_open(path):
            refusal = _unknown(path, Headers(scope=scope))
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        await self._app(scope, receive, send)

    def _caller(self, headers: Headers) -> Caller:
        if not self._lock.closed():
            return _ANYONE
        scheme, _, secret = headers.get("authorization", "").partition(" ")
        if self._token is not None and compare_digest(secret.encode(), self._token.encode()):
            return _ANYONE
        key = self._lock.keys.find(secret.strip()) if scheme.lower() == "bearer" else None
        return _NOBODY if key is None else Caller(key.name, key.grants)

    def _too_many(self, caller: Caller, scope: Scope) -> Response | None:
        client = f"key {caller.name}" if caller.name else _address(scope)
        wait = 0 if client is None else self._rates.take(client)
        if not wait:
            return None
        seconds = math.ceil(wait)
        problem = Problem.of_status(429, f"the next request is taken in {seconds} s")
        return reply_to(scope["path"], problem, {"Retry-After": str(seconds)})


def _is_open(path: str) -> bool:
    return path in _OPEN or path.startswith(_OPEN_FOLDERS)


def _unknown(path: str, headers: Headers) -> Response:
    challenge, detail = 'Bearer realm="footnoted"', "the request carries no API key"
    if "authorization" in headers:
        challenge += ', error="invalid_token"'
        detail = "no such API key is known here: it is mistyped, or was revoked"
    return reply_to(path, Problem.of_status(401, detail), {"WWW-Authenticate": challenge})


def _address(scope: Scope) -> str | None:
    """The address to count by, or ``None`` for this machine."""
    try:
        address = ip_address((scope.get("client") or ("",))[0])
    except ValueError:  # a Unix socket
        return None
    if address.is_loopback:
        return None
    # Whoever has an IPv6 address has 2^64 of them.
    wide = isinstance(address, IPv6Address)
    return str(ip_network((address, 64), strict=False)) if wide else str(address)


_bearer = HTTPBearer(
    auto_error=False, scheme_name="API key", description="As 'footnoted keys create' prints it."
)


def _caller(request: Request, _: Annotated[object, Depends(_bearer)]) -> Caller:
    caller: Caller = request.state.caller
    return caller


Access = Annotated[Caller, Depends(_caller)]
"""The caller, as a parameter of an endpoint, which asks it for the right that it needs."""
