"""Fetching for strangers: public addresses alone, and no second look at the name."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from ingest import fetch
from ingest.fetch import fetch_url, is_public
from qa.errors import SourceError, SourceNotFoundError

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",  # where clouds keep a machine's credentials
    "100.64.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::10.0.0.1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::8.8.8.8"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


Handler = Callable[[str], tuple[int, dict[str, str]]]


@pytest.fixture
def hosts() -> Iterator[list[str | None]]:
    yield []


@pytest.fixture
def port(hosts: list[str | None]) -> Iterator[int]:
    """Of a page whose address may be called public by a test; it notes the Host headers."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hosts.append(self.headers["Host"])
            target = self.path.partition("?to=")[2]
            self.send_response(302 if target else 200)
            if target:
                self.send_header("Location", target)
            self.end_headers()
            self.wfile.write(b"It rained.")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


class Names:
    """Stands for DNS: each name's answers, one after the other; the last is given again."""

    def __init__(self, answers: dict[str, list[list[str]]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, host: str, port: Any, *_: Any, **__: Any) -> list[Any]:
        if host not in self.answers:
            return REAL(host, port, *_, **__)
        self.asked.append(host)
        found = self.answers[host]
        addresses = found.pop(0) if len(found) > 1 else found[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (it, port or 0)) for it in addresses]


REAL = socket.getaddrinfo


def resolve(monkeypatch: pytest.MonkeyPatch, **answers: list[list[str]]) -> Names:
    names = Names({f"{name}.example": found for name, found in answers.items()})
    monkeypatch.setattr(socket, "getaddrinfo", names)
    return names


@pytest.fixture
def loopback_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """127.0.0.1 stands for a public address, so that a page there can be fetched."""
    monkeypatch.setattr(fetch, "is_public", lambda address: address == "127.0.0.1")


def refused(url: str) -> str:
    with pytest.raises(SourceError, match="leads to an address that is not public") as caught:
        fetch_url(url, public_only=True)
    assert "upload" in caught.value.help
    return str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1"])
def test_loopback_in_all_its_spellings(host: str, port: int, hosts: list[str | None]) -> None:
    refused(f"http://{host}:{port}/")
    assert hosts == []


def test_ipv6_literals() -> None:
    for host in ("[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]"):
        refused(f"http://{host}:9/")


def test_a_private_address_behind_a_name_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, inner=[["10.9.8.7"]])
    assert "10.9.8.7" not in refused("http://inner.example/")


def test_one_private_address_among_public_ones_is_one_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolve(monkeypatch, both=[["8.8.8.8", "10.0.0.1"]])
    refused("http://both.example/")


@pytest.mark.usefixtures("loopback_is_public")
@pytest.mark.parametrize("target", ["http://127.0.0.2:{}/", "http://inner.example:{}/", "//[::1]/"])
def test_every_redirect_is_checked(
    monkeypatch: pytest.MonkeyPatch, port: int, hosts: list[str | None], target: str
) -> None:
    resolve(monkeypatch, outer=[["127.0.0.1"]], inner=[["10.0.0.1"]])
    refused(f"http://outer.example:{port}/?to={target.format(port)}")
    assert len(hosts) == 1


@pytest.mark.usefixtures("loopback_is_public")
def test_the_address_that_was_checked_is_the_one_connected_to(
    monkeypatch: pytest.MonkeyPatch, port: int, hosts: list[str | None]
) -> None:
    names = resolve(monkeypatch, rebinding=[["127.0.0.1"], ["127.0.0.2"]])
    content = fetch_url(f"http://rebinding.example:{port}/", public_only=True)
    assert content.data == b"It rained."
    assert names.asked == ["rebinding.example"]
    assert hosts == [f"rebinding.example:{port}"]


@pytest.mark.usefixtures("loopback_is_public")
def test_redirects_go_by_the_name_not_by_the_address(
    monkeypatch: pytest.MonkeyPatch, port: int, hosts: list[str | None]
) -> None:
    resolve(monkeypatch, outer=[["127.0.0.1"]])
    fetch_url(f"http://outer.example:{port}/?to=/page", public_only=True)
    assert hosts == [f"outer.example:{port}"] * 2


def test_the_next_address_is_tried_where_the_first_leads_nowhere(
    monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    monkeypatch.setattr(fetch, "is_public", lambda _: True)
    resolve(monkeypatch, two=[["127.0.0.3", "127.0.0.1"]], none=[[]])
    assert fetch_url(f"http://two.example:{port}/", public_only=True).data == b"It rained."
    with pytest.raises(SourceNotFoundError, match="has no address"):
        fetch_url("http://none.example/", public_only=True)


@pytest.mark.usefixtures("loopback_is_public")
def test_the_certificate_is_to_be_the_names(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    asked: list[Any] = []
    original = ssl.SSLContext.wrap_socket

    def wrap(context: ssl.SSLContext, sock: Any, *arguments: Any, **options: Any) -> Any:
        asked.append((options["server_hostname"], context.check_hostname, context.verify_mode))
        return original(context, sock, *arguments, **options)

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", wrap)
    resolve(monkeypatch, secure=[["127.0.0.1"]])
    with pytest.raises(SourceError):  # the page speaks no TLS
        fetch_url(f"https://secure.example:{port}/", public_only=True, timeout=2)
    assert asked == [("secure.example", True, ssl.CERT_REQUIRED)]


@pytest.mark.usefixtures("loopback_is_public")
def test_no_proxy_is_gone_by(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch_url(f"http://127.0.0.1:{port}/", public_only=True).data == b"It rained."


def test_on_the_command_line_loopback_is_the_users_own_business(port: int) -> None:
    assert fetch_url(f"http://127.0.0.1:{port}/").data == b"It rained."


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://x/"])
@pytest.mark.usefixtures("loopback_is_public")
def test_other_schemes_are_not_followed(port: int, target: str) -> None:
    with pytest.raises(SourceError):
        fetch_url(f"http://127.0.0.1:{port}/?to={target}", public_only=True)
