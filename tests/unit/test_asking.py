from types import SimpleNamespace
from typing import Any, cast

import pytest
from fakes import ARTICLES, BagOfWords

from eval.asking import collection_name, ingest_corpus
from eval.cases import Suite
from ingest.pipeline import Ingestor
from qa.assembly import Assembly
from qa.errors import UsageError
from qa.schema import Document
from qa.store import Store


def assembled(store: Store, embedder: BagOfWords) -> Assembly:
    """What of an assembly an ingest needs."""

    def open_for_writing(name: str, **more: str) -> Any:
        return store.create(name, embedder=embedder.name, dimension=embedder.dimension, **more)

    settings = SimpleNamespace(chunk=SimpleNamespace(tokens=48))
    made = SimpleNamespace(open_for_writing=open_for_writing, embedder=embedder, settings=settings)
    return cast(Assembly, made)


def test_the_collection_holds_what_the_corpus_holds(store: Store, embedder: BagOfWords) -> None:
    def ingest(*documents: Document) -> dict[str, str]:
        suite = Suite("My suite", {document.id: document for document in documents}, ())
        name = ingest_corpus(suite, assembly, on_progress=seen.append)
        collection = store.collection(name)
        assert name.startswith("eval-my-suite-")
        return {
            info.id: collection.document(info.id).text for info in collection.snapshot().documents
        }

    seen: list[int] = []
    assembly = assembled(store, embedder)
    call, stargate, bees = ARTICLES
    assert ingest(call, bees) == {call.id: call.text, bees.id: bees.text}
    assert seen == [1, 2]
    changed = Document.make("Bees sleep.", title="How bees talk", doc_id="bees")
    embedder.embedded.clear()
    assert ingest(stargate, changed) == {stargate.id: stargate.text, "bees": "Bees sleep."}
    embedder.embedded.clear()
    ingest(stargate, changed)
    assert embedder.embedded == []


def test_nothing_goes_from_a_collection_that_a_user_made(
    store: Store, embedder: BagOfWords
) -> None:
    assembly = assembled(store, embedder)
    call, stargate, bees = ARTICLES
    collection = assembly.open_for_writing("eval-mine")
    ingestor = Ingestor(collection, embedder, chunk_tokens=48)
    suite = Suite("mine", {call.id: call}, ())
    for document in (call, bees):
        ingestor.ingest(document)
    with pytest.raises(UsageError, match=f"'eval-mine' was not made by .* {bees.id!r}") as error:
        ingest_corpus(suite, assembly)
    assert "sources remove ID --collection eval-mine" in error.value.help
    changed = Document.make("Bees sleep.", title=bees.title, doc_id=bees.id)
    with pytest.raises(UsageError):
        ingest_corpus(Suite("mine", {call.id: call, bees.id: changed}, ()), assembly)
    assert collection.document(bees.id).text == bees.text
    collection.remove(bees.id)
    whole = Suite("mine", {call.id: call, stargate.id: stargate}, ())
    ingest_corpus(whole, assembly)
    assert {info.id for info in collection.snapshot().documents} == {call.id, stargate.id}
    with pytest.raises(UsageError, match="not made by"):
        ingest_corpus(suite, assembly)


@pytest.mark.parametrize(
    "name", ["prüfung", "試験", "My suite", "a/b", "x" * 90, "scifact#test", ""]
)
def test_whatever_a_suite_is_called_its_collection_has_a_name(
    name: str, store: Store, embedder: BagOfWords
) -> None:
    called = collection_name(Suite(name, {}, ()))
    store.create(called, embedder=embedder.name, dimension=embedder.dimension)


def test_no_two_suites_share_a_collection() -> None:
    assert collection_name(Suite("squad2", {}, ())) == "eval-squad2"
    assert collection_name(Suite("my-suite_2", {}, ())) == "eval-my-suite_2"
    names = ["my-suite", "My-suite", "My suite", "my suite", "prüfung", "prufung", "präfung"]
    names += ["x" * 90, "x" * 91, "x" * 50]
    assert len({collection_name(Suite(name, {}, ())) for name in names}) == len(names)
