"""What the server refuses: keys, rights, limits, paths, and what it never tells.

``test_security_browser.py`` has what browsers are kept from, ``test_fetch.py`` the addresses.
"""

import json
import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fake_llm import FakeLLM
from fakes import BagOfWords
from fastapi.testclient import TestClient

from qa.assembly import Assembly
from qa.doctor import examine
from qa.errors import KeyFileError, UsageError
from qa.keys import ALL, KeyFile
from qa.server import app as server_app
from qa.server.app import create_app, serve
from qa.server.rates import Rates
from qa.settings import LLMSettings, ServerSettings, Settings, StoreSettings

ELSEWHERE = "0.0.0.0"
NOTES = {"collection": "notes"}


def assemble(data_dir: Path, *, llm: Any = None, **server: Any) -> Assembly:
    settings = Settings(data_dir=data_dir, speed="thorough", server=ServerSettings(**server))
    assembly = Assembly(settings)
    assembly.__dict__.update(embedder=BagOfWords(), llm=llm or FakeLLM())
    return assembly


def connect(assembly: Assembly, host: str | None = None, **options: Any) -> TestClient:
    app = create_app(assembly, host=host)
    return TestClient(app, raise_server_exceptions=False, **options)


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def code(reply: Any) -> tuple[int, str]:
    """Status and kind of a problem document, or of an error as OpenAI has them."""
    if "error" in reply.json():
        return reply.status_code, reply.json()["error"]["code"]
    assert reply.headers["content-type"] == "application/problem+json", reply.text
    body = reply.json()
    assert body["status"] == reply.status_code and body["help"] and body["detail"]
    return reply.status_code, body["code"]


# ── keys and rights ─────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Any]]:
    """A server that asks for keys, with two collections; and its keys by name."""
    with assemble(tmp_path_factory.mktemp("guarded")) as assembly:
        keys = {
            "admin": assembly.keys.create("admin", {ALL: "admin"}),
            "writer": assembly.keys.create("writer", {"notes": "write"}),
            "reader": assembly.keys.create("reader", {"notes": "read"}),
            "other": assembly.keys.create("other", {"secret": "write"}),
        }
        client = connect(assembly, ELSEWHERE)
        for name in ("notes", "secret"):
            sent = {"doc_id": "a", "text": "It rained in Oslo.", "collection": name}
            reply = client.post("/v1/documents", json=sent, headers=bearer(keys["admin"]))
            assert reply.status_code == 201
        yield client, keys


CONVERSATION = {"messages": [{"role": "user", "content": "Did it rain?"}], "evidence_only": True}
REQUESTS: dict[str, dict[str, Any]] = {
    "POST /v1/ask": {"json": {"question": "Did it rain?", "evidence_only": True} | NOTES},
    "POST /v1/chat": {"json": CONVERSATION | NOTES},
    "POST /v1/chat/completions": {"json": CONVERSATION | {"model": "footnoted/notes"}},
    "GET /v1/models": {},
    "GET /v1/models/{model}": {},
    "GET /v1/documents": {"params": NOTES},
    "GET /v1/documents/{document_id}": {"params": NOTES},
    "POST /v1/documents": {"json": {"doc_id": "b", "text": "The sun shone."} | NOTES},
    "DELETE /v1/documents/{document_id}": {"params": NOTES},
    "GET /v1/collections": {},
    "POST /v1/collections": {"json": {"name": "notes"}},
    "DELETE /v1/collections/{name}": {},
    "GET /metrics": {},
}
"""What each operation is sent, for the collection 'notes'."""

OPEN = {"GET /healthz", "GET /readyz"}
LISTS = {"GET /v1/collections", "GET /v1/models"}
"""Answered to every key, with what that key may read."""
OF_ALL = {"GET /metrics"}
"""Answered to keys that may read every collection."""


def operations(client: TestClient) -> list[str]:
    paths = client.get("/openapi.json").json()["paths"]
    return [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods]


def send(client: TestClient, operation: str, headers: dict[str, str]) -> Any:
    method, path = operation.split(" ")
    path = path.format(document_id="a", model="footnoted/notes", name="notes")
    return client.request(method, path, headers=headers, **REQUESTS[operation])


def test_every_operation_needs_a_key_but_the_probes(guarded: Any) -> None:
    client, _ = guarded
    for operation in set(operations(client)) - OPEN:
        method, path = operation.split(" ")
        reply = client.request(method, path)
        assert code(reply) == (401, "unauthorized"), operation
        assert reply.headers["www-authenticate"] == 'Bearer realm="footnoted"'
    for path in ("/v1/nothing", "/metrics", "/docsx", "/v1/%2e%2e/docs"):
        assert code(client.get(path)) == (401, "unauthorized"), path


def test_every_operation_asks_for_a_right_in_its_collection(guarded: Any) -> None:
    client, keys = guarded
    found = set(operations(client)) - OPEN
    assert found == set(REQUESTS), "say in REQUESTS what the new operation is sent"
    for operation in found - LISTS:
        reply = send(client, operation, bearer(keys["other"]))
        assert code(reply) == (403, "forbidden"), operation
        where = "every collection" if operation in OF_ALL else "'notes'"
        assert "'other'" in reply.text and where in reply.text


def test_what_a_reader_may(guarded: Any) -> None:
    client, keys = guarded
    for operation in REQUESTS:
        allowed = operation.startswith(("GET /v1", "POST /v1/ask", "POST /v1/chat"))
        reply = send(client, operation, bearer(keys["reader"]))
        assert (reply.status_code == 200) is allowed, (operation, reply.text)


def test_what_a_writer_may(guarded: Any) -> None:
    client, keys = guarded
    headers = bearer(keys["writer"])
    sent = {"doc_id": "c", "text": "It snowed."}
    assert client.post("/v1/documents", json=sent | NOTES, headers=headers).status_code == 201
    path = "/v1/documents/c"
    assert client.delete(path, params=NOTES, headers=headers).status_code == 204
    reply = client.post("/v1/documents", json=sent | {"collection": "secret"}, headers=headers)
    assert code(reply) == (403, "forbidden")
    form = {"files": {"file": ("a.txt", b"It snowed.")}, "data": {"collection": "secret"}}
    assert code(client.post("/v1/documents", headers=headers, **form)) == (403, "forbidden")


def test_making_a_collection_takes_an_admin(guarded: Any) -> None:
    client, keys = guarded
    assembly = client.app.state.service.assembly
    writer = assembly.keys.create("writer-of-new", {"new": "write"})
    sent = {"text": "It snowed.", "collection": "new"}
    reply = client.post("/v1/documents", json=sent, headers=bearer(writer))
    assert code(reply) == (403, "forbidden")
    assert "'admin'" in reply.json()["detail"]
    assert "new" not in assembly.store.names()
    reply = client.post("/v1/documents", json=sent, headers=bearer(keys["admin"]))
    assert reply.status_code == 201
    assembly.store.delete("new")


def test_only_what_may_be_read_is_listed(guarded: Any) -> None:
    client, keys = guarded

    def listed(name: str) -> list[str]:
        reply = client.get("/v1/collections", headers=bearer(keys[name]))
        return [item["name"] for item in reply.json()["collections"]]

    assert listed("admin") == ["notes", "secret"]
    assert listed("reader") == ["notes"]
    assert listed("other") == ["secret"]
    models = client.get("/v1/models", headers=bearer(keys["other"])).json()["data"]
    assert [model["id"] for model in models] == ["footnoted/secret"]


def test_the_names_of_other_collections_are_not_told(guarded: Any) -> None:
    client, keys = guarded
    secret = client.app.state.service.assembly.keys.create("early", {"later": "read"})
    request = {"params": {"collection": "later"}}
    reply = client.get("/v1/documents", headers=bearer(secret), **request)
    assert code(reply) == (404, "collection-not-found")
    assert reply.json()["detail"] == "no collection 'later'"
    reply = client.get("/v1/documents", headers=bearer(keys["admin"]), **request)
    assert "notes, secret" in reply.json()["detail"]


@pytest.mark.parametrize(
    "header",
    ["Bearer wrong", "Bearer ", "Bearer", "Basic {key}", "{key}", "Bearer {key}x", "Bearer {hash}"],
)
def test_what_is_no_key(guarded: Any, header: str) -> None:
    client, keys = guarded
    stored = client.app.state.service.assembly.keys.find(keys["reader"])
    sent = header.format(key=keys["reader"], hash=stored.sha256)
    reply = client.get("/v1/collections", headers={"Authorization": sent})
    assert code(reply) == (401, "unauthorized")
    assert 'error="invalid_token"' in reply.headers["www-authenticate"]
    assert keys["reader"] not in reply.text


def test_a_key_in_the_address_is_none(guarded: Any) -> None:
    client, keys = guarded
    for name in ("key", "api_key", "token", "access_token"):
        reply = client.get("/v1/collections", params={name: keys["admin"]})
        assert code(reply) == (401, "unauthorized")


@pytest.mark.parametrize("path", ["/healthz", "/docs", "/docs/start.js", "/openapi.json"])
def test_what_needs_no_key(guarded: Any, path: str) -> None:
    client, _ = guarded
    assert client.get(path).status_code == 200
    assert client.get(path, headers=bearer("wrong")).status_code == 200


def test_a_running_server_notices_new_and_revoked_keys(tmp_path: Path) -> None:
    with assemble(tmp_path) as assembly:
        elsewhere = KeyFile(tmp_path)  # as the command line has it
        elsewhere.create("first", {ALL: "read"})
        client = connect(assembly, ELSEWHERE)
        headers = bearer(elsewhere.create("second", {ALL: "read"}))
        assert client.get("/v1/collections", headers=headers).status_code == 200
        elsewhere.revoke("second")
        assert code(client.get("/v1/collections", headers=headers)) == (401, "unauthorized")
        elsewhere.path.write_text("{")
        assert code(client.get("/v1/collections", headers=headers)) == (503, "key-file")
        with pytest.raises(KeyFileError):
            create_app(assembly, host=ELSEWHERE)


# ── when keys are asked for ─────────────────────────────────────────────────────────────────


def status(client: TestClient) -> int:
    return client.get("/v1/collections").status_code


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org", ""])
@pytest.mark.parametrize("auth", ["auto", "on"])
def test_beyond_loopback_a_server_without_keys_does_not_start(
    tmp_path: Path, host: str, auth: str
) -> None:
    assembly = assemble(tmp_path, auth=auth)
    with pytest.raises(UsageError, match="no API key") as caught:
        create_app(assembly, host=host)
    assert "footnoted keys create" in caught.value.help
    assert "AUTH=off" in caught.value.help


def test_the_command_line_says_why_it_does_not_start(run: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(server_app.uvicorn.Server, "run", lambda *_, **__: pytest.fail("served"))
    code, out, err = run("serve", "--host", ELSEWHERE, "--port", "0")
    assert (code, out) == (2, "")
    assert "no API key" in err and "footnoted keys create" in err


def test_the_address_decides_not_its_spelling(tmp_path: Path, monkeypatch: Any) -> None:
    def resolve(host: str, port: int, **_: Any) -> Any:
        return [(server_app.socket.AF_INET, 1, 6, "", ("192.0.2.1", port))]

    monkeypatch.setattr(server_app.socket, "getaddrinfo", resolve)
    with pytest.raises(UsageError, match="no API key"):
        serve(assemble(tmp_path), host="localhost", port=0, announce=lambda _: None)


def test_off_is_off_everywhere_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with assemble(tmp_path, auth="off") as assembly:
        assembly.keys.create("a", {ALL: "read"})
        assert status(connect(assembly)) == 200
        assert caplog.text == ""
        assert status(connect(assembly, ELSEWHERE)) == 200
    assert "whoever can connect may do anything" in caplog.text


def test_on_loopback_the_first_key_turns_them_on_and_the_last_does_not_turn_them_off(
    tmp_path: Path,
) -> None:
    with assemble(tmp_path) as assembly:
        running = connect(assembly)
        assert status(running) == 200
        assembly.keys.create("a", {ALL: "read"})
        assert status(running) == status(connect(assembly)) == 401
        assembly.keys.revoke("a")
        assert status(running) == status(connect(assembly)) == 401
    with assemble(tmp_path / "other", auth="on") as assembly:
        assert status(connect(assembly, "127.0.0.1")) == 401


def test_the_keys_are_managed_while_the_store_is_locked(run: Any, tmp_path: Path) -> None:
    with assemble(tmp_path / "data") as assembly:
        _ = assembly.store
        code, secret, err = run("keys", "create", "page", "--read", "*", "--write", "notes")
        assert (code, "only its hash" in err) == (0, True)
        found = assembly.keys.find(secret.strip())
        assert found is not None and found.grants == {"*": "read", "notes": "write"}
        code, out, _ = run("keys", "list")
        assert code == 0 and "page" in out and "write notes" in out
        code, out, _ = run("keys", "list", "--json")
        assert [item["name"] for item in json.loads(out)] == ["page"]
        assert secret.strip() not in out and found.sha256 not in out
        assert "that was the last key" in run("keys", "revoke", "page")[2]
        assert assembly.keys.find(secret.strip()) is None
        code, out, err = run("keys", "list")
        assert (code, out) == (0, "") and "keys create" in err


def test_by_default_a_key_reads_everything_and_writes_nothing(run: Any, tmp_path: Path) -> None:
    secret = run("keys", "create", "a")[1].strip()
    found = KeyFile(tmp_path / "data").find(secret)
    assert found is not None and found.grants == {ALL: "read"}
    assert run("keys", "create", "a")[0] == 2
    assert run("keys", "revoke", "b")[0] == 2


# ── limits ──────────────────────────────────────────────────────────────────────────────────


def test_a_question_may_be_smaller_than_an_upload(tmp_path: Path) -> None:
    with assemble(tmp_path, max_body_bytes=2000, max_upload_bytes=5000) as assembly:
        client = connect(assembly)
        text = "It rained. " * 300
        assert client.post("/v1/documents", json={"text": text}).status_code == 201
        reply = client.post("/v1/ask", json={"question": text})
        assert code(reply) == (413, "body-too-large")
        assert "2000 bytes" in reply.json()["detail"]
        assert "FOOTNOTED_SERVER__MAX_BODY_BYTES" in reply.json()["help"]
        reply = client.post("/v1/documents", json={"text": text * 2})
        assert code(reply) == (413, "body-too-large")
        assert "5000 bytes" in reply.json()["detail"]


def test_how_many_documents_at_once(tmp_path: Path) -> None:
    with assemble(tmp_path, max_upload_documents=2) as assembly:
        client = connect(assembly)
        texts = [{"doc_id": str(number), "text": "It rained."} for number in range(3)]
        files = [("file", (f"{number}.txt", b"It rained.")) for number in range(3)]
        reply = client.post("/v1/documents", json={"documents": texts})
        assert code(reply) == (422, "invalid-request")
        assert "has 3 entries; 2 are allowed" in reply.json()["detail"]
        assert code(client.post("/v1/documents", files=files)) == (400, "bad-request")
        assert assembly.store.names() == []
        assert client.post("/v1/documents", json={"documents": texts[1:]}).status_code == 201
        assert client.post("/v1/documents", files=files[1:]).status_code == 201
        fields = {f"f{number}": "x" for number in range(20)}
        reply = client.post("/v1/documents", files=files[:1], data=fields)
        assert code(reply) == (400, "bad-request")


@pytest.mark.parametrize(("name", "kind"), [("a.exe", "application/x-msdownload"), ("a", "x/y")])
def test_files_of_other_types(tmp_path: Path, name: str, kind: str) -> None:
    with assemble(tmp_path) as assembly:
        files = {"file": (name, b"MZ\0\0\1\2", kind)}
        reply = connect(assembly).post("/v1/documents", files=files)
        assert code(reply)[0] in (415, 422)
        assert assembly.store.names() == []


def test_how_long_a_conversation_may_be(tmp_path: Path) -> None:
    with assemble(tmp_path, max_messages=3, max_conversation_characters=2000) as assembly:
        client = connect(assembly)
        client.post("/v1/documents", json={"text": "It rained in Oslo."})
        turns = [{"role": "assistant", "content": "x" * 900}] * 2

        def statuses(messages: list[dict[str, str]]) -> set[int]:
            sent = CONVERSATION | {"messages": messages, "model": "footnoted"}
            replies = [
                client.post("/v1/chat/completions", json=sent),
                client.post("/v1/chat", json={k: v for k, v in sent.items() if k != "model"}),
            ]
            refused = [reply for reply in replies if reply.status_code != 200]
            assert all("are allowed" in reply.text for reply in refused)
            return {reply.status_code for reply in replies}

        question = CONVERSATION["messages"]
        assert statuses([*turns, *question]) == {200}
        assert statuses([*turns[:1], *turns, *question]) == {400, 422}
        assert statuses([*turns, {"role": "user", "content": "x" * 201}]) == {400, 422}


@pytest.fixture
def standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a test takes, no bucket fills again."""
    monkeypatch.setattr(server_app, "Rates", partial(Rates, clock=lambda: 0.0))


@pytest.mark.usefixtures("standing_clock")
def test_requests_of_a_key(tmp_path: Path) -> None:
    with assemble(tmp_path, requests_per_minute=2) as assembly:
        first = bearer(assembly.keys.create("a", {ALL: "read"}))
        second = bearer(assembly.keys.create("b", {ALL: "read"}))
        client = connect(assembly, client=("127.0.0.1", 1))
        replies = [client.get("/v1/collections", headers=first) for _ in range(3)]
        assert [reply.status_code for reply in replies] == [200, 200, 429]
        assert code(replies[2]) == (429, "too-many-requests")
        assert replies[2].headers["retry-after"] == "30"
        assert replies[2].json()["retryable"]
        assert client.get("/v1/collections", headers=second).status_code == 200
        for path in ("/healthz", "/readyz"):
            assert client.get(path, headers=first).status_code != 429


@pytest.mark.usefixtures("standing_clock")
@pytest.mark.parametrize(
    ("client", "neighbour"),
    [("203.0.113.5", "203.0.113.6"), ("2001:db8::1", "2001:db8:0:1::1")],
)
def test_requests_of_an_address(tmp_path: Path, client: str, neighbour: str) -> None:
    with assemble(tmp_path, requests_per_minute=2, auth="off") as assembly:
        app = create_app(assembly, host=ELSEWHERE)
        statuses = [status(TestClient(app, client=(client, 1))) for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert status(TestClient(app, client=(neighbour, 1))) == 200
        if ":" in client:
            assert status(TestClient(app, client=("2001:db8::2", 1))) == 429


@pytest.mark.usefixtures("standing_clock")
def test_guesses_are_counted_too(tmp_path: Path) -> None:
    with assemble(tmp_path, requests_per_minute=2) as assembly:
        assembly.keys.create("a", {ALL: "read"})
        client = connect(assembly, ELSEWHERE, client=("203.0.113.5", 1))
        guesses = [client.get("/v1/collections", headers=bearer(f"x{n}")) for n in range(3)]
        assert [reply.status_code for reply in guesses] == [401, 401, 429]


@pytest.mark.usefixtures("standing_clock")
@pytest.mark.parametrize("client", ["127.0.0.1", "::1"])
def test_this_machine_is_not_limited_without_keys(tmp_path: Path, client: str) -> None:
    with assemble(tmp_path, requests_per_minute=1) as assembly:
        connected = connect(assembly, client=(client, 1))
        assert [status(connected) for _ in range(5)] == [200] * 5


# ── pages from elsewhere ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/",
        "http://localhost:9/",
        "http://[::1]:9/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://0.0.0.0:9/",
    ],
)
def test_private_addresses_are_not_fetched(tmp_path: Path, url: str) -> None:
    with assemble(tmp_path) as assembly:
        reply = connect(assembly).post("/v1/documents", json={"url": url})
        assert code(reply) == (422, "source")
        assert "not public" in reply.json()["detail"]
        assert assembly.store.names() == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/", "gopher://x", "//x"])
def test_other_schemes_are_not_fetched(tmp_path: Path, url: str) -> None:
    with assemble(tmp_path) as assembly:
        reply = connect(assembly).post("/v1/documents", json={"url": url})
        assert code(reply) == (422, "source-not-found")


# ── paths ───────────────────────────────────────────────────────────────────────────────────

TRAVERSALS = ["../../etc", "..", ".", "/etc", "a/b", "a\\b", "%2e%2e", "a\x00", "~root", ""]


@pytest.mark.parametrize("name", TRAVERSALS)
def test_a_collection_cannot_be_a_path(tmp_path: Path, name: str) -> None:
    data_dir = tmp_path / "data"
    with assemble(data_dir) as assembly:
        client = connect(assembly)
        reply = client.post("/v1/documents", json={"text": "It rained.", "collection": name})
        assert code(reply)[0] in (400, 422)
        ask = {"question": "Did it rain?", "evidence_only": True, "collection": name}
        assert code(client.post("/v1/ask", json=ask))[0] in (404, 422)
        assert code(client.get("/v1/documents", params={"collection": name}))[0] in (404, 422)
        assert assembly.store.names() == []
        assert {path.name for path in data_dir.iterdir()} == {"chroma", "store.json", "store.lock"}
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("identity", ["../../../escaped", "/tmp/escaped", "..\\escaped", "a/../b"])
def test_a_document_cannot_be_a_path(tmp_path: Path, identity: str) -> None:
    data_dir = tmp_path / "in" / "data"
    with assemble(data_dir) as assembly:
        client = connect(assembly)
        sent = {"doc_id": identity, "title": identity, "uri": identity, "text": "It rained."}
        assert client.post("/v1/documents", json=sent).status_code == 201
        files = {"file": (identity, b"It snowed.", "text/plain")}
        assert client.post("/v1/documents", files=files).status_code in (201, 200)
        ask = {"question": "Did it rain?", "evidence_only": True}
        assert client.post("/v1/ask", json=ask).status_code == 200
        path = f"/v1/documents/{quote(identity, safe='')}"
        assert client.get(path).json()["text"] == "It rained."
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["data"]
    assert not list(tmp_path.rglob("*escaped*"))


@pytest.mark.parametrize(
    "path",
    [
        "/docs/../../../../etc/passwd",
        "/docs/..%2f..%2f..%2fapp.py",
        "/docs/%2e%2e/app.py",
        "/docs/..%5c..%5capp.py",
        "/docs//etc/passwd",
        "/docs/%00",
    ],
)
def test_served_files_are_those_of_their_folder(guarded: Any, path: str) -> None:
    client, _ = guarded
    assert client.get(path).status_code in (401, 404)


# ── secrets ─────────────────────────────────────────────────────────────────────────────────

KEY = "sk-very-secret-key"
ADDRESS = "http://user:hidden-password@127.0.0.1:9/v1"


def test_secrets_are_not_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    settings = Settings(
        data_dir=tmp_path,
        store=StoreSettings(url="http://chroma:hidden-password@127.0.0.1:9"),
        llm=LLMSettings(model="some-model", base_url=ADDRESS, api_key=KEY),
    )
    with Assembly(settings) as assembly:
        assembly.__dict__["embedder"] = BagOfWords()
        secret = assembly.keys.create("a", {ALL: "admin"})
        told = [repr(finding) for finding in examine(assembly)]
        client = connect(assembly)
        for path in ("/readyz", "/v1/collections", "/v1/documents", "/openapi.json"):
            told.append(client.get(path, headers=bearer(secret)).text)
        told.append(client.get("/v1/collections", headers=bearer(secret + "x")).text)
    told += [caplog.text, assembly.keys.path.read_text()]
    for text in told:
        for hidden in (KEY, "hidden-password", secret):
            assert hidden not in text
    assert any("http://127.0.0.1:9/v1" in text for text in told)


def test_a_key_that_the_language_model_s_server_repeats_is_not_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Echo(FakeLLM):
        def connect(self) -> Any:
            from langchain_openai import ChatOpenAI

            class Refusing(ChatOpenAI):
                def stream(self, *_: Any, **__: Any) -> Any:
                    raise RuntimeError(f"401: Incorrect API key provided: {KEY}")

            return Refusing(model="m", api_key=KEY, base_url="http://127.0.0.1:9")

    caplog.set_level(logging.DEBUG)
    with assemble(tmp_path, llm=Echo()) as assembly:
        client = connect(assembly)
        client.post("/v1/documents", json={"text": "A mutual friend arranged the call."})
        reply = client.post("/v1/ask", json={"question": "Who heard of zebras in Peru?"})
    assert "Incorrect API key provided: …" in reply.text
    assert KEY not in reply.text + caplog.text


def test_a_bad_address_is_named_without_its_password(run: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("FOOTNOTED_LLM__BASE_URL", "ftp://user:hidden-password@127.0.0.1/")
    code, _, err = run("keys", "list")
    assert code == 2
    assert "FOOTNOTED_LLM__BASE_URL='ftp://127.0.0.1/'" in err
