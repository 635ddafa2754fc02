"""Answers given before, and those being given: an equal question is answered once.

An answer holds for its question as long as the collection stays at its version; settings and models
are those of the process.
"""

import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from qa.errors import BusyError
from qa.generation.interruption import check_interruption, current_interruption
from qa.schema import (
    Answer,
    AnswerEvent,
    ErrorEvent,
    Event,
    EvidenceEvent,
    Timings,
    TokenEvent,
    Turn,
    UnsupportedPolicy,
    Usage,
)

_LOOK_SECONDS = 0.1
"""How often whoever waits for another's answer looks whether it is wanted still."""


class Key(NamedTuple):
    """What an answer depends on."""

    collection: str
    version: str
    question: str
    rest: str
    """A digest of all else: conversations are long, and so are lists of documents."""

    @classmethod
    def of(
        cls,
        question: str,
        history: Sequence[Turn],
        *,
        collection: str,
        version: str,
        documents: Sequence[str] | None,
        unsupported: UnsupportedPolicy,
        evidence_only: bool,
    ) -> "Key":
        """The key of a question as ``Answerer.stream`` takes it.

        Args:
            question: what is asked.
            history: what was said before.
            collection: of which collection.
            version: as it is now.
            documents: from these alone.
            unsupported: what becomes of unproved claims.
            evidence_only: whether without a language model.
        """
        said = [[turn.role, turn.content] for turn in history]
        chosen = None if documents is None else sorted(set(documents))
        rest = json.dumps([said, chosen, unsupported, evidence_only])
        return cls(collection, version, question, hashlib.sha256(rest.encode()).hexdigest())


class Answers:
    """Keeps the latest answers, as their events without the drafts.

    Args:
        room: how many; 0: none, and each question is answered by itself.
        max_following: how many questions, at most, wait for the answer to an equal one.
        on_hit: told of each question that is answered from here.
    """

    def __init__(self, room: int, *, max_following: int, on_hit: Callable[[], None]) -> None:
        self._room = room
        self._max_following = max_following
        self._following = 0
        self._on_hit = on_hit
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, list[Event]] = OrderedDict()
        self._running: dict[Key, _Flight] = {}

    def of(self, key: Key, answer: Callable[[], Iterator[Event]]) -> Generator[Event]:
        """The events of an answer that is kept, or is being given, or given now.

        Args:
            key: what the answer depends on.
            answer: gives it; called where nobody else gives it.

        Raises:
            BusyError: too many wait for the answer to an equal question.
            FootnotedError: it broke before the first event.
            Interrupted: nobody waits for the answer any more.
        """
        if not self._room:
            yield from answer()
            return
        began = time.perf_counter()
        told = False
        while True:
            flight, mine = self._board(key)
            if mine:
                yield from self._fly(key, flight, answer(), skip_evidence=told)
                return
            with self._followed(flight):
                for event in flight.followed(skip=told):
                    if isinstance(event, AnswerEvent):
                        self._on_hit()
                        event = AnswerEvent(answer=_given_again(event.answer, began))
                    told = told or isinstance(event, EvidenceEvent)
                    yield event
                    if isinstance(event, AnswerEvent | ErrorEvent):
                        return
            # Whoever gave it has gone, or was refused before the first event.

    @contextmanager
    def _followed(self, flight: "_Flight") -> Iterator[None]:
        """Count whoever follows: each keeps a thread from other questions."""
        if flight.has_landed:
            yield
            return
        with self._lock:
            if self._following >= self._max_following:
                raise BusyError(f"{self._following} wait for the answers to equal questions")
            self._following += 1
        try:
            yield
        finally:
            with self._lock:
                self._following -= 1

    def _board(self, key: Key) -> "tuple[_Flight, bool]":
        with self._lock:
            if (kept := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return _Flight.landed(kept), False
            flight = self._running.get(key)
            if flight is not None and not flight.abandoned:
                return flight, False
            self._running[key] = flight = _Flight()
            return flight, True

    def _fly(
        self, key: Key, flight: "_Flight", events: Iterator[Event], *, skip_evidence: bool
    ) -> Generator[Event]:
        whole = False
        try:
            for event in events:
                flight.add(event)
                whole = isinstance(event, AnswerEvent)
                if skip_evidence and isinstance(event, EvidenceEvent):
                    skip_evidence = False  # later ones have more
                else:
                    yield event
        finally:
            if isinstance(events, Generator):
                events.close()
            with self._lock:
                if self._running.get(key) is flight:
                    del self._running[key]
                if whole and _holds(flight.events[-1], key):
                    self._kept[key] = flight.events
                    if len(self._kept) > self._room:
                        self._kept.popitem(last=False)
            flight.end()


class _Flight:
    """The events of an answer while it is given."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._ended = False
        self._news = threading.Condition()
        self._interruption = current_interruption()

    @classmethod
    def landed(cls, events: list[Event]) -> "_Flight":
        flight = cls()
        flight._interruption = None
        flight.events = events
        flight._ended = True
        return flight

    @property
    def abandoned(self) -> bool:
        """Whether whoever gives the answer has gone; its call may take its time to break off."""
        return self._interruption is not None and self._interruption.interrupted

    @property
    def has_landed(self) -> bool:
        """Whether it has all its events."""
        return self._ended

    @property
    def _going(self) -> bool:
        return not self._ended and not self.abandoned

    def add(self, event: Event) -> None:
        if isinstance(event, TokenEvent):
            return
        if isinstance(event, EvidenceEvent):
            event = event.model_copy(update={"found": []})  # for evaluation alone, and long
        with self._news:
            self.events.append(event)
            self._news.notify_all()

    def end(self) -> None:
        with self._news:
            self._ended = True
            self._news.notify_all()

    def followed(self, *, skip: bool) -> Iterator[Event]:
        """The evidence at once, unless that is to be skipped; the rest when it is whole.

        Where it broke off by itself, the error is passed on: one after the other would meet it. It
        is not where whoever gave it has gone.
        """
        while not self.events and self._going:
            self._wait()
        if self.events and not skip:
            yield self.events[0]
        while self._going:
            self._wait()
        if self.events and isinstance(self.events[-1], AnswerEvent | ErrorEvent):
            yield from self.events[1:]

    def _wait(self) -> None:
        check_interruption()
        with self._news:
            if not self._ended:
                self._news.wait(_LOOK_SECONDS)


def _holds(last: Event, key: Key) -> bool:
    """Whether the same would be answered again."""
    if not isinstance(last, AnswerEvent) or not last.repeatable:
        return False
    return last.answer.provenance.collection_version == key.version


def _given_again(answer: Answer, began: float) -> Answer:
    """The answer with the time that it took this time, and no tokens."""
    took = round((time.perf_counter() - began) * 1000, 1)
    marked = {name: took for name, value in answer.timings_ms if value is not None}
    marked.pop("first_token", None)
    return answer.model_copy(update={"timings_ms": Timings(**marked), "usage": Usage()})
