"""How large a request may be."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qa.errors import QuestionError
from qa.server.openai_wire import reply_to
from qa.server.problems import Problem
from qa.server.requests import Conversation
from qa.settings import ServerSettings


class BodyLimit:
    """Refuses bodies of more than ``max_bytes``, declared or not, with status 413.

    Args:
        app: what the requests are for.
        max_bytes: the largest body let through.
        larger: the same for the paths that take other sizes.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, larger: Mapping[str, int]) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        max_bytes = self._larger.get(scope["path"], self._max_bytes)
        refusal = f"the body is larger than the {max_bytes} bytes allowed"
        declared = dict(scope["headers"]).get(b"content-length", b"")
        if declared.isdigit() and int(declared) > max_bytes:
            problem = Problem.of_status(413, refusal)
            await reply_to(scope["path"], problem)(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > max_bytes:
                # Of all exceptions, this is the one that FastAPI lets out of its body parsing.
                raise HTTPException(413, refusal)
            return message

        await self._app(scope, counted, send)


def require_short(conversation: Conversation, settings: ServerSettings) -> None:
    """Refuse a conversation that is too long.

    Raises:
        QuestionError: it has too many messages, or characters.
    """
    texts = [message.content for message in conversation.messages]
    for actual, allowed, unit in (
        (len(texts), settings.max_messages, "messages"),
        (sum(map(len, texts)), settings.max_conversation_characters, "characters"),
    ):
        if actual > allowed:
            raise QuestionError(
                f"question and conversation have {actual} {unit}; {allowed} are allowed",
                help="Ask a shorter question, or leave out the oldest messages.",
            )
