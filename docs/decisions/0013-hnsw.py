"""Recall of Chroma's approximate search against exact search, on vectors of real sentences.

``python docs/decisions/0013-hnsw.py COPIES FILE…`` embeds the different sentences of JSON Lines
files (``.gz`` too; the fields ``text``, ``sentences``, ``premise``), asks for their field
``question``, and prints for each setting how many of the exact nearest are found and what a search
takes. Each vector is there COPIES times, all but the first moved a little; with more than one, only
Chroma's own way of building is measured.
"""

import gzip
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import chromadb
import numpy as np

from qa.assembly import Assembly
from qa.sentences import split_sentences
from qa.settings import load_settings

NEAREST = 30
QUESTIONS = 500
BUILDS = ((16, 100), (16, 200), (32, 200))
SEARCHES = (30, 50, 100, 200, 400)
BATCH = 2000
MOVED = 0.35
"""Length of the move of a copy, beside vectors of length 1."""


def main() -> None:
    """Embed, build, search, print."""
    copies, files = int(sys.argv[1]), [Path(name) for name in sys.argv[2:]]
    with Assembly(load_settings()) as assembly:
        sentences = list(dict.fromkeys(_sentences(files)))
        asked = list(dict.fromkeys(_questions(files)))
        asked = asked[:: max(1, len(asked) // QUESTIONS)][:QUESTIONS]
        vectors = _embed(assembly, sentences)
        queries = _embed(assembly, asked)
    vectors = np.vstack([vectors, *(_moved(vectors, seed) for seed in range(copies - 1))])
    exact = np.stack([np.argpartition(-(vectors @ it), NEAREST)[:NEAREST] for it in queries])
    print(f"{len(vectors):,} vectors, {len(asked)} questions, the {NEAREST} nearest", flush=True)
    for links, construction in BUILDS if copies == 1 else BUILDS[:1]:  # a million take minutes
        with tempfile.TemporaryDirectory() as folder:
            client: Any = chromadb.PersistentClient(folder)
            hnsw = {"space": "cosine", "max_neighbors": links, "ef_construction": construction}
            collection = client.create_collection(
                "sentences", configuration={"hnsw": hnsw}, embedding_function=None
            )
            began = time.perf_counter()
            for first in range(0, len(vectors), BATCH):
                part = vectors[first : first + BATCH]
                ids = [str(place) for place in range(first, first + len(part))]
                collection.add(ids=ids, embeddings=part)
            built = len(vectors) / (time.perf_counter() - began)
            for search in SEARCHES:
                collection.modify(configuration={"hnsw": {"ef_search": search}})
                client.close()  # the index that is loaded keeps its own
                client = chromadb.PersistentClient(folder)
                collection = client.get_collection("sentences", None)
                _search(collection, queries[:3], exact[:3])
                recall, took = _search(collection, queries, exact)
                print(
                    f"| {links} | {construction} | {built:.0f} | {search} | {recall:.4f} | "
                    f"{1000 * median(took):.1f} | {1000 * np.percentile(took, 95):.1f} |",
                    flush=True,
                )
            client.close()


def _search(collection: Any, queries: Any, exact: Any) -> tuple[float, list[float]]:
    hits, took = 0, []
    for query, nearest in zip(queries, exact, strict=True):
        began = time.perf_counter()
        found = collection.query(query_embeddings=[query], n_results=NEAREST, include=[])
        took.append(time.perf_counter() - began)
        hits += len({int(it) for it in found["ids"][0]} & set(nearest.tolist()))
    return hits / exact.size, took


def _moved(vectors: Any, seed: int) -> Any:
    move = np.random.default_rng(seed).standard_normal(vectors.shape).astype(np.float32)
    moved = vectors + MOVED * move / np.linalg.norm(move, axis=1, keepdims=True)
    return moved / np.linalg.norm(moved, axis=1, keepdims=True)


def _rows(files: list[Path]) -> Iterator[dict[str, Any]]:
    for file in files:
        with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
            yield from map(json.loads, lines)


def _sentences(files: list[Path]) -> Iterator[str]:
    for row in _rows(files):
        for field in ("sentences", "premise"):
            yield from (item for item in row.get(field, ()) if isinstance(item, str))
        text = row.get("text", "")
        yield from (text[span.start : span.end] for span in split_sentences(text))


def _questions(files: list[Path]) -> Iterator[str]:
    return (row["question"] for row in _rows(files) if "question" in row)


def _embed(assembly: Assembly, texts: list[str]) -> Any:
    return np.array(assembly.embedder.embed_documents(texts), dtype=np.float32)


if __name__ == "__main__":
    main()
