"""Collections, pages, progress, and asking while documents are replaced."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_llm import FakeLLM
from fakes import BagOfWords
from fastapi.testclient import TestClient
from serving import serving

from ingest import pipeline
from ingest.pipeline import Ingestor
from qa.assembly import Assembly
from qa.client import RemoteLibrary
from qa.errors import NotInCollectionError
from qa.retrieval.corpus import lexical_folder
from qa.running import Running
from qa.schema import Document
from qa.server import events as server_events
from qa.server import ingesting
from qa.server.app import create_app
from qa.settings import GroundingSettings, ServerSettings, Settings

STREAM = {"accept": "text/event-stream"}


@pytest.fixture
def assembly(tmp_path: Path) -> Iterator[Assembly]:
    settings = Settings(
        data_dir=tmp_path,
        grounding=GroundingSettings(min_confidence=0),
        server=ServerSettings(warm_up=False),
    )
    with Assembly(settings) as made:
        made.__dict__.update(embedder=BagOfWords(), llm=FakeLLM(sure=0.97))
        yield made


@pytest.fixture
def client(assembly: Assembly) -> Iterator[TestClient]:
    with TestClient(create_app(assembly), raise_server_exceptions=False) as connected:
        yield connected


def ask(client: TestClient, question: str, **fields: Any) -> Any:
    asked = {"question": question, "evidence_only": True} | fields
    return client.post("/v1/ask", json=asked)


# ── collections ─────────────────────────────────────────────────────────────────────────────


def test_a_collection_is_made_once(client: TestClient) -> None:
    made = client.post("/v1/collections", json={"name": "news"})
    assert made.status_code == 201
    head = made.json()
    assert (head["name"], head["documents"], head["sentences"]) == ("news", 0, 0)
    assert client.get("/v1/collections").json() == {"collections": [head]}
    client.post("/v1/documents", json={"text": "It rained.", "collection": "news"})
    again = client.post("/v1/collections", json={"name": "news"})
    assert (again.status_code, again.json()["documents"]) == (200, 1)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "a b"}, 400, "usage"),
        ({"name": "../etc"}, 400, "usage"),
        ({"name": ""}, 400, "usage"),
        ({}, 422, "invalid-request"),
        ({"name": "a", "embedder": "b"}, 422, "invalid-request"),
    ],
)
def test_a_collection_that_cannot_be_made(
    client: TestClient, body: Any, status: int, code: str
) -> None:
    reply = client.post("/v1/collections", json=body)
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert client.get("/v1/collections").json() == {"collections": []}


@pytest.mark.parametrize(
    "body",
    [
        {"json": {"text": "It rained."}},
        {"json": {"text": "It rained.", "collection": "other"}},
        {"files": {"file": ("rain.txt", b"It rained.")}},
    ],
)
def test_documents_go_where_the_address_says(client: TestClient, body: dict[str, Any]) -> None:
    reply = client.post("/v1/documents?collection=news", **body)
    assert (reply.status_code, reply.json()["collection"]) == (201, "news")
    assert [head["name"] for head in client.get("/v1/collections").json()["collections"]] == [
        "news"
    ]


def test_a_deleted_collection_leaves_nothing_behind(client: TestClient, tmp_path: Path) -> None:
    for name in ("news", "other"):
        client.post("/v1/documents", json={"text": "It rained in Oslo.", "collection": name})
        assert ask(client, "Where did it rain?", collection=name).status_code == 200
    folders = {name: lexical_folder(tmp_path / "lexical", name) for name in ("news", "other")}
    assert set((tmp_path / "lexical").iterdir()) == set(folders.values())
    reply = client.delete("/v1/collections/news")
    assert (reply.status_code, reply.content) == (204, b"")
    assert [item["name"] for item in client.get("/v1/collections").json()["collections"]] == [
        "other"
    ]
    assert list((tmp_path / "lexical").iterdir()) == [folders["other"]]
    gone = ask(client, "Where did it rain?", collection="news")
    assert (gone.status_code, gone.json()["code"]) == (404, "collection-not-found")
    assert client.delete("/v1/collections/news").status_code == 404


def test_a_collection_made_again_is_another(client: TestClient) -> None:
    for city in ("Oslo", "Rome"):
        client.post("/v1/documents", json={"text": f"It rained in {city}."})
        answer = ask(client, "Where did it rain?").json()
        assert [item["text"] for item in answer["citations"]] == [f"It rained in {city}."]
        client.delete("/v1/collections/default")


# ── pages ───────────────────────────────────────────────────────────────────────────────────


def test_pages_of_documents_fit_together(client: TestClient) -> None:
    texts = [{"doc_id": f"d{at}", "text": f"Text {at}."} for at in range(5)]
    client.post("/v1/documents", json={"documents": texts})
    everything = client.get("/v1/documents").json()
    pages = [client.get(f"/v1/documents?limit=2&offset={at}").json() for at in (0, 2, 4, 6)]
    assert [len(page["documents"]) for page in pages] == [2, 2, 1, 0]
    assert sum((page["documents"] for page in pages), []) == everything["documents"]
    assert {(page["total"], page["version"]) for page in pages} == {(5, everything["version"])}


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "offset=-1"])
def test_a_page_that_is_none(client: TestClient, query: str) -> None:
    reply = client.get(f"/v1/documents?{query}")
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid-request")
    assert query.partition("=")[0] in reply.json()["detail"]


@pytest.mark.parametrize("document_id", ["./notes/a.md", "a/../b", "x/y z?#", "..", "/b", "b%2F"])
def test_an_id_leads_to_its_document_alone(assembly: Assembly, document_id: str) -> None:
    with serving(create_app(assembly)) as url:
        library = RemoteLibrary(Running(url, "a-token"), "default")
        assert not library.exists()
        with library.ingesting() as ingest:
            for doc_id in (document_id, "a", "b"):
                ingest(Document.make(f"It is {doc_id}.", title=doc_id, doc_id=doc_id))
        assert library.exists()
        assert library.document(document_id)["text"] == f"It is {document_id}."
        assert library.remove(document_id) == document_id
        assert [item["id"] for item in library.documents()] == ["a", "b"]


@pytest.mark.parametrize("document_id", ["a\n", "a\nb", "\n", "a\r", "a\x85"])
def test_an_id_with_a_line_end_is_no_other(assembly: Assembly, document_id: str) -> None:
    """None comes in any more; a collection may hold some from before, which can be removed."""
    collection = assembly.open_for_writing("default")
    ingestor = Ingestor(collection, BagOfWords(), chunk_tokens=48)
    ingestor.ingest(Document.make("It is a.", title="a", doc_id="a"))
    with serving(create_app(assembly)) as url:
        library = RemoteLibrary(Running(url, "a-token"), "default")
        with pytest.raises(NotInCollectionError, match="no document"):
            library.remove(document_id)
        ingestor.ingest(Document.make("It is old.", title="old", doc_id=document_id))
        assert library.document(document_id)["text"] == "It is old."
        assert library.remove(document_id) == "old"
        assert [item["id"] for item in library.documents()] == ["a"]


# ── progress ────────────────────────────────────────────────────────────────────────────────


def events(reply: Any) -> list[tuple[str, Any]]:
    """The events of a stream, comments passed over."""
    assert reply.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in reply.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line[0] != ":")
        if fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


def test_progress_and_then_the_reply(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "_STEP", 4)
    text = " ".join(f"Sentence number {at} has a few words of its own." for at in range(60))
    texts = [{"doc_id": "long", "text": text}, {"doc_id": "short", "text": "It rained."}]
    *progress, result = events(
        client.post("/v1/documents", json={"documents": texts}, headers=STREAM)
    )
    assert {kind for kind, _ in progress} == {"progress"}
    long = [told for _, told in progress if told["document"] == "long"]
    assert {told["sentences"] for told in long} == {60}
    done = [told["sentences_done"] for told in long]
    assert done == sorted(set(done)) and len(done) > 3
    assert (done[0], done[-1]) == (0, 60)
    assert progress[-1][1] == {"document": "short", "sentences_done": 1, "sentences": 1}
    kind, reply = result
    assert kind == "result"
    assert [item["outcome"] for item in reply["documents"]] == ["added", "added"]
    plain = client.post("/v1/documents", json={"documents": texts}).json()
    assert [item["id"] for item in plain["documents"]] == [
        item["id"] for item in reply["documents"]
    ]


def test_the_last_event_of_a_failure_is_its_problem(client: TestClient) -> None:
    reply = client.post("/v1/documents", files={"file": ("a.txt", b"")}, headers=STREAM)
    [(kind, problem)] = events(reply)
    assert (kind, problem["code"], problem["status"]) == ("error", "unreadable", 422)
    text = client.get("/metrics").text
    assert 'footnoted_errors_total{code="unreadable"} 1.0' in text


def test_an_unforeseen_failure_is_an_event_too(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(ingesting, "_store", fail)
    reply = client.post("/v1/documents", json={"text": "It rained."}, headers=STREAM)
    [(kind, problem)] = events(reply)
    assert (kind, problem["code"]) == ("error", "internal")
    assert "secret" not in reply.text
    assert "secret" in caplog.text


@pytest.mark.parametrize(
    ("sent", "status"),
    [({"json": {}}, 422), ({"content": b"x"}, 415)],
)
def test_what_is_malformed_is_refused_before_the_stream(
    client: TestClient, sent: Any, status: int
) -> None:
    reply = client.post("/v1/documents", headers=STREAM, **sent)
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"


def test_a_long_silence_is_broken(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()
    monkeypatch.setattr(server_events, "_SILENCE_SECONDS", 0.01)
    monkeypatch.setattr(ingesting, "read_submission", lambda _: held.wait(1) and [] or [])
    reply = client.post("/v1/documents", json={"text": "It rained."}, headers=STREAM)
    assert reply.text.startswith(": ping\n\n")
    assert reply.headers["x-accel-buffering"] == "no"


# ── at the same time ────────────────────────────────────────────────────────────────────────


def test_nobody_sees_half_a_document(client: TestClient) -> None:
    cities = ("Oslo", "Rome", "Bern")
    versions = {
        city: " ".join(f"On day {day} of the year it rained in {city}." for day in range(1, 25))
        for city in cities
    }
    client.post("/v1/documents", json={"doc_id": "rain", "text": versions["Oslo"]})
    ended = threading.Event()
    failures: list[str] = []

    def replace() -> None:
        try:
            for turn in range(1, 13):
                sent = {"doc_id": "rain", "text": versions[cities[turn % 3]]}
                if client.post("/v1/documents", json=sent).status_code != 201:
                    failures.append("not replaced")
        finally:
            ended.set()

    def read() -> None:
        while not ended.is_set():
            stored = client.get("/v1/documents/rain").json()
            if stored["text"] not in versions.values() or len(stored["sentences"]) != 24:
                failures.append(str(stored))

    def question() -> None:
        while not ended.is_set():
            reply = ask(client, "Where did it rain on day 7 of the year?")
            answer = reply.json()
            cited = [item["text"] for item in answer.get("citations", [])]
            named = {city for city in cities for text in cited if city in text}
            if reply.status_code != 200 or len(named) != 1:
                failures.append(str(answer))

    threads = [threading.Thread(target=work) for work in (replace, read, question, question)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_collection_deleted_while_it_is_asked_is_unknown(
    client: TestClient, assembly: Assembly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post("/v1/documents", json={"text": "It rained in Oslo.", "collection": "news"})
    assert ask(client, "Where did it rain?", collection="news").status_code == 200
    embed = BagOfWords.embed_query

    def slowly(embedder: BagOfWords, question: str) -> list[float]:
        if "news" in assembly.store.names():
            assembly.delete_collection("news")
        return embed(embedder, question)

    monkeypatch.setattr(BagOfWords, "embed_query", slowly)
    conversation = {"messages": [{"role": "user", "content": "Where does it rain?"}]}
    for path, asked in (
        ("/v1/ask", {"question": "Where has it rained?", "evidence_only": True}),
        ("/v1/chat", conversation | {"evidence_only": True}),
    ):
        reply = client.post(path, json=asked | {"collection": "news"})
        assert (reply.status_code, reply.json()["code"]) == (404, "collection-not-found")
        assert reply.json()["retryable"] is False
        assert str(tmp_path) not in reply.text and "Collection [" not in reply.text


@pytest.mark.parametrize(
    "sent",
    [
        {"text": "It rained.", "doc_id": "x" * 513},
        {"text": "It rained.", "uri": "x" * 4097},
        {"url": f"https://example.org/{'x' * 4097}"},
    ],
)
def test_names_and_addresses_have_an_end(client: TestClient, sent: dict[str, str]) -> None:
    reply = client.post("/v1/documents", json=sent)
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid-request")
    assert "characters" in reply.text
