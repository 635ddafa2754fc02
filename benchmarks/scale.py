"""How evidence-only answers and the index grow with the corpus, on generated articles."""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from benchmarks.report import Progress
from ingest.chunker import chunk
from qa.assembly import Assembly
from qa.schema import Document
from qa.sentences import split_sentences

_ARTICLE = 500
"""Sentences of a generated article."""

_EMBEDDED = 2000
"""Chunks that the embedder really reads; the others get one of their vectors, moved a little: a
million would take it hours, and the search is as hard."""

_MOVED = 0.35
"""Length of that move, beside vectors of length 1."""

_NAMES = "Ada Bela Cem Dora Emil Fatma Gina Hugo Ines Jon Kira Lars Mina Nils Olga Piet".split()
_TRADES = "baker mayor pilot nurse judge miner poet tailor diver banker farmer printer".split()
_PLACES = "Oslo Turku Porto Ghent Lyon Graz Lund Bonn Pisa Cork Bergen Split Tartu Bath".split()
_THINGS = "bridge harbour school archive tunnel theatre garden station mill clinic tower".split()
_DEEDS = "opened closed sold rented painted moved visited flooded mapped insured".split()


@dataclass(frozen=True, slots=True)
class Size:
    """A corpus and what it costs.

    Attributes:
        sentences: how many it has.
        p50: milliseconds of an evidence-only answer, the median.
        p95: the same, the 95th percentile.
        write: sentences written a second, vectors given.
        index: seconds to build the lexical index.
    """

    sentences: int
    p50: float
    p95: float
    write: float
    index: float


def sentence(draw: random.Random) -> str:
    """A made-up sentence."""
    name, deed, thing, place = (draw.choice(of) for of in (_NAMES, _DEEDS, _THINGS, _PLACES))
    trade, year, cost = draw.choice(_TRADES), draw.randint(1700, 2020), draw.randint(2, 900)
    return f"The {trade} {name} {deed} the {thing} of {place} in {year} for {cost} crowns."


def question(draw: random.Random) -> str:
    """A question about such a sentence."""
    deed, thing, place = (draw.choice(of) for of in (_DEEDS, _THINGS, _PLACES))
    return f"Who {deed} the {thing} of {place} in {draw.randint(1700, 2020)}?"


def articles(sentences: int, draw: random.Random, *, longest: int = _ARTICLE) -> Iterator[Document]:
    """So many sentences in articles of at most ``longest``."""
    for number in range(0, sentences, longest):
        text = " ".join(sentence(draw) for _ in range(min(longest, sentences - number)))
        yield Document.make(text, title=f"Chronicle {number // longest}", uri=f"made:{number}")


def measure(
    sizes: Sequence[int], assembly: Assembly, *, questions: int, seed: int, progress: Progress
) -> list[Size]:
    """Fill one collection further and further and ask it at each size.

    Args:
        sizes: sentences, ascending.
        assembly: what answers.
        questions: how many are asked at each size.
        seed: makes the articles and the questions.
        progress: told how far it is.
    """
    draw, noise = random.Random(seed), np.random.default_rng(seed)
    collection = assembly.open_for_writing("benchmark-scale")
    answerer = assembly.answerer("benchmark-scale", evidence_only=True)
    pool: np.ndarray | None = None
    there, measured = 0, []
    for size in sizes:
        writing = 0.0
        for document in articles(size - there, random.Random(f"{seed}-{size}")):
            chunks = chunk(
                document.text, split_sentences(document.text), assembly.settings.chunk.tokens
            )
            if pool is None or len(pool) < _EMBEDDED:
                texts = [f"{document.title}. {it.text.strip()}" for it in chunks]
                vectors = np.array(assembly.embedder.embed_documents(texts), dtype=np.float32)
                pool = vectors if pool is None else np.vstack([pool, vectors])
            else:
                vectors = pool[noise.integers(len(pool), size=len(chunks))]
                move = noise.standard_normal(vectors.shape).astype(np.float32)
                vectors = vectors + _MOVED * move / np.linalg.norm(move, axis=1, keepdims=True)
                vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            began = time.perf_counter()
            collection.write(document, chunks, vectors.tolist())
            writing += time.perf_counter() - began
        began = time.perf_counter()
        answerer.retriever.prepare()
        index = time.perf_counter() - began
        took = []
        for asked in range(questions + 3):
            began = time.perf_counter()
            answerer.answer(question(draw))
            if asked >= 3:
                took.append(1000 * (time.perf_counter() - began))
        measured.append(
            Size(
                size,
                median(took),
                float(np.percentile(took, 95)),
                (size - there) / writing,
                index,
            )
        )
        there = size
        progress(f"{size:,} sentences: {measured[-1].p95:.0f} ms at the 95th percentile")
    return measured
