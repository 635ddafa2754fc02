"""Answers with each part of the grounding taken out in turn.

``python docs/decisions/0010-parts.py REPLIES LIMIT SUITE…`` asks so many questions of each suite
(0: all) as they are answered and without each part, and prints for each part the paired differences
that taking it out makes, with 95 % bootstrap intervals, over all suites together. What the language
model replies is kept in the file REPLIES, so that what several runs ask alike is asked once.
"""

import hashlib
import json
import pickle
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

from eval.asking import ask_with, ingest_corpus
from eval.cases import Suite
from eval.formats import load_suite
from eval.runner import Record, run
from eval.stats import paired_difference
from qa.answerer import Answerer
from qa.assembly import Assembly
from qa.generation.llm import stream_chat
from qa.grounding import support
from qa.grounding.support import Support
from qa.pace import THOROUGH
from qa.schema import Evidence
from qa.settings import load_settings

SEED = 1
SCORES = ("str_em", "citation_f1", "answered_rate", "false_answer_rate")


def _unchecked(
    claim: str, question: str, evidence: Sequence[Evidence], similarity: support.Similarity
) -> Support:
    """The most similar sentence proves everything."""
    if not evidence:
        return Support((), reason="nothing was offered")
    cosines = similarity(claim, [item.text for item in evidence])
    best = evidence[cosines.index(max(cosines))]
    return Support((best,), similarity=max(cosines), context=best.text)


PARTS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "all checks without a model": {"qa.grounding.checks.find_support": _unchecked},
    "the kind asked for": {
        "qa.grounding.support.answers_kind": lambda *_, **__: True,
        "qa.grounding.abstention.answers_kind": lambda *_, **__: True,
    },
    "opposites": {"qa.grounding.misfits.opposes": lambda *_: None},
    "antecedents": {
        "qa.grounding.support.with_antecedents": lambda proof, *_: proof,
        "qa.grounding.checks.with_antecedents": lambda proof, *_: proof,
    },
    "who did it": {"qa.grounding.support.find_agent": lambda *_: None},
    "quoting at once": {"_pace": THOROUGH},
    "leaving sentences out of the draft": {"qa.answerer.contenders": list},
    "the proof where it answers otherwise": {
        "qa.grounding.checks.Checks._or_proof": lambda _, item: [item]
    },
    "quotations": {"qa.grounding.checks.Checks._or_quoted": lambda _, claims: claims},
    "the judge": {"_judge": None},
}


def main() -> None:
    """Ask and print."""
    replies, limit, folders = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    with Assembly(load_settings()) as assembly, ExitStack() as stack:
        remembering = _remember(replies)
        for module in ("drafter", "judge"):
            stack.enter_context(patch(f"qa.generation.{module}.stream_chat", remembering))
        suites = {
            ingest_corpus(suite, assembly): suite for suite in map(load_suite, map(Path, folders))
        }
        whole: list[Record] = []
        for part, changes in PARTS.items():
            records = [
                record
                for collection, suite in suites.items()
                for record in _asked(suite, _without(changes, assembly, collection), changes, limit)
            ]
            whole = whole or records
            print(f"| {part} | {' | '.join(_cells(whole, records))} |", flush=True)


def _without(changes: dict[str, Any], assembly: Assembly, collection: str) -> Answerer:
    answerer = assembly.answerer(collection, fall_back=False)
    for name in ("_judge", "_pace"):
        if name in changes:
            setattr(answerer, name, changes[name])
    return answerer


def _asked(
    suite: Suite, answerer: Answerer, changes: dict[str, Any], limit: int
) -> Iterator[Record]:
    with ExitStack() as stack:
        for name, change in changes.items():
            if "." in name:
                stack.enter_context(patch(name, change))
        yield from run(
            suite, ask_with(answerer), source_text=suite.text, limit=limit or None, seed=SEED
        )


def _cells(whole: Sequence[Record], records: Sequence[Record]) -> Iterator[str]:
    for name in SCORES:
        pairs = [
            (before, after)
            for a, b in zip(whole, records, strict=True)
            if (before := _score(a, name)) is not None and (after := _score(b, name)) is not None
        ]
        if records is whole:
            yield f"{sum(score for score, _ in pairs) / len(pairs):.2f}"
        else:
            found = paired_difference(*zip(*pairs, strict=True), seed=SEED)
            yield f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def _score(record: Record, name: str) -> float | None:
    if name == "answered_rate":
        return float(record.answered) if record.answerable else None
    if name == "false_answer_rate":
        return None if record.answerable else float(record.answered)
    return record.scores.get(name)


def _remember(file: Path) -> Callable[..., Iterator[Any]]:
    """``stream_chat``, whose replies are kept in a file."""
    kept = sqlite3.connect(file, timeout=60)
    kept.execute("CREATE TABLE IF NOT EXISTS c (k TEXT PRIMARY KEY, v BLOB)")

    def remembering(
        llm: Any, messages: list[Any], *, max_tokens: int, **options: Any
    ) -> Iterator[Any]:
        asked = json.dumps([messages, max_tokens, options], sort_keys=True, default=str)
        key = hashlib.sha256(asked.encode()).hexdigest()
        found = kept.execute("SELECT v FROM c WHERE k = ?", (key,)).fetchone()
        if found is not None:
            yield from pickle.loads(found[0])
            return
        chunks = list(stream_chat(llm, messages, max_tokens=max_tokens, **options))
        kept.execute("INSERT OR REPLACE INTO c VALUES (?, ?)", (key, pickle.dumps(chunks)))
        kept.commit()
        yield from chunks

    return remembering


if __name__ == "__main__":
    main()
