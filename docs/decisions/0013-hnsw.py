"""Recall of Chroma's approximate search against exact search, on vectors of real sentences.

``python docs/decisions/0013-hnsw.py SENTENCES FILE…`` embeds so many different sentences of JSON
Lines files (``.gz`` too; the fields ``text``, ``sentences``, ``premise``), asks for their field
``question``, and prints for each setting how many of the exact nearest are found and what a search
takes.
"""

import gzip
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import chromadb
import numpy as np

from ingest.sentences import split_sentences
from qa.assembly import Assembly
from qa.settings import load_settings

NEAREST = 30
QUESTIONS = 500
BUILDS = ((16, 100), (16, 200), (32, 200))
SEARCHES = (30, 50, 100, 200, 400)
BATCH = 2000


def main() -> None:
    """Embed, build, search, print."""
    wanted, files = int(sys.argv[1]), [Path(name) for name in sys.argv[2:]]
    with Assembly(load_settings()) as assembly:
        sentences = list(islice(dict.fromkeys(_sentences(files)), wanted))
        asked = list(dict.fromkeys(_questions(files)))
        asked = asked[:: max(1, len(asked) // QUESTIONS)][:QUESTIONS]
        vectors = _embed(assembly, sentences)
        queries = _embed(assembly, asked)
    exact = np.argpartition(-(queries @ vectors.T), NEAREST, axis=1)[:, :NEAREST]
    print(f"{len(sentences):,} sentences, {len(asked)} questions, the {NEAREST} nearest")
    for links, construction in BUILDS:
        with tempfile.TemporaryDirectory() as folder:
            client: Any = chromadb.PersistentClient(folder)
            collection = client.create_collection(
                "c",
                configuration={
                    "hnsw": {
                        "space": "cosine",
                        "max_neighbors": links,
                        "ef_construction": construction,
                    }
                },
                embedding_function=None,
            )
            began = time.perf_counter()
            for first in range(0, len(vectors), BATCH):
                part = vectors[first : first + BATCH]
                ids = [str(place) for place in range(first, first + len(part))]
                collection.add(ids=ids, embeddings=part)
            built = len(vectors) / (time.perf_counter() - began)
            for search in SEARCHES:
                collection.modify(configuration={"hnsw": {"ef_search": search}})
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
