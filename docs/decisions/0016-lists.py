"""How many questions about lists and tables are answered rightly.

``python docs/decisions/0016-lists.py`` asks the two sets beside it, each of its own texts, and
prints a line a kind of question. An answer is right that has all the words it must have and none
that it must not. Settings as set; ``--evidence-only`` for no language model.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from ingest.pipeline import Ingestor
from ingest.readers import read_documents
from ingest.sources import find_sources
from qa.assembly import Assembly
from qa.schema import Answer
from qa.settings import load_settings

SETS = Path(__file__).with_suffix("")


def main() -> None:
    """Print what became of both sets."""
    with Assembly(load_settings()) as assembly:
        for folder in sorted(SETS.iterdir()):
            documents = ingest(assembly, folder)
            answerer = assembly.answerer(
                f"lists-{folder.name}", evidence_only="--evidence-only" in sys.argv
            )
            asked, answered, right = Counter[str](), Counter[str](), Counter[str]()
            for line in (folder / "questions.jsonl").read_text("utf-8").splitlines():
                case = json.loads(line)
                within = [documents[name] for name in case["documents"]]
                answer = answerer.answer(case["question"], documents=within)
                asked[case["kind"]] += 1
                answered[case["kind"]] += answer.status != "no_answer"
                right[case["kind"]] += is_right(answer, case)
            for kind, count in asked.items():
                print(
                    f"{folder.name}: {kind}: {count}, answered {answered[kind]}, "
                    f"right {right[kind]}"
                )


def ingest(assembly: Assembly, folder: Path) -> dict[str, str]:
    """Store the texts; their ids by the names of their files."""
    collection = assembly.open_for_writing(f"lists-{folder.name}")
    ingestor = Ingestor(collection, assembly.embedder, chunk_tokens=assembly.settings.chunk.tokens)
    ids: dict[str, str] = {}
    for pattern in ("*.md", "*.txt"):
        for source in find_sources(str(folder / pattern)):
            for document in read_documents(source):
                ids[source.filename] = ingestor.ingest(document).document.id
    return ids


def is_right(answer: Answer, case: dict[str, Any]) -> bool:
    """Whether it has what it must, and nothing that it must not."""
    if not case["must"] or answer.status == "no_answer":
        return False
    said = answer.answer.lower()
    return all(has(said, it) for it in case["must"]) and not any(
        has(said, it) for it in case["must_not"]
    )


def has(text: str, words: str) -> bool:
    """Whether the words are in the text; a "no" must be a word of its own."""
    words = words.lower()
    if words in ("no", "not", "yes"):
        return re.search(rf"\b{words}\b", text) is not None
    return words in text


if __name__ == "__main__":
    main()
