"""API keys: who may call the server, and what each may do."""

import hashlib
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from hmac import compare_digest
from pathlib import Path
from typing import Annotated, Literal, get_args

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qa.disk import writing
from qa.errors import KeyFileError, UsageError

Right = Literal["read", "write", "admin"]
"""What may be done with a collection; each right includes the ones before it."""

ALL = "*"
"""Stands for every collection; none can have that name."""

PREFIX = "footnoted_"
"""Begins every key, so that people and scanners see what has leaked."""

_ORDER: tuple[Right, ...] = get_args(Right)
_NAME = r"^[A-Za-z0-9._-]{1,64}$"
_COLLECTION = r"^(\*|[A-Za-z0-9_-]{1,64})$"


class Key(BaseModel):
    """A key as it is kept: enough to know it again, not to use it.

    Attributes:
        name: what it is called in lists and messages.
        sha256: of the key. The key is 256 random bits, so there is nothing to guess that a slow,
            salted hash would have to protect.
        grants: the right in each collection, or in ``ALL``.
        created: when.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=_NAME)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    grants: dict[Annotated[str, Field(pattern=_COLLECTION)], Right] = Field(min_length=1)
    created: datetime


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: Literal[1] = 1
    keys: list[Key] = []


def allows(grants: Mapping[str, Right], right: Right, collection: str) -> bool:
    """Whether ``grants`` include ``right`` in ``collection``, which may be ``ALL``."""
    granted = (grants.get(name) for name in (collection, ALL))
    return any(it is not None and _ORDER.index(it) >= _ORDER.index(right) for it in granted)


class KeyFile:
    """The keys in ``keys.json``, read again whenever it has been written.

    Args:
        data_dir: where the file is, or will be. It has no part in the store's lock, so keys are
            managed while a server runs.
    """

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "keys.json"
        self._read: tuple[tuple[int, int, int], list[Key]] | None = None

    def exists(self) -> bool:
        """Whether a key has ever been created."""
        return self.path.exists()

    def keys(self) -> list[Key]:
        """The keys, by creation.

        Raises:
            KeyFileError: the file is not what ``create`` writes, or may not be read.
        """
        try:
            found = self.path.stat()
            version = (found.st_ino, found.st_mtime_ns, found.st_size)
            if self._read is None or self._read[0] != version:
                content = _Content.model_validate_json(self.path.read_bytes())
                self._read = (version, content.keys)
        except FileNotFoundError:
            return []
        except (OSError, ValidationError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is damaged"
            raise KeyFileError(f"cannot read the keys in {str(self.path)!r}: {reason}") from None
        return self._read[1]

    def find(self, secret: str) -> Key | None:
        """The key that ``secret`` is, or ``None``.

        Raises:
            KeyFileError: as for ``keys``.
        """
        digest = _digest(secret)
        return next((key for key in self.keys() if compare_digest(key.sha256, digest)), None)

    def create(self, name: str, grants: Mapping[str, Right]) -> str:
        """Make a key and return it; it cannot be shown again.

        Raises:
            UsageError: the name is taken, or it or a collection's cannot be one.
            KeyFileError: as for ``keys``.
            StoreError: the file cannot be written.
        """
        secret = PREFIX + secrets.token_urlsafe(32)
        try:
            key = Key(
                name=name,
                sha256=_digest(secret),
                grants=dict(grants),
                created=datetime.now(UTC).replace(microsecond=0),
            )
        except ValidationError as error:
            wrong = ", ".join(repr(item["input"]) for item in error.errors())
            raise UsageError(
                f"{wrong} cannot name a key or a collection",
                help="Use up to 64 letters, digits, '-' and '_'; '*' is every collection.",
            ) from None
        with self._changing():
            keys = self.keys()
            if any(other.name == name for other in keys):
                raise UsageError(
                    f"there is a key named {name!r} already",
                    help=f"Choose another name, or first: footnoted keys revoke {name}.",
                )
            self._write([*keys, key])
        return secret

    def revoke(self, name: str) -> None:
        """Take a key away.

        Raises:
            UsageError: there is none of that name.
            KeyFileError: as for ``keys``.
            StoreError: the file cannot be written.
        """
        with self._changing():
            keys = self.keys()
            kept = [key for key in keys if key.name != name]
            if len(kept) == len(keys):
                known = ", ".join(key.name for key in keys) or "none"
                raise UsageError(
                    f"there is no key named {name!r}", help=f"The keys there are: {known}."
                )
            self._write(kept)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.path.with_suffix(".lock")):
                yield

    def _write(self, keys: list[Key]) -> None:
        # Readable by its owner alone from the start: mkstemp makes it so.
        descriptor, name = tempfile.mkstemp(prefix=".keys-", dir=self.path.parent)
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(_Content(keys=keys).model_dump_json(indent=2) + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self.path)
        except BaseException:
            os.unlink(name)
            raise


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
