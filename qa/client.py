"""Has a server do it that runs already: it has the data directory, and its models are loaded."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from qa.errors import FootnotedError, QuestionError, SourceError, UsageError, kind_of
from qa.running import Running
from qa.schema import DOCUMENT_HEAD, Document, Event, Turn, UnsupportedPolicy

_CONNECT_SECONDS = 2
_READY_SECONDS = 30
"""To look at the store, behind what is being written."""
_PATIENT = (_CONNECT_SECONDS, None, None, None)
"""To connect; not for a reply: models may be loading, questions wait, and a book takes minutes."""
_TOO_LARGE = 413
_TURNS = 8
"""Of a conversation; what was said before does not change what a question means."""


def is_up(server: Running) -> bool:
    """Whether it answers."""
    import httpx

    try:
        with httpx.Client(trust_env=False, timeout=_CONNECT_SECONDS) as client:
            return bool(client.get(f"{server.url}/healthz").json() == {"status": "ok"})
    except (httpx.HTTPError, ValueError):
        return False


def readiness(server: Running) -> str:
    """What it says of its parts, if it can answer questions.

    Raises:
        FootnotedError: it cannot, or is gone.
    """
    import httpx

    try:
        reply = httpx.get(f"{server.url}/readyz", trust_env=False, timeout=_READY_SECONDS)
        said = reply.json()
    except (httpx.HTTPError, ValueError) as error:
        raise _gone(server, error, "Start it again, or do without it.") from error
    if reply.is_error:
        raise FootnotedError(
            f"the server at {server.url} cannot answer: {said['detail']}",
            help="If it is still loading, wait a little; else its log says more.",
        )
    parts = [f"{name}: {check['detail']}" for name, check in said["checks"].items()]
    return f"{server.url} ({'; '.join(parts)})"


class RemoteAnswerer:
    """Has the server answer; its events are those of an ``Answerer`` in this process.

    Args:
        server: where it is.
        collection: which collection.
        evidence_only: answer without a language model.
    """

    def __init__(self, server: Running, collection: str, *, evidence_only: bool = False) -> None:
        self._server = server
        self._options: dict[str, Any] = {"collection": collection, "evidence_only": evidence_only}

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        documents: Sequence[str] | None = None,
        unsupported: UnsupportedPolicy = "drop",
    ) -> Iterator[Event]:
        """Yield events; arguments as for ``Answerer.stream``.

        Raises:
            FootnotedError: the server refuses the question, is of another version, or is gone.
        """
        import httpx
        from pydantic import TypeAdapter, ValidationError

        body = self._options | {
            "messages": [
                *(turn.model_dump() for turn in history[-_TURNS:]),
                {"role": "user", "content": question},
            ],
            "documents": None if documents is None else list(documents),
            "unsupported": unsupported,
        }
        events: TypeAdapter[Event] = TypeAdapter(Event)
        try:
            with (
                httpx.Client(trust_env=False, timeout=_PATIENT) as client,
                client.stream(
                    "POST",
                    f"{self._server.url}/v1/chat",
                    json=body,
                    headers={"Authorization": f"Bearer {self._server.token}"},
                ) as reply,
            ):
                if reply.status_code != httpx.codes.OK:
                    raise _refused(reply.status_code, reply.read())
                for line in _lines(reply.iter_text()):
                    if line.startswith("data: "):
                        yield events.validate_json(line.removeprefix("data: "))
        except ValidationError as error:
            raise FootnotedError(
                f"the server at {self._server.url} speaks another version",
                help="End it and start it again with the version that asks: footnoted serve",
            ) from error
        except UnicodeEncodeError:
            raise QuestionError("the question has characters that are not text") from None
        except httpx.HTTPError as error:
            way_out = "Ask again: without a server the question is answered in this process."
            raise _gone(self._server, error, way_out) from error


class RemoteLibrary:
    """A collection of the server's.

    Args:
        server: where it is.
        collection: which one.
    """

    def __init__(self, server: Running, collection: str) -> None:
        self._server = server
        self._collection = collection

    def exists(self) -> bool:
        """Whether the collection has been made."""
        listed = self._call("GET", "collections")["collections"]
        return any(it["name"] == self._collection for it in listed)

    @contextmanager
    def ingesting(self) -> Iterator[Callable[[Document], dict[str, Any]]]:
        """Have documents written; each returns as it is there, with ``outcome`` and ``flagged``.

        Raises:
            FootnotedError: the server refuses one, or is gone.
        """
        yield self._ingest

    def _ingest(self, document: Document) -> dict[str, Any]:
        made = Document.make(document.text, title=document.title, uri=document.uri)
        body = {
            "text": document.text,
            "title": document.title,
            "uri": document.uri,
            "doc_id": None if made == document else document.id,
            "collection": self._collection,
        }
        (stored,) = self._call("POST", "documents", json=body)["documents"]
        return {name: stored.get(name) for name in ("outcome", *DOCUMENT_HEAD, "flagged")}

    def documents(self) -> list[dict[str, Any]]:
        """All of them, by title."""
        listed = self._call("GET", "documents")["documents"]
        assert isinstance(listed, list)
        return listed

    def document(self, document_id: str) -> dict[str, Any]:
        """One with its ``text``, and with the bounds of its ``sentences``."""
        return self._call("GET", _address(document_id))

    def remove(self, document_id: str) -> str:
        """Delete one; returns its title."""
        titles = {item["id"]: str(item["title"]) for item in self.documents()}
        self._call("DELETE", _address(document_id))
        return titles.get(document_id, document_id)

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        import httpx

        try:
            reply = httpx.request(
                method,
                f"{self._server.url}/v1/{path}",
                params={"collection": self._collection},
                headers={"Authorization": f"Bearer {self._server.token}"},
                trust_env=False,
                timeout=_PATIENT,
                **options,
            )
        except httpx.HTTPError as error:
            way_out = "Start it again, or do without it; what it had not ingested, ingest again."
            raise _gone(self._server, error, way_out) from error
        if reply.is_error:
            raise _refused(reply.status_code, reply.content)
        found: dict[str, Any] = reply.json() if reply.content else {}
        return found


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """The lines of events; within their JSON stands much at which ``splitlines`` would split."""
    rest = ""
    for piece in pieces:
        *whole, rest = (rest + piece).split("\n")
        yield from (line.removesuffix("\r") for line in whole)


def _address(document_id: str) -> str:
    """The path of a document; dots too are escaped, or ``..`` would lead to another."""
    return f"documents/{quote(document_id, safe='').replace('.', '%2E')}"


def _gone(server: Running, error: Exception, way_out: str) -> FootnotedError:
    message = f"the server at {server.url} is gone: {type(error).__name__}"
    return FootnotedError(message, help=way_out)


def _refused(status: int, content: bytes) -> FootnotedError:
    """The server's problem, as the error that it would be here."""
    try:
        problem = json.loads(content)
        kind = kind_of(problem["code"], UsageError if status < 500 else FootnotedError)
        if status == _TOO_LARGE:  # one of several; the others may do
            kind = SourceError
        # What a kind of its own advises is meant for the command line, the server's for HTTP.
        own = "help" in vars(kind) and kind not in (FootnotedError, UsageError, SourceError)
        return kind(str(problem["detail"]), help=None if own else str(problem["help"]))
    except (ValueError, KeyError, TypeError):
        return FootnotedError(f"the server answers with status {status}")
