"""What browsers must not do: send for pages elsewhere, or load from elsewhere."""

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qa.server.access import Lock
from qa.server.openai_wire import reply_to
from qa.server.problems import Problem

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_LOCAL_NAMES = {"localhost", "127.0.0.1", "::1"}
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def is_loopback(address: str) -> bool:
    """Whether only this machine can connect to an IP address; a name but ``localhost`` is none."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _same_address(name: str | None, address: str) -> bool:
    """Whether a host is the very IP address that a request came to; no name leads to one of it."""
    try:
        return ip_address(name or "") == ip_address(address)
    except ValueError:
        return False


class SecurityHeaders:
    """Puts on every reply what keeps a browser from doing more with it than it should.

    Args:
        app: what makes the replies.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                if scope["path"].startswith("/v1/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, secured)


class BrowserGuard:
    """Refuses requests that a browser sends on behalf of a page elsewhere.

    A page elsewhere may send a form, or text that is read as JSON, to any address that the browser
    reaches, loopback included; it says so by Sec-Fetch-Site or Origin. And its owner may have its
    name lead to loopback once it is loaded, so that browsers hold the server's replies to be the
    page's own: then the header Host has that name.

    Args:
        app: what the requests are for.
        hosts: names that it answers to, besides this machine's own and the address that the request
            came to; none for any name, but on loopback while ``lock`` is open: there nothing else
            protects.
        origins: pages elsewhere that may send.
        lock: whether a key is needed.
    """

    def __init__(
        self, app: ASGIApp, *, hosts: Collection[str], origins: Collection[str], lock: Lock
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._origins = origins
        self._lock = lock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and (problem := self._problem(scope)) is not None:
            await reply_to(scope["path"], problem)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _problem(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._answers_to(host, scope):
            return Problem.of_status(421, f"the request is for the host {host!r}")
        if scope["method"] not in _SAFE_METHODS and not self._own(headers, host):
            origin = headers.get("origin", "unknown")
            return Problem.of_status(
                403,
                f"a page of the origin {origin!r} may not send requests here",
                code="cross-origin",
                title="Pages elsewhere may not send requests here",
                help="Name the origin in FOOTNOTED_SERVER__ALLOWED_ORIGINS if it may.",
            )
        return None

    def _answers_to(self, host: str, scope: Scope) -> bool:
        address, *_ = scope.get("server") or ("",)
        if not self._hosts and (self._lock.closed() or not is_loopback(address)):
            return True
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            return False
        return name in _LOCAL_NAMES or name in self._hosts or _same_address(name, address)

    def _own(self, headers: Headers, host: str) -> bool:
        """Whether no browser sent it, or one showing a page of ours or of an allowed origin."""
        origin = headers.get("origin")
        if origin in self._origins:
            return True
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site in ("same-origin", "none")
        return origin is None or origin.partition("://")[2] == host != ""
