"""From the thread that answers to the client: events, and server-sent events made of them."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from functools import partial
from typing import Any, TypeVar

from anyio import CancelScope
from fastapi import Request
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from qa.errors import (
    BusyError,
    EmbedderMismatchError,
    EmptyCollectionError,
    FootnotedError,
    LLMFailedError,
    LLMUnavailableError,
    NotInCollectionError,
    QuestionError,
    StoppingError,
    StoreError,
    StoreUnreachableError,
    UnknownCollectionError,
    WeightsNotFoundError,
)
from qa.generation.interruption import Interrupted, Interruption
from qa.schema import AnswerEvent, ErrorEvent, Event
from qa.server.answers import Key
from qa.server.problems import describe
from qa.server.requests import Asked
from qa.server.service import Service

T = TypeVar("T")

logger = logging.getLogger(__name__)

_STOPPING = ErrorEvent.of(StoppingError())
"""Ends a stream that a server which stops does not finish."""

ERRORS = describe(
    400,
    413,
    422,
    QuestionError,
    UnknownCollectionError,
    NotInCollectionError,
    EmptyCollectionError,
    EmbedderMismatchError,
    StoreUnreachableError,
    WeightsNotFoundError,
    LLMUnavailableError,
    LLMFailedError,
    BusyError,
    StoppingError,
)
"""What may be wrong with a question or stand in the way of its answer, for OpenAPI."""

STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""Of every reply that sends events; the second is nginx's, which otherwise holds back what is
small."""


def describe_events(*kinds: str) -> dict[str, Any]:
    """The schema of each event of a stream, for OpenAPI; ``data`` is JSON.

    Args:
        kinds: what ``event`` may be; none if the events have no such field.
    """
    properties = {"data": {"type": "string"}} | (
        {"event": {"type": "string", "enum": list(kinds)}} if kinds else {}
    )
    event = {"type": "object", "required": list(properties), "properties": properties}
    return {"itemSchema": event}


_SILENCE_SECONDS = 10
"""Proxies give a connection up after 30 to 60 s without a byte."""


async def next_or_silence(arrived: asyncio.Queue[T]) -> T | None:
    """What arrives next, or ``None`` after ten seconds of silence, which a comment should break."""
    try:
        async with asyncio.timeout(_SILENCE_SECONDS):
            return await arrived.get()
    except TimeoutError:
        return None


async def answer_events(service: Service, asked: Asked) -> AsyncGenerator[Event | None, None]:
    """Answer in a thread. Closing this generator ends that, even amid a call of the LLM.

    Yields:
        The events of ``Answerer.stream``; ``None`` after each ten seconds of silence.

    Raises:
        BusyError: too many questions wait for the language model.
        FootnotedError: it broke before the first event.
    """
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[Event | Exception] = asyncio.Queue()
    interruption = Interruption()

    def put(item: Event | Exception) -> None:
        loop.call_soon_threadsafe(arrived.put_nowait, item)

    def work() -> None:
        try:
            with interruption:
                interruption.check()
                for event in _answer(service, asked):
                    put(event)
        except Interrupted:
            logger.info("an answer was given up: its client has gone")
        except Exception as error:
            put(error)
        except BaseException as error:  # whoever waits would wait for ever
            put(RuntimeError(repr(error)))
            raise

    service.start(work)
    try:
        while True:
            item = await next_or_silence(arrived)
            if isinstance(item, Exception):
                raise item
            yield item
            if isinstance(item, AnswerEvent | ErrorEvent):
                return
    finally:
        interruption.interrupt()


def _answer(service: Service, asked: Asked) -> Iterator[Event]:
    begun = False
    try:
        answerer = service.answerer(asked.collection, evidence_only=asked.evidence_only)
        key = Key.of(
            asked.question,
            asked.history,
            collection=asked.collection,
            version=answerer.retriever.collection.snapshot().version,
            documents=asked.documents,
            unsupported=asked.unsupported,
            evidence_only=asked.evidence_only,
        )
        answer = partial(
            answerer.stream,
            asked.question,
            asked.history,
            documents=asked.documents,
            unsupported=asked.unsupported,
        )
        for event in service.metrics.counted(service.answers.of(key, answer)):
            if isinstance(event, ErrorEvent):
                logger.warning("an answer broke off: %s: %s", event.code, event.message)
            yield event
            begun = True
    except Exception as error:
        if isinstance(error, StoreError | UnknownCollectionError):
            # Behind a Chroma server, others may have deleted the collection and made it anew.
            service.forget(asked.collection)
        if not begun or isinstance(error, Interrupted):
            raise
        if isinstance(error, FootnotedError):
            logger.warning("an answer broke off: %s: %s", error.code, error)
            yield ErrorEvent.of(error)
        else:
            logger.exception("an answer broke off in a way that was not foreseen")
            yield ErrorEvent.of(FootnotedError("The server's log says more."))


async def while_connected(request: Request, work: Awaitable[T]) -> T:
    """The result of ``work``, which is cancelled as soon as the client goes away.

    Raises:
        ClientDisconnect: it has gone.
        StoppingError: the server stops.
    """

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        scope.cancel()

    with CancelScope() as scope:
        watching = asyncio.create_task(watch())
        try:
            return await work
        except asyncio.CancelledError:
            if scope.cancel_called:
                raise
            raise StoppingError from None
        finally:
            watching.cancel()
    raise ClientDisconnect


async def stream_answer(
    request: Request, service: Service, asked: Asked, encode: Callable[[Event], Iterable[bytes]]
) -> "EventStream":
    """A reply that sends events as they come, once the first is there.

    Args:
        request: what it replies to.
        service: what answers.
        asked: the question.
        encode: makes server-sent events of an event.

    Raises:
        ClientDisconnect: the client has gone before the first event.
        FootnotedError: it broke before the first event, or the server stops.
    """
    events = answer_events(service, asked)

    def told(event: Event) -> Iterable[bytes]:
        if isinstance(event, ErrorEvent) and event is not _STOPPING:  # the observer tells that
            request.state.problem = event.code
        return encode(event)

    async def first() -> Event:
        while (event := await anext(events)) is None:
            pass
        return event

    return EventStream(await while_connected(request, first()), events, told)


class EventStream(StreamingResponse):
    """Server-sent events.

    Args:
        first: the first event.
        events: the others; closed with the reply.
        encode: makes server-sent events of an event.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        first: Event,
        events: AsyncGenerator[Event | None, None],
        encode: Callable[[Event], Iterable[bytes]],
    ) -> None:
        async def content() -> AsyncGenerator[bytes, None]:
            for part in encode(first):
                yield part
            try:
                async for event in events:
                    for part in [KEEPALIVE_COMMENT] if event is None else encode(event):
                        yield part
            except asyncio.CancelledError:
                # The server stops; or the client has gone, and does not hear it.
                for part in encode(_STOPPING):
                    yield part

        super().__init__(content(), headers=STREAM_HEADERS)
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reply, and end the answering with the reply."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._events.aclose()
