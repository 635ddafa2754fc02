"""How large a request may be."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qa.server.openai_wire import reply_to
from qa.server.problems import Problem


class BodyLimit:
    """Refuses bodies of more than ``max_bytes``, declared or not, with status 413.

    Args:
        app: what the requests are for.
        max_bytes: the largest body let through.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._refusal = f"the body is larger than the {max_bytes} bytes allowed"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"")
        if declared.isdigit() and int(declared) > self._max_bytes:
            refusal = Problem.of_status(413, self._refusal)
            await reply_to(scope["path"], refusal)(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                # Of all exceptions, this is the one that FastAPI lets out of its body parsing.
                raise HTTPException(413, self._refusal)
            return message

        await self._app(scope, counted, send)
