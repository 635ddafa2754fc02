"""Which reader a source needs: told by its media type, its suffix or its first bytes."""

import re
from email.message import Message
from pathlib import PurePath
from typing import Literal

from ingest.fetch import Content
from qa.errors import UnsupportedTypeError

Kind = Literal["text", "markdown", "html", "pdf", "docx", "jsonl"]

SUFFIXES: dict[str, Kind] = {
    ".txt": "text",
    ".text": "text",
    ".rst": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".jsonl": "jsonl",
}

_MEDIA_TYPES: dict[str, Kind] = {
    "text/markdown": "markdown",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
}

# What servers and browsers say of files that they do not know: the suffix tells more.
_VAGUE = ("", "application/octet-stream", "binary/octet-stream", "application/json")


def kind_of(content: Content, *, filename: str, name: str) -> Kind:
    """Choose the reader.

    A telling media type wins; then the suffix; with neither, the first bytes. Without a suffix,
    what is not recognised is taken as text, and reading finds out.

    Args:
        filename: its suffix counts.
        name: what the error calls it.

    Raises:
        UnsupportedTypeError: no reader takes it.
    """
    media_type, _ = media_type_of(content)
    suffix = suffix_of(filename)
    if media_type in _MEDIA_TYPES:
        return _MEDIA_TYPES[media_type]
    if media_type in _VAGUE or media_type.startswith("text/"):
        if suffix in SUFFIXES:
            return SUFFIXES[suffix]
        if media_type == "text/plain":
            return "text"
        if not suffix:
            return _sniff(content.data)
    shown = media_type if media_type not in _VAGUE else suffix or media_type
    raise UnsupportedTypeError(
        f"there is no reader for {name!r} ({shown})",
        help=f"Files that can be read end in {', '.join(SUFFIXES)}.",
    )


def media_type_of(content: Content) -> tuple[str, str | None]:
    """The declared media type in lower case (empty: none) and its charset."""
    if not content.media_type:
        return "", None
    header = Message()
    header["Content-Type"] = content.media_type
    return header.get_content_type(), header.get_content_charset()


def suffix_of(filename: str) -> str:
    """The suffix in lower case; "Dr. Who" has none."""
    suffix = PurePath(filename).suffix.lower()
    return suffix if re.fullmatch(r"\.\w+", suffix) else ""


def stem_of(filename: str) -> str:
    """The name without its suffix."""
    return filename[: len(filename) - len(suffix_of(filename))]


def _sniff(data: bytes) -> Kind:
    start = data[:1024].lstrip().lower()
    if start.startswith(b"%pdf-"):
        return "pdf"
    if start.startswith(b"pk\x03\x04"):
        return "docx"
    if start.startswith((b"<!doctype html", b"<html")):
        return "html"
    return "text"
