"""Ranks gold questions with and without the cross-encoder; no language model.

``python docs/decisions/0006-cross-encoder.py SUITE…`` prints, for each suite and reranking depth,
precision at 1, recall of the gold sentences at 3 and 6, and the area under the ROC curve of the
best sentence's score for telling answerable questions from the others.
"""

import sys
import time
from pathlib import Path

import numpy as np

from eval.asking import ingest_corpus
from eval.formats import load_suite
from eval.metrics import recall_at_k
from eval.stats import bootstrap_interval
from qa.assembly import Assembly
from qa.retrieval.retriever import Retriever
from qa.settings import load_settings

DEPTHS = (0, 24)
OFFERED = 6


class InOrder:
    """Leaves the order of the fusion as it is."""

    def answers(self, question: str, passages: list[object]) -> list[float]:
        """Falling numbers."""
        return [1 / (1 + place) for place in range(len(passages))]


def area_under_roc(scores: list[float], labels: list[bool]) -> float:
    """Probability that an answerable question scores above another; ties count half."""
    yes = [score for score, label in zip(scores, labels, strict=True) if label]
    no = [score for score, label in zip(scores, labels, strict=True) if not label]
    if not no:
        return float("nan")
    return float(np.mean([(a > b) + (a == b) / 2 for a in yes for b in no]))


def main() -> None:
    """Print a table."""
    print("suite depth  n  P@1  R@3  R@6  AUC  ms")
    with Assembly(load_settings()) as assembly:
        for folder in sys.argv[1:]:
            suite = load_suite(Path(folder))
            collection = assembly.store.collection(ingest_corpus(suite, assembly))
            for depth in DEPTHS:
                retriever = Retriever(
                    collection,
                    assembly.embedder,
                    assembly.settings.data_dir / "lexical",
                    candidates=30,
                    evidence=OFFERED,
                    rrf_k=60,
                    ranker=assembly.cross_encoder if depth else InOrder(),
                    ranker_weight=1000,  # it ranks alone
                    reranked=depth or OFFERED,
                )
                found, begun = [], time.perf_counter()
                for case in suite.questions:
                    found.append(retriever.retrieve(case.question, documents=case.doc_ids).evidence)
                took = (time.perf_counter() - begun) / len(found) * 1000
                columns = [
                    [
                        value
                        for case, evidence in zip(suite.questions, found, strict=True)
                        if (value := recall_at_k(evidence, case.evidence, k)) is not None
                    ]
                    for k in (1, 3, OFFERED)
                ]
                hit = [float(value > 0) for value in columns[0]]
                means = [bootstrap_interval(values, seed=0) for values in (hit, *columns[1:])]
                area = area_under_roc(
                    [max((e.answers or 0.0 for e in evidence), default=0.0) for evidence in found],
                    [case.answerable for case in suite.questions],
                )
                shown = "  ".join(f"{m.mean:.3f} [{m.low:.2f}, {m.high:.2f}]" for m in means)
                print(
                    f"{suite.name} {depth}  {len(hit)}  {shown}  {area:.3f}  {took:.0f}", flush=True
                )


if __name__ == "__main__":
    main()
