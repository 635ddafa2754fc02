"""Getting what is behind an http(s) URL."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from qa.errors import SourceError, SourceNotFoundError

MAX_BYTES = 20_000_000
MAX_REDIRECTS = 5


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


def fetch_url(url: str, *, timeout: float = 30.0, max_bytes: int = MAX_BYTES) -> Content:
    """Fetch a page, following up to five redirects.

    Args:
        timeout: seconds for each wait on the network, and for the body as a whole.
        max_bytes: the largest body taken, counted after decompression.

    Raises:
        SourceNotFoundError: no such host, nothing listens there, or it answers 404 or 410.
        SourceError: the fetch failed in another way.
    """
    import httpx

    name = public_address(url)
    deadline = time.monotonic() + timeout
    data = bytearray()
    client = httpx.Client(
        headers={"User-Agent": "footnoted"},
        timeout=timeout,
        follow_redirects=True,
        max_redirects=MAX_REDIRECTS,
    )
    try:
        with client, client.stream("GET", url) as response:
            if response.status_code != 200:
                raise _refused(name, response.status_code, response.reason_phrase)
            for piece in response.iter_bytes():
                data += piece
                if len(data) > max_bytes:
                    raise too_large(name, max_bytes)
                if time.monotonic() > deadline:
                    raise httpx.ReadTimeout("the body comes too slowly")
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
