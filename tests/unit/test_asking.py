from types import SimpleNamespace
from typing import Any, cast

from fakes import ARTICLES, BagOfWords

from eval.asking import ingest_corpus
from eval.cases import Suite
from qa.assembly import Assembly
from qa.schema import Document
from qa.store import Store


def test_the_collection_holds_what_the_corpus_holds(store: Store, embedder: BagOfWords) -> None:
    def open_for_writing(name: str) -> Any:
        return store.create(name, embedder=embedder.name, dimension=embedder.dimension)

    def ingest(*documents: Document) -> dict[str, str]:
        suite = Suite("My suite", {document.id: document for document in documents}, ())
        name = ingest_corpus(suite, cast(Assembly, assembly), on_progress=seen.append)
        collection = store.collection(name)
        assert name == "eval-my-suite"
        return {
            info.id: collection.document(info.id).text for info in collection.snapshot().documents
        }

    seen: list[int] = []
    chunk = SimpleNamespace(tokens=48)
    assembly = SimpleNamespace(
        open_for_writing=open_for_writing, embedder=embedder, settings=SimpleNamespace(chunk=chunk)
    )
    call, stargate, bees = ARTICLES
    assert ingest(call, bees) == {call.id: call.text, bees.id: bees.text}
    assert seen == [1, 2]
    changed = Document.make("Bees sleep.", title="How bees talk", doc_id="bees")
    embedder.embedded.clear()
    assert ingest(stargate, changed) == {stargate.id: stargate.text, "bees": "Bees sleep."}
    embedder.embedded.clear()
    ingest(stargate, changed)
    assert embedder.embedded == []
