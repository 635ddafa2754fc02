"""What whoever runs the server sees: metrics, log, request ids, spans, readiness."""

import io
import json
import logging
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_llm import FakeLLM, Reply
from fakes import BagOfWords
from fastapi.testclient import TestClient
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families

import qa
from qa.assembly import Assembly
from qa.errors import FootnotedError, LLMUnavailableError, SettingsError
from qa.server import warming
from qa.server.app import create_app
from qa.server.logs import JsonFormatter, TextFormatter
from qa.server.tracing import send_spans
from qa.settings import GroundingSettings, ServerSettings, Settings

CALL = "The call took 25 minutes. A “mutual acquaintance” arranged the call. It rained in Oslo."
QUESTION = "Who arranged the call?"
CLAIM = "A “mutual acquaintance” arranged the call."


@pytest.fixture
def llm() -> FakeLLM:
    """Its judge knows that nothing is said of zebras."""
    return FakeLLM(sure=lambda call: 0.03 if "zebras" in call.text else 0.97)


@pytest.fixture
def assembly(tmp_path: Path, llm: FakeLLM) -> Iterator[Assembly]:
    settings = Settings(
        speed="thorough",  # drafts are what is tested
        data_dir=tmp_path,
        grounding=GroundingSettings(min_confidence=0),
        server=ServerSettings(warm_up=False),
    )
    with Assembly(settings) as made:
        made.__dict__.update(embedder=BagOfWords(), llm=llm)
        yield made


@pytest.fixture
def client(assembly: Assembly) -> Iterator[TestClient]:
    with TestClient(create_app(assembly), raise_server_exceptions=False) as connected:
        document = {"doc_id": "call", "title": "The call", "text": CALL}
        assert connected.post("/v1/documents", json=document).status_code == 201
        yield connected


def ask(client: TestClient, **fields: Any) -> Any:
    return client.post("/v1/ask", json={"question": QUESTION} | fields)


# ── metrics ─────────────────────────────────────────────────────────────────────────────────


def value(client: TestClient, name: str, **labels: str) -> float | None:
    """What ``/metrics`` says of one sample; ``None`` if it says nothing."""
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return float(sample.value)
    return None


def test_answers_are_counted_with_their_stages_and_tokens(client: TestClient, llm: FakeLLM) -> None:
    llm.say([Reply(CLAIM, tokens=(310, 240, 31))])
    assert ask(client).json()["status"] == "answered"
    assert value(client, "footnoted_answers_total", status="answered") == 1
    assert value(client, "footnoted_answers_total", status="no_answer") is None
    for stage in ("retrieve", "first_evidence", "first_token", "first_claim", "total"):
        assert value(client, "footnoted_answer_stage_seconds_count", stage=stage) == 1
    total = value(client, "footnoted_answer_stage_seconds_sum", stage="total")
    assert total is not None and 0 < total < 60
    for kind, tokens in (("prompt", 310), ("cached", 240), ("completion", 31)):
        assert value(client, "footnoted_llm_tokens_total", kind=kind) == tokens


def test_abstentions_and_dropped_claims_are_counted(client: TestClient, llm: FakeLLM) -> None:
    llm.say(["Zebras eat 40 pancakes in Peru."] * 2)
    asked = {"question": "How many pancakes do zebras eat?"}
    assert ask(client, **asked).json()["claims"] == []
    assert value(client, "footnoted_answers_total", status="no_answer") == 1
    dropped = value(client, "footnoted_claims_total", verdict="unsupported")
    assert dropped is not None and dropped >= 1


def test_requests_are_counted_by_template_and_errors_by_code(client: TestClient) -> None:
    for path in ("/v1/documents/call", "/v1/documents/a/b", "/v1/documents/c", "/nowhere/1"):
        client.get(path)
    client.request("BREW", "/v1/documents")
    ask(client, collection="none")
    name = "footnoted_http_request_duration_seconds_count"
    route = "/v1/documents/{document_id:rest}"
    assert value(client, name, method="GET", route=route, status="200") == 1
    assert value(client, name, method="GET", route=route, status="404") == 2
    assert value(client, name, method="GET", route="other", status="404") == 1
    assert value(client, "footnoted_errors_total", code="document-not-found") == 2
    assert value(client, "footnoted_errors_total", code="collection-not-found") == 1
    assert value(client, "footnoted_errors_total", code="not-found") == 1
    assert 'method="BREW"' not in client.get("/metrics").text


def test_an_unforeseen_failure_is_counted_with_its_id_in_the_reply(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Assembly, "answerer", lambda *_, **__: 1 / 0)
    reply = client.post("/v1/ask", json={"question": "Who?"}, headers={"X-Request-ID": "a-1"})
    assert (reply.status_code, reply.headers["x-request-id"]) == (500, "a-1")
    assert value(client, "footnoted_errors_total", code="internal") == 1


def test_ingested_documents_are_counted_by_outcome(client: TestClient) -> None:
    client.post("/v1/documents", json={"doc_id": "call", "text": CALL, "title": "The call"})
    client.post("/v1/documents", json={"doc_id": "call", "text": "It rained. It snowed."})
    client.post("/v1/documents", files={"file": ("a.txt", b"")})
    for outcome in ("added", "unchanged", "replaced", "failed"):
        assert value(client, "footnoted_ingested_documents_total", outcome=outcome) == 1
    assert value(client, "footnoted_ingested_sentences_total") == 3 + 2


def test_generations_are_those_of_the_queue(client: TestClient) -> None:
    queue = client.app.state.service.queue  # type: ignore[attr-defined]
    places = []
    for running, waiting in ((0, 0), (2, 3)):
        places += [queue.enter() for _ in range(running + waiting)]
        assert value(client, "footnoted_generations", state="running") == running
        assert value(client, "footnoted_generations", state="waiting") == waiting
    for place in places:
        queue.leave(place)


def test_two_servers_count_apart(client: TestClient, tmp_path: Path) -> None:
    with Assembly(Settings(data_dir=tmp_path / "other")) as assembly:
        other = TestClient(create_app(assembly))
        assert value(other, "footnoted_info", version=qa.__version__) == 1
        assert value(other, "footnoted_ingested_documents_total", outcome="added") is None
    assert value(client, "footnoted_ingested_documents_total", outcome="added") == 1


def test_every_metric_is_documented(client: TestClient) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    for family in text_string_to_metric_families(client.get("/metrics").text):
        if not family.name.startswith("process_") and not family.name.endswith("_created"):
            suffix = "_total" if family.type == "counter" else ""
            assert f"| `{family.name}{suffix}`" in page


# ── log ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the server's packages log, as JSON."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("qa")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield written
    logger.removeHandler(handler)
    logger.setLevel(level)


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_one_line_a_request_without_what_was_asked(
    client: TestClient, llm: FakeLLM, log: io.StringIO
) -> None:
    llm.say([CLAIM])
    reply = ask(client)
    [line] = lines(log)
    assert line["request_id"] == reply.headers["x-request-id"]
    assert line.pop("time").endswith("+00:00")
    assert 0 < line.pop("duration_ms") < 60_000
    assert line.pop("message").startswith("POST /v1/ask 200 in ")
    assert line == {
        "level": "info",
        "logger": "qa.server.observer",
        "request_id": line["request_id"],
        "method": "POST",
        "route": "/v1/ask",
        "status": 200,
    }
    assert "call" not in log.getvalue()


def test_an_error_is_logged_with_its_code(client: TestClient, log: io.StringIO) -> None:
    ask(client, collection="none")
    [line] = lines(log)
    assert (line["status"], line["code"]) == (404, "collection-not-found")


def test_probes_that_succeed_are_not_logged(client: TestClient, log: io.StringIO) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert client.get(path).status_code == 200
    assert lines(log) == []


@pytest.mark.parametrize("given", ["abc-123", "4bf92f35-77b3/4=a.b_c", "x" * 128])
def test_a_sane_request_id_is_kept(client: TestClient, given: str) -> None:
    reply = client.get("/healthz", headers={"X-Request-ID": given})
    assert reply.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a b", "ä", "x" * 129, '{"a":1}', "a\tb"])
def test_another_request_id_is_replaced(client: TestClient, given: str) -> None:
    found = {
        client.get("/healthz", headers={"X-Request-ID": given.encode()}).headers["x-request-id"]
        for _ in range(2)
    }
    assert len(found) == 2
    assert all(len(identity) == 32 for identity in found)


def test_lines_of_worker_threads_carry_the_request_id(
    client: TestClient, llm: FakeLLM, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Assembly.answerer

    def answerer(*arguments: Any, **options: Any) -> Any:
        assert threading.current_thread() is not threading.main_thread()
        logging.getLogger("qa.test").warning("in a thread")
        return original(*arguments, **options)

    monkeypatch.setattr(Assembly, "answerer", answerer)
    ask(client, evidence_only=True)
    logging.getLogger("qa.test").warning("outside")
    inside, request, outside = lines(log)
    assert inside["message"] == "in a thread"
    assert inside["request_id"] == request["request_id"]
    assert "request_id" not in outside


def test_a_log_line_is_one_line_of_ascii() -> None:
    try:
        raise ValueError("Größe\nzwei \ud800")
    except ValueError:
        record = logging.LogRecord(
            "qa", logging.ERROR, "", 1, "a\nb %s", ("ü",), sys.exc_info(), None
        )
    written = JsonFormatter().format(record)
    assert written.isascii() and "\n" not in written
    line = json.loads(written)
    assert line["message"] == "a\nb ü"
    assert line["exception"].endswith("zwei \ud800")
    assert TextFormatter().format(record).splitlines()[0].endswith(" ERROR a")


# ── spans ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    # The global provider can be set only once in a process.
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    return exporter


def named(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans.get_finished_spans()}


def test_a_request_is_a_span_with_the_stages_below_it(
    client: TestClient, llm: FakeLLM, spans: InMemorySpanExporter
) -> None:
    llm.say([CLAIM])
    caller = "4bf92f3577b34da6a3ce929d0e0e4736"
    reply = client.post(
        "/v1/ask",
        json={"question": QUESTION},
        headers={"traceparent": f"00-{caller}-00f067aa0ba902b7-01"},
    )
    found = named(spans)
    assert {"POST /v1/ask", "retrieve", "draft", "check"} <= set(found)
    request = found.pop("POST /v1/ask")
    assert request.context is not None and request.attributes is not None
    assert f"{request.context.trace_id:032x}" == caller
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["footnoted.request_id"] == reply.headers["x-request-id"]
    for span in found.values():
        assert span.parent is not None
        assert span.parent.span_id == request.context.span_id
    assert QUESTION not in "".join(span.to_json() for span in spans.get_finished_spans())


def test_a_span_tells_an_error_by_its_class_alone(
    client: TestClient, llm: FakeLLM, spans: InMemorySpanExporter
) -> None:
    llm.connect_error = LLMUnavailableError(f"no {QUESTION}")
    ask(client)
    drafted = named(spans)["draft"]
    assert drafted.status.description == "LLMUnavailableError"
    assert QUESTION not in drafted.to_json()


def test_spans_are_sent_by_grpc_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    send_spans()()  # nowhere to send them to
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(SettingsError, match="'http/protobuf'"):
        send_spans()


def test_a_collector_that_is_not_there_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    providers: list[TracerProvider] = []
    monkeypatch.setattr(trace, "set_tracer_provider", providers.append)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    end = send_spans()
    providers[0].get_tracer("test").start_span("one").end()
    began = time.monotonic()
    end()
    assert time.monotonic() - began < 7


# ── readiness ───────────────────────────────────────────────────────────────────────────────


def ready_within(client: TestClient, seconds: float) -> Any:
    patience = time.monotonic() + seconds
    while (reply := client.get("/readyz")).status_code != 200 and time.monotonic() < patience:
        time.sleep(0.01)
    return reply


class SlowLLM(FakeLLM):
    """Connects when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.connecting = threading.Event()
        self.let = threading.Event()

    def connect(self) -> Any:
        self.connecting.set()
        assert self.let.wait(30)
        return super().connect()


def warm(tmp_path: Path, llm: FakeLLM) -> Assembly:
    assembly = Assembly(Settings(data_dir=tmp_path))
    assembly.__dict__.update(embedder=BagOfWords(), llm=llm, cross_encoder=object())
    return assembly


def test_it_is_ready_once_every_model_is_loaded(tmp_path: Path) -> None:
    llm = SlowLLM()
    with warm(tmp_path, llm) as assembly, TestClient(create_app(assembly)) as client:
        assert llm.connecting.wait(30)
        reply = client.get("/readyz")
        assert reply.status_code == 503
        assert reply.json()["detail"] == "llm: it is not loaded yet"
        llm.let.set()
        assert ready_within(client, 30).status_code == 200


def test_what_cannot_be_loaded_is_told_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(warming, "_PAUSE_SECONDS", 0.01)
    llm = FakeLLM()
    llm.connect_error = FootnotedError("no weights")
    with warm(tmp_path, llm) as assembly, TestClient(create_app(assembly)) as client:
        patience = time.monotonic() + 30
        while "no weights" not in caplog.text and time.monotonic() < patience:
            time.sleep(0.01)
        time.sleep(0.1)
        check = client.get("/readyz").json()["checks"]["llm"]
        assert check == {"ok": False, "detail": "no weights"}
        llm.connect_error = None
        assert ready_within(client, 30).status_code == 200
    assert caplog.text.count("no weights") == 1


def test_without_a_warm_up_it_is_ready_and_loads_with_the_first_question(
    client: TestClient,
) -> None:
    checks = client.get("/readyz").json()["checks"]
    assert checks["cross_encoder"] == {"ok": True, "detail": "loaded by the first question"}
    ask(client, evidence_only=True)
    assert client.get("/readyz").json()["checks"]["cross_encoder"]["detail"] == "loaded"
