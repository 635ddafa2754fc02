"""Chroma: how it is opened or reached, and what its failures mean."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from filelock import FileLock, Timeout

from qa.disk import writing
from qa.errors import (
    DiskFullError,
    SettingsError,
    StoreError,
    StoreLockedError,
    StoreUnreachableError,
    UnknownCollectionError,
    UsageError,
    first_line,
)

PREFIX = "footnoted."
"""How the names of our collections begin in Chroma."""
PAGE = 1000
"""Records read at once; a whole large collection in one reply would double the memory."""
_ROOM_BYTES = 100_000_000
"""Free bytes that a write needs, some 10,000 for each of a batch's 5,461 chunks. After one that
filled the disk, the embedded Chroma's next call never returns, and no other thread runs."""


def lock(data_dir: Path) -> FileLock:
    """Take the data directory for this process, and say beside the lock who has it.

    Raises:
        StoreLockedError: another process has it.
        StoreError: it cannot be written.
    """
    with writing(data_dir):
        data_dir.mkdir(parents=True, exist_ok=True)
        taken = FileLock(data_dir / "store.lock", blocking=False, thread_local=False)
        holder = data_dir / "store.json"
        try:
            taken.acquire()
        except Timeout:
            raise StoreLockedError(
                f"the data directory {str(data_dir)!r} is in use by {_describe_holder(holder)}"
            ) from None
        process = psutil.Process()
        holder.write_text(
            json.dumps({"pid": process.pid, "command": " ".join(process.cmdline())[:200]})
        )
    return taken


def _describe_holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text())
        return f"process {holder['pid']} ({holder['command']})"
    except (OSError, ValueError, KeyError):
        return "another process"


def embedded_client(path: Path) -> Any:
    """A client of the Chroma in this process whose files are at ``path``."""
    import chromadb
    from chromadb.api.shared_system_client import SharedSystemClient

    try:
        return chromadb.PersistentClient(path=str(path), settings=_settings())
    except chromadb.errors.ChromaError:
        # Chroma keeps what it could not open, and gives that out again once the file is mended.
        SharedSystemClient._identifier_to_system.pop(str(path), None)
        raise


def remote_client(url: str) -> Any:
    """A client of the Chroma server at ``url``.

    Raises:
        SettingsError: that is no address.
        StoreUnreachableError: no Chroma server answers there.
    """
    import chromadb

    try:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 8000)
    except ValueError as error:
        raise SettingsError(f"FOOTNOTED_STORE__URL={url!r} is no address: {error}") from None
    try:
        return chromadb.HttpClient(
            host=parts.hostname or "localhost", port=port, ssl=secure, settings=_settings()
        )
    except Exception as error:  # whatever else may listen there, the client fails in its own way
        raise StoreUnreachableError(f"no Chroma server at {url!r}: {first_line(error)}") from error


def _settings() -> Any:
    from chromadb.config import Settings

    return Settings(anonymized_telemetry=False)


@contextmanager
def talking(location: str) -> Iterator[None]:
    """Turn Chroma's own failures into ours, with the way out.

    Raises:
        DiskFullError: no space left.
        StoreError: any other failure of Chroma's.
        StoreUnreachableError: no Chroma server answers.
        UnknownCollectionError: the collection has been deleted since it was opened.
    """
    import chromadb.errors
    import httpx

    try:
        yield
    except httpx.TransportError as error:
        raise StoreUnreachableError(f"no Chroma server at {location!r}: {error}") from error
    except chromadb.errors.ChromaError as error:
        # The second comes amid the deletion. Neither is for whoever asks: it has Chroma's own ids.
        if isinstance(error, chromadb.errors.NotFoundError) or re.search(
            r"\bMissing \w+ segment", str(error)
        ):
            raise UnknownCollectionError("the collection is not there any more") from error
        # Chroma has no class for it: SQLite says the one, and the vectors' files the other.
        if re.search("disk is full|No space left", str(error)):
            raise DiskFullError(f"no space left for Chroma at {location!r}") from error
        if re.search("is not a database|is malformed", str(error)):
            raise StoreError(
                f"Chroma's database, chroma.sqlite3 at {location!r}, is broken: {error}",
                help="Restore that folder from a backup; or delete it, and ingest again.",
            ) from error
        raise StoreError(f"Chroma at {location!r}: {error}") from error
    except ValueError as error:
        if "Could not connect" not in str(error):
            raise
        raise StoreUnreachableError(f"no Chroma server at {location!r}") from error


def require_room(location: str) -> None:
    """Refuse to write where an embedded Chroma could fill the disk.

    Raises:
        DiskFullError: fewer than ``_ROOM_BYTES`` are free.
    """
    if not Path(location).is_dir():  # a Chroma server's
        return
    free = shutil.disk_usage(location).free
    if free < _ROOM_BYTES:
        raise DiskFullError(
            f"{free:,} bytes are free at {location!r}; {_ROOM_BYTES:,} are needed to write"
        )


def chroma_name(name: str, suffix: str) -> str:
    """What Chroma calls the part ``suffix`` of the collection ``name``.

    Raises:
        UsageError: not a name that a collection can have.
    """
    allowed = name.isascii() and all(sign.isalnum() or sign in "-_" for sign in name)
    if not (allowed and 0 < len(name) <= 64):
        raise UsageError(
            f"{name!r} cannot name a collection",
            help="Use up to 64 letters, digits, '-' and '_'.",
        )
    return f"{PREFIX}{name}{suffix}"


def pages(collection: Any, *, include: list[str]) -> Iterator[Any]:
    """All records of a Chroma collection, ``PAGE`` at a time."""
    page = collection.get(limit=PAGE, include=include)
    if len(page["ids"]) < PAGE:
        yield page
        return
    # By id: what is deleted between two pages would move an offset past records that are there.
    ids = collection.get(include=[])["ids"]
    for first in range(0, len(ids), PAGE):
        yield collection.get(ids=ids[first : first + PAGE], include=include)
