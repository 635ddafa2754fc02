import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from qa.schema import Event, TokenEvent
from qa.server.events import EventStream


def test_a_client_that_leaves_without_having_read_ends_the_answering() -> None:
    closed: list[bool] = []

    async def events() -> AsyncGenerator[Event | None, None]:
        try:
            yield TokenEvent(text="second")
            yield None
        finally:
            closed.append(True)

    async def test() -> None:
        stuck, left = asyncio.Event(), asyncio.Event()

        async def send(message: Any) -> None:
            if message.get("body") == b"second":  # the client's window is full
                left.set()
                await stuck.wait()

        async def receive() -> Any:
            await left.wait()
            return {"type": "http.disconnect"}

        stream = EventStream(TokenEvent(text="first"), events(), lambda e: [e.text.encode()])
        await stream({"type": "http"}, receive, send)
        assert closed

    asyncio.run(asyncio.wait_for(test(), 10))
