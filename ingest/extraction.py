"""The text inside HTML, PDF and DOCX files.

The libraries are imported by the function that needs them: importing one takes longer than
reading most files. They raise whatever a malformed file makes them trip over, so each call to
them is guarded as a whole and the reason handed on.
"""

import io
import itertools
import logging
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ingest.decoding import decode
from qa.errors import UnreadableError
from qa.layout import ITEM

MAX_UNZIPPED_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class Extract:
    """What a file holds: its text, and the title it gives itself (empty: none)."""

    text: str
    title: str


# ── HTML ────────────────────────────────────────────────────────────────────────────────────

_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)


def extract_html(data: bytes, *, name: str, charset: str | None = None) -> Extract:
    """Extract the main text of a page: no menus, no comments; a table as lines of cells.

    Raises:
        UnreadableError: no page, or nothing but menus on it.
    """
    import trafilatura

    _silence("trafilatura", "htmldate")
    stated = _META_CHARSET.search(data[:2048])
    html = decode(data, name=name, declared=charset or (stated and stated[1].decode()))
    if "<html" not in html.lower():
        html = f"<html>{html}</html>"  # trafilatura refuses bare fragments
    try:
        tree = trafilatura.load_html(html)
        title = trafilatura.extract_metadata(tree).title
        _mark_headings(tree)
        # On hand-made articles, documentation, lists and tables, favor_recall extracts what the
        # default does, and favor_precision loses headings.
        text = trafilatura.extract(tree, include_comments=False, include_tables=True)
    except Exception as error:
        raise _broken(name, "HTML", error) from error
    # Each line is a paragraph or a row: a blank line says so, for a line end alone is a wrap.
    return Extract(re.sub(r"\n+(?!\||- )", "\n\n", text or ""), title or "")


def _mark_headings(tree: Any) -> None:
    """Put Markdown's mark before each heading, which extraction would leave like any sentence.

    Not in a list or a table, whose lines have marks of their own.
    """
    for heading in tree.iter("h1", "h2", "h3", "h4", "h5", "h6"):
        within = next(heading.iterancestors("li", "dd", "dt", "td", "th"), None)
        text = "".join(heading.itertext()).strip()
        if text and within is None and heading.find(".//br") is None:
            heading.text = f"{'#' * int(heading.tag[1])} {(heading.text or '').lstrip()}"


# ── PDF ─────────────────────────────────────────────────────────────────────────────────────

_DUMMY_TITLE = re.compile(
    r"untitled.*|(word )?document ?\d*|microsoft \w+ - .*|.*\.(docx?|tex|dvi|pdf|rtf|odt|indd)",
    re.IGNORECASE | re.DOTALL,
)
_ITEM = re.compile(r"[•‣◦▪–*-]\s|\(?(\d{1,3}|[A-Za-z])[.)]\s")
_SECTION = re.compile(r"(\d{1,2}|[A-Z])(\.\d{1,2})+\.?\s+[A-Z]")
_LEADERS = re.compile(r"(\. ?){4,}")  # of a table of contents


def extract_pdf(data: bytes, *, name: str) -> Extract:
    """Extract the pages, a blank line between paragraphs and between pages.

    Raises:
        UnreadableError: encrypted or broken.
    """
    import pypdf
    from pypdf.errors import DependencyError, FileNotDecryptedError

    _silence("pypdf")
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        pages = [_unwrap(page.extract_text()) for page in reader.pages]
        title = str(reader.metadata.title or "") if reader.metadata else ""
    except (FileNotDecryptedError, DependencyError):
        raise UnreadableError(
            f"{name!r} is encrypted", help="Save a copy without a password and give that."
        ) from None
    except Exception as error:
        raise _broken(name, "PDF", error) from error
    text = "\n\n".join(page for page in pages if page)
    return Extract(_without_artefacts(text), _real_title(_without_artefacts(title)))


def _unwrap(page: str) -> str:
    """Join the lines that were broken only because the next word did not fit.

    A line goes on in the next if that one starts in lower case, or if its first word would have
    made the line as long as the page's long lines are (less a fifth, for letters differ in
    width). A hyphen between two lower-case letters came with the line break and goes with it.
    """
    lines = [line for line in (" ".join(line.split()) for line in page.splitlines()) if line]
    if not lines:
        return ""
    width = 0.8 * sorted(map(len, lines))[int(0.9 * (len(lines) - 1))]
    pieces = lines[:1]
    for line, following in itertools.pairwise(lines):
        if not _goes_on(line, following, width):
            pieces.append("\n\n")
        elif re.search(r"[a-z]-$", line) and following[0].islower():
            pieces[-1] = pieces[-1][:-1]
        else:
            pieces.append(" ")
        pieces.append(following)
    return "".join(pieces)


def _goes_on(line: str, following: str, width: float) -> bool:
    page_number = line.isdecimal() or following.isdecimal()
    if page_number or _ITEM.match(following) or _LEADERS.search(line):
        return False
    if line.endswith((".", "!", "?", ":", ";")):
        return len(line) > width and not _SECTION.match(following)
    return following[0].islower() or len(line) + 1 + len(following.split()[0]) > width


def _without_artefacts(text: str) -> str:
    """Drop what a faulty font table leaves: NULs go, lone surrogates become U+FFFD."""
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _real_title(title: str) -> str:
    return "" if _DUMMY_TITLE.fullmatch(title.strip()) else title


# ── DOCX ────────────────────────────────────────────────────────────────────────────────────

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_TEXT_OF = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}
# Properties, what tracked changes took away, and the second version of a drawing.
_NOT_TEXT = {f"{_W}pPr", f"{_W}rPr", f"{_W}del", f"{_W}moveFrom"} | {
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
}


def extract_docx(data: bytes, *, name: str) -> Extract:
    """Extract paragraphs and tables in their order; a table row is a line of cells.

    Headings and items of lists have Markdown's marks. Headers, footers, notes and comments are left
    out.

    Raises:
        UnreadableError: not a DOCX file, or one that unpacks to more than 200 MB.
    """
    import docx

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > MAX_UNZIPPED_BYTES:
            raise ValueError(f"it unpacks to {size / 1_000_000:.0f} MB")
        document = docx.Document(io.BytesIO(data))
        marks = {style.style_id: _mark(style.name or "") for style in document.styles}
        text = "\n\n".join(_blocks(document.element.body, marks))
        headings = (
            paragraph.text
            for paragraph in document.paragraphs
            if paragraph.style is not None and paragraph.style.name in ("Title", "Heading 1")
        )
        title = _real_title(document.core_properties.title or "") or next(headings, "")
    except Exception as error:
        raise _broken(name, "DOCX", error) from error
    return Extract(text, title)


_HEADING = re.compile(r"heading ([1-6])", re.IGNORECASE)


_LIST = re.compile(r"list (?:bullet|number)\b", re.IGNORECASE)


def _mark(style: str) -> str:
    """Markdown's mark for paragraphs of a style; empty for all but headings and lists."""
    level = "1" if style == "Title" else (_HEADING.fullmatch(style) or ["", ""])[1]
    return f"{'#' * int(level)} " if level else "- " if _LIST.match(style) else ""


def _mark_of(paragraph: Any, marks: Mapping[str, str]) -> str:
    """The mark of a paragraph: that of its style, or else of the list that it is numbered in."""
    style = paragraph.find(f"{_W}pPr/{_W}pStyle")
    mark = "" if style is None else marks.get(style.get(f"{_W}val"), "")
    number = paragraph.find(f"{_W}pPr/{_W}numPr/{_W}numId")
    listed = marks and number is not None and number.get(f"{_W}val") != "0"
    return mark or ("- " if listed else "")


def _blocks(parent: Any, marks: Mapping[str, str]) -> Iterator[str]:
    for element in parent:
        if element.tag == f"{_W}p":
            if text := "".join(_runs(element)).strip():
                mark = _mark_of(element, marks)
                if mark == "- " and ITEM.match(text):  # one that was typed
                    mark = ""
                yield mark + (" ".join(text.split()) if mark else text)
        elif element.tag == f"{_W}tbl":
            rows = (
                [" ".join(_blocks(cell, {})) for cell in _own(row, f"{_W}tc")]
                for row in _own(element, f"{_W}tr")
            )
            yield "\n".join(f"| {' | '.join(cells)} |" for cells in rows if any(cells))
        else:  # such as the frame around a table of contents
            yield from _blocks(element, marks)


def _runs(element: Any) -> Iterator[str]:
    """The pieces of a paragraph's text; python-docx leaves out tracked insertions and frames."""
    for child in element:
        if child.tag == f"{_W}t":
            yield child.text or ""
        elif child.tag in _TEXT_OF:
            yield _TEXT_OF[child.tag]
        elif child.tag not in _NOT_TEXT:
            if child.tag == f"{_W}p":  # a text box
                yield "\n"
            yield from _runs(child)


def _own(parent: Any, tag: str) -> list[Any]:
    """The rows of a table, or the cells of a row, but not those of a table inside."""
    return [each for each in parent.iter(tag) if next(each.iterancestors(parent.tag)) is parent]


# ── all three ───────────────────────────────────────────────────────────────────────────────


def _silence(*loggers: str) -> None:
    """Keep a library's complaints about a file off the terminal: the error says it once."""
    for logger in loggers:
        logging.getLogger(logger).setLevel(logging.CRITICAL + 1)


def _broken(name: str, form: str, error: Exception) -> UnreadableError:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return UnreadableError(
        f"{name!r} is not a readable {form} file: {reason}",
        help="Open it in its own program and save it again, or save it as plain text.",
    )
