"""Where a server that holds the data directory can be asked, by whoever may read that directory."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from qa.disk import writing

_FILE = "server.json"
_SAME_START = 5.0
"""Seconds; the clock that it is read against may be set."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server on this machine.

    Attributes:
        url: its address, without a slash at the end.
        token: lets in, for everything, whoever reads it from the directory.
        pid: its process.
        started: when that began, for numbers of processes are used again.
    """

    url: str
    token: str = field(repr=False)
    pid: int = field(default_factory=os.getpid)
    started: float = field(default_factory=lambda: psutil.Process().create_time())


@contextmanager
def told(data_dir: Path, server: Running) -> Iterator[None]:
    """Write down where the server is, for its user alone to read, as long as this context lasts.

    Raises:
        DiskFullError: no room.
        StoreError: the directory cannot be written.
    """
    file = data_dir / _FILE
    with writing(file):
        data_dir.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            json.dump(asdict(server), out)
    try:
        yield
    finally:
        if find_running(data_dir) == server:  # not another's, beside the same Chroma server
            file.unlink(missing_ok=True)


def find_running(data_dir: Path) -> Running | None:
    """The server that holds ``data_dir``, or ``None`` if none says so, or it has ended since."""
    try:
        server = Running(**json.loads((data_dir / _FILE).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    try:
        started = psutil.Process(server.pid).create_time()
    except psutil.Error:
        return None
    return server if abs(started - server.started) < _SAME_START else None
