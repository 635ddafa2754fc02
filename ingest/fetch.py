"""Getting what is behind an http(s) URL."""

import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from qa.errors import SourceError, SourceNotFoundError

if TYPE_CHECKING:
    import httpx

MAX_BYTES = 20_000_000
MAX_REDIRECTS = 5

_AT_ONCE = 1_000_000
"""Bytes decompressed at once: of a piece that unpacks to a thousand times its size, no more."""

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Content:
    """Loaded bytes.

    Attributes:
        media_type: what the sender declares them to be, parameters included; none for files.
    """

    data: bytes
    media_type: str | None = None


Fetch = Callable[[str], Content]
"""Gets the bytes behind a URL, or raises a SourceError."""


def fetch_url(
    url: str, *, timeout: float = 30.0, max_bytes: int = MAX_BYTES, public_only: bool = False
) -> Content:
    """Fetch a page, following up to five redirects.

    Args:
        timeout: seconds for all of it. To look a name up takes what the system allows, and a
            connection that is being made then has as many seconds once more.
        max_bytes: the largest body taken, counted after decompression.
        public_only: refuse addresses that are not public, at every redirect too, and go by no
            proxy, which would look the name up once more.

    Raises:
        SourceNotFoundError: no such host, nothing listens there, or it answers 404 or 410.
        SourceError: the address is not public, or the fetch failed in another way.
    """
    import httpx

    name = public_address(url)
    deadline = _Deadline(timeout)
    client = httpx.Client(
        headers={"User-Agent": "footnoted", "Accept-Encoding": "gzip"},
        timeout=timeout,
        transport=_public_transport(name) if public_only else None,
    )
    data = bytearray()
    try:
        with deadline, client:
            request = client.build_request("GET", url, extensions={"trace": deadline.watch})
            with closing(_follow(client, request)) as response:
                if response.status_code != 200:
                    raise _refused(name, response.status_code, response.reason_phrase)
                for piece in _body(response):
                    data += piece
                    if len(data) > max_bytes:
                        raise too_large(name, max_bytes)
                return Content(bytes(data), response.headers.get("content-type"))
    except httpx.TimeoutException:
        raise SourceError(
            f"cannot fetch {name!r}: no complete answer within {timeout:g} seconds",
            help="Try again later, or save the page and give the file.",
        ) from None
    except httpx.ConnectError as error:
        raise SourceNotFoundError(
            f"cannot reach {name!r}: {error}", help="Check the spelling and the network."
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # the last: a bad IDN host
        raise SourceError(
            f"cannot fetch {name!r}: {error}", help="Save the page yourself and give the file."
        ) from None


class _Deadline:
    """Ends what is fetched within it when the time is over; httpx bounds each wait by itself."""

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._end)
        self._over = False
        self._opened: list[Any] = []

    def watch(self, event: str, info: dict[str, Any]) -> None:
        """Is told of each step; httpx's request extension ``trace``."""
        if event.endswith(".connect_tcp.started"):
            self._check()
        elif event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._opened.append(info["return_value"])
            if self._over:
                self._end()

    def _end(self) -> None:
        self._over = True
        for stream in self._opened:
            with suppress(OSError):  # closed meanwhile
                # To close it would not wake the thread that waits for it.
                stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    def _check(self) -> None:
        import httpx

        if self._over:
            raise httpx.ReadTimeout("it takes too long")

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._timer.cancel()
        if error is None or isinstance(error, Exception):
            self._check()  # the connection's end may have passed for that of the body


def _follow(client: "httpx.Client", request: "httpx.Request") -> "httpx.Response":
    """The first answer that leads nowhere else.

    Left to httpx, the bodies of redirects would be read to their ends, whatever their size.
    """
    import httpx

    for _ in range(MAX_REDIRECTS + 1):
        response = client.send(request, stream=True)
        if response.next_request is None:
            return response
        response.close()
        request = response.next_request
    raise httpx.TooManyRedirects(f"more than {MAX_REDIRECTS} redirects")


def _body(response: "httpx.Response") -> Iterator[bytes]:
    """The body, decompressed in pieces of bounded size."""
    import httpx

    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding == "identity":
        yield from response.iter_raw()
    elif encoding in ("gzip", "x-gzip"):
        try:
            yield from _unzip(response.iter_raw())
        except zlib.error as error:
            raise httpx.DecodingError(str(error)) from None
    else:
        raise httpx.DecodingError(f"it comes in the encoding {encoding!r}, not in gzip")


def _unzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    for piece in pieces:
        while piece:
            yield unpacking.decompress(piece, _AT_ONCE)
            if unpacking.eof:
                return  # it would gather whatever follows
            piece = unpacking.unconsumed_tail
    yield unpacking.flush()


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet's, where no private machine answers."""
    ip = ip_address(address)
    if isinstance(ip, IPv4Address):
        return ip.is_global and not ip.is_multicast
    if ip in _NAT64:  # leads to the IPv4 address in its last 32 bits
        return is_public(str(IPv4Address(int(ip) & 0xFFFFFFFF)))
    # Tunnels (6to4, Teredo) hold an IPv4 address too; no page is published there.
    return ip in _GLOBAL_UNICAST and ip.is_global and ip.sixtofour is None


def _public_transport(name: str) -> "httpx.BaseTransport":
    """A transport that connects to the very address that it has found to be public.

    A name looked up for the check and again for the connection could give two addresses.
    """
    import httpx

    class PublicTransport(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            host = request.url.raw_host.decode("ascii")
            failure: httpx.ConnectError | None = None
            for address in _look_up(host, name):
                pinned = httpx.Request(
                    request.method,
                    request.url.copy_with(host=address),
                    headers=request.headers,
                    stream=request.stream,
                    # The certificate is to be the name's.
                    extensions={**request.extensions, "sni_hostname": host},
                )
                try:
                    return super().handle_request(pinned)
                except httpx.ConnectError as error:  # IPv6 may lead nowhere where IPv4 does
                    failure = failure or error
            raise failure or httpx.ConnectError(f"{host!r} has no address")

    # A connection kept for one name could be taken for another at the same address.
    return PublicTransport(limits=httpx.Limits(max_keepalive_connections=0))


def _look_up(host: str, name: str) -> list[str]:
    """The addresses of ``host``, in the order to try them; one that is not public fails all."""
    import httpx

    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpx.ConnectError(str(error)) from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not all(map(is_public, addresses)):
        # Without the address: what a private name resolves to is not everybody's business.
        raise SourceError(
            f"{name!r} leads to an address that is not public",
            help="Save the page and upload it. Whoever runs the server can allow private addresses "
            "by FOOTNOTED_SERVER__FETCH_PRIVATE=true.",
        )
    return addresses


def public_address(url: str) -> str:
    """The URL in one spelling, without what must not be stored or shown.

    A user name, a password and the fragment are left out.
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2].lower()
    return urlunsplit((parts.scheme, host, parts.path or "/", parts.query, ""))


def too_large(name: str, limit: int) -> SourceError:
    """The error for more than ``limit`` bytes."""
    return SourceError(
        f"{name!r} is larger than {limit / 1_000_000:g} MB",
        help="Split it, or save the part you need as text.",
    )


def _refused(name: str, status: int, reason: str) -> SourceError:
    kind = SourceNotFoundError if status in (404, 410) else SourceError
    return kind(
        f"cannot fetch {name!r}: the server answers {status} {reason}".rstrip(),
        help="Open the address in a browser, or save the page and give the file.",
    )
