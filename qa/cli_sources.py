"""``footnoted ingest`` and ``footnoted sources``: what there is to answer from.

A running server has the data directory for itself; then it is told what to do, and does it.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from qa.errors import FootnotedError, SourceError, UsageError
from qa.terminal import Progress, file_name, format_error, format_table, printable

if TYPE_CHECKING:
    from qa.assembly import Assembly
    from qa.collection import Collection as Opened
    from qa.running import Running
    from qa.schema import Document, DocumentInfo
    from qa.settings import Settings

sources = typer.Typer(no_args_is_help=True, help="List, show or remove what has been ingested.")

Collection = Annotated[str, typer.Option("--collection", "-c", help="Which collection.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_NAMES = "By id, title, file name or address, as 'sources list' shows them."
_SHOWN = 5

Ingest = Callable[["Document"], dict[str, Any]]
"""Writes a document; returns it with its ``outcome`` and ``flagged``."""


class Library(Protocol):
    """A collection's documents, each a dict with the members of ``DOCUMENT_HEAD``."""

    def exists(self) -> bool:
        """Whether the collection has been made."""

    def ingesting(self) -> AbstractContextManager[Ingest]:
        """Begin and end a run of documents."""

    def documents(self) -> list[dict[str, Any]]:
        """All of them, by title."""

    def document(self, document_id: str) -> dict[str, Any]:
        """One with its ``text``, and with the bounds of its ``sentences``."""

    def remove(self, document_id: str) -> str:
        """Delete one; returns its title."""


class LocalLibrary:
    """A collection of this process.

    Args:
        assembly: what opens it.
        collection: its name; made when a document is ingested.
    """

    def __init__(self, assembly: "Assembly", collection: str) -> None:
        self._assembly = assembly
        self._name = collection

    def exists(self) -> bool:
        """Whether the collection has been made."""
        return self._name in self._assembly.store.names()

    @contextmanager
    def ingesting(self) -> Iterator[Ingest]:
        """Begin and end a run of documents; no question after it waits for the lexical index."""
        from ingest.pipeline import Ingestor

        ingestor: Ingestor | None = None

        def ingest(document: "Document") -> dict[str, Any]:
            nonlocal ingestor
            # Made here: where nothing could be read, no empty collection is left behind.
            ingestor = ingestor or Ingestor(
                self._assembly.open_for_writing(self._name),
                self._assembly.embedder,
                chunk_tokens=self._assembly.settings.chunk.tokens,
            )
            item = ingestor.ingest(document)
            return {"outcome": item.outcome, **_head(item.document), "flagged": item.flagged}

        yield ingest
        if ingestor is not None:
            self._assembly.retriever(self._name).prepare()

    def documents(self) -> list[dict[str, Any]]:
        """All of them, by title."""
        return [_head(info) for info in self._opened().snapshot().documents]

    def document(self, document_id: str) -> dict[str, Any]:
        """One with its ``text``, and with the bounds of its ``sentences``."""
        found = self._opened().document(document_id)
        bounds = [[span.start, span.end] for span in found.sentences]
        return _head(found.info) | {"text": found.text, "sentences": bounds}

    def remove(self, document_id: str) -> str:
        """Delete one; returns its title."""
        return self._opened().remove(document_id).title

    def _opened(self) -> "Opened":
        return self._assembly.store.collection(self._name)


def _head(info: "DocumentInfo") -> dict[str, Any]:
    """What is told of a document, in this process as by a server."""
    from qa.schema import DOCUMENT_HEAD

    return {name: getattr(info, name) for name in DOCUMENT_HEAD}


@contextmanager
def assembled() -> "Iterator[tuple[Assembly, Progress]]":
    """Everything, in this process."""
    from qa.assembly import Assembly
    from qa.settings import load_settings

    progress = Progress()
    with Assembly(load_settings(), progress=progress) as assembly:
        yield assembly, progress


def running_server(settings: "Settings") -> "Running | None":
    """The server that holds the data directory, if it answers."""
    from qa.running import find_running

    server = find_running(settings.data_dir)
    if server is None:
        return None
    from qa.client import is_up

    return server if is_up(server) else None


@contextmanager
def _library(collection: str) -> Iterator[tuple[Library, Progress]]:
    from qa.settings import load_settings

    server = running_server(load_settings())
    if server is not None:
        from qa.client import RemoteLibrary

        progress = Progress()
        progress.say(f"through the server that runs at {server.url}")
        yield RemoteLibrary(server, collection), progress
        return
    with assembled() as (assembly, progress):
        yield LocalLibrary(assembly, collection), progress


def ingest(
    what: Annotated[
        list[str] | None,
        typer.Argument(help="Files, folders, patterns, URLs, .jsonl files, or '-' for a pipe."),
    ] = None,
    collection: Collection = "default",
    as_json: AsJson = False,
    sample: Annotated[bool, typer.Option("--sample", help="Ingest the sample article.")] = False,
) -> None:
    """Add documents; a changed document replaces its older version."""
    if not what and not sample:
        raise UsageError("there is nothing to ingest", help="Try: footnoted ingest ARTICLE.txt")
    failed = False
    results: list[dict[str, Any]] = []
    with _library(collection) as (library, progress):
        new = not library.exists()
        for item in ingested(library, what or [], sample=sample, say=progress.say):
            if isinstance(item, FootnotedError):
                failed = True
                progress.say(format_error(item))
                continue
            if new and not results:
                progress.say(f"the collection {collection!r} is new")
            results.append(item)
            if item["flagged"]:
                progress.say(printable(_flagged(item)))
            if not as_json:
                shown = f"{item['outcome']}: {item['title']} ({item['sentences']} sentences)"
                print(printable(shown))
    if as_json:
        print(json.dumps(results, indent=2, ensure_ascii=False))
    if failed:
        raise typer.Exit(1)


def ingested(
    library: Library, specs: list[str], *, sample: bool, say: Callable[[str], None]
) -> Iterator[dict[str, Any] | FootnotedError]:
    """Each document's outcome, or the error that took its place.

    Args:
        library: where they are written.
        specs: what is to be read.
        sample: whether the sample article is, too.
        say: told which files have no reader.
    """
    from ingest.readers import read_documents
    from ingest.sources import find_sources

    sample_file = files("ingest").joinpath("sample", "stargate.md")
    with as_file(sample_file) as path, library.ingesting() as ingest_document:
        left_out: list[Path] = []
        for spec in [*([str(path)] if sample else []), *specs]:
            try:
                for source in find_sources(spec, left_out=left_out.append):
                    try:
                        for document in read_documents(source):
                            yield ingest_document(document)
                    except SourceError as error:
                        yield error
            except SourceError as error:
                yield error
        if left_out:
            names = ", ".join(file.name for file in left_out[:_SHOWN])
            more = f" and {len(left_out) - _SHOWN} more" if len(left_out) > _SHOWN else ""
            say(printable(f"left out, for there is no reader: {names}{more}"))


@sources.command("list")
def list_sources(collection: Collection = "default", as_json: AsJson = False) -> None:
    """List the documents of a collection."""
    with _library(collection) as (library, progress):
        documents = library.documents()
    if as_json:
        print(json.dumps(documents, indent=2, ensure_ascii=False))
    elif not documents:
        progress.say(f"the collection {collection!r} is empty")
    else:
        rows: list[tuple[object, ...]] = [("ID", "SENTENCES", "TITLE", "FROM")]
        rows += [(it["id"], it["sentences"], it["title"], it["uri"]) for it in documents]
        print(format_table(rows))


@sources.command("show")
def show_source(
    document: Annotated[str, typer.Argument(help=_NAMES)],
    collection: Collection = "default",
    as_json: AsJson = False,
) -> None:
    """Print a document's text: to the byte, but on a terminal without what could command it."""
    with _library(collection) as (library, _):
        found = library.document(find_id(library, document))
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        text = found["text"]
        sys.stdout.write(printable(text) if sys.stdout.isatty() else text)


@sources.command("remove")
def remove_sources(
    documents: Annotated[list[str], typer.Argument(help=_NAMES)],
    collection: Collection = "default",
) -> None:
    """Delete documents."""
    with _library(collection) as (library, progress):
        for name in documents:
            title = library.remove(find_id(library, name))
            progress.say(printable(f"removed: {title}"))


def find_id(library: Library, name: str) -> str:
    """The id of the document that is called so by its id, title, file or address.

    Raises:
        UsageError: several are, or it is no name.
        FootnotedError: the collection cannot be read.
    """
    if not name.strip():
        raise UsageError(
            "the name of the document is empty",
            help="Give its id, title, file name or address: footnoted sources list.",
        )
    documents = library.documents()
    if any(it["id"] == name for it in documents):
        return name
    named = [it["id"] for it in documents if name in (it["title"], it["uri"], file_name(it["uri"]))]
    if len(named) > 1:
        raise UsageError(
            f"{len(named)} documents are called {name!r}",
            help=f"Give the id of one: {', '.join(named[:_SHOWN])}",
        )
    return named[0] if named else name  # of an unknown one the library says so


def _flagged(item: dict[str, Any]) -> str:
    address = "addresses" if item["flagged"] == 1 else "address"
    return (
        f"{item['flagged']} of {item['sentences']} sentences of {item['title']!r} {address} a "
        "language model and will prove nothing"
    )
