import json
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import chromadb
import httpx
import pytest
from chromadb.api.client import Client
from fakes import BagOfWords
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.collection import Collection
from qa.errors import (
    DiskFullError,
    EmbedderMismatchError,
    FootnotedError,
    NotInCollectionError,
    SnapshotGoneError,
    StoreError,
    StoreLockedError,
    StoreUnreachableError,
    UnknownCollectionError,
    UsageError,
)
from qa.heads import Heads
from qa.schema import Chunk, Document, DocumentInfo, Span
from qa.snapshot import Snapshot, chunk_id
from qa.store import Store

OLD = ["Bees dance. ", "Wasps do not. ", "Ants march."]
NEW = ["Bees dance well. ", "Wasps sting. ", "Ants carry leaves. ", "Flies hum. ", "Gnats bite."]
EMBED = BagOfWords().embed_documents


@pytest.fixture(params=["embedded", "server"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store in this process, then one behind a real Chroma server."""
    url = request.getfixturevalue("chroma_url") if request.param == "server" else None
    with Store(tmp_path, url=url) as opened:
        yield opened
        for name in opened.names():
            opened.delete(name)


@pytest.fixture
def shelf(anywhere: Store) -> Collection:
    """An empty collection, embedded or on a server."""
    return open_in(anywhere)


def open_in(store: Store, name: str = "default") -> Collection:
    return store.create(name, embedder=BagOfWords.name, dimension=BagOfWords.dimension)


def document(pieces: Sequence[str], *, title: str = "T", uri: str = "u", **more: str) -> Document:
    return Document.make("".join(pieces), title=title, uri=uri, **more)


def one_sentence_each(pieces: Sequence[str]) -> list[Chunk]:
    chunks: list[Chunk] = []
    start = 0
    for index, piece in enumerate(pieces):
        end = start + len(piece)
        spans = (Span(start, start + len(piece.rstrip())),)
        chunks.append(Chunk(index, start, end, piece, spans, index))
        start = end
    return chunks


def write(collection: Collection, pieces: Sequence[str], **about: str) -> DocumentInfo:
    chunks = one_sentence_each(pieces)
    return collection.write(document(pieces, **about), chunks, EMBED(list(pieces)))


def texts_of(collection: Collection) -> list[str]:
    snapshot = collection.snapshot()
    return sorted(collection.document(info.id).text for info in snapshot.documents)


def stored_ids(collection: Collection) -> list[str]:
    """Ids of all the chunks in Chroma, live or not."""
    return sorted(collection.as_vector_store(BagOfWords()).get()["ids"])


def assert_shows_exactly(collection: Collection, pieces: Sequence[str]) -> None:
    """Whichever way the collection is read, it has this one document."""
    snapshot = collection.snapshot()
    (info,) = snapshot.documents
    stored = collection.document(info.id)
    assert stored.text == "".join(pieces)
    assert stored.sentences == tuple(c.sentences[0] for c in one_sentence_each(pieces))
    assert sorted(item.chunk.text for item in collection.chunks(snapshot)) == sorted(pieces)
    hits = collection.search(EMBED(["bees wasps ants"])[0], 50, snapshot)
    assert sorted(hit.stored.chunk.text for hit in hits) == sorted(pieces)


# Writing and reading back


def test_what_was_written_is_read_back(shelf: Collection) -> None:
    info = write(shelf, OLD, title="Insects", uri="file:///insects.md")
    assert replace(info, layout="") == DocumentInfo(
        id=document(OLD, uri="file:///insects.md").id,
        key="file:///insects.md",
        revision=document(OLD, title="Insects", uri="file:///insects.md").revision,
        title="Insects",
        uri="file:///insects.md",
        chunks=3,
        sentences=3,
        characters=len("".join(OLD)),
    )
    assert shelf.snapshot().documents == (info,)
    assert shelf.document(info.id).info == info
    assert_shows_exactly(shelf, OLD)
    assert {item.chunk.index: item.chunk for item in shelf.chunks(shelf.snapshot())} == dict(
        enumerate(one_sentence_each(OLD))
    )


@st.composite
def cut_texts(draw: st.DrawFn) -> list[Chunk]:
    """Any partition of any text, with any sentences."""
    chunks: list[Chunk] = []
    start = before = 0
    for index, piece in enumerate(draw(st.lists(st.text(max_size=30), min_size=1, max_size=4))):
        end = start + len(piece)
        bounds = sorted(draw(st.sets(st.integers(start, end), max_size=6)))
        spans = tuple(map(Span, bounds[::2], bounds[1::2]))
        chunks.append(Chunk(index, start, end, piece, spans, before))
        start, before = end, before + len(spans)
    return chunks


@pytest.fixture(scope="module")
def module_collection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    with Store(tmp_path_factory.mktemp("store")) as opened:
        yield open_in(opened)


@settings(max_examples=30)
@given(chunks=cut_texts(), title=st.text(), uri=st.text(), doc_id=st.none() | st.text(min_size=1))
def test_a_document_is_the_concatenation_of_its_chunks(
    module_collection: Collection, chunks: list[Chunk], title: str, uri: str, doc_id: str | None
) -> None:
    text = "".join(chunk.text for chunk in chunks)
    made = Document.make(text, title=title, uri=uri, doc_id=doc_id)
    info = module_collection.write(made, chunks, EMBED([chunk.text for chunk in chunks]))
    try:
        stored = module_collection.document(made.id)
        assert stored.text == text
        assert (stored.info.title, stored.info.uri, stored.info.key) == (title, uri, made.key)
        assert stored.sentences == tuple(span for chunk in chunks for span in chunk.sentences)
        found = list(module_collection.chunks(module_collection.snapshot()))
        assert sorted((item.chunk for item in found), key=lambda chunk: chunk.index) == chunks
        assert (info.characters, info.sentences) == (len(text), len(stored.sentences))
    finally:
        module_collection.remove(made.id)


def test_more_than_a_page_and_more_than_a_batch(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client, "get_max_batch_size", lambda client: 400)
    collection = store.create("large", embedder="angle", dimension=2)
    pieces = [f"Sentence {number}. " for number in range(1050)]
    angles = [number / len(pieces) for number in range(len(pieces))]
    vectors = [[math.cos(angle), math.sin(angle)] for angle in angles]
    info = collection.write(document(pieces), one_sentence_each(pieces), vectors)
    asked: list[int] = []
    original = chromadb.Collection.get

    def get(self: chromadb.Collection, ids: Any = None, **options: Any) -> Any:
        asked.append(len(ids or ()))
        return original(self, ids, **options)

    with monkeypatch.context() as patch:
        patch.setattr(chromadb.Collection, "get", get)
        assert collection.document(info.id).text == "".join(pieces)
    assert sum(asked) == 1050
    assert max(asked) == 1000  # from about 32,000 on SQLite refuses
    snapshot = collection.snapshot()
    assert {item.chunk.index for item in collection.chunks(snapshot)} == set(range(1050))
    hits = collection.search([math.cos(0.5), math.sin(0.5)], 3, snapshot)
    assert hits[0].stored.chunk.text == "Sentence 525. "
    assert collection.sweep() == 0


def test_the_same_again_changes_nothing(shelf: Collection) -> None:
    first = write(shelf, OLD)
    ids, version = stored_ids(shelf), shelf.snapshot().version
    assert write(shelf, OLD) == first
    assert stored_ids(shelf) == ids == [chunk_id(first, index) for index in range(3)]
    assert shelf.snapshot().version == version
    assert_shows_exactly(shelf, OLD)


def test_documents_stay_apart(shelf: Collection) -> None:
    one, two = write(shelf, OLD, uri="one", title="B"), write(shelf, OLD, uri="two", title="A")
    assert one.id != two.id
    assert shelf.snapshot().documents == (two, one)  # by title
    assert shelf.document(one.id).text == shelf.document(two.id).text == "".join(OLD)
    shelf.remove(one.id)
    assert_shows_exactly(shelf, OLD)


def test_a_new_version_replaces_the_one_with_its_key(shelf: Collection) -> None:
    old, new = write(shelf, OLD), write(shelf, NEW)
    assert (old.key, old.id == new.id) == (new.key, False)
    assert_shows_exactly(shelf, NEW)
    assert stored_ids(shelf) == sorted(chunk_id(new, index) for index in range(5))
    with pytest.raises(NotInCollectionError):
        shelf.document(old.id)


def test_a_new_version_under_a_given_id_keeps_the_id(shelf: Collection) -> None:
    write(shelf, OLD, uri="here", doc_id="mine")
    new = write(shelf, NEW, uri="there", doc_id="mine")
    assert new.id == "mine"
    assert_shows_exactly(shelf, NEW)
    assert len(stored_ids(shelf)) == 5


def test_a_new_title_is_a_new_version(shelf: Collection) -> None:
    write(shelf, OLD, title="Before")
    write(shelf, OLD, title="After")
    assert [info.title for info in shelf.snapshot().documents] == ["After"]
    assert_shows_exactly(shelf, OLD)
    assert len(stored_ids(shelf)) == 3


def test_an_id_is_that_of_one_document(shelf: Collection) -> None:
    """The id of a document from a file, given by the user to another text, and back."""
    first = write(shelf, OLD, uri="u")
    write(shelf, NEW, uri="", doc_id=first.id)
    assert_shows_exactly(shelf, NEW)
    assert len(stored_ids(shelf)) == 5
    write(shelf, OLD, uri="u")
    assert_shows_exactly(shelf, OLD)
    assert len(stored_ids(shelf)) == 3


def test_a_removed_document_is_gone(shelf: Collection) -> None:
    info, kept = write(shelf, OLD), write(shelf, NEW, uri="kept")
    assert shelf.remove(info.id) == info
    assert shelf.snapshot().documents == (kept,)
    assert_shows_exactly(shelf, NEW)
    assert len(stored_ids(shelf)) == 5
    with pytest.raises(NotInCollectionError, match=f"no document '{info.id}' in 'default'"):
        shelf.document(info.id)
    with pytest.raises(NotInCollectionError, match=f"no document '{info.id}' in 'default'"):
        shelf.remove(info.id)


def test_what_nobody_changed_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tmp_path) as store:
        one, other = open_in(store), open_in(store)
        write(one, OLD)
        before = other.snapshot()
        with monkeypatch.context() as patched:
            patched.setattr(Heads, "_snapshot", lambda _: pytest.fail("it was read again"))
            assert other.snapshot() is before
        write(one, NEW)
        after = other.snapshot()
        assert after.version != before.version
        one.remove(after.documents[0].id)
        assert other.snapshot().documents == ()


def test_behind_a_server_others_are_seen_to_write(chroma_url: str, tmp_path: Path) -> None:
    with Store(tmp_path, url=chroma_url) as here, Store(tmp_path, url=chroma_url) as there:
        mine, theirs = open_in(here, "shared"), open_in(there, "shared")
        assert mine.snapshot().documents == ()
        write(theirs, OLD)
        assert len(mine.snapshot().documents) == 1
        here.delete("shared")


def test_documents_outlive_the_process_that_wrote_them(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        write(open_in(store), OLD)
    with Store(tmp_path) as store:
        assert_shows_exactly(store.collection("default"), OLD)


def test_a_document_replaced_while_it_is_read_is_read_whole(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(collection, OLD, doc_id="mine")
    just_after_the_heads(monkeypatch, lambda: write(collection, NEW, doc_id="mine"))
    assert collection.document("mine").text in ("".join(OLD), "".join(NEW))


def test_what_is_removed_while_the_heads_are_read_hides_no_other(
    shelf: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qa.chroma.PAGE", 2)
    written = {write(shelf, OLD, uri=f"u{number}").id for number in range(7)}
    original = chromadb.Collection.get
    pages: list[set[str]] = []

    def get(self: chromadb.Collection, *args: Any, **options: Any) -> Any:
        page = original(self, *args, **options)
        if "metadatas" in options["include"]:
            pages.append({metadata["id"] for metadata in page["metadatas"]})
            if len(pages) == 2:
                self.delete(ids=page["ids"])
        return page

    with monkeypatch.context() as patch:
        patch.setattr(chromadb.Collection, "get", get)
        found = {info.id for info in shelf.snapshot().documents}
    assert len(pages[1]) == 2
    assert found >= written - pages[1]


def just_after_the_heads(monkeypatch: pytest.MonkeyPatch, happens: Any) -> None:
    """Let something happen once, between the reading of the heads and that of the chunks."""
    original = chromadb.Collection.get

    def get(self: chromadb.Collection, *args: Any, **options: Any) -> Any:
        page = original(self, *args, **options)
        if self.name.endswith(".documents"):
            monkeypatch.setattr(chromadb.Collection, "get", original)
            happens()
        return page

    monkeypatch.setattr(chromadb.Collection, "get", get)


def test_chunks_that_are_gone_are_not_left_out_in_silence(collection: Collection) -> None:
    before = collection.snapshot()
    info = write(collection, OLD)
    write(collection, NEW, uri="other")
    between = collection.snapshot()
    assert len(list(collection.chunks(between))) == 8
    collection.remove(info.id)
    with pytest.raises(SnapshotGoneError) as error:
        list(collection.chunks(between))
    assert error.value.retryable
    assert list(collection.chunks(before)) == []


# Searching


def test_the_nearest_come_first_with_their_cosines(shelf: Collection) -> None:
    write(shelf, NEW)
    write(shelf, ["Bees and wasps dance. ", "Stones do not."], uri="other")
    (query,) = EMBED(["Do bees dance with wasps?"])
    pieces = [*NEW, "Bees and wasps dance. ", "Stones do not."]
    cosines = {
        piece: sum(a * b for a, b in zip(query, vector, strict=True))
        for piece, vector in zip(pieces, EMBED(pieces), strict=True)
    }
    hits = shelf.search(query, 4, shelf.snapshot())
    assert len(hits) == 4
    assert [hit.similarity for hit in hits] == pytest.approx(
        sorted(cosines.values(), reverse=True)[:4], abs=1e-5
    )
    for hit in hits:
        assert hit.similarity == pytest.approx(cosines[hit.stored.chunk.text], abs=1e-5)
    assert hits[0].stored.chunk.text == "Bees and wasps dance. "
    assert hits[0].stored.document.uri == "other"


def test_a_search_can_be_kept_to_some_documents(shelf: Collection) -> None:
    infos = [write(shelf, [f"Bees dance {number}."], uri=str(number)) for number in range(4)]
    (query,) = EMBED(["bees dance"])
    snapshot = shelf.snapshot()
    wanted = [infos[2].id, infos[0].id]
    hits = shelf.search(query, 10, snapshot.only(wanted))
    assert {hit.stored.document.id for hit in hits} == set(wanted)
    assert len(shelf.search(query, 10, snapshot)) == 4
    assert snapshot.only(wanted).version == snapshot.version
    assert snapshot.only(wanted[::-1]).documents == snapshot.only(wanted).documents
    with pytest.raises(NotInCollectionError, match="no document 'x', 'y' in the collection"):
        snapshot.only(["x", infos[0].id, "y"])
    with pytest.raises(NotInCollectionError) as error:
        snapshot.only([infos[0].id, *(f"d{number}" for number in range(20_000))])
    assert str(error.value) == (
        "no document 'd0', 'd1', 'd2', 'd3', 'd4' and 19,995 more in the collection"
    )


def test_leftovers_do_not_crowd_out_what_counts(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(collection, ["Wasps watch while bees dance. ", "Ants march."])
    with killed_at(1, monkeypatch):
        write(collection, [f"Bees dance. {'Bees. ' * number}" for number in range(40)])
    hits = collection.search(EMBED(["Bees dance."])[0], 2, collection.snapshot())
    assert [hit.stored.chunk.text for hit in hits] == [
        "Wasps watch while bees dance. ",
        "Ants march.",
    ]


def test_an_empty_collection_has_no_hits(shelf: Collection) -> None:
    assert shelf.search(EMBED(["bees"])[0], 5, shelf.snapshot()) == []
    assert list(shelf.chunks(shelf.snapshot())) == []
    assert shelf.snapshot().documents == ()


def test_chunks_by_id(shelf: Collection) -> None:
    info = write(shelf, OLD)
    snapshot = shelf.snapshot()
    wanted = [chunk_id(info, 2), chunk_id(info, 0), chunk_id(info, 9), "nonsense"]
    found = shelf.get(wanted, snapshot)
    assert {key: stored.chunk.text for key, stored in found.items()} == {
        chunk_id(info, 0): OLD[0],
        chunk_id(info, 2): OLD[2],
    }
    assert shelf.get([], snapshot) == {}
    write(shelf, NEW)
    assert shelf.get(wanted, shelf.snapshot()) == {}


# Killed at any moment


class Killed(BaseException):
    pass


@contextmanager
def killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Raise instead of the ``step``-th write to Chroma, counted from 0."""
    left = iter(range(step))
    with monkeypatch.context() as patch:
        for name in ("upsert", "delete"):
            original = getattr(chromadb.Collection, name)

            def act(self: Any, *args: Any, original: Any = original, **options: Any) -> None:
                if next(left, None) is None:
                    raise Killed
                original(self, *args, **options)

            patch.setattr(chromadb.Collection, name, act)
        with pytest.raises(Killed):
            yield


# Three batches of chunks, the head; what goes: a head of the same id, the old one's chunks.
@pytest.mark.parametrize(("step", "leftovers"), list(enumerate([0, 2, 4, 5, 3, 3])))
def test_killed_while_replacing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, leftovers: int
) -> None:
    monkeypatch.setattr(Client, "get_max_batch_size", lambda client: 2)
    with Store(tmp_path) as store:
        collection = open_in(store)
        write(collection, OLD)
        with killed_at(step, monkeypatch):
            write(collection, NEW)
    with Store(tmp_path) as store:
        collection = store.collection("default")
        shown = OLD if step < 4 else NEW
        assert_shows_exactly(collection, shown)
        assert collection.sweep() == leftovers
        assert len(stored_ids(collection)) == len(shown)
        assert_shows_exactly(collection, shown)
        write(collection, NEW)
        assert_shows_exactly(collection, NEW)
        assert len(stored_ids(collection)) == len(NEW)
        assert collection.sweep() == 0


@pytest.mark.parametrize("step", range(6))
def test_killed_while_replacing_and_finished_without_a_sweep(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(Client, "get_max_batch_size", lambda client: 2)
    write(collection, OLD)
    with killed_at(step, monkeypatch):
        write(collection, NEW)
    write(collection, ["Something else."])
    assert_shows_exactly(collection, ["Something else."])


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_versions_written_at_once_the_last_is_whole(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, order: int
) -> None:
    """As by two processes behind a Chroma server: the chunks of both, then the one head's turn."""
    write(collection, OLD)
    held: list[DocumentInfo] = []
    with monkeypatch.context() as patch:
        patch.setattr(Collection, "_replace", lambda self, info: held.append(info))
        write(collection, NEW)
        write(collection, ["Something else."])
    for info in held[::order]:
        collection._replace(info)
    assert_shows_exactly(collection, [["Something else."], NEW][order < 0])
    assert len(stored_ids(collection)) == [1, len(NEW)][order < 0]


@pytest.mark.parametrize("step", range(3))
def test_killed_while_adding(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    with killed_at(step, monkeypatch):
        write(collection, OLD)
    if step < 2:
        assert collection.snapshot().documents == ()
        assert collection.search(EMBED(["bees"])[0], 5, collection.snapshot()) == []
        assert collection.sweep() == [0, 3][step]
        assert stored_ids(collection) == []
    else:
        assert_shows_exactly(collection, OLD)
    write(collection, OLD)
    assert_shows_exactly(collection, OLD)


@pytest.mark.parametrize("step", range(4))
@pytest.mark.parametrize("given", ["before", "after"])
def test_killed_while_an_id_passes_to_another_text(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, step: int, given: str
) -> None:
    """The id that was derived from a file's text is given by the user, or the other way about."""
    by_file, by_user = {"uri": "u"}, {"uri": "", "doc_id": document(OLD, uri="u").id}
    versions = [(OLD, by_file), (NEW, by_user)]
    if given == "before":
        versions.reverse()
    (old, old_about), (new, new_about) = versions
    write(collection, old, **old_about)
    with killed_at(step, monkeypatch):
        write(collection, new, **new_about)
    assert texts_of(collection) in (["".join(old)], ["".join(new)])
    assert_shows_exactly(collection, old if texts_of(collection) == ["".join(old)] else new)
    collection.sweep()
    write(collection, new, **new_about)
    assert_shows_exactly(collection, new)
    assert len(stored_ids(collection)) == len(new)


@pytest.mark.parametrize("begun", [OLD, ["".join(OLD)], [OLD[0] + OLD[1], OLD[2]]], ids=len)
def test_leftovers_of_the_same_text_cut_otherwise_do_not_count(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, begun: list[str]
) -> None:
    """Killed, then begun anew with another FOOTNOTED_CHUNK__TOKENS."""
    with killed_at(1, monkeypatch):
        write(collection, begun)
    for pieces in ([OLD[0], OLD[1] + OLD[2]], OLD, ["".join(OLD)]):
        write(collection, pieces)
        assert_shows_exactly(collection, pieces)
        collection.sweep()
        assert len(stored_ids(collection)) == len(pieces)
        assert_shows_exactly(collection, pieces)


def test_leftovers_are_swept_when_a_collection_is_first_opened_for_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tmp_path) as store:
        with killed_at(1, monkeypatch):
            write(open_in(store), OLD)
        assert len(stored_ids(open_in(store))) == 3  # they may be what another thread is writing
    with Store(tmp_path) as store:
        assert stored_ids(open_in(store)) == []


def test_behind_a_server_nothing_is_swept_unasked(
    chroma_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be what another process is writing."""
    with Store(tmp_path, url=chroma_url) as store:
        with killed_at(1, monkeypatch):
            write(open_in(store, "busy"), OLD)
    with Store(tmp_path, url=chroma_url) as store:
        collection = open_in(store, "busy")
        assert len(stored_ids(collection)) == 3
        write(collection, OLD)
        assert_shows_exactly(collection, OLD)
        store.delete("busy")


@pytest.mark.parametrize("step", range(2))
def test_killed_while_removing(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    info = write(collection, OLD)
    with killed_at(step, monkeypatch):
        collection.remove(info.id)
    if step == 0:
        assert_shows_exactly(collection, OLD)
        collection.remove(info.id)
    else:
        with pytest.raises(NotInCollectionError):
            collection.document(info.id)
        assert collection.search(EMBED(["bees"])[0], 5, collection.snapshot()) == []
        assert collection.sweep() == 3
    assert stored_ids(collection) == []


steps = st.none() | st.integers(0, 7)
actions = st.tuples(
    st.sampled_from(["a", "b"]), st.sampled_from([OLD, NEW, ["Else."], None]), steps
)


@settings(max_examples=15)
@given(st.lists(actions, min_size=2, max_size=6))
def test_whatever_is_killed_a_reader_sees_whole_versions(
    tmp_path_factory: pytest.TempPathFactory,
    actions: list[tuple[str, list[str] | None, int | None]],
) -> None:
    with Store(tmp_path_factory.mktemp("store")) as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "get_max_batch_size", lambda client: 2)
        collection = open_in(store)
        current: dict[str, str] = {}
        for key, pieces, step in actions:
            if pieces is None and key not in current:
                continue
            wanted = dict(current)
            if pieces is None:
                act = partial(collection.remove, key)
                del wanted[key]
            else:
                act = partial(write, collection, pieces, doc_id=key)
                wanted[key] = "".join(pieces)
            try:
                if step is None:
                    act()
                else:
                    with killed_at(step, patch):
                        act()
                        raise Killed  # it had fewer steps
            finally:
                infos = collection.snapshot().documents
                seen = {info.id: collection.document(info.id).text for info in infos}
            assert seen in (current, wanted)
            assert step is not None or seen == wanted
            live = [item.id for item in collection.chunks(collection.snapshot())]
            hits = collection.search(EMBED(["bees"])[0], 50, collection.snapshot())
            assert sorted(hit.stored.id for hit in hits) == sorted(live)
            current = seen
        collection.sweep()
        assert stored_ids(collection) == sorted(
            item.id for item in collection.chunks(collection.snapshot())
        )


KILLED_FOR_REAL = """
import os, signal, sys
from pathlib import Path

import chromadb
from qa.schema import Chunk, Document, Span
from qa.store import Store

def write(text):
    chunk = Chunk(0, 0, len(text), text, (Span(0, len(text)),), 0)
    collection.write(Document.make(text, title="T", uri="u"), [chunk], [[1.0, 0.0]])

with Store(Path(sys.argv[1])) as store:
    collection = store.create("default", embedder="e", dimension=2)
    write("Old.")
    upsert = chromadb.Collection.upsert

    def die_at_the_head(self, *args, **options):
        if self.name.endswith(".documents"):
            os.kill(os.getpid(), signal.SIGKILL)
        upsert(self, *args, **options)

    chromadb.Collection.upsert = die_at_the_head
    write("New.")
"""


def test_a_process_killed_while_replacing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED_FOR_REAL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with Store(tmp_path) as store:
        collection = store.collection("default")
        assert texts_of(collection) == ["Old."]
        assert [item.chunk.text for item in collection.chunks(collection.snapshot())] == ["Old."]
        assert collection.sweep() == 1
        assert texts_of(collection) == ["Old."]
        assert collection.sweep() == 0


# Versions


revisions = st.dictionaries(
    st.sampled_from("abc"), st.tuples(st.sampled_from("12"), st.sampled_from("xy"))
)


def heads(revisions: dict[str, tuple[str, str]]) -> list[DocumentInfo]:
    return [
        DocumentInfo(key, key, revision, "T", "", 1, 1, 1, layout)
        for key, (revision, layout) in revisions.items()
    ]


@given(revisions, st.randoms())
def test_the_version_does_not_depend_on_the_order(
    revisions: dict[str, tuple[str, str]], random: Any
) -> None:
    shuffled = heads(revisions)
    random.shuffle(shuffled)
    assert Snapshot(shuffled).version == Snapshot(heads(revisions)).version


@given(revisions, revisions)
def test_the_version_changes_exactly_with_the_documents(
    one: dict[str, tuple[str, str]], other: dict[str, tuple[str, str]]
) -> None:
    assert (Snapshot(heads(one)).version == Snapshot(heads(other)).version) == (one == other)


def test_the_version_changes_when_the_same_text_is_cut_otherwise(shelf: Collection) -> None:
    cuts = [OLD, [OLD[0] + OLD[1], OLD[2]], [OLD[0], OLD[1] + OLD[2]]]
    versions = []
    for pieces in [*cuts, OLD]:
        info = write(shelf, pieces)
        versions.append(shelf.snapshot().version)
        assert info.revision == document(OLD).revision
        shelf.remove(info.id)
    assert len(set(versions[:3])) == 3
    assert versions[3] == versions[0]


def test_the_version_follows_what_is_written(shelf: Collection) -> None:
    versions = [shelf.snapshot().version]
    for pieces, uri in [(OLD, "a"), (OLD, "b"), (NEW, "a")]:
        info = write(shelf, pieces, uri=uri)
        versions.append(shelf.snapshot().version)
    assert len(set(versions)) == 4
    shelf.remove(info.id)
    write(shelf, OLD, uri="a")
    assert shelf.snapshot().version == versions[2]


def test_a_snapshot_holds_what_it_held(shelf: Collection) -> None:
    info = write(shelf, OLD)
    before = shelf.snapshot()
    write(shelf, NEW)
    assert before.documents == (info,)
    assert before.version != shelf.snapshot().version
    assert shelf.search(EMBED(["bees"])[0], 9, before) == []  # never the new text as the old's


# Collections


def test_collections_are_listed_opened_and_deleted(anywhere: Store) -> None:
    assert anywhere.names() == []
    for name in ("zeta", "Alpha_1-x", "z" * 64):
        write(open_in(anywhere, name), [f"{name}."])
    assert anywhere.names() == ["Alpha_1-x", "zeta", "z" * 64]
    assert texts_of(anywhere.collection("zeta")) == ["zeta."]
    anywhere.delete("zeta")
    assert anywhere.names() == ["Alpha_1-x", "z" * 64]
    assert texts_of(open_in(anywhere, "zeta")) == []


def test_an_unknown_collection_is_named_with_those_that_there_are(anywhere: Store) -> None:
    with pytest.raises(
        UnknownCollectionError, match="no collection 'x': nothing has been ingested yet"
    ):
        anywhere.collection("x")
    open_in(anywhere, "b")
    open_in(anywhere, "a")
    with pytest.raises(UnknownCollectionError, match="no collection 'x'; there are: a, b$"):
        anywhere.collection("x")
    with pytest.raises(UnknownCollectionError):
        anywhere.delete("x")


@pytest.mark.parametrize("name", ["", "z" * 65, "a b", "a.b", "../a", "a/b", "ä", "a\n", "٣"])
def test_bad_names_are_refused(store: Store, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a collection") as error:
        open_in(store, name)
    assert "letters, digits" in error.value.help
    assert store.names() == []
    with pytest.raises(UnknownCollectionError):
        store.collection(name)


def test_other_programs_collections_are_theirs(tmp_path: Path) -> None:
    with chromadb.PersistentClient(tmp_path / "chroma") as client:
        client.create_collection("notes", embedding_function=None)
        client.create_collection("my.notes.documents", embedding_function=None)
    with Store(tmp_path) as store:
        assert store.names() == []


def test_vectors_of_another_embedder_are_refused(anywhere: Store) -> None:
    collection = anywhere.create("c", embedder="minilm", dimension=384)
    assert anywhere.collection("c").embedder == collection.embedder == "minilm"
    anywhere.create("c", embedder="minilm", dimension=384)
    for name, dimension in [("other", 384), ("minilm", 385)]:
        message = rf"'c' was made with .* 'minilm' \(384 dimensions\), not '{name}' \({dimension}\)"
        with pytest.raises(EmbedderMismatchError, match=message) as error:
            anywhere.create("c", embedder=name, dimension=dimension)
        assert "FOOTNOTED_EMBEDDER__MODEL" in error.value.help
        with pytest.raises(EmbedderMismatchError):
            collection.require_embedder(name, dimension)


@pytest.mark.parametrize("embedder", [BagOfWords.name, "another"])
@pytest.mark.parametrize("method", ["get_or_create_collection", "delete_collection"])
def test_a_collection_killed_in_the_making_or_deleting_can_be_made(
    store: Store, monkeypatch: pytest.MonkeyPatch, method: str, embedder: str
) -> None:
    if method == "delete_collection":
        write(open_in(store), OLD)
    left = iter([True])
    original = getattr(Client, method)

    def act(self: Any, *args: Any, **options: Any) -> Any:
        if next(left, None) is None:
            raise Killed
        return original(self, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Client, method, act)
        with pytest.raises(Killed):
            open_in(store) if method == "get_or_create_collection" else store.delete("default")
    assert store.names() == []
    dimension = BagOfWords.dimension if embedder == BagOfWords.name else 3
    collection = store.create("default", embedder=embedder, dimension=dimension)
    assert collection.snapshot().documents == ()
    vectors = [[1.0] + [0.0] * (dimension - 1)] * len(NEW)
    info = collection.write(document(NEW), one_sentence_each(NEW), vectors)
    assert collection.document(info.id).text == "".join(NEW)


def test_what_another_process_may_be_making_is_not_deleted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of its two collections, the chunks and the heads, it has made the first."""
    made: list[str] = []
    original = Client.get_or_create_collection

    def make(self: Any, name: str, **options: Any) -> Any:
        if made:
            raise Killed
        made.append(name)
        return original(self, name, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Client, "get_or_create_collection", make)
        with pytest.raises(Killed):
            open_in(store)
    deleted: list[str] = []
    monkeypatch.setattr(Client, "delete_collection", lambda _, name: deleted.append(name))
    assert open_in(store).snapshot().documents == ()
    assert (len(made), deleted) == (1, [])


# One process at a time


HOLDER = """
import sys
from pathlib import Path
from qa.store import Store

with Store(Path(sys.argv[1])):
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_told_who_has_the_directory(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"ready\n"
        with pytest.raises(StoreLockedError) as error:
            Store(tmp_path)
        message = f"the data directory '{tmp_path}' is in use by process {holder.pid} ("
        assert str(error.value).startswith(message + sys.executable)
        assert "FOOTNOTED_DATA_DIR" in error.value.help
        holder.kill()
    with Store(tmp_path) as store:  # nothing of the killed process is in the way
        assert store.names() == []
        with pytest.raises(StoreLockedError, match=f"by process {os.getpid()} "):
            Store(tmp_path)


def test_closing_gives_the_directory_free(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.close()
    store.close()
    Store(tmp_path).close()
    assert sorted(path.name for path in tmp_path.iterdir()) in (
        ["chroma"],
        ["chroma", "store.lock"],
    )


def test_closing_in_another_thread_gives_the_directory_free(tmp_path: Path) -> None:
    """A server opens the store in one thread of its pool and closes it in another."""
    store = Store(tmp_path)
    thread = threading.Thread(target=store.close)
    thread.start()
    thread.join()
    Store(tmp_path).close()


def test_an_unknown_holder_is_another_process(store: Store, tmp_path: Path) -> None:
    (tmp_path / "store.json").write_text("{")
    with pytest.raises(StoreLockedError, match="in use by another process$"):
        Store(tmp_path)


def test_a_store_that_cannot_be_opened_gives_the_directory_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(chromadb, "PersistentClient", fail)
        with pytest.raises(FootnotedError, match="no space left"):
            Store(tmp_path)
    Store(tmp_path).close()


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=f"cannot write to '{tmp_path}/file/data'"):
        Store(tmp_path / "file" / "data")


def spoil(file: Path) -> None:
    file.write_bytes(bytes(range(256)) * 100)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:50_000])


@pytest.mark.parametrize("damage", [spoil, cut])
def test_a_broken_database_is_named_with_a_way_out(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    with Store(tmp_path) as store:
        write(open_in(store), OLD)
    file = tmp_path / "chroma" / "chroma.sqlite3"
    whole = file.read_bytes()
    damage(file)
    for _ in range(2):
        with pytest.raises(StoreError, match=f"chroma.sqlite3 at '{file.parent}', is broken") as e:
            Store(tmp_path)
        assert "Restore that folder from a backup" in e.value.help
    file.write_bytes(whole)
    with Store(tmp_path) as store:
        assert_shows_exactly(store.collection("default"), OLD)


def test_a_database_that_breaks_later_is_named_too(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise chromadb.errors.InternalError("(code: 11) database disk image is malformed")

    snapshot = collection.snapshot()
    monkeypatch.setattr(chromadb.Collection, "get", fail)
    with pytest.raises(StoreError, match="is broken: .* malformed") as error:
        collection.get(["x"], snapshot)
    assert "backup" in error.value.help


def test_a_database_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "chroma" / "chroma.sqlite3").mkdir(parents=True)
    with pytest.raises(StoreError, match=f"Chroma at '{tmp_path}/chroma': .*unable to open"):
        Store(tmp_path)


# A server


def test_a_server_is_not_locked(chroma_url: str, tmp_path: Path) -> None:
    with Store(tmp_path, url=chroma_url) as one, Store(tmp_path, url=chroma_url) as other:
        write(open_in(one, "shared"), OLD)
        assert_shows_exactly(other.collection("shared"), OLD)
        other.delete("shared")
    assert list(tmp_path.iterdir()) == []


def test_no_server(tmp_path: Path) -> None:
    begin = time.monotonic()
    with pytest.raises(
        StoreUnreachableError, match="no Chroma server at 'http://127.0.0.1:1'"
    ) as e:
        Store(tmp_path, url="http://127.0.0.1:1")
    assert time.monotonic() - begin < 5
    assert "FOOTNOTED_STORE__URL" in e.value.help


def test_a_server_that_goes_away(
    chroma_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise httpx.ConnectError("[Errno 111] Connection refused")

    with Store(tmp_path, url=chroma_url) as store:
        collection = open_in(store, "lost")
        write(collection, OLD)
        snapshot = collection.snapshot()
        with monkeypatch.context() as patch:
            patch.setattr(httpx.HTTPTransport, "handle_request", refuse)
            for act in (
                store.names,
                lambda: store.delete("lost"),
                collection.snapshot,
                collection.sweep,
                lambda: collection.search([0.0] * 256, 1, snapshot),
                lambda: collection.get(["x"], snapshot),
                lambda: list(collection.chunks(snapshot)),
                lambda: write(collection, OLD),
            ):
                with pytest.raises(StoreUnreachableError, match=f"'{chroma_url}'.*refused"):
                    act()
        store.delete("lost")


@pytest.mark.parametrize("status", [200, 401, 404, 500])
def test_a_server_that_is_not_chroma(tmp_path: Path, status: int) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "13")
            self.end_headers()
            self.wfile.write(b"<p>Hello.</p>")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        url = f"http://127.0.0.1:{server.server_port}"
        try:
            with pytest.raises(StoreError, match=url):
                Store(tmp_path, url=url)
        finally:
            server.shutdown()


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "http://127.0.0.1:port", "http://[::1"])
def test_an_address_that_cannot_be(tmp_path: Path, url: str) -> None:
    with pytest.raises(FootnotedError) as error:
        Store(tmp_path, url=url)
    assert url in str(error.value)


def test_chromas_own_failures_are_ours(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise chromadb.errors.InternalError("disk I/O error")

    monkeypatch.setattr(chromadb.Collection, "upsert", fail)
    with pytest.raises(StoreError, match="Chroma at '.*chroma': disk I/O error") as error:
        write(collection, OLD)
    assert isinstance(error.value.__cause__, chromadb.errors.InternalError)


@pytest.mark.parametrize(
    "failure",
    [
        chromadb.errors.NotFoundError("Collection [e3124c01] does not exist."),
        chromadb.errors.InternalError("Missing field: [Missing metadata segment]"),
    ],
)
def test_a_collection_that_has_been_deleted_is_unknown(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise failure

    monkeypatch.setattr(chromadb.Collection, "get", fail)
    with pytest.raises(UnknownCollectionError, match="^the collection is not there any more$"):
        collection.get(["x"], collection.snapshot())


def test_a_deletion_that_fails_half_way_is_seen_by_who_has_the_collection_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tmp_path) as store:
        collection = open_in(store)
        write(collection, OLD)
        assert collection.snapshot().documents
        delete = Client.delete_collection

        def fail_at_chunks(self: Any, name: str) -> None:
            if "chunks" in name:
                raise chromadb.errors.InternalError("disk I/O error")
            delete(self, name)

        with monkeypatch.context() as patch:
            patch.setattr(Client, "delete_collection", fail_at_chunks)
            with pytest.raises(StoreError):
                store.delete("default")
        with pytest.raises(UnknownCollectionError):
            collection.snapshot()


@pytest.mark.parametrize(
    "message",
    [
        "error returned from database: (code: 13) database or disk is full",
        "No space left on device (os error 28)",
    ],
)
def test_a_full_disk_is_told_apart(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, message: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise chromadb.errors.InternalError(message)

    monkeypatch.setattr(chromadb.Collection, "upsert", fail)
    with pytest.raises(DiskFullError, match="no space left for Chroma at '.*chroma'") as error:
        write(collection, OLD)
    assert error.value.status == 507


def test_nothing_is_written_to_a_disk_that_is_nearly_full(
    store: Store, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = collection.snapshot().version
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=99_999_999))
    with pytest.raises(DiskFullError, match="99,999,999 bytes are free at '.*chroma'"):
        write(collection, OLD)
    with pytest.raises(DiskFullError):
        store.create("other", embedder="words", dimension=3)
    assert collection.snapshot().version == version


def test_a_document_with_a_hole_is_not_given_out(collection: Collection) -> None:
    info = write(collection, OLD)
    collection.as_vector_store(BagOfWords()).delete([chunk_id(info, 1)])
    with pytest.raises(StoreError, match="chunks of the document .* are missing") as error:
        collection.document(info.id)
    assert "ingest it again" in error.value.help


# Nobody else is told


@pytest.mark.parametrize("client", ["PersistentClient", "HttpClient"])
def test_telemetry_is_off(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: str
) -> None:
    seen: list[bool] = []
    original = getattr(chromadb, client)

    def connect(*args: Any, settings: Any, **options: Any) -> Any:
        seen.append(settings.anonymized_telemetry)
        return original(*args, settings=settings, **options)

    monkeypatch.setattr(chromadb, client, connect)
    url = request.getfixturevalue("chroma_url") if client == "HttpClient" else None
    Store(tmp_path, url=url).close()
    assert seen == [False]


def test_the_embedded_store_needs_no_network(tmp_path: Path, no_network: list[Any]) -> None:
    with Store(tmp_path) as store:
        collection = open_in(store)
        write(collection, OLD)
        assert_shows_exactly(collection, OLD)
    assert no_network == []


# LangChain


def test_as_a_vector_store(shelf: Collection) -> None:
    info = write(shelf, NEW, title="Insects")
    write(shelf, ["Bees dance elsewhere."], uri="other")
    vectors = shelf.as_vector_store(BagOfWords())
    found = vectors.similarity_search("bees dance well", k=3)
    assert [item.page_content for item in found][:2] == [
        "Bees dance well. ",
        "Bees dance elsewhere.",
    ]
    assert found[0].id == chunk_id(info, 0)
    assert found[0].metadata["title"] == "Insects"
    assert found[0].metadata["document_id"] == info.id
    assert json.loads(found[0].metadata["sentences"]) == [[0, 16]]
    kept = vectors.as_retriever(search_kwargs={"filter": {"uri": "other"}}).invoke("bees")
    assert [item.page_content for item in kept] == ["Bees dance elsewhere."]


def test_chunk_ids_of_two_revisions_differ() -> None:
    info = DocumentInfo("id", "k", "r1", "T", "", 1, 1, 1)
    assert chunk_id(info, 0) == "id:r1.:0"
    assert chunk_id(info, 0) != chunk_id(replace(info, revision="r2"), 0)


def test_a_collection_of_another_format_is_refused_and_not_read_as_empty(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qa.store._FORMAT", 1)
    write(open_in(store), OLD)
    monkeypatch.undo()
    with pytest.raises(StoreError, match="has the format 1") as error:
        store.collection("default")
    assert "--collection" in error.value.help
