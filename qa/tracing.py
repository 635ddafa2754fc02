"""Spans, where OpenTelemetry is at work in this process; elsewhere nothing is imported."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

TRACER = "footnoted"


def opentelemetry_trace() -> ModuleType | None:
    """The module ``opentelemetry.trace``; who has not imported it cannot have set it up."""
    return sys.modules.get("opentelemetry.trace")


@contextmanager
def span(name: str) -> Iterator[None]:
    """Time what is done inside, as a child of the span that is current.

    It does not become the current one itself, so that it can be open across a generator's
    ``yield``, behind which the generator may go on in another context. An error is told by its
    class alone: its message may quote a question.
    """
    trace = opentelemetry_trace()
    if trace is None:
        yield
        return
    opened = trace.get_tracer(TRACER).start_span(name)
    try:
        yield
    except Exception as error:
        opened.set_status(trace.StatusCode.ERROR, type(error).__name__)
        raise
    finally:
        opened.end()
