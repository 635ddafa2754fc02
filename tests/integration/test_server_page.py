"""The page and its files as they are served; how they behave, a browser tests in tests/e2e."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import BagOfWords
from fastapi.testclient import TestClient

from qa.assembly import Assembly
from qa.server import page
from qa.server.app import create_app
from qa.settings import Settings

STATIC = Path(page.__file__).with_name("static")
FILES = sorted(str(path.relative_to(STATIC)) for path in STATIC.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with Assembly(Settings(data_dir=tmp_path_factory.mktemp("data"))) as assembly:
        assembly.__dict__.update(embedder=BagOfWords())
        with TestClient(create_app(assembly)) as connected:
            yield connected


def test_the_page_is_at_the_root(client: TestClient) -> None:
    reply = client.get("/")
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.text == (STATIC / "index.html").read_text("utf-8")
    assert client.head("/").status_code == 200
    assert client.post("/").json()["code"] == "method-not-allowed"


@pytest.mark.parametrize("name", FILES)
def test_its_files_are_served_and_asked_for_anew(client: TestClient, name: str) -> None:
    reply = client.get(f"/static/{name}")
    assert reply.content == (STATIC / name).read_bytes()
    assert reply.headers["cache-control"] == "no-cache"
    again = client.get(f"/static/{name}", headers={"If-None-Match": reply.headers["etag"]})
    assert (again.status_code, again.headers["cache-control"]) == (304, "no-cache")


@pytest.mark.parametrize("kind", ["js", "css", "svg"])
def test_browsers_take_them_for_what_they_are(client: TestClient, kind: str) -> None:
    expected = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}[kind]
    for name in FILES:
        if name.endswith(f".{kind}"):
            assert client.get(f"/static/{name}").headers["content-type"].startswith(expected)


def test_the_sample_article_can_be_had(client: TestClient) -> None:
    assert client.get("/static/sample.md").text.startswith("# Stargate")


@pytest.mark.parametrize(
    "path", ["/static/none.js", "/static/", "/static/../page.py", "/static/%2e%2e/page.py"]
)
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    reply = client.get(path)
    assert (reply.status_code, reply.json()["code"]) == (404, "not-found")


def test_it_is_no_part_of_the_described_api(client: TestClient) -> None:
    assert not {"/", "/static/sample.md"} & set(client.get("/openapi.json").json()["paths"])


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith((".js", ".html"))])
def test_no_text_becomes_html_and_nothing_stands_inline(name: str) -> None:
    text = (STATIC / name).read_text("utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
    assert not re.search(r"<script(?! type=\"module\" src=)|<style|\son\w+=|\sstyle=", text)


def test_what_it_is_made_of_comes_from_itself() -> None:
    """Every module, style and font that is named is there."""
    for name in FILES:
        if not name.endswith((".js", ".css", ".html")):
            continue
        text = (STATIC / name).read_text("utf-8")
        named = re.findall(
            r"""from "\./([^"]+)"|url\("([^"]+)"\)|(?:src|href)="static/([^"]+)\"""", text
        )
        assert all((STATIC / "".join(groups)).is_file() for groups in named), named
        assert not re.search(r"(?:src|href|url\()=?[\"']?https?:", text)
