"""The HTTP face: the application, and the server that runs it."""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI

import qa
from qa.assembly import Assembly
from qa.errors import UsageError
from qa.server import asking, chat, documents, handlers, health, openai_api
from qa.server.limits import BodyLimit
from qa.server.service import Service

logger = logging.getLogger(__name__)

_GRACE_SECONDS = 5
"""How long requests under way may take once the server is told to stop. Docker kills after ten,
and ending the language model may take another five."""


class _Application(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The schema, with the models that only hand-written parts of it refer to."""
        if self.openapi_schema is None:
            self.openapi_schema = super().openapi()
            self.openapi_schema["components"]["schemas"] |= documents.body_schemas()
        return self.openapi_schema


def create_app(assembly: Assembly) -> FastAPI:
    """The HTTP face of ``assembly``, which is the caller's to close.

    The embedder is loaded in the background from startup on; ``/readyz`` says when it is there.
    The interactive page at ``/docs`` takes its scripts from a CDN, the schema at
    ``/openapi.json`` does not.
    """
    service = Service(assembly)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        threading.Thread(target=_load, args=(service,), daemon=True, name="load-embedder").start()
        yield

    app = _Application(
        title="Footnoted",
        version=qa.__version__,
        description="Answers questions from your own articles and footnotes every claim with the "
        "exact sentence that proves it. Errors are RFC 9457 problem documents.",
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        lifespan=lifespan,
    )
    app.state.service = service
    app.add_middleware(BodyLimit, max_bytes=assembly.settings.server.max_body_bytes)
    handlers.install(app)
    for part in (asking, chat, openai_api, documents, health):
        app.include_router(part.router)
    return app


def serve(assembly: Assembly, *, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM, then close ``assembly``.

    Args:
        assembly: what answers.
        host: address to listen on.
        port: 0 for a free one.
        announce: called with the URL as soon as it can be connected to.

    Raises:
        UsageError: it cannot listen there.
        StoreLockedError: another process has the data directory.
    """
    app = create_app(assembly)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
    try:
        with _listen(host, port) as listener, _stopped_by_signals(server):
            if assembly.settings.store.url is None:
                # A locked directory is told at once. A Chroma server may still be starting.
                _ = assembly.store
            announce(_url(listener))
            server.run(sockets=[listener])
    finally:
        assembly.close()
    if app.state.service.at_work and _in_main_thread():
        # A thread cannot be interrupted, and Python would wait for it, be it for minutes. Ingest
        # is safe against being killed at any moment.
        logger.warning("ended with requests under way: they took more than %s s", _GRACE_SECONDS)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


@contextmanager
def _stopped_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Let signals end the server before it handles them itself, and once more behind it.

    Having shut down, uvicorn raises the signal again; by default that would end the process before
    the assembly is closed.
    """
    if not _in_main_thread():
        yield
        return
    before = {
        number: signal.signal(number, server.handle_exit)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        raise UsageError(
            f"cannot listen on port {port} of {host!r}: {error.strerror}",
            help="Choose another port, or let --port 0 find a free one.",
        ) from None


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    if listener.family == socket.AF_INET6:
        host = f"[{'::1' if host == '::' else host}]"
    return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"


def _load(service: Service) -> None:
    try:
        _ = service.embedder
    except Exception as error:
        logger.warning("the embedder cannot be loaded: %s", error)
