"""Which step is to blame for an answer that is not right: the first that went wrong."""

from collections.abc import Iterable
from enum import StrEnum

from eval.cases import Alternatives
from eval.metrics import is_free_text, str_em
from eval.metrics.citation import Located, share_found
from eval.runner import Record


class Diagnosis(StrEnum):
    """What became of a question; ``meaning`` says it in a sentence."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> "Diagnosis":
        """Keep the sentence beside the value."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    RIGHT = "right", "The answer is an accepted one and its footnotes hold the gold."
    RIGHTLY_REFUSED = "rightly refused", "The sources do not hold the answer, and none was given."
    NOT_RETRIEVED = "not retrieved", "The search did not find all of the gold."
    NOT_RANKED = (
        "retrieved, not ranked",
        "The search found the gold; not all of it was offered as evidence.",
    )
    DRAFTED_WRONG = (
        "drafted wrong",
        "The gold was offered, and no claim, drafted or quoted, holds an accepted answer.",
    )
    WRONGLY_DROPPED = "wrongly dropped", "A claim was right and was not released."
    WRONGLY_SUPPORTED = (
        "wrongly supported",
        "The gold was offered; what was released rests on other sentences, or on part of it.",
    )
    SHOULD_HAVE_ABSTAINED = (
        "should have abstained",
        "The sources do not hold the answer, and one was given.",
    )
    FAILED = "failed", "There is no answer, for an error took its place."

    @property
    def good(self) -> bool:
        """Whether nothing went wrong."""
        return self in (Diagnosis.RIGHT, Diagnosis.RIGHTLY_REFUSED)


def diagnose(record: Record, gold: Alternatives) -> Diagnosis:
    """Find the first step that went wrong.

    The first rule that fits decides:

    1. failed: an error took the answer's place.
    2. should have abstained, rightly refused: the question is unanswerable.
    3. right: ``scores["correct"]`` and ``citation_recall`` are 1. A footnote beside the gold takes
       nothing away from it. Without gold the answer alone decides; with neither gold nor accepted
       answers there is nothing to be wrong about.
    4. not retrieved: no alternative of the gold is wholly among the sentences found.
    5. retrieved, not ranked: none is wholly among the sentences offered.
    6. wrongly supported: the answer is right, but no alternative is wholly in its footnotes.
    7. wrongly dropped: a claim holds an accepted answer, and yet it is not in the answer.
    8. drafted wrong: none does, whether the language model drafted or a sentence was quoted.

    Where accepted answers are missing, or all of them are free text, the citations decide from
    rule 6 on: answered is wrongly supported, refused in spite of claims is wrongly dropped,
    refused without any is drafted wrong.

    Args:
        record: with its scores.
        gold: of its question.
    """
    if record.answer is None:
        return Diagnosis.FAILED
    if not record.answerable:
        answered = record.answered
        return Diagnosis.SHOULD_HAVE_ABSTAINED if answered else Diagnosis.RIGHTLY_REFUSED
    accepted = [it for it in record.answers if not is_free_text(it)]
    correct = record.scores.get("correct") == 1 or not (accepted or gold)
    proved = not gold or record.scores["citation_recall"] == 1
    if record.answered and correct and proved:
        return Diagnosis.RIGHT
    if gold and not _holds_gold(record.evidence, gold):
        found = _holds_gold(record.found, gold)
        return Diagnosis.NOT_RANKED if found else Diagnosis.NOT_RETRIEVED
    if record.answered and (correct or not accepted):
        return Diagnosis.WRONGLY_SUPPORTED
    if any(not accepted or str_em(claim.text, accepted) == 1 for claim in record.claims):
        return Diagnosis.WRONGLY_DROPPED
    return Diagnosis.DRAFTED_WRONG


def _holds_gold(sentences: Iterable[Located], gold: Alternatives) -> bool:
    located = list(sentences)
    return any(share_found(located, alternative) == 1 for alternative in gold)
