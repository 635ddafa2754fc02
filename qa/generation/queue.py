"""The queue before the language model: first come, first served, and never without bound."""

import threading
import time
from collections import deque
from typing import Protocol

from qa.errors import BusyError
from qa.generation.interruption import check_interruption

_LOOK_SECONDS = 0.1
"""How often whoever waits looks whether there is still somebody who wants the answer."""


class Place(Protocol):
    """One question's place in the queue; a context, at whose end the next may go on."""

    def __enter__(self) -> "Place":
        """Nothing yet: many questions do without the language model."""
        ...

    def __exit__(self, *_: object) -> None:
        """Give up the place, if there is one, and the turn, if it has come."""
        ...

    def reserve(self) -> None:
        """Line up, unless that is done.

        Raises:
            BusyError: the queue is full.
        """
        ...

    def wait(self) -> None:
        """Wait until it is one's turn; lines up first if need be.

        Raises:
            BusyError: the queue is full, or it took too long.
            Interrupted: nobody waits for the answer any more.
        """
        ...


class Free:
    """The place of whoever has the language model alone."""

    def __enter__(self) -> "Free":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def reserve(self) -> None:
        """There is no queue."""

    def wait(self) -> None:
        """It is one's turn always."""


class Queue:
    """Lets some questions have the language model, some wait for it, and turns the rest away.

    Args:
        at_once: how many have it at the same time.
        max_waiting: how many wait, at most.
        max_wait_seconds: how long one waits, at most.

    Attributes:
        running: how many have it now.
    """

    def __init__(self, at_once: int, *, max_waiting: int, max_wait_seconds: float) -> None:
        self.running = 0
        self._at_once = at_once
        self._max_waiting = max_waiting
        self._max_wait_seconds = max_wait_seconds
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return len(self._waiting)

    def place(self) -> Place:
        """For a question that may come to need the language model."""
        return _Place(self)

    def enter(self) -> threading.Event:
        """Line up; what it gives is set when the turn has come.

        Raises:
            BusyError: the queue is full.
        """
        turn = threading.Event()
        with self._lock:
            if self.running < self._at_once:
                self.running += 1
                turn.set()
            elif len(self._waiting) < self._max_waiting:
                self._waiting.append(turn)
            else:
                raise BusyError(
                    f"{self.running} answers are being generated and {self.waiting} questions wait"
                )
        return turn

    def await_turn(self, turn: threading.Event) -> None:
        """Wait; see ``Place.wait``."""
        until = time.monotonic() + self._max_wait_seconds
        while not turn.wait(min(_LOOK_SECONDS, self._max_wait_seconds)):
            check_interruption()
            if time.monotonic() >= until:
                raise BusyError(
                    f"the question waited {self._max_wait_seconds:g} s for {self.running} answers "
                    "that are being generated"
                )

    def leave(self, turn: threading.Event) -> None:
        """Leave the queue, or pass the turn on to whoever waits longest."""
        with self._lock:
            if not turn.is_set():
                self._waiting.remove(turn)
            elif self._waiting:
                self._waiting.popleft().set()
            else:
                self.running -= 1


class _Place:
    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._turn: threading.Event | None = None

    def __enter__(self) -> "_Place":
        return self

    def __exit__(self, *_: object) -> None:
        if self._turn is not None:
            self._queue.leave(self._turn)
            self._turn = None

    def reserve(self) -> None:
        if self._turn is None:
            self._turn = self._queue.enter()

    def wait(self) -> None:
        self.reserve()
        assert self._turn is not None
        self._queue.await_turn(self._turn)
