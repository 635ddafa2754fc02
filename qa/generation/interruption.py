"""Ends a call of the language model from another thread, even one that waits for its first token.

A thread that waits in a socket cannot be interrupted, nor does it notice that the socket is closed;
it does wake up when the connection is shut down.
"""

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar, Token
from typing import Any

_CONNECTED = ("connection.connect_tcp.complete", "connection.start_tls.complete")


class Interrupted(Exception):
    """Nobody waits for the answer any more."""


class Interruption:
    """What ends the language model's calls that are made within ``with interruption:``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._interrupted = False
        self._socket: socket.socket | None = None
        self._outer: Token[Interruption | None] | None = None

    @property
    def interrupted(self) -> bool:
        """Whether nobody waits any more."""
        return self._interrupted

    def __enter__(self) -> "Interruption":
        self._outer = _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._outer is not None
        _current.reset(self._outer)

    def interrupt(self) -> None:
        """End the call under way, if there is one, and let no other begin; from any thread."""
        with self._lock:
            self._interrupted = True
            self._shut_down()

    def check(self) -> None:
        """Go on only if there is somebody who waits.

        Raises:
            Interrupted: there is nobody.
        """
        if self._interrupted:
            raise Interrupted

    def _watch(self, event: str, info: Mapping[str, Any]) -> None:
        if event in _CONNECTED:
            with self._lock:
                self._socket = info["return_value"].get_extra_info("socket")
                if self._interrupted:
                    self._shut_down()

    def _shut_down(self) -> None:
        if self._socket is not None:
            with suppress(OSError):  # closed already
                self._socket.shutdown(socket.SHUT_RDWR)


_current: ContextVar[Interruption | None] = ContextVar("interruption", default=None)


def current_interruption() -> Interruption | None:
    """What ends the calls that are made here, if something may."""
    return _current.get()


def check_interruption() -> None:
    """Go on only if there is somebody who waits for what this thread does.

    Raises:
        Interrupted: there is nobody.
    """
    interruption = _current.get()
    if interruption is not None:
        interruption.check()


def watch_connection(request: Any) -> None:
    """An event hook of an HTTP client whose requests can be interrupted.

    Only a new connection tells its socket: the client must keep none for the next request.
    """
    interruption = _current.get()
    if interruption is not None:
        request.extensions["trace"] = interruption._watch
