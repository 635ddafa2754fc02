"""What the endpoints share."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request

from qa.answerer import Answerer
from qa.assembly import Assembly
from qa.collection import Collection
from qa.errors import StoppingError
from qa.generation.llm import LLM
from qa.generation.queue import Queue
from qa.grounding.cross_encoder import CrossEncoder
from qa.grounding.reranker import Reranker
from qa.retrieval.embedder import Embedder
from qa.server.answers import Answers
from qa.server.metrics import Metrics
from qa.store import Store

T = TypeVar("T")

NOT_LOADED = "it is not loaded yet"

_QUESTIONS = 32
_READINGS = 4
_WRITINGS = 4
"""Threads for each kind of long work, apart from each other and from the pool that serves the
rest: a list of documents does not wait behind a language model, nor a write behind a slow page."""


class Service:
    """The assembly's parts, each made once however many threads ask for it first.

    Args:
        assembly: what makes them; closing it is left to the caller.

    Attributes:
        metrics: what is counted.
        queue: before the language model.
        answers: those given before.
        problems: why a model is not loaded, by the name of the part.
    """

    def __init__(self, assembly: Assembly) -> None:
        chosen = assembly.settings.server
        self.assembly = assembly
        self.metrics = Metrics()
        self.queue = Queue(
            chosen.max_generations,
            max_waiting=chosen.max_waiting,
            max_wait_seconds=chosen.max_wait_seconds,
        )
        self.answers = Answers(
            chosen.answer_cache,
            max_following=chosen.max_waiting,
            on_hit=self.metrics.cache_hit,
        )
        self.metrics.watch_generations(
            running=lambda: self.queue.running, waiting=lambda: self.queue.waiting
        )
        self.problems = dict.fromkeys(("embedder", "cross_encoder"), NOT_LOADED)
        self._questions = CapacityLimiter(
            _QUESTIONS + chosen.max_generations + 2 * chosen.max_waiting
        )
        self._readings = CapacityLimiter(_READINGS)
        self._writings = CapacityLimiter(_WRITINGS)
        self._at_work: set[int] = set()
        self._spawned: set[asyncio.Task[None]] = set()
        self._one_writer = threading.Lock()
        self._opening = threading.Lock()
        self._loading = threading.Lock()
        self._building = threading.Lock()
        self._answerers: dict[tuple[str, bool], Answerer] = {}

    # ── parts ───────────────────────────────────────────────────────────────────────────────

    @property
    def store(self) -> Store:
        """The collections."""
        with self._opening:
            return self.assembly.store

    @property
    def embedder(self) -> Embedder:
        """The embedder; the first use loads it."""
        with self._loading, self._noted("embedder"):
            return self.assembly.embedder

    @property
    def cross_encoder(self) -> CrossEncoder | Reranker:
        """The cross-encoder; the first use loads it."""
        with self._loading, self._noted("cross_encoder"):
            return self.assembly.cross_encoder

    def connect_llm(self) -> None:
        """Load the language model, or set up the way to it."""
        with self._noted("llm"):
            self.llm.connect()

    @contextmanager
    def _noted(self, part: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.problems[part] = str(error)
            raise
        self.problems.pop(part, None)

    @property
    def llm(self) -> LLM:
        """The language model, loaded or not."""
        with self._building:
            return self.assembly.llm

    def answerer(self, collection: str, *, evidence_only: bool) -> Answerer:
        """The answerer of a collection, the same one each time; it notices new documents.

        Raises:
            UnknownCollectionError: there is no collection of that name.
        """
        key = (collection, evidence_only)
        answerer = self._answerers.get(key)
        if answerer is None:
            self.store.collection(collection)
            # Not behind the lock: /readyz waits there for the LLM.
            _ = self.embedder
            _ = self.cross_encoder
            with self._building:
                answerer = self._answerers.get(key) or self.assembly.answerer(
                    collection, evidence_only=evidence_only, place=self.queue.place
                )
                self._answerers[key] = answerer
        return answerer

    def open_for_writing(self, collection: str) -> Collection:
        """A collection to ingest into; made if there is none of that name.

        Raises:
            UsageError: not a name that a collection can have.
            EmbedderMismatchError: it was made with another embedder.
        """
        embedder = self.embedder
        return self.store.create(collection, embedder=embedder.name, dimension=embedder.dimension)

    def forget(self, collection: str) -> None:
        """Drop what is kept of a collection that may have been deleted."""
        with self._building:
            for evidence_only in (True, False):
                self._answerers.pop((collection, evidence_only), None)

    # ── threads ─────────────────────────────────────────────────────────────────────────────

    def start(self, work: Callable[[], None]) -> None:
        """Start the answering of a question in a thread, which nobody waits for.

        Args:
            work: answers; it raises nothing.
        """
        self.spawn(to_thread.run_sync(self._counted(work), limiter=self._questions))

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start what goes on when the client goes away; the loop itself would forget it."""
        task = asyncio.create_task(work)
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)
        return task

    async def read(self, work: Callable[[], T]) -> T:
        """Run the reading of a submission in a thread."""
        return await self._run(work, self._readings)

    async def write(self, work: Callable[[], T]) -> T:
        """Run a change of a collection in a thread, one change at a time."""

        def alone() -> T:
            with self._one_writer:
                return work()

        return await self._run(alone, self._writings)

    @property
    def at_work(self) -> int:
        """How many of these threads are at work, wanted still or not."""
        return len(self._at_work)

    async def _run(self, work: Callable[[], T], limiter: CapacityLimiter) -> T:
        try:
            return await to_thread.run_sync(self._counted(work), limiter=limiter)
        except asyncio.CancelledError:
            # Only a server that stops cancels these. Let out, this would be a bare 500.
            raise StoppingError from None

    def _counted(self, work: Callable[[], T]) -> Callable[[], T]:
        def counted() -> T:
            thread = threading.get_ident()
            self._at_work.add(thread)
            try:
                return work()
            finally:
                self._at_work.discard(thread)

        return counted


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


Shared = Annotated[Service, Depends(_service)]
"""The service, as a parameter of an endpoint."""
