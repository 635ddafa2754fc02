"""Record what the checks see of claims and quotations: the first step towards the confidence.

``python -m training.record --suite DIR… --limit N --out FILE`` drafts answers with the configured
language model and adds a line a question to FILE; ``training.confidence`` fits to such files. With
``--quotations`` nothing is drafted, and the judge reads the likeliest sentence alone.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from eval.asking import ingest_corpus
from eval.cases import Case
from eval.formats import load_suite
from eval.selection import draw
from qa.assembly import Assembly
from qa.generation.drafter import Draft
from qa.grounding.checks import Checks
from qa.grounding.contenders import contenders
from qa.grounding.support import find_support
from qa.schema import Evidence
from qa.settings import load_settings

_SEED = 5


def main() -> None:
    """Record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", type=Path, nargs="+", required=True)
    parser.add_argument("--limit", type=int, default=40)
    parser.add_argument("--open-corpus", action="store_true")
    parser.add_argument("--quotations", action="store_true", help="draft nothing")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    with Assembly(load_settings()) as assembly, chosen.out.open("a") as out:
        for folder in chosen.suite:
            suite = load_suite(folder)
            name = ingest_corpus(suite, assembly)
            retriever = assembly.retriever(name)
            for case in draw(suite.questions, chosen.limit, _SEED):
                documents = None if chosen.open_corpus else case.doc_ids
                evidence = retriever.retrieve(case.question, documents=documents).usable
                claims = [] if chosen.quotations else _claims(case, evidence, assembly)
                row = {
                    "suite": suite.name,
                    "id": case.id,
                    "question": case.question,
                    "answerable": case.answerable,
                    "answers": list(case.answers),
                    "gold": [[asdict(span) for span in it] for it in case.evidence],
                    "evidence": [item.model_dump() for item in evidence],
                    "quotation": _quotation(case.question, evidence, assembly),
                    "claims": claims,
                }
                print(json.dumps(row), file=out, flush=True)


def _claims(case: Case, evidence: Sequence[Evidence], assembly: Assembly) -> list[dict[str, Any]]:
    """The claims of a draft, with what the checks and the judge say of them."""
    draft = Draft()
    for _ in assembly.drafter.stream(case.question, contenders(evidence), draft):
        pass
    claims = []
    for text in draft.claims():
        support = find_support(text, case.question, evidence, assembly.embedder.cosines)
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
    return claims


def _quotation(
    question: str, evidence: Sequence[Evidence], assembly: Assembly
) -> dict[str, Any] | None:
    """What may be quoted, with what reader and judge say of it; ``None`` where nothing fits."""
    found = Checks(
        question,
        evidence,
        reader=assembly.cross_encoder,
        similarity=assembly.embedder.cosines,
        judge=None,
        min_confidence=0,
    ).quotation
    if found is None or not found.fits:
        return None
    title = found.support.proof[0].title
    return {
        "proof": [item.sentence_id for item in found.support.proof],
        "answers": found.answers,
        "ahead": found.ahead,
        "judged": assembly.judge.answers(question, found.support.context, title),
    }


if __name__ == "__main__":
    main()
