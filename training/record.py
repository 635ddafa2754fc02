"""Record what the checks see of drafted claims: the first step towards the confidence.

``python -m training.record --suite DIR… --limit N --out FILE`` drafts answers with the configured
language model and adds a line a question to FILE; ``training.confidence`` fits to such files.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from eval.asking import ingest_corpus
from eval.cases import Case
from eval.formats import load_suite
from eval.selection import draw
from qa.assembly import Assembly
from qa.generation.drafter import Draft
from qa.grounding.abstention import contenders, likeliest
from qa.grounding.antecedents import with_sentence_before
from qa.grounding.support import find_support
from qa.settings import load_settings

_SEED = 5


def main() -> None:
    """Record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", type=Path, nargs="+", required=True)
    parser.add_argument("--limit", type=int, default=40)
    parser.add_argument("--open-corpus", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    with Assembly(load_settings()) as assembly, chosen.out.open("a") as out:
        for folder in chosen.suite:
            suite = load_suite(folder)
            name = ingest_corpus(suite, assembly)
            retriever = assembly.retriever(name)
            for case in draw(suite.questions, chosen.limit, _SEED):
                documents = None if chosen.open_corpus else case.doc_ids
                row = {"suite": suite.name} | _record(case, documents, retriever, assembly)
                print(json.dumps(row), file=out, flush=True)


def _record(case: Case, documents: Any, retriever: Any, assembly: Assembly) -> dict[str, Any]:
    evidence = retriever.retrieve(case.question, documents=documents).usable
    similarity = assembly.embedder.cosines
    draft = Draft()
    for _ in assembly.drafter.stream(case.question, contenders(evidence), draft):
        pass
    claims = []
    for text in draft.claims():
        support = find_support(text, case.question, evidence, similarity)
        row: dict[str, Any] = {"text": text, "reason": support.reason}
        if support.reason is None:
            row |= {
                "proof": [item.sentence_id for item in support.proof],
                "context": support.context,
                "coverage": support.coverage,
                "similarity": support.similarity,
                "focus": support.focus,
                "answers": assembly.judge.answers(
                    case.question, support.context, support.proof[0].title
                ),
            }
        claims.append(row)
    best = likeliest(evidence)
    quoted = None
    if best is not None:
        quoted = assembly.judge.answers(case.question, with_sentence_before([best]), best.title)
    return {
        "id": case.id,
        "question": case.question,
        "answerable": case.answerable,
        "answers": list(case.answers),
        "gold": [[asdict(span) for span in alternative] for alternative in case.evidence],
        "evidence": [item.model_dump() for item in evidence],
        "quoted": quoted,
        "quoted_sentence": None if best is None else best.sentence_id,
        "claims": claims,
    }


if __name__ == "__main__":
    main()
