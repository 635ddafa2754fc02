"""Around every request: its id, its line in the log, its place in the metrics, its span."""

import asyncio
import logging
import re
import time
import uuid
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qa.errors import StoppingError
from qa.server.logs import REQUEST_ID
from qa.server.metrics import Metrics
from qa.server.tracing import request_span

if TYPE_CHECKING:
    from opentelemetry.trace import Span

logger = logging.getLogger(__name__)

_HEADER = "X-Request-ID"
_SANE = re.compile(r"[\w.:+/=@-]{1,128}", re.ASCII)
_METHODS = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
_PROBES = {"/healthz", "/readyz", "/metrics"}
"""Asked every few seconds: their successes are logged at level DEBUG."""


class Observer:
    """Watches the requests to ``app``; outermost, so that it sees the reply that clients get.

    Args:
        app: what answers. It tells the code of an error in ``scope["state"]["problem"]``.
        metrics: where requests and errors are counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        headers = Headers(scope=scope)
        request_id = _request_id(headers.get(_HEADER))
        # Never reset: the request has a task of its own, and the server logs its failure there.
        REQUEST_ID.set(request_id)
        state = scope.setdefault("state", {})
        status: int | None = None

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[_HEADER] = request_id
            await send(message)

        with request_span(headers) as span:
            try:
                await self._app(scope, receive, watched)
            except asyncio.CancelledError:
                # A server that stops cancels a stream, which has told its client by now.
                if status is None:
                    raise
                state["problem"] = StoppingError.code
            finally:
                self._note(scope, status or 500, time.perf_counter() - began, span)

    def _note(self, scope: Scope, status: int, seconds: float, span: "Span | None") -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = getattr(scope.get("route"), "path", "other")
        code = scope["state"].get("problem")
        self._metrics.request(method, route, status, seconds)
        if code is not None:
            self._metrics.error(code)
        fields = {
            "method": method,
            "route": route,
            "status": status,
            "duration_ms": round(seconds * 1000, 1),
        } | ({} if code is None else {"code": code})
        logger.log(
            logging.DEBUG if route in _PROBES and status < 400 else logging.INFO,
            "%s %s %s in %.0f ms",
            method,
            route,
            status if code is None else f"{status} {code}",
            seconds * 1000,
            extra={"fields": fields},
        )
        if span is not None:
            span.update_name(f"{method} {route}")
            span.set_attributes(
                {
                    "http.request.method": method,
                    "http.route": route,
                    "http.response.status_code": status,
                    "footnoted.request_id": REQUEST_ID.get() or "",
                }
            )


def _request_id(given: str | None) -> str:
    return given if given and _SANE.fullmatch(given) else uuid.uuid4().hex
