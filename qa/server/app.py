"""The HTTP face: the application, and the server that runs it."""

import gc
import logging
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

import qa
from qa.assembly import Assembly
from qa.errors import UsageError
from qa.running import Running, told
from qa.server import (
    asking,
    chat,
    collections,
    docs,
    documents,
    handlers,
    health,
    openai_api,
    page,
)
from qa.server.access import Admission, Lock
from qa.server.limits import BodyLimit
from qa.server.observer import Observer
from qa.server.rates import Rates
from qa.server.security import BrowserGuard, SecurityHeaders, is_loopback
from qa.server.service import Service
from qa.server.tracing import send_spans
from qa.server.warming import WarmUp

logger = logging.getLogger(__name__)


class _Application(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The schema, with the models that only hand-written parts of it refer to."""
        if self.openapi_schema is None:
            self.openapi_schema = super().openapi()
            self.openapi_schema["components"]["schemas"] |= documents.body_schemas()
        return self.openapi_schema

    def build_middleware_stack(self) -> ASGIApp:
        """The middleware, inside what sees every reply, that to a failure included."""
        guarded = SecurityHeaders(super().build_middleware_stack())
        return Observer(guarded, self.state.service.metrics)


def create_app(
    assembly: Assembly,
    *,
    host: str | None = None,
    token: str | None = None,
    warmed: Callable[[], None] = lambda: None,
) -> FastAPI:
    """The HTTP face of ``assembly``, which is the caller's to close.

    If the settings say so, the models are loaded in the background from startup on; ``/readyz``
    says when they are there.

    Args:
        assembly: what answers.
        host: the address that is listened on; none: the setting's.
        token: lets in the command line of the server's own user; none: nobody.
        warmed: called once the models are loaded, if they are loaded at the start.

    Raises:
        UsageError: other machines could connect, and there is no API key.
        KeyFileError: the API keys cannot be read.
    """
    service = Service(assembly)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        warming = WarmUp(service, warmed)
        if assembly.settings.server.warm_up:
            warming.start()
        yield
        warming.stop()

    app = _Application(
        title="Footnoted",
        version=qa.__version__,
        description="Answers questions from your own articles and footnotes every claim with the "
        "exact sentence that proves it. Errors are RFC 9457 problem documents.",
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        lifespan=lifespan,
    )
    app.state.service = service
    _protect(app, assembly, host, token)
    handlers.install(app)
    docs.install(app)
    for part in (asking, chat, openai_api, documents, collections, health):
        app.include_router(part.router)
        _answer_head(app, part.router)
    page.install(app)
    return app


def _answer_head(app: FastAPI, router: APIRouter) -> None:
    """Have ``app`` answer HEAD wherever ``router`` answers GET: many probes ask so.

    The reply is the same, and the server that sends it leaves out the body.
    """
    for route in router.routes:
        if isinstance(route, APIRoute) and "GET" in (route.methods or ()):
            app.add_api_route(
                route.path,
                route.endpoint,
                methods=["HEAD"],
                response_model=None,
                include_in_schema=False,
            )


def _protect(app: FastAPI, assembly: Assembly, host: str | None, token: str | None) -> None:
    """Add what a request passes before it is answered; the last added is the first passed."""
    chosen = assembly.settings.server
    loopback = is_loopback(chosen.host if host is None else host)
    lock = Lock(assembly.keys, chosen.auth, loopback)
    lock.require_key()
    if not lock.closed() and not loopback:
        logger.warning("no keys are asked for: whoever can connect may do anything")
    app.add_middleware(
        BodyLimit,
        max_bytes=chosen.max_body_bytes,
        larger={"/v1/documents": chosen.max_upload_bytes},
    )
    app.add_middleware(Admission, lock=lock, rates=Rates(chosen.requests_per_minute), token=token)
    app.add_middleware(
        BrowserGuard,
        hosts=chosen.allowed_hosts,
        origins=chosen.allowed_origins,
        lock=lock,
    )
    if chosen.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=chosen.allowed_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After"],
        )


def serve(assembly: Assembly, *, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM, then close ``assembly``; a second signal ends at once.

    Requests under way have the settings' ``shutdown_seconds`` to be answered; new ones are refused.

    Args:
        assembly: what answers.
        host: address to listen on.
        port: 0 for a free one.
        announce: called with the URL as soon as it can be connected to.

    Raises:
        UsageError: it cannot listen there, or other machines could connect and there is no API key.
        KeyFileError: the API keys cannot be read.
        StoreLockedError: another process has the data directory.
        SettingsError: spans are to be sent in a way that there is not.
    """
    family, address = _resolve(host, port)
    token = secrets.token_urlsafe(32)
    app = create_app(assembly, host=address[0], token=token, warmed=_leave_alone)
    seconds = assembly.settings.server.shutdown_seconds
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="none",  # there are no WebSockets here, and so none to guard
            timeout_graceful_shutdown=seconds,
        )
    )
    end_spans = send_spans()
    with _stopped_by_signals(server):
        try:
            with _listen(family, address) as listener:
                if assembly.settings.store.url is None:
                    # A locked directory is told at once. A Chroma server may still be starting.
                    _ = assembly.store
                url = _url(listener)
                with told(assembly.settings.data_dir, Running(url, token)):
                    announce(url)
                    server.run(sockets=[listener])
        finally:
            assembly.close()
            end_spans()
    if app.state.service.at_work and _in_main_thread():
        # A thread cannot be interrupted, and Python would wait for it, be it for minutes. Ingest
        # is safe against being killed at any moment.
        logger.warning("ended with requests under way: they took more than %s s", seconds)
        _exit(0)


def _leave_alone() -> None:
    """Take what is there now for what stays.

    Without this the collector of cyclic garbage looks through all of it every few hundred requests,
    and each time everybody waits for 0.15 s. It is for a process that does nothing but serve.
    """
    gc.collect()
    gc.freeze()


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Not uvicorn's: that raises the signal again once it has shut down, which would end the
        # process before the assembly is closed.
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            _exit(128 + sig)
        super().handle_exit(sig, frame)


def _exit(code: int) -> None:
    """End the process at once; the language model's ends with it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@contextmanager
def _stopped_by_signals(server: uvicorn.Server) -> Iterator[None]:
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


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise _cannot_listen(host, port, error) from None
    return family, (str(address[0]), port)


def _listen(family: socket.AddressFamily, address: tuple[str, int]) -> socket.socket:
    try:
        return socket.create_server(address, family=family)
    except OSError as error:
        raise _cannot_listen(*address, error) from None


def _cannot_listen(host: str, port: int, error: OSError) -> UsageError:
    return UsageError(
        f"cannot listen on port {port} of {host!r}: {error.strerror}",
        help="Choose another port, or let --port 0 find a free one.",
    )


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    if listener.family == socket.AF_INET6:
        host = f"[{'::1' if host == '::' else host}]"
    return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
