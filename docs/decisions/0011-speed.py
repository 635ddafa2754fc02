"""What the embedded LLM and the cross-encoder take; a language model is needed.

``python docs/decisions/0011-speed.py SUITE [N]`` drafts from the offered sentences of N (24) of the
suite's questions, asks the judge about the likeliest sentence, and prints medians in seconds, the
LLM's resident memory, and in how many milliseconds the cross-encoder reads 24 pairs of 70 word
pieces.
"""

import statistics
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
import psutil

from eval.asking import ingest_corpus
from eval.formats import load_suite
from qa.assembly import Assembly
from qa.generation.drafter import Draft
from qa.generation.llm import EmbeddedLLM
from qa.grounding.abstention import likeliest
from qa.grounding.antecedents import with_sentence_before
from qa.grounding.cross_encoder import FOLDER
from qa.settings import load_settings

PAIRS, PIECES, TIMES = 24, 70, 9


def main() -> None:
    """Measure and print."""
    suite, wanted = load_suite(Path(sys.argv[1])), int((sys.argv[2:] or ["24"])[0])
    cases = list(suite.questions)
    rows = []
    with Assembly(load_settings()) as assembly:
        retriever = assembly.retriever(ingest_corpus(suite, assembly))
        llm = assembly.llm
        llm.connect()
        for case in cases[:: max(1, len(cases) // wanted)][:wanted]:
            evidence = retriever.retrieve(case.question).usable
            best = likeliest(evidence)
            assert best is not None
            began = time.perf_counter()
            stream = assembly.drafter.stream(case.question, evidence, Draft())
            next(stream, None)
            first = time.perf_counter() - began
            for _ in stream:
                pass
            drafted = time.perf_counter() - began
            began = time.perf_counter()
            assembly.judge.answers(case.question, with_sentence_before([best]), best.title)
            rows.append((first, drafted, time.perf_counter() - began))
        medians = [statistics.median(column) for column in zip(*rows, strict=True)]
        print("first token {:.2f}, draft {:.2f}, judge {:.2f}".format(*medians))
        if isinstance(llm, EmbeddedLLM) and llm.local.pid is not None:
            print(f"{psutil.Process(llm.local.pid).memory_info().rss / 1e9:.2f} GB")
    print(f"{1000 * _read():.0f} ms for {PAIRS} pairs")


def _read() -> float:
    session = onnxruntime.InferenceSession(
        str(FOLDER / "model.onnx"), providers=["CPUExecutionProvider"]
    )
    ids = np.random.default_rng(0).integers(1000, 20000, (PAIRS, PIECES))
    types = np.zeros_like(ids)
    types[:, PIECES // 2 :] = 1
    feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": types}
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        session.run(None, feed)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


if __name__ == "__main__":
    main()
