"""Rows of files as pydantic models; what is wrong with one is said with its place."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from qa.errors import SuiteError


class Row(BaseModel):
    """A piece of a file; keys that are not needed are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True)


RowT = TypeVar("RowT", bound=Row)


def read_bytes(path: Path) -> bytes:
    """A file's content without a byte order mark.

    Raises:
        SuiteError: it cannot be read.
    """
    try:
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise SuiteError(f"{path} cannot be read: {error.strerror}") from None


def try_rows(path: Path, row: type[RowT]) -> Iterator[tuple[int, RowT | list[str]]]:
    """Each line of a JSON Lines file with its number; a broken one as what is wrong with it.

    Raises:
        SuiteError: the file cannot be read.
    """
    for number, line in enumerate(read_bytes(path).split(b"\n"), start=1):
        if line.strip():
            try:
                yield number, row.model_validate_json(line)
            except ValidationError as error:
                yield number, describe(error)


def read_rows(path: Path, row: type[RowT]) -> Iterator[tuple[int, RowT]]:
    """The same, for those who want none of a file with a broken line.

    Raises:
        SuiteError: the file cannot be read or a line is broken; the message names both.
    """
    for number, found in try_rows(path, row):
        if isinstance(found, list):
            raise SuiteError(f"{path}, line {number}: {found[0]}")
        yield number, found


def describe(error: ValidationError) -> list[str]:
    """What is wrong, a message for each field, with its place inside the row."""
    deepest: dict[str, tuple[int, str]] = {}
    for item in error.errors(include_url=False):
        # Of the two forms of evidence, the one that was meant is read further before it fails.
        place = ".".join(str(part) for part in item["loc"] if "[" not in str(part))
        field = str(item["loc"][0]) if item["loc"] else ""
        found = len(item["loc"]), f"{place or 'the row'}: {item['msg']}"
        deepest[field] = max(deepest.get(field, found), found, key=lambda it: it[0])
    return [message for _, message in deepest.values()]
