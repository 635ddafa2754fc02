"""What a proof is not understood without: what stands before it, or led to it."""

import re
from collections.abc import Sequence

from qa.grounding.lists import introducing
from qa.grounding.tables import without_heads
from qa.layout import is_row, say_part
from qa.questions import asks_for_time, asks_who
from qa.schema import Evidence
from qa.words import Term, counts_from, leans, terms

_IS_SOMEBODY = re.compile(r"\W*(?:he|she|they)\b", re.IGNORECASE)


def with_antecedents(
    proof: tuple[Evidence, ...],
    question: str,
    stated: Sequence[Term],
    evidence: Sequence[Evidence],
) -> tuple[Evidence, ...]:
    """The proof, behind what its first sentence is not understood without.

    That is the sentence that led to it, what introduces its list or table, and the sentence that
    names whom "he" means or, to a question for a time, the year that was "two years earlier".

    Args:
        proof: sentences in reading order.
        question: what they answer.
        stated: terms of what they prove; those that are names are looked for.
        evidence: the sentences that were offered.
    """
    introduction = introducing(proof[0], evidence)
    leading = [it for it in evidence if it.sentence_id == proof[0].led_by]
    leading += [] if introduction is None else [introduction]
    proof = (*(it for it in leading if it not in proof), *proof)
    first = proof[0]
    said = {term.stem for item in proof for term in terms(item.text)}
    unnamed = {term.stem for term in stated if term.kind == "name"} - said
    undated = asks_for_time(question) and counts_from(first.text)
    if not undated and not (unnamed and leans(first.text)):
        return proof
    for item in evidence:
        if (item.document_id, item.sentence + 1) == (first.document_id, first.sentence):
            names = unnamed & {term.stem for term in terms(item.text)}
            return (item, *proof) if names or undated else proof
    return proof


def who_is_meant(
    question: str, sentence: Evidence, evidence: Sequence[Evidence]
) -> Evidence | None:
    """The sentence that names who "she" is, where the question asks who did it.

    It stands before those that begin so, if it was offered; ``None`` where none is needed.
    """
    if not asks_who(question) or not _IS_SOMEBODY.match(sentence.text):
        return None
    asked = {term.stem for term in terms(question)}
    offered = {(it.document_id, it.sentence): it for it in evidence}
    before: Evidence | None = sentence
    while before is not None and _IS_SOMEBODY.match(before.text):
        if any(term.kind == "name" and term.stem not in asked for term in terms(before.text)):
            break
        before = offered.get((before.document_id, before.sentence - 1))
    return None if before is sentence else before


def with_sentence_before(proof: Sequence[Evidence]) -> str:
    """The sentences of a proof with the one right before them, as a judge reads them.

    A row of a table is read with its head.
    """
    said = [
        say_part(item.text, item.before) if is_row(item.text) else item.text
        for item in without_heads(proof)
    ]
    in_table = any(is_row(item.text) and item.before for item in proof)
    before = () if in_table else proof[0].before[-1:]
    return " ".join([*before, *said])
