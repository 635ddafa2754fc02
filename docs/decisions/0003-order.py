"""How often the product puts a gold sentence first, and how many it offers; no language model.

``python docs/decisions/0003-order.py SUITE…`` asks all questions of each suite of their own
documents, with the settings that are set, and prints precision at 1, recall at 6 and the median
milliseconds of a retrieval.
"""

import sys
import time
from pathlib import Path
from statistics import mean, median

from eval.asking import ingest_corpus
from eval.formats import load_suite
from eval.metrics import recall_at_k
from eval.stats import bootstrap_interval
from qa.assembly import Assembly
from qa.settings import load_settings


def main() -> None:
    """Print a line a suite."""
    with Assembly(load_settings()) as assembly:
        print(f"{assembly.settings.retrieval.reranked} sentences are read")
        for folder in sys.argv[1:]:
            suite = load_suite(Path(folder))
            retriever = assembly.retriever(ingest_corpus(suite, assembly))
            first, offered, took = [], [], []
            for case in suite.questions:
                begun = time.perf_counter()
                evidence = retriever.retrieve(case.question, documents=case.doc_ids).evidence
                took.append(1000 * (time.perf_counter() - begun))
                recall = recall_at_k(evidence, case.evidence, 1)
                if recall is not None:
                    first.append(float(recall > 0))
                    offered.append(recall_at_k(evidence, case.evidence, 6) or 0.0)
            shown = bootstrap_interval(first, seed=0)
            print(
                f"{suite.name}: {len(first)} questions, P@1 {shown.mean:.3f} "
                f"[{shown.low:.2f}, {shown.high:.2f}], R@6 {mean(offered):.3f}, "
                f"{median(took):.0f} ms",
                flush=True,
            )


if __name__ == "__main__":
    main()
