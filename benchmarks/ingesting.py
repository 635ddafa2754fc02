"""Sentences ingested a second, beside one-by-one writes with the embedder on torch."""

import random
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.naive import NaiveChain
from benchmarks.report import Progress
from benchmarks.scale import articles, question
from eval.formats import load_suite
from ingest.pipeline import Ingestor
from qa.assembly import Assembly
from qa.retrieval.embedder import SentenceTransformerEmbedder, packaged_minilm
from qa.schema import Document
from qa.sentences import split_sentences

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


def by_length(
    lengths: Sequence[int], assembly: Assembly, *, questions: int, seed: int, progress: Progress
) -> list[tuple[float, float]]:
    """Seconds to ingest one generated article, and the median of an evidence-only answer from it.

    Args:
        lengths: sentences of the articles, each in a collection of its own.
        assembly: what ingests and answers.
        questions: how many are asked of each.
        seed: makes the articles and the questions.
        progress: told how far it is.
    """
    measured = []
    for length in lengths:
        draw = random.Random(seed)
        (document,) = articles(length, draw, longest=length)
        collection = assembly.open_for_writing("benchmark-length")
        tokens = assembly.settings.chunk.tokens
        began = time.perf_counter()
        Ingestor(collection, assembly.embedder, chunk_tokens=tokens).ingest(document)
        answerer = assembly.answerer(collection.name, evidence_only=True)
        answerer.retriever.prepare()
        ingest = time.perf_counter() - began
        took = []
        for _ in range(questions):
            began = time.perf_counter()
            answerer.answer(question(draw))
            took.append(time.perf_counter() - began)
        measured.append((ingest, median(took)))
        assembly.delete_collection(collection.name)
        progress(f"an article of {length:,} sentences: {ingest:.1f} s")
    return measured
