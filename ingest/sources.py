"""What the user names (a path, a pattern, a URL, standard input) as sources of bytes.

Naming a source reads nothing of it: the bytes come when ``Source.load`` is called.
"""

import errno
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from ingest.fetch import Content, Fetch, fetch_url, public_address, too_large
from ingest.kinds import SUFFIXES
from qa.errors import SourceError, SourceNotFoundError

MAX_FILE_BYTES = 50_000_000
STDIN = "standard input"


@dataclass(frozen=True, slots=True)
class Source:
    """Something to read documents from.

    Attributes:
        uri: its address, the same from every working directory; empty when it has none.
        name: what messages call it: as the user named it.
        filename: the last part of its path: tells the kind and, failing better, the title.
        load: reads or fetches the bytes; raises a SourceError.
    """

    uri: str
    name: str
    filename: str
    load: Callable[[], Content]


def find_sources(
    spec: str,
    *,
    stdin: BinaryIO | None = None,
    fetch: Fetch = fetch_url,
    left_out: Callable[[Path], object] = lambda _: None,
) -> Iterator[Source]:
    """Yield what ``spec`` names, in a stable order, each file once.

    Args:
        spec: a file, a directory (with its subfolders), a pattern such as ``notes/*.md``, an
            http(s) URL, or ``-`` for standard input. Directories and patterns leave out hidden
            files and files without a reader, and do not follow links to other directories.
        stdin: what ``-`` reads; none: the process's standard input.
        fetch: what gets URLs.
        left_out: told of each visible file that has no reader.

    Raises:
        SourceNotFoundError: there is nothing at ``spec``.
        SourceError: it is there and cannot be read.
    """
    if spec == "-":
        yield Source("", STDIN, STDIN, lambda: _read(stdin or sys.stdin.buffer, STDIN))
    elif re.match("https?:", spec, re.IGNORECASE):
        yield source_from_url(spec, fetch=fetch)
    else:
        nothing = True
        for file in _find_files(spec, left_out):
            nothing = False
            yield Source(file.resolve().as_uri(), str(file), file.name, partial(_load, file))
        if nothing:
            raise SourceNotFoundError(
                f"there is nothing to read in {spec!r}",
                help=f"Files that can be read end in {', '.join(SUFFIXES)}.",
            )


def source_from_url(url: str, *, fetch: Fetch = fetch_url) -> Source:
    """Name a web page.

    Raises:
        SourceNotFoundError: it is not an http or https address.
    """
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise SourceNotFoundError(
            f"{url!r} is not an http or https address",
            help="Write it as https://HOST/PATH, or save the page and give the file.",
        )
    uri = public_address(url)
    return Source(uri, uri, PurePosixPath(unquote(parts.path)).name, partial(fetch, url))


def source_from_bytes(
    data: bytes, *, name: str, media_type: str | None = None, uri: str = ""
) -> Source:
    """Name bytes that are already here, such as an upload."""
    return Source(uri, name, PurePosixPath(name).name, lambda: Content(data, media_type))


def _find_files(spec: str, left_out: Callable[[Path], object]) -> Iterator[Path]:
    path = Path(os.path.expanduser(spec))
    try:
        mode = path.stat().st_mode if spec else 0
    except (FileNotFoundError, NotADirectoryError, ValueError):
        mode = 0
    except OSError as error:
        raise _failure(spec, error) from None
    if stat.S_ISREG(mode):
        yield path
    elif stat.S_ISDIR(mode):
        yield from _readable([path], left_out)
    elif mode:
        raise SourceError(
            f"{spec!r} is not a regular file", help="Pipe it in: footnoted ingest - < FILE."
        )
    elif re.search(r"[*?\[]", spec):
        yield from _readable(_matches(path), left_out)
    elif re.match(r"[a-z][a-z0-9+.-]+:", spec, re.IGNORECASE):
        raise SourceNotFoundError(
            f"cannot read {spec!r}: no such file, and only http and https are fetched",
            help="Download it yourself and give the file.",
        )
    else:
        raise SourceNotFoundError(f"there is no file or directory {spec!r}")


def _matches(pattern: Path) -> list[Path]:
    """Glob, without the hidden names that the pattern does not spell out."""
    root = Path(pattern.anchor)
    try:
        found = sorted(root.glob(str(pattern.relative_to(root))))
    except ValueError as error:
        raise SourceNotFoundError(f"bad pattern {str(pattern)!r}: {error}") from None
    spelled = pattern.parts
    return [
        path
        for path in found
        if all(part in spelled or not part.startswith(".") for part in path.parts)
    ]


def _readable(paths: Iterable[Path], left_out: Callable[[Path], object]) -> Iterator[Path]:
    seen: set[Path] = set()
    for path in paths:
        for file in _walk(path) if os.path.isdir(path) else [path]:
            if not os.path.isfile(file):
                continue
            if file.suffix.lower() not in SUFFIXES:
                left_out(file)
                continue
            real = file.resolve()
            if real not in seen:
                seen.add(real)
                yield file


def _walk(directory: Path) -> Iterator[Path]:
    """All visible files; a folder that cannot be read is reported after the others are through."""
    failed: list[OSError] = []
    for folder, subfolders, files in os.walk(directory, onerror=failed.append):
        if not os.access(folder, os.X_OK):  # its names can be listed, its files not even looked at
            failed.append(PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder))
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(files) if not name.startswith("."))
    if failed:
        raise _failure(str(failed[0].filename), failed[0])


def _load(path: Path) -> Content:
    try:
        with path.open("rb") as file:
            return _read(file, str(path))
    except OSError as error:
        raise _failure(str(path), error) from None


def _read(file: BinaryIO, name: str) -> Content:
    data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise too_large(name, MAX_FILE_BYTES)
    return Content(data)


def _failure(name: str, error: OSError) -> SourceError:
    if isinstance(error, FileNotFoundError):
        return SourceNotFoundError(f"{name!r} is not there any more")
    return SourceError(
        f"cannot read {name!r}: {error.strerror or error}", help="Check its permissions."
    )
