"""What the server counts.

Every label has few values: routes are templates, and what a client makes up becomes ``other``.
"""

from collections.abc import Callable, Generator, Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
)

import qa
from ingest.pipeline import Ingested
from qa.schema import Answer, AnswerEvent, ClaimEvent, Event

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80)
"""Evidence is to come within 0.15 s; an answer by the embedded model takes seconds."""


class Metrics:
    """The counters of one server, in a registry of their own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Info("footnoted", "What runs.", registry=registry).info({"version": qa.__version__})
        self._requests = Histogram(
            "footnoted_http_request_duration_seconds",
            "Requests, until the last byte of the reply.",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=registry,
        )
        self._errors = Counter(
            "footnoted_errors",
            "Requests that ended in an error, by its code.",
            ("code",),
            registry=registry,
        )
        self._stages = Histogram(
            "footnoted_answer_stage_seconds",
            "From the question's arrival to the end of a stage.",
            ("stage",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._answers = Counter(
            "footnoted_answers",
            "Answers; the status no_answer is an abstention.",
            ("status",),
            registry=registry,
        )
        self._claims = Counter(
            "footnoted_claims",
            "Checked claims; those of the verdict unsupported are dropped or marked.",
            ("verdict",),
            registry=registry,
        )
        self._tokens = Counter(
            "footnoted_llm_tokens",
            "Tokens of the drafts; cached ones are among the prompt's and were read before.",
            ("kind",),
            registry=registry,
        )
        self._cached = Counter(
            "footnoted_answer_cache_hits",
            "Answers that were kept, or given to somebody else at that moment.",
            registry=registry,
        )
        self._generations = Gauge(
            "footnoted_generations",
            "Answers that a language model is at work on, and questions that wait for one.",
            ("state",),
            registry=registry,
        )
        self._documents = Counter(
            "footnoted_ingested_documents",
            "Documents sent, by what became of them.",
            ("outcome",),
            registry=registry,
        )
        self._sentences = Counter(
            "footnoted_ingested_sentences", "Sentences of documents written.", registry=registry
        )

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method, route, status).observe(seconds)

    def error(self, code: str) -> None:
        """Count an error."""
        self._errors.labels(code).inc()

    def counted(self, events: Iterator[Event]) -> Generator[Event]:
        """Pass the events of an answer on; closing this closes them."""
        try:
            for event in events:
                if isinstance(event, ClaimEvent):
                    self._claims.labels(event.claim.verdict).inc()
                elif isinstance(event, AnswerEvent):
                    self._answer(event.answer)
                yield event
        finally:
            if isinstance(events, Generator):
                events.close()

    def cache_hit(self) -> None:
        """Count an answer that nobody had to find."""
        self._cached.inc()

    def ingested(self, ingested: Ingested) -> None:
        """Count a document that is in the collection now."""
        self._documents.labels(ingested.outcome).inc()
        if ingested.outcome != "unchanged":
            self._sentences.inc(ingested.document.sentences)

    def not_ingested(self) -> None:
        """Count a document that could not be read."""
        self._documents.labels("failed").inc()

    def watch_generations(self, *, running: Callable[[], int], waiting: Callable[[], int]) -> None:
        """Ask these, at each reading, how many generations there are."""
        self._generations.labels("running").set_function(running)
        self._generations.labels("waiting").set_function(waiting)

    def _answer(self, answer: Answer) -> None:
        self._answers.labels(answer.status).inc()
        for stage, milliseconds in answer.timings_ms:
            if milliseconds is not None:
                self._stages.labels(stage).observe(milliseconds / 1000)
        for kind, tokens in answer.usage:
            self._tokens.labels(kind.removesuffix("_tokens")).inc(tokens)
