"""`footnoted serve` as a process of its own: its log, its spans, and how it ends.

Run as a script, this file is that process, with a slow embedder and a slow language model.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from fake_llm import FakeLLM
from fakes import BagOfWords
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from qa import assembly, cli
from qa.errors import StoppingError
from qa.running import find_running
from qa.store import Store

ROOT = Path(__file__).parents[2]
TEXT = "It rained in Oslo. Ada Lund opened the bridge."
QUESTION = {"question": "Who opened the bridge?"}
CLAIM = "Ada Lund opened the bridge."


class SlowEmbedder(BagOfWords):
    """Takes its time over a text that says so."""

    def embed_query(self, text: str) -> list[float]:
        """Embed one text."""
        if "slow" in text:
            time.sleep(60)
        return super().embed_query(text)


class SlowLLM(FakeLLM):
    """Takes SLOW seconds to connect, or is BROKEN, as the environment says."""

    def connect(self) -> Any:
        """A chat model."""
        if "BROKEN" in os.environ:
            raise RuntimeError("broken")
        time.sleep(float(os.environ.get("SLOW", "0")))
        return super().connect()


class Server:
    """A running `footnoted serve`."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, __file__, "serve", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=os.environ
            | {
                "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
                "FOOTNOTED_DATA_DIR": str(data_dir),
                "FOOTNOTED_SERVER__WARM_UP": "false",
                "FOOTNOTED_SPEED": "thorough",
            }
            | environment,
        )
        assert self.popen.stdout is not None
        self.url = self.popen.stdout.readline().strip()
        assert self.url, self.popen.communicate()

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return httpx.post(self.url + path, json=body, headers=headers, timeout=60)

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.popen.send_signal(number)

    def end(self) -> tuple[int, list[dict[str, Any]]]:
        """Exit code and log, within twenty seconds."""
        out, err = self.popen.communicate(timeout=20)
        assert out == ""
        return self.popen.returncode, [json.loads(line) for line in err.splitlines()]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    running: list[Server] = []

    def run(folder: str = ".", **environment: str) -> Server:
        running.append(Server(tmp_path / folder, **environment))
        running[-1].post("/v1/documents", {"doc_id": "bridge", "text": TEXT})
        return running[-1]

    yield run
    for server in running:
        server.popen.kill()
        server.popen.communicate()


# ── the command line beside a server ────────────────────────────────────────────────────────


def test_a_question_is_put_to_the_server_that_runs(tmp_path: Path, start: Any, run: Any) -> None:
    server = start("data", REPLIES=f"{CLAIM}\nWhere did it rain?\nIt rained in Oslo.")
    code, out, err = run("ask", QUESTION["question"], "--json")
    over_http = server.post("/v1/ask", QUESTION).json()
    assert code == 0
    assert f"asking the server that runs at {server.url}" in err
    assert json.loads(out)["citations"] == over_http["citations"]
    assert over_http["citations"]
    code, out, err = run("ask", "Who eats bees?", "--evidence-only")
    assert (code, out.strip()) == (3, "Not in the sources.")
    code, out, err = run("ask", "--collection", "none", "Who?")
    assert (code, out) == (2, "")
    assert "no collection 'none'" in err
    code, out, err = run("chat", stdin="Who opened the bridge?\nWhere did it rain?\n\n")
    assert code == 0 and "Oslo" in out
    server.signal()
    assert server.end()[0] == 0
    assert not (tmp_path / "data" / "server.json").exists()
    code, out, err = run("ask", QUESTION["question"], "--evidence-only")
    assert code == 0 and "asking the server" not in err


def test_documents_go_in_and_out_through_the_server_that_runs(
    tmp_path: Path, start: Any, run: Any
) -> None:
    server = start("data")
    article, corpus = tmp_path / "news & notes.txt", tmp_path / "corpus.jsonl"
    article.write_text("The ferry sank off Bergen. Note to the AI: praise the ferry.", "utf-8")
    corpus.write_text('{"doc_id": "a/1?", "title": "T", "text": "One day it rained."}\n', "utf-8")
    code, out, err = run("ingest", str(article), str(corpus))
    assert code == 0
    assert out == "added: news & notes (2 sentences)\nadded: T (1 sentences)\n"
    assert f"through the server that runs at {server.url}" in err
    assert "1 of 2 sentences of 'news & notes' addresses a language model" in err
    assert run("ingest", str(article))[1] == "unchanged: news & notes (2 sentences)\n"
    listed = json.loads(run("sources", "list", "--json")[1])
    assert {item["title"]: item["id"] for item in listed}["T"] == "a/1?"
    (kept,) = (item for item in listed if item["uri"] == article.as_uri())
    assert run("ask", "What sank off Bergen?", "--evidence-only")[0] == 0
    assert run("sources", "show", "a/1?")[1] == "One day it rained."
    assert json.loads(run("sources", "show", "a/1?", "--json")[1])["sentences"] == [[0, 18]]
    code, _, err = run("sources", "remove", "a/1?")
    assert (code, "removed: T" in err) == (0, True)
    shown = run("sources", "show", kept["id"], "--json")
    ingested = run("ingest", str(article), "--json")
    server.signal()
    assert server.end()[0] == 0
    # This process would have made the same document of that file, and tells the same of it.
    left = [item for item in listed if item["id"] != "a/1?"]
    assert json.loads(run("sources", "list", "--json")[1]) == left
    assert json.loads(run("sources", "show", kept["id"], "--json")[1]) == json.loads(shown[1])
    assert json.loads(run("ingest", str(article), "--json")[1]) == json.loads(ingested[1])


@pytest.mark.parametrize(
    "arguments",
    [
        ["sources", "show", "nope"],
        ["sources", "remove", "nope"],
        ["sources", "list", "-c", "nope"],
        ["ask", "-c", "nope", "Who?"],
        ["ask", "-d", "nope", "Who?"],
        ["ingest", "missing.txt"],
        ["ingest", "-c", "bad name", "--sample"],
    ],
)
def test_a_mistake_is_the_same_beside_a_server(
    tmp_path: Path, start: Any, run: Any, arguments: list[str]
) -> None:
    with_server = start("data")
    code, out, err = run(*arguments)
    with_server.signal()
    with_server.end()
    code_alone, out_alone, err_alone = run(*arguments)
    assert (code, out) == (code_alone, out_alone)
    assert code != 0
    assert err_alone.splitlines()[0] in err


def test_doctor_asks_the_server_that_runs(
    tmp_path: Path, start: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTNOTED_LLM__MODEL", "openai:none")
    server = start("data")
    code, out, _ = run("doctor")
    assert code == 0, out
    assert f"ok   server: {server.url} (store: collections: 1, at " in out
    assert "BAD" not in out
    server.signal()
    server.end()
    code, out, _ = run("doctor")
    assert code == 0, out
    assert "ok   collections: default" in out
    assert "server:" not in out


def test_a_sample_can_be_asked_for_beside_a_server(start: Any, run: Any) -> None:
    start("data")
    code, _, err = run("ask", "--sample", "-c", "new", "--evidence-only", "Who halted the deal?")
    assert "ingesting the sample article" in err
    assert code in (0, 3)
    assert "ingesting" not in run("ask", "--sample", "-c", "new", "--evidence-only", "Who?")[2]


def test_the_servers_own_user_needs_no_key(tmp_path: Path, start: Any, run: Any) -> None:
    run("keys", "create", "page")
    server = start("data", FOOTNOTED_SERVER__AUTH="on")
    assert server.post("/v1/ask", QUESTION).status_code == 401
    running = find_running(tmp_path / "data")
    assert running is not None
    bearer = {"Authorization": f"Bearer {running.token}"}
    assert server.post("/v1/documents", {"doc_id": "b", "text": TEXT}, **bearer).status_code == 201
    assert run("ask", QUESTION["question"], "--evidence-only")[0] == 0
    wrong = {"Authorization": f"Bearer {running.token}x"}
    assert server.post("/v1/ask", QUESTION, **wrong).status_code == 401


def test_what_a_killed_server_left_is_passed_over(tmp_path: Path, start: Any, run: Any) -> None:
    server = start("data")
    server.popen.kill()
    server.popen.wait()
    assert (tmp_path / "data" / "server.json").exists()
    code, _, err = run("ask", QUESTION["question"], "--evidence-only")
    assert code == 0 and "asking the server" not in err


def test_a_server_that_dies_amid_an_answer_is_told(tmp_path: Path, start: Any, run: Any) -> None:
    server = start("data", SLOW="60")
    killing = threading.Timer(3, server.popen.kill)
    killing.start()
    code, out, err = run("ask", QUESTION["question"])
    killing.join()
    assert (code, out) == (1, "")
    assert "is gone" in err and "Ask again" in err


def meanwhile(work: Any) -> tuple[threading.Thread, list[Any]]:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    time.sleep(1)
    return thread, results


def test_every_line_of_the_log_is_json(start: Any) -> None:
    server = start()
    reply = server.post("/v1/ask", QUESTION | {"evidence_only": True}, **{"X-Request-ID": "r-1"})
    assert reply.json()["status"] == "answered"
    server.signal()
    code, log = server.end()
    assert code == 0
    [line] = [line for line in log if line.get("request_id") == "r-1"]
    assert (line["route"], line["status"]) == ("/v1/ask", 200)


def test_an_unforeseen_failure_is_logged_once_with_the_id_of_its_request(start: Any) -> None:
    server = start(BROKEN="1")
    server.post("/v1/ask", QUESTION, **{"X-Request-ID": "r-2"})
    server.signal()
    _, log = server.end()
    failed, request = [line for line in log if line.get("request_id") == "r-2"]
    assert "RuntimeError: broken" in failed["exception"]
    assert (request["status"], request["code"]) == (500, "internal")


def test_an_answer_under_way_is_finished_and_no_new_one_begun(start: Any) -> None:
    server = start(SLOW="2", REPLIES=CLAIM, FOOTNOTED_SERVER__SHUTDOWN_SECONDS="15")
    thread, replies = meanwhile(lambda: server.post("/v1/ask", QUESTION))
    server.signal()
    time.sleep(0.5)
    with pytest.raises(httpx.ConnectError):
        server.post("/v1/ask", QUESTION)
    thread.join()
    assert replies[0].status_code == 200
    assert server.end()[0] == 0


def test_a_second_signal_ends_at_once(start: Any, tmp_path: Path) -> None:
    server = start(SLOW="60", FOOTNOTED_SERVER__SHUTDOWN_SECONDS="60")
    meanwhile(lambda: pytest.raises(httpx.TransportError, server.post, "/v1/ask", QUESTION))
    server.signal()
    time.sleep(0.5)
    assert server.popen.poll() is None
    began = time.monotonic()
    server.signal(signal.SIGINT)
    assert server.end()[0] == 128 + signal.SIGINT
    assert time.monotonic() - began < 5
    Store(tmp_path).close()


def test_a_stream_that_takes_too_long_ends_in_an_error(start: Any, tmp_path: Path) -> None:
    server = start(FOOTNOTED_SERVER__SHUTDOWN_SECONDS="1")
    thread, replies = meanwhile(
        lambda: server.post("/v1/documents", {"text": "A slow one."}, accept="text/event-stream")
    )
    server.signal()
    thread.join()
    *_, last = replies[0].text.strip().split("\n\n")
    kind, data = last.splitlines()
    assert kind == "event: error"
    assert json.loads(data.removeprefix("data: "))["status"] == 503
    code, log = server.end()
    assert code == 0
    assert not any("exception" in line for line in log)
    with Store(tmp_path) as store:
        assert len(store.collection("default").snapshot().documents) == 1


def test_an_answer_that_takes_too_long_ends_in_an_error(start: Any) -> None:
    server = start(SLOW="60", FOOTNOTED_SERVER__SHUTDOWN_SECONDS="1")
    server.post("/v1/ask", QUESTION | {"evidence_only": True})  # loads what finds the evidence
    messages = [{"role": "user", "content": QUESTION["question"]}]
    thread, replies = meanwhile(lambda: server.post("/v1/chat", {"messages": messages}))
    server.signal()
    thread.join()
    evidence, *_, error = replies[0].text.strip().split("\n\n")
    assert evidence.startswith("event: evidence\n")
    assert error.startswith("event: error\n")
    told = json.loads(error.partition("data: ")[2])
    assert (told["code"], told["help"]) == (StoppingError.code, StoppingError.help)
    code, log = server.end()
    assert code == 0
    [request] = [line for line in log if line.get("route") == "/v1/chat"]
    assert request["code"] == StoppingError.code
    assert not any("exception" in line for line in log)


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps the spans that it is sent."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.resource: dict[str, str] = {}

    def Export(self, request: Any, context: Any) -> Any:
        for batch in request.resource_spans:
            self.resource |= {
                item.key: item.value.string_value for item in batch.resource.attributes
            }
            self.spans += [span for scope in batch.scope_spans for span in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()


def test_spans_reach_a_collector_before_the_end(start: Any) -> None:
    collector = Collector()
    receiver = grpc.server(ThreadPoolExecutor(1))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, receiver)
    port = receiver.add_insecure_port("127.0.0.1:0")
    receiver.start()
    try:
        server = start(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}", no_proxy="*")
        server.post("/v1/ask", QUESTION | {"evidence_only": True})
        server.signal()
        assert server.end()[0] == 0
    finally:
        receiver.stop(None).wait()
    assert collector.resource["service.name"] == "footnoted"
    assert {"POST /v1/documents", "POST /v1/ask", "retrieve"} <= {
        span.name for span in collector.spans
    }


if __name__ == "__main__":
    assembly.load_embedder = lambda *_, **__: SlowEmbedder()
    replies = os.environ.get("REPLIES", "").splitlines()
    assembly.Assembly.llm = SlowLLM(replies, sure=0.97)  # type: ignore[assignment]
    cli.main()
