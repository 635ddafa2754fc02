"""Naming sources: files, directories, patterns, URLs over a real server, standard input."""

import gzip
import io
import os
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ingest import sources
from ingest.fetch import Content, fetch_url, public_address
from ingest.sources import find_sources, source_from_bytes, source_from_url
from qa.errors import SourceError, SourceNotFoundError


def names(spec: str | Path) -> list[str]:
    return [source.name for source in find_sources(str(spec))]


def refusal(spec: str | Path, kind: type[SourceError] = SourceNotFoundError, **options: Any) -> str:
    """The message of the error that naming or loading raises; it must carry a next step."""
    with pytest.raises(SourceError) as caught:
        for source in find_sources(str(spec), **options):
            source.load()
    assert type(caught.value) is kind
    assert caught.value.help.endswith(".")
    return str(caught.value)


def write(path: Path, data: bytes = b"Some text.") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


# ── files ───────────────────────────────────────────────────────────────────────────────────


def test_a_file_is_named_as_the_user_named_it_and_addressed_absolutely(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a note #1.md", b"caf\xc3\xa9\r\n")
    monkeypatch.chdir(tmp_path)
    (here,) = find_sources("a note #1.md")
    monkeypatch.chdir("/")
    (there,) = find_sources(str(path))
    assert (here.name, here.filename) == ("a note #1.md", "a note #1.md")
    assert here.uri == there.uri == path.resolve().as_uri()
    assert "%23" in here.uri
    monkeypatch.chdir(tmp_path)
    assert here.load() == Content(b"caf\xc3\xa9\r\n", None)


def test_a_link_has_the_address_of_what_it_leads_to(tmp_path: Path) -> None:
    path = write(tmp_path / "real.md")
    (tmp_path / "link.md").symlink_to(path)
    (source,) = find_sources(str(tmp_path / "link.md"))
    assert source.uri == path.resolve().as_uri()


def test_the_home_directory_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "notes" / "a.md")
    assert names("~/notes/*.md") == [str(tmp_path / "notes" / "a.md")]


def test_a_file_named_like_a_pattern_or_a_url_is_that_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a[1].md")
    write(tmp_path / "note:2024.md")
    assert names("a[1].md") == ["a[1].md"]
    assert names("note:2024.md") == ["note:2024.md"]


@pytest.mark.parametrize("spec", ["", "missing.md", "missing/", "C:\\missing.md", "nul\0.md"])
def test_nothing_there(spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "present.md")
    assert repr(spec) in refusal(spec)


def test_a_file_is_not_a_directory(tmp_path: Path) -> None:
    inside = write(tmp_path / "a.md") / "b.md"
    assert repr(str(inside)) in refusal(inside)


@pytest.mark.parametrize("spec", ["ftp://host/a.txt", "javascript:alert(1)", "file:///a.txt"])
def test_other_schemes_are_refused(spec: str) -> None:
    message = refusal(spec)
    assert repr(spec) in message
    assert "only http and https" in message


def test_a_device_is_not_read() -> None:
    assert refusal("/dev/zero", SourceError) == "'/dev/zero' is not a regular file"


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    loop = tmp_path / "loop.md"
    loop.symlink_to(loop)
    assert repr(str(loop)) in refusal(loop, SourceError)


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "secret.md")
    if os.geteuid() == 0:  # nothing is forbidden to root

        def forbidden(*_: object) -> None:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(Path, "open", forbidden)
    path.chmod(0)
    message = refusal(path, SourceError)
    assert message == f"cannot read {str(path)!r}: Permission denied"


def test_a_file_that_vanishes_before_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.md")
    (source,) = find_sources(str(path))
    path.unlink()
    with pytest.raises(SourceNotFoundError, match="a.md"):
        source.load()


def test_a_file_over_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        file.truncate(50_000_001)
    assert refusal(path, SourceError) == f"{str(path)!r} is larger than 50 MB"
    monkeypatch.setattr(sources, "MAX_FILE_BYTES", 4)
    exact = write(tmp_path / "exact.txt", b"four")
    (source,) = find_sources(str(exact))
    assert source.load().data == b"four"


# ── directories and patterns ────────────────────────────────────────────────────────────────


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [
        "notes/b.md",
        "notes/a.TXT",
        "notes/picture.png",
        "notes/LICENSE",
        "notes/.hidden.md",
        "notes/.git/config.md",
        "notes/sub/c.jsonl",
        "notes/sub/deep/d.html",
    ]:
        write(tmp_path / name)
    (tmp_path / "notes" / "sub" / "up").symlink_to(tmp_path / "notes")
    (tmp_path / "notes" / "z-link.md").symlink_to(tmp_path / "notes" / "b.md")
    (tmp_path / "notes" / "broken.md").symlink_to(tmp_path / "nowhere.md")
    (tmp_path / "notes" / "folder.md").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


ALL = ["notes/a.TXT", "notes/b.md", "notes/sub/c.jsonl", "notes/sub/deep/d.html"]


@pytest.mark.parametrize("spec", ["notes", "notes/", "./notes", "notes/**"])
def test_all_of_a_directory_once_and_in_order(spec: str, tree: Path) -> None:
    assert sorted(names(spec)) == ALL
    assert names(spec) == names(spec)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("notes/*.md", ["notes/b.md"]),
        ("notes/**/*.html", ["notes/sub/deep/d.html"]),
        ("notes/sub/*", ["notes/sub/c.jsonl", "notes/sub/deep/d.html", "notes/sub/up/a.TXT"]),
        ("notes/.git/*.md", ["notes/.git/config.md"]),
        ("../*/notes/[ab].*", ["../{}/notes/a.TXT", "../{}/notes/b.md"]),
    ],
)
def test_patterns(pattern: str, expected: list[str], tree: Path) -> None:
    found = names(pattern)
    wanted = [name.format(tree.name) for name in expected]
    assert [name for name in found if name in wanted] == wanted
    assert "notes/.hidden.md" not in found


def test_an_absolute_pattern(tree: Path) -> None:
    assert names(tree / "notes" / "*.md") == [str(tree / "notes" / "b.md")]


def test_an_empty_directory_and_a_pattern_without_a_readable_match(tree: Path) -> None:
    (tree / "empty").mkdir()
    assert refusal("empty") == "there is nothing to read in 'empty'"
    assert refusal("notes/*.png") == "there is nothing to read in 'notes/*.png'"
    assert refusal("nowhere/*.md") == "there is nothing to read in 'nowhere/*.md'"
    assert "'notes/a**.md'" in refusal("notes/a**.md")


def test_what_has_no_reader_is_left_out_and_told(tree: Path) -> None:
    left_out: list[Path] = []
    list(find_sources("notes", left_out=left_out.append))
    assert left_out == [Path("notes/LICENSE"), Path("notes/picture.png")]


def test_a_folder_that_cannot_be_listed_is_reported_after_the_rest(tree: Path) -> None:
    real = os.scandir

    def scandir(path: str) -> Any:
        if os.path.basename(path) == "deep":
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        with pytest.raises(SourceError, match="cannot read 'notes/sub/deep': Permission denied"):
            for source in find_sources("notes"):
                seen.append(source.name)
    assert seen == ALL[:3]


def test_a_folder_whose_files_cannot_be_looked_at_is_reported(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: os.path.basename(path) != "deep")
    seen = []
    with pytest.raises(SourceError, match="cannot read 'notes/sub/deep': Permission denied"):
        for source in find_sources("notes"):
            seen.append(source.name)
    assert seen[:3] == ALL[:3]


# ── standard input and bytes ────────────────────────────────────────────────────────────────


def test_standard_input_is_read_when_it_is_loaded() -> None:
    stream = io.BytesIO(b"piped")
    (source,) = find_sources("-", stdin=stream)
    assert (source.uri, source.name) == ("", "standard input")
    assert stream.tell() == 0
    assert source.load() == Content(b"piped")


def test_the_process_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe")))
    (source,) = find_sources("-")
    assert source.load().data == b"\xff\xfe"


def test_standard_input_has_the_limit_of_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_FILE_BYTES", 4)
    message = refusal("-", SourceError, stdin=io.BytesIO(b"12345"))
    assert message.startswith("'standard input' is larger than")


def test_bytes_that_are_already_here() -> None:
    source = source_from_bytes(b"x", name="up/load.md", media_type="text/markdown", uri="u:1")
    assert (source.uri, source.name, source.filename) == ("u:1", "up/load.md", "load.md")
    assert source.load() == Content(b"x", "text/markdown")


# ── URLs ────────────────────────────────────────────────────────────────────────────────────


LONG = "".join(f"Bee {number} danced.\n" for number in range(200_000)).encode()
BOMB = gzip.compress(bytes(50_000_000))


class _Handler(BaseHTTPRequestHandler):
    gate: threading.Event
    agents: list[str]
    encodings: list[str]

    def do_GET(self) -> None:
        self.encodings.append(self.headers["Accept-Encoding"])
        self.agents.append(self.headers["User-Agent"])
        path = self.path.partition("?")[0]
        if path == "/page":
            self._reply(b"<p>Hello</p>", "text/html; charset=utf-8")
        elif path == "/bomb":
            self._reply(gzip.compress(b"a" * 100_000), "text/plain", ("Content-Encoding", "gzip"))
        elif path == "/long":
            self._reply(gzip.compress(LONG), "text/plain", ("Content-Encoding", "gzip"))
        elif path == "/large-bomb":
            self._reply(BOMB, "text/plain", ("Content-Encoding", "gzip"))
        elif path == "/bomb-on-the-way":
            self._redirect("/page", BOMB, ("Content-Encoding", "gzip"))
        elif path == "/no-gzip":
            self._reply(b"It rained.", "text/plain", ("Content-Encoding", "gzip"))
        elif path == "/zstd":
            self._reply(b"It rained.", "text/plain", ("Content-Encoding", "zstd"))
        elif path == "/gzip-and-more":
            body = gzip.compress(b"It rained.") + b"0" * 100_000
            self._reply(body, "text/plain", ("Content-Encoding", "gzip"))
        elif path == "/headers":
            self.send_response(200)
            for _ in range(60):
                if not self.gate.wait(0.05):
                    self.send_header("X-Drip", ".")
                    self.flush_headers()
        elif path.startswith("/weary/"):
            self.gate.wait(0.1)
            self._redirect(f"/weary/{int(path.removeprefix('/weary/')) - 1}")
        elif path.startswith("/hop/"):
            left = int(path.removeprefix("/hop/"))
            self._redirect(f"/hop/{left - 1}" if left > 1 else "/page")
        elif path == "/elsewhere":
            self._redirect("ftp://127.0.0.1/file")
        elif path == "/slow":
            self.gate.wait(10)
        elif path == "/drip":
            self.send_response(200)
            self.end_headers()
            while not self.gate.wait(0.05):
                self.wfile.write(b".")
        elif path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half")
        else:
            self.send_error(int(path.removeprefix("/")))

    def _reply(self, body: bytes, kind: str, *headers: tuple[str, str]) -> None:
        self.send_response(200)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _redirect(self, target: str, body: bytes = b"", *headers: tuple[str, str]) -> None:
        self.send_response(302)
        self.send_header("Location", target)
        for name, value in (("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        pass  # a client that gives up is what some tests are about


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    _Handler.gate, _Handler.agents, _Handler.encodings = threading.Event(), [], []
    with _Server(("127.0.0.1", 0), _Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        _Handler.gate.set()
        running.shutdown()
        thread.join()


def test_a_page_is_fetched_when_it_is_loaded(server: str) -> None:
    (source,) = find_sources(f"{server}/page?q=1")
    assert (source.uri, source.name) == (f"{server}/page?q=1", f"{server}/page?q=1")
    assert source.filename == "page"
    assert _Handler.agents == []
    assert source.load() == Content(b"<p>Hello</p>", "text/html; charset=utf-8")
    assert _Handler.agents == ["footnoted"]


def test_redirects_are_followed_up_to_five(server: str) -> None:
    assert fetch_url(f"{server}/hop/5").data == b"<p>Hello</p>"
    assert "redirects" in refusal(f"{server}/hop/6", SourceError)
    assert f"'{server}/elsewhere'" in refusal(f"{server}/elsewhere", SourceError)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, SourceNotFoundError),
        (410, SourceNotFoundError),
        (403, SourceError),
        (503, SourceError),
        (204, SourceError),
    ],
)
def test_anything_but_200_is_an_error(status: int, kind: type[SourceError], server: str) -> None:
    message = refusal(f"{server}/{status}", kind)
    assert f"cannot fetch '{server}/{status}': the server answers {status} " in message


def test_a_page_over_the_limit(server: str) -> None:
    assert len(fetch_url(f"{server}/bomb", max_bytes=100_000).data) == 100_000
    small = partial(fetch_url, max_bytes=99_999)
    message = refusal(f"{server}/bomb", SourceError, fetch=small)
    assert message == f"'{server}/bomb' is larger than 0.099999 MB"


def test_a_page_is_decompressed_piece_by_piece(server: str) -> None:
    assert fetch_url(f"{server}/long").data == LONG
    assert fetch_url(f"{server}/gzip-and-more").data == b"It rained."
    assert "cannot fetch" in refusal(f"{server}/no-gzip", SourceError)


@pytest.mark.parametrize("path", ["large-bomb", "bomb-on-the-way"])
def test_no_more_is_decompressed_than_is_taken(path: str, server: str) -> None:
    tracemalloc.start()
    try:
        if path == "large-bomb":
            small = partial(fetch_url, max_bytes=2_000_000)
            assert "is larger than 2 MB" in refusal(f"{server}/{path}", SourceError, fetch=small)
        else:
            assert fetch_url(f"{server}/{path}").data == b"<p>Hello</p>"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 15_000_000


def test_other_compression_than_gzip_is_neither_asked_for_nor_taken(server: str) -> None:
    message = refusal(f"{server}/zstd", SourceError)
    assert message.endswith("it comes in the encoding 'zstd', not in gzip")
    assert _Handler.encodings == ["gzip"]


@pytest.mark.parametrize("path", ["slow", "drip", "headers", "weary/5"])
def test_a_slow_server(path: str, server: str) -> None:
    hasty = partial(fetch_url, timeout=0.2)
    began = time.monotonic()
    message = refusal(f"{server}/{path}", SourceError, fetch=hasty)
    assert message == f"cannot fetch '{server}/{path}': no complete answer within 0.2 seconds"
    assert time.monotonic() - began < 2


def test_a_connection_that_breaks_off(server: str) -> None:
    assert f"cannot fetch '{server}/cut': " in refusal(f"{server}/cut", SourceError)


def test_an_unknown_host(server: str) -> None:
    message = refusal("http://nonexistent.invalid/a")
    assert message.startswith("cannot reach 'http://nonexistent.invalid/a': ")


def test_a_port_where_nothing_listens(server: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        assert repr(url) in refusal(url)


@pytest.mark.parametrize(
    "url", ["http://", "https:", "http:///path", "http://[::1", "http://host:99999/", "http:a.md"]
)
def test_an_address_without_a_host(url: str) -> None:
    assert refusal(url) == f"{url!r} is not an http or https address"


def test_an_address_httpx_cannot_take() -> None:
    assert "xn--" in refusal("http://xn--/", SourceError)


def test_other_schemes_are_no_web_page() -> None:
    with pytest.raises(SourceNotFoundError, match="file:///etc/passwd"):
        source_from_url("file:///etc/passwd")


def test_the_fetcher_gets_the_whole_url_but_the_password_is_not_kept() -> None:
    asked: list[str] = []

    def fetch(url: str) -> Content:
        asked.append(url)
        return Content(b"", None)

    url = "HTTPS://me:secret@Example.COM/A%20b.pdf?x=1#part"
    (source,) = find_sources(url, fetch=fetch)
    source.load()
    assert asked == [url]
    assert source.uri == source.name == "https://example.com/A%20b.pdf?x=1"
    assert source.filename == "A b.pdf"
    assert public_address("http://example.com") == "http://example.com/"


def test_a_password_is_not_shown_in_errors(server: str) -> None:
    url = server.replace("//", "//me:secret@") + "/404"
    assert "secret" not in refusal(url)
