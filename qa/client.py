"""Asks a server that runs already, so that a question waits for no model to load."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from qa.errors import FootnotedError, UsageError
from qa.running import Running
from qa.schema import Event, Turn, UnsupportedPolicy

_CONNECT_SECONDS = 2
_SILENCE_SECONDS = 60
"""A server breaks every silence within ten seconds."""


def is_up(server: Running) -> bool:
    """Whether it answers; a process that has crashed and another that has its number do not."""
    import httpx

    try:
        with httpx.Client(trust_env=False, timeout=_CONNECT_SECONDS) as client:
            return bool(client.get(f"{server.url}/healthz").json() == {"status": "ok"})
    except (httpx.HTTPError, ValueError):
        return False


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
            FootnotedError: the server refuses the question, or is gone.
        """
        import httpx
        from pydantic import TypeAdapter

        body = self._options | {
            "messages": [
                *(turn.model_dump() for turn in history),
                {"role": "user", "content": question},
            ],
            "documents": None if documents is None else list(documents),
            "unsupported": unsupported,
        }
        events: TypeAdapter[Event] = TypeAdapter(Event)
        try:
            with (
                httpx.Client(trust_env=False, timeout=_SILENCE_SECONDS) as client,
                client.stream(
                    "POST",
                    f"{self._server.url}/v1/chat",
                    json=body,
                    headers={"Authorization": f"Bearer {self._server.token}"},
                ) as reply,
            ):
                if reply.status_code != httpx.codes.OK:
                    raise _refused(reply.status_code, reply.read())
                for line in reply.iter_lines():
                    if line.startswith("data: "):
                        yield events.validate_json(line.removeprefix("data: "))
        except httpx.HTTPError as error:
            raise FootnotedError(
                f"the server at {self._server.url} is gone: {type(error).__name__}",
                help="Ask again: without a server the question is answered in this process.",
            ) from error


def _refused(status: int, content: bytes) -> FootnotedError:
    """The server's problem, with the exit code that it would have here."""
    kind = UsageError if 400 <= status < 500 else FootnotedError
    try:
        problem = json.loads(content)
        return kind(str(problem["detail"]), help=str(problem["help"]))
    except (ValueError, KeyError, TypeError):
        return kind(f"the server answers with status {status}")
