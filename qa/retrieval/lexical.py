"""BM25 over the sentences of a collection, kept on disk and brought up to date by document."""

import errno
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from qa.disk import writing
from qa.errors import DiskFullError, StoreError, first_line
from qa.words import stems

_FORMAT = "2"
"""Of what is indexed; another is built anew."""
_WRITER_BYTES = 32_000_000
"""What is gathered in memory before it is written out."""


class LexicalIndex:
    """An index of stemmed words (tantivy), one entry a sentence.

    Args:
        folder: its own; holds nothing that cannot be built again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / _FORMAT

    def bring_up_to(
        self,
        revisions: Collection[str],
        read: Callable[[set[str]], Iterable[tuple[str, str, str]]],
    ) -> "LexicalSearch":
        """Add the revisions that are missing, and remove those that are there beyond them.

        Args:
            revisions: of the documents that are to be found.
            read: the sentences of the missing ones: revision, key, text.

        Raises:
            DiskFullError: no room for the index.
            StoreError: it cannot be read or written.
        """
        beside = self._folder.parent
        with writing(beside):
            beside.mkdir(parents=True, exist_ok=True)
        with writing(beside), FileLock(beside / "writing.lock"), _failing(self._folder):
            index = self._open()
            held = _held(index)
            missing, gone = set(revisions) - held, held - set(revisions)
            if missing or gone:
                _write(index, gone, read(missing) if missing else ())
                index.reload()
            return LexicalSearch(index, self._folder)

    def _open(self) -> Any:
        import tantivy

        try:
            return tantivy.Index(_schema(), path=str(self._folder))
        except (ValueError, OSError):  # there is none, or it is broken
            for other in self._folder.parent.iterdir():
                if other.is_dir():
                    shutil.rmtree(other)
            self._folder.mkdir()
            return tantivy.Index(_schema(), path=str(self._folder))


class LexicalSearch:
    """The index as it was brought up to date; what is written later does not change it."""

    def __init__(self, index: Any, folder: Path) -> None:
        self._schema = index.schema
        self._searcher = index.searcher()
        self._folder = folder

    def __len__(self) -> int:
        """How many sentences can be found."""
        return int(self._searcher.num_docs)

    def search(self, query: str, limit: int, revisions: Collection[str] | None = None) -> list[str]:
        """Keys of at most ``limit`` sentences that share a word with ``query``, best first.

        Equals stay in the order in which they were written.

        Args:
            query: the question.
            limit: how many at most.
            revisions: only in these; ``None`` for all.
        """
        from tantivy import Occur, Query

        tokens = stems(query)
        if not tokens or limit < 1:
            return []
        wanted = Query.boolean_query(
            [
                (Occur.Should, Query.term_query(self._schema, "words", token, "freq"))
                for token in tokens
            ]
        )
        if revisions is not None:
            within = Query.term_set_query(self._schema, "revision", list(revisions))
            wanted = Query.boolean_query(
                [(Occur.Must, wanted), (Occur.Must, Query.const_score_query(within, 0.0))]
            )
        with _failing(self._folder):
            hits = self._searcher.search(wanted, limit=limit, count=False).hits
            return [self._searcher.doc(place)["key"][0] for _, place in hits]


def _schema() -> Any:
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_text_field("key", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("revision", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("words", tokenizer_name="whitespace", index_option="freq")
    return builder.build()


def _held(index: Any) -> set[str]:
    """The revisions in the index; the filter passes over those deleted."""
    from tantivy import Query

    found = index.searcher().terms_with_prefix("revision", "", Query.all_query())
    return {revision for revision, _ in found}


def _write(index: Any, gone: Iterable[str], entries: Iterable[tuple[str, str, str]]) -> None:
    """In one commit: an index that is torn off in the middle is as it was before."""
    from tantivy import Document

    writer = index.writer(heap_size=_WRITER_BYTES, num_threads=1)
    try:
        for revision in gone:
            writer.delete_documents_by_term("revision", revision)
        for revision, key, text in entries:
            writer.add_document(Document(revision=revision, key=key, words=" ".join(stems(text))))
        writer.commit()
    finally:
        writer.wait_merging_threads()  # gives the index free for another writer


@contextmanager
def _failing(folder: Path) -> Iterator[None]:
    """Tell apart what goes wrong in tantivy, which raises ``ValueError`` for all of it."""
    try:
        yield
    except ValueError as error:
        # Where it breaks amid a large build, its last word is of a thread that died.
        full = any(os.strerror(code) in str(error) for code in (errno.ENOSPC, errno.EDQUOT))
        if full or shutil.disk_usage(folder).free < _WRITER_BYTES:
            raise DiskFullError(f"no space left while writing to {str(folder)!r}") from error
        raise StoreError(
            f"the lexical index fails: {first_line(error)}",
            help=f"Delete {str(folder)!r}; it is built again.",
        ) from error
