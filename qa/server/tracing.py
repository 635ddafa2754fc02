"""OpenTelemetry over HTTP: where the spans go, and the span of a request."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import qa
from qa.errors import SettingsError
from qa.tracing import TRACER, opentelemetry_trace

if TYPE_CHECKING:
    from opentelemetry.trace import Span

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")

_LAST_SECONDS = 2
"""For what is left at the end; a collector that does not answer would take ten."""


def send_spans() -> Callable[[], None]:
    """Send this process's spans to where OpenTelemetry's own variables say, if they say so.

    Returns:
        Sends what is left and ends it.

    Raises:
        SettingsError: a variable asks for another protocol than gRPC.
    """
    if not any(os.environ.get(name) for name in _ENDPOINTS):
        return lambda: None
    for name in _PROTOCOLS:
        if os.environ.get(name, "grpc") != "grpc":
            raise SettingsError(
                f"{name}={os.environ[name]!r}: spans are sent by gRPC alone",
                help=f"Unset {name} and name the collector's gRPC port, which is mostly 4317.",
            )
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = os.environ.get("OTEL_SERVICE_NAME", "footnoted")
    resource = Resource.create({"service.name": name, "service.version": qa.__version__})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)

    def end() -> None:
        # In a thread: the time that the provider itself can be given for it, it does not keep to.
        flushing = threading.Thread(target=provider.force_flush, daemon=True)
        flushing.start()
        flushing.join(_LAST_SECONDS)
        exporter.shutdown()

    return end


@contextmanager
def request_span(headers: Mapping[str, str]) -> "Iterator[Span | None]":
    """The span of a request, current inside; a child of the caller's, if ``headers`` name one."""
    trace = opentelemetry_trace()
    if trace is None:
        yield None
        return
    from opentelemetry.propagate import extract

    with trace.get_tracer(TRACER).start_as_current_span(
        "request",
        context=extract(headers),
        kind=trace.SpanKind.SERVER,
        record_exception=False,
    ) as opened:
        yield opened
