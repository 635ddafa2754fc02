"""Measures recall of gold sentences for chunk budgets and embedded contexts.

python docs/decisions/0003-chunks-and-fusion.py SUITE_FOLDER [--cache FOLDER]
"""

import argparse
import json
from pathlib import Path

import numpy as np

from eval.formats import load_suite
from eval.metrics import matches
from ingest.chunker import chunk
from ingest.sentences import split_sentences
from qa.retrieval.embedder import MINILM, load_embedder
from qa.retrieval.fusion import reciprocal_rank_fusion
from qa.retrieval.lexical import LexicalIndex
from qa.schema import Citation

BUDGETS = (16, 48, 96, 192)
CONTEXTS = ("none", "title", "title and sentence before")
CANDIDATES = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", type=Path)
    parser.add_argument("--cache", type=Path, default=Path("/tmp/footnoted-models"))
    arguments = parser.parse_args()
    embedder = load_embedder(MINILM, arguments.cache)
    suite = load_suite(arguments.suite)
    cases = [case for case in suite.questions if case.answerable and case.evidence]
    documents = suite.documents.values()
    spans = {d.id: split_sentences(d.text) for d in documents}
    text = {
        (d.id, place): d.text[span.start : span.end]
        for d in documents
        for place, span in enumerate(spans[d.id])
    }
    index = LexicalIndex.build((json.dumps(key), sentence) for key, sentence in text.items())
    found = [[tuple(json.loads(k)) for k in index.search(c.question, CANDIDATES)] for c in cases]
    questions = np.array(embedder.embed_documents([case.question for case in cases]))
    for budget in BUDGETS:
        for context in CONTEXTS:
            members, inputs = [], []
            for document in documents:
                name, place = document.id, 0
                for piece in chunk(document.text, spans[name], budget):
                    members.append([(name, place + n) for n in range(len(piece.sentences))])
                    before = text.get((name, place - 1), "") if context.endswith("before") else ""
                    title = "" if context == "none" else f"{document.title}. "
                    inputs.append(f"{title}{before} {piece.text}")
                    place += len(piece.sentences)
            vectors = np.array(embedder.embed_documents(inputs))
            recall = {1: [], 4: [], 8: [], 12: []}
            dense_recall = []
            for case, vector, lexical in zip(cases, questions, found, strict=True):
                nearest = np.argsort(-(vectors @ vector), kind="stable")[:CANDIDATES]
                dense = {key: rank for rank, at in enumerate(nearest, 1) for key in members[at]}
                ranks = {key: rank for rank, key in enumerate(lexical, 1)}
                ranked = list(reciprocal_rank_fusion([dense, ranks], k=60))
                for k, values in recall.items():
                    values.append(_recall(ranked[:k], case.evidence, spans))
                dense_recall.append(_recall(list(dense)[:8], case.evidence, spans))
            shown = "  ".join(f"R@{k} {np.mean(values):.2f}" for k, values in recall.items())
            print(f"{budget:4} {context:26} {shown}  dense R@8 {np.mean(dense_recall):.2f}")


def _recall(keys, alternatives, spans) -> float:
    offered = [_citation(name, spans[name][place]) for name, place in keys]
    return max(
        np.mean([any(matches(item, gold) for item in offered) for gold in alternative])
        for alternative in alternatives
    )


def _citation(name, span) -> Citation:
    return Citation(
        number=1, sentence_id="", document_id=name, title="", uri="", sentence=1, text="",
        start=span.start, end=span.end,
    )  # fmt: skip


if __name__ == "__main__":
    main()
