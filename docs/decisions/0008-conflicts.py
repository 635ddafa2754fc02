"""Looks for conflicts among all the sentences of each question's documents; no language model.

``python docs/decisions/0008-conflicts.py SUITE…`` takes the first hundred answerable questions of
a suite that name their documents. Whatever sentence of these is a likely answer is taken for the
proof and held against all others, so that no way of retrieving can show more. Prints each conflict
and how many questions have one.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from eval.cases import Case, Suite
from eval.formats import load_suite
from qa.grounding.conflicts import Conflict, find_conflict
from qa.grounding.cross_encoder import CrossEncoder
from qa.grounding.values import find_values
from qa.schema import Document, Evidence, Passage, sentence_id
from qa.sentences import split_sentences

ASKED = 100
LIKELY = 0.5


def evidence_of(document: Document) -> Iterator[Evidence]:
    """The sentences of a document that have values."""
    spans = split_sentences(document.text)
    texts = [document.text[span.start : span.end] for span in spans]
    for place, (span, text) in enumerate(zip(spans, texts, strict=True)):
        if find_values(text):
            yield Evidence(
                number=1,
                sentence_id=sentence_id(document.id, span),
                document_id=document.id,
                title=document.title,
                uri=document.uri,
                start=span.start,
                end=span.end,
                sentence=place + 1,
                text=text,
                score=0.0,
                before=tuple(texts[max(0, place - 2) : place]),
            )


def conflicts(case: Case, suite: Suite, reader: CrossEncoder) -> list[Conflict]:
    """What disagrees about the answer to a question."""
    documents = [suite.documents[name] for name in case.doc_ids or ()]
    evidence = [item for document in documents for item in evidence_of(document)]
    passages = [
        Passage(item.text, title=item.title, before=" ".join(item.before[-1:])) for item in evidence
    ]
    read = [
        item.model_copy(update={"answers": answers})
        for item, answers in zip(evidence, reader.answers(case.question, passages), strict=True)
        if answers >= LIKELY
    ]
    found = [find_conflict(case.question, [item], read, reader) for item in read]
    return [conflict for conflict in found if conflict is not None]


def main() -> None:
    """Print the conflicts and their number, suite by suite."""
    reader = CrossEncoder()
    for path in map(Path, sys.argv[1:]):
        suite = load_suite(path)
        cases = [case for case in suite.questions if case.answerable and case.doc_ids][:ASKED]
        shown = 0
        for case in cases:
            found = conflicts(case, suite, reader)
            shown += bool(found)
            for conflict in found:
                print(case.question, conflict.said.text, conflict.other.text, sep="\n  ")
        print(f"{suite.name}: {shown} of {len(cases)}", flush=True)


if __name__ == "__main__":
    main()
