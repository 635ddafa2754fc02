"""From a source's bytes to documents."""

import json
import re
from collections.abc import Iterator
from typing import Any

from ingest.decoding import UNNAMEABLE, UNSTORABLE, decode
from ingest.extraction import Extract, extract_docx, extract_html, extract_pdf
from ingest.kinds import Kind, kind_of, media_type_of, stem_of
from ingest.sources import Source
from qa.errors import UnreadableError
from qa.schema import Document

MAX_TITLE = 200
MAX_ID = 512
MAX_ADDRESS = 4096
"""Characters; every chunk of a document carries its id and its address."""

_NO_TEXT = {
    "html": "If scripts build the page, save it from the browser as text or PDF.",
    "pdf": "It may be a scan: run OCR on it first.",
}


def read_documents(source: Source) -> Iterator[Document]:
    """Read a source: one document, or one for each line of a JSONL file.

    Plain text, Markdown and the texts in JSONL are kept to the character. HTML gives its main
    text, one paragraph after the other; DOCX its paragraphs and tables; PDF its pages, wrapped
    lines joined again so that a sentence reads as one.

    Raises:
        UnsupportedTypeError: no reader takes this kind of file.
        UnreadableError: the bytes are not what they claim to be, or hold no text; in JSONL, the
            documents of the lines before it have been yielded.
        SourceError: loading failed.
    """
    content = source.load()
    name, stem = source.name, stem_of(source.filename)
    kind = kind_of(content, filename=source.filename, name=name)
    if not content.data.strip():
        raise UnreadableError(f"{name!r} is empty", help="Give a file with text in it.")
    _, charset = media_type_of(content)
    if kind == "jsonl":
        yield from _read_lines(decode(content.data, name=name, declared=charset), name, stem)
        return
    extract = _extract(kind, content.data, name, charset)
    if not extract.text.strip():
        raise UnreadableError(
            f"no text in {name!r}", help=_NO_TEXT.get(kind, "Give a file with text in it.")
        )
    title = clean_title(extract.title, stem, name)
    yield Document.make(extract.text, title=title, uri=source.uri)


def _extract(kind: Kind, data: bytes, name: str, charset: str | None) -> Extract:
    match kind:
        case "html":
            return extract_html(data, name=name, charset=charset)
        case "pdf":
            return extract_pdf(data, name=name)
        case "docx":
            return extract_docx(data, name=name)
    text = decode(data, name=name, declared=charset)
    return Extract(text, _markdown_title(text) if kind == "markdown" else _first_line(text))


# ── JSONL ───────────────────────────────────────────────────────────────────────────────────


def _read_lines(text: str, name: str, stem: str) -> Iterator[Document]:
    seen: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            document = _parse_line(line, f"{stem}, line {number}", seen, number)
        except ValueError as error:
            raise UnreadableError(
                f"{name!r} line {number}: {error}",
                help='A line is one object: {"text": "…", "title"?, "doc_id"?, "url"?}.',
            ) from None
        yield document


def _parse_line(line: str, fallback: str, seen: dict[str, int], number: int) -> Document:
    """Make the document of one line; ValueError says what is wrong with it."""
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise ValueError("not JSON that can be read: nested too deeply") from None
    except ValueError:
        raise ValueError("not JSON that can be read: a number has too many digits") from None
    if not isinstance(record, dict):
        raise ValueError(f"not a JSON object but {line.strip()[:40]!r}")
    text, doc_id, url = (_field(record, key) for key in ("text", "doc_id", "url"))
    if not text:
        raise ValueError("'text' is missing or empty")
    for key, value, longest in (("doc_id", doc_id, MAX_ID), ("url", url, MAX_ADDRESS)):
        if len(value) > longest:
            raise ValueError(f"{key} has {len(value)} characters; {longest} are allowed")
        if key == "doc_id" and UNNAMEABLE.search(value):
            raise ValueError(f"doc_id {value!r} holds control characters")
        # Two lines of one url would take turns as each other's newer version.
        if value and (key == "doc_id" or not doc_id):
            first = seen.setdefault(value, number)
            if first != number:
                raise ValueError(f"{key} {value!r} already stands in line {first}")
    title = clean_title(_field(record, "title"), _first_line(text), doc_id, fallback)
    return Document.make(text, title=title, uri=url, doc_id=doc_id or None)


def _field(record: dict[str, Any], key: str) -> str:
    value = record.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{key!r} is not a string but {value!r:.40}")
    if UNSTORABLE.search(value):
        raise ValueError(f"{key!r} holds NUL characters or lone surrogates")
    return value if value.strip() else ""


# ── titles ──────────────────────────────────────────────────────────────────────────────────

_FRONT_MATTER = re.compile(r"\A---\r?\n([\s\S]*?)^---", re.MULTILINE)
_FRONT_TITLE = re.compile(r"^title:[ \t]*(\S.*)", re.MULTILINE)
# A fenced block comes first, so that a "# comment" in it is passed over.
_HEADING = re.compile(r"^(```|~~~)[\s\S]*?^\1|^#[ \t]+(\S.*)|^(\S.*)\n==+[ \t\r]*$", re.MULTILINE)
_RULE = re.compile(r"([=~#*^\"-])\1{2,}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SENTENCE_END = tuple(".!?:;,…。！？")


def _markdown_title(text: str) -> str:
    """The title of the front matter, else the first top heading."""
    front = _FRONT_MATTER.match(text)
    if front and (title := _FRONT_TITLE.search(front[1])):
        return title[1].strip().strip("\"'")
    headings = (match[2] or match[3] for match in _HEADING.finditer(text))
    heading = next(filter(None, headings), "").rstrip()
    unmarked = heading.rstrip("#")  # "# Title #" closes its mark, "# C#" does not
    return unmarked if unmarked.endswith((" ", "\t")) else heading


def _first_line(text: str) -> str:
    """The first line if it looks like a title: short, not a sentence, apart from the rest."""
    lines = [line.strip() for line in text[:4000].lstrip().splitlines()[:3]]
    if lines and _RULE.fullmatch(lines[0]):
        lines = lines[1:]  # reStructuredText may rule a title above and below
    if len(lines) < 2 or (lines[1] and not _RULE.fullmatch(lines[1])):
        return ""
    title = lines[0].removeprefix("# ")
    return "" if len(title) > 120 or title.endswith(_SENTENCE_END) else title


def clean_title(*candidates: str) -> str:
    """The first candidate with a letter or digit in it, on one line, at most 200 characters."""
    for candidate in candidates:
        title = " ".join(_CONTROL.sub(" ", candidate).split())
        if any(map(str.isalnum, title)):
            title = title.encode("utf-8", "replace").decode()
            return title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1] + "…"
    return "Untitled"
