"""What pages elsewhere cannot make a browser do, and what the server's own pages may."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_llm import FakeLLM
from fakes import BagOfWords
from fastapi.testclient import TestClient

from qa.assembly import Assembly
from qa.keys import ALL
from qa.server.app import create_app
from qa.server.security import CONTENT_SECURITY_POLICY, is_loopback
from qa.settings import ServerSettings, Settings

LOCAL = "http://127.0.0.1:8420"
EVIL = "https://evil.example"


@pytest.fixture
def assembly(tmp_path: Path) -> Iterator[Assembly]:
    with _assemble(tmp_path) as made:
        yield made


def _assemble(data_dir: Path, **server: Any) -> Assembly:
    assembly = Assembly(Settings(data_dir=data_dir, server=ServerSettings(**server)))
    assembly.__dict__.update(embedder=BagOfWords(), llm=FakeLLM())
    return assembly


def connect(assembly: Assembly, url: str = LOCAL, host: str | None = None) -> TestClient:
    app = create_app(assembly, host=host)
    return TestClient(app, base_url=url, raise_server_exceptions=False)


def code(reply: Any) -> tuple[int, str]:
    return reply.status_code, reply.json()["code"]


# ── names that lead here ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8420",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example@localhost@",
        "[::2]",
        "[",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/v1/collections", "/readyz", "/docs/"])
def test_a_name_made_to_lead_to_loopback_is_not_answered(
    assembly: Assembly, host: str, path: str
) -> None:
    reply = connect(assembly).get(path, headers={"Host": host})
    assert code(reply) == (421, "wrong-host")
    assert "ALLOWED_HOSTS" in reply.json()["help"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8420", "127.0.0.1:1", "[::1]:8420"])
def test_this_machines_own_names(assembly: Assembly, host: str) -> None:
    assert connect(assembly).get("/healthz", headers={"Host": host}).status_code == 200


def test_names_that_are_allowed(tmp_path: Path) -> None:
    with _assemble(tmp_path, allowed_hosts=("docs.example",), auth="off") as assembly:
        for url in (LOCAL, "http://192.168.1.2"):
            client = connect(assembly, url, "0.0.0.0")
            for host, expected in (("docs.example:80", 200), ("localhost", 200), ("other", 421)):
                reply = client.get("/healthz", headers={"Host": host})
                assert reply.status_code == expected


@pytest.mark.parametrize("address", ["192.168.1.2", "[fd00::2]"])
def test_the_address_that_is_listened_on_is_allowed_too(tmp_path: Path, address: str) -> None:
    with _assemble(tmp_path, allowed_hosts=("docs.example",), auth="off") as assembly:
        client = connect(assembly, f"http://{address}:8420", "0.0.0.0")
        assert client.get("/healthz").status_code == 200
        for host in ("192.168.1.3", "[fd00::3]", ""):
            assert client.get("/healthz", headers={"Host": host}).status_code == 421


def test_where_a_key_or_no_loopback_protects_any_name_will_do(tmp_path: Path) -> None:
    with _assemble(tmp_path) as assembly:
        headers = {"Host": "docs.example"}
        running = connect(assembly)
        assert running.get("/healthz", headers=headers).status_code == 421
        assembly.keys.create("a", {ALL: "read"})
        assert running.get("/healthz", headers=headers).status_code == 200
    with _assemble(tmp_path, auth="off") as assembly:
        client = connect(assembly, "http://192.168.1.2", "0.0.0.0")
        assert client.get("/healthz", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("localhost.evil.example", False),
        ("", False),
    ],
)
def test_what_is_loopback(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected


# ── pages elsewhere ─────────────────────────────────────────────────────────────────────────

FOREIGN = [
    {"Origin": EVIL},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:9999"},
    {"Origin": "http://127.0.0.1:8420.evil.example"},
    {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"},
    {"Origin": LOCAL, "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_page_elsewhere_cannot_send(assembly: Assembly, headers: dict[str, str]) -> None:
    client = connect(assembly)
    body = b'{"text": "It rained."}'
    for kind in ("text/plain", "application/json"):
        reply = client.post("/v1/documents", content=body, headers=headers | {"Content-Type": kind})
        assert code(reply) == (403, "cross-origin")
    form = {"file": ("a.txt", b"It rained.")}
    assert code(client.post("/v1/documents", files=form, headers=headers)) == (403, "cross-origin")
    assert code(client.delete("/v1/documents/a", headers=headers)) == (403, "cross-origin")
    assert assembly.store.names() == []


@pytest.mark.parametrize(
    "headers",
    [
        {},  # no browser
        {"Origin": LOCAL},
        {"Origin": LOCAL, "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://docs.example", "Sec-Fetch-Site": "same-origin"},  # behind a proxy
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_our_own_page_and_programs_can(assembly: Assembly, headers: dict[str, str]) -> None:
    reply = connect(assembly).post("/v1/documents", json={"text": "It rained."}, headers=headers)
    assert reply.status_code == 201


PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


def test_a_page_elsewhere_cannot_read(assembly: Assembly) -> None:
    client = connect(assembly)
    for method in ("GET", "OPTIONS"):
        reply = client.request(method, "/v1/collections", headers={"Origin": EVIL} | PREFLIGHT)
        assert not any(name.startswith("access-control-allow") for name in reply.headers)


def test_an_allowed_page_can_send_and_read(tmp_path: Path) -> None:
    with _assemble(tmp_path, allowed_origins=("https://app.example",), auth="on") as assembly:
        secret = assembly.keys.create("a", {ALL: "admin"})
        client = connect(assembly)
        headers = {"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}
        reply = client.options("/v1/documents", headers=headers | PREFLIGHT)
        assert reply.status_code == 200
        assert reply.headers["access-control-allow-origin"] == "https://app.example"
        assert "access-control-allow-credentials" not in reply.headers
        reply = client.post("/v1/documents", json={"text": "It rained."}, headers=headers)
        assert reply.status_code == 401
        assert reply.headers["access-control-allow-origin"] == "https://app.example"
        headers["Authorization"] = f"Bearer {secret}"
        reply = client.post("/v1/documents", json={"text": "It rained."}, headers=headers)
        assert reply.status_code == 201
        assert reply.headers["access-control-allow-origin"] == "https://app.example"
        assert "Retry-After" in reply.headers["access-control-expose-headers"]
        reply = client.options("/v1/documents", headers={"Origin": EVIL} | PREFLIGHT)
        assert "access-control-allow-origin" not in reply.headers
        headers["Origin"] = EVIL
        assert code(client.post("/v1/ask", json={}, headers=headers)) == (403, "cross-origin")


@pytest.mark.parametrize("origin", ["*", "evil.example", "https://*.example", "https://a.example/"])
def test_origins_that_are_none(run: Any, monkeypatch: Any, origin: str) -> None:
    monkeypatch.setenv("FOOTNOTED_SERVER__ALLOWED_ORIGINS", origin)
    exit_code, _, err = run("keys", "list")
    assert exit_code == 2
    assert f"FOOTNOTED_SERVER__ALLOWED_ORIGINS='{origin}'" in err


# ── headers ─────────────────────────────────────────────────────────────────────────────────


def test_every_reply_carries_the_headers(assembly: Assembly, monkeypatch: Any) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(Assembly, "answerer", fail)
    client = connect(assembly)
    client.post("/v1/documents", json={"text": "It rained."})
    replies = {
        200: client.get("/v1/collections"),
        307: client.get("/docs", follow_redirects=False),
        403: client.post("/v1/ask", headers={"Origin": EVIL}),
        404: client.get("/nothing"),
        405: client.put("/v1/ask"),
        413: client.post("/v1/ask", content=b"x" * 1_000_001),
        421: client.get("/healthz", headers={"Host": "evil.example"}),
        422: client.post("/v1/ask", json={}),
        500: client.post("/v1/ask", json={"question": "Did it rain?"}),
    }
    assembly.keys.create("a", {ALL: "read"})
    replies[401] = connect(assembly).get("/v1/collections")
    for status, reply in replies.items():
        assert reply.status_code == status
        headers = reply.headers
        assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "camera=()" in headers["permissions-policy"]
    assert replies[200].headers["cache-control"] == "no-store"


def test_the_policy_lets_no_script_in_from_elsewhere() -> None:
    policy = dict(part.strip().split(" ", 1) for part in CONTENT_SECURITY_POLICY.split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in CONTENT_SECURITY_POLICY and "http" not in CONTENT_SECURITY_POLICY


def test_the_docs_page_holds_nothing_inline_and_nothing_from_elsewhere(assembly: Assembly) -> None:
    client = connect(assembly)
    page = client.get("/docs").text
    assert "style=" not in page and "://" not in page
    assert all("src=" in tag for tag in page.split("<script")[1:])
    for name in ("start.js", "swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"):
        assert name in page
        assert client.get(f"/docs/{name}").status_code == 200
