"""Sentences ingested a second, beside one-by-one writes with the embedder on torch."""

import time
from pathlib import Path

from benchmarks.naive import NaiveChain
from benchmarks.report import Progress
from eval.formats import load_suite
from ingest.pipeline import Ingestor
from ingest.sentences import split_sentences
from qa.assembly import Assembly
from qa.retrieval.embedder import SentenceTransformerEmbedder, packaged_minilm
from qa.schema import Document

ROUNDS = 5


def measure(
    folder: Path, assembly: Assembly, *, sentences: int, progress: Progress
) -> tuple[list[float], list[float]]:
    """Sentences a second in each round, of us and of the naive chain; they take turns.

    Args:
        folder: a suite, of whose corpus each round takes a part.
        assembly: what ingests.
        sentences: how many a round.
        progress: told how far it is.
    """
    torch = SentenceTransformerEmbedder(str(packaged_minilm()))
    corpus = "\n\n".join(it.text for it in load_suite(folder).documents.values())
    spans = split_sentences(corpus)
    naive = NaiveChain(torch, assembly.llm.connect(), [])
    collection = assembly.open_for_writing("benchmark-ingest")
    ours, theirs = [], []
    for number in range(ROUNDS):
        part = spans[number * sentences % max(1, len(spans) - sentences) :][:sentences]
        text = corpus[part[0].start : part[-1].end]
        document = Document.make(text, title="Part", uri=f"made:{number}")
        ingestor = Ingestor(
            collection, assembly.embedder, chunk_tokens=assembly.settings.chunk.tokens
        )
        began = time.perf_counter()
        ingestor.ingest(document)
        assembly.retriever(collection.name).prepare()
        ours.append(len(part) / (time.perf_counter() - began))
        began = time.perf_counter()
        naive.add(document)
        theirs.append(len(part) / (time.perf_counter() - began))
        progress(f"ingested {ours[-1]:.0f} sentences/s, the naive chain {theirs[-1]:.0f}")
    assembly.delete_collection(collection.name)
    return ours, theirs
