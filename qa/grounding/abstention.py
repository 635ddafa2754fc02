"""Does this sentence answer, and is it what was asked for?"""

from collections.abc import Sequence

from qa.grounding.kinds import answers_kind
from qa.grounding.misfits import misfit
from qa.grounding.reader import Reader
from qa.schema import Evidence, Passage
from qa.words import stems, without_marks


def like_answered(
    question: str, one: Passage, others: Sequence[Passage], reader: Reader
) -> list[bool]:
    """Whether the likeliest answer in each of the others has the same words as that in ``one``."""
    asked = frozenset(stems(question))
    shown = [one, *others]
    readings = reader.read(question, shown)
    said = [
        frozenset(stems(it.text[at.start : at.end])) for it, at in zip(shown, readings, strict=True)
    ]
    told = [it - asked for it in said]
    return [bool(it) and it == told[0] for it in told[1:]]


def likeliest(evidence: Sequence[Evidence]) -> Evidence | None:
    """The sentence that most likely answers; ``None`` if none was read."""
    read = [item for item in evidence if item.answers is not None]
    return max(read, key=lambda item: item.answers or 0.0, default=None)


def quotable(question: str, passage: Passage, reader: Reader) -> bool:
    """Whether a passage fits, and it and the likeliest answer in it are of the kind asked for."""
    if misfit(question, passage.text) is not None:
        return False
    answer = without_marks(_likeliest_answer(question, passage, reader))
    return answers_kind(question, passage.text) and answers_kind(question, answer, whole=False)


def misses(claim: str, question: str, sentence: Evidence, reader: Reader) -> bool:
    """Whether ``claim`` has no word of the answer that ``reader`` finds in its proof.

    A reader that tells no place has found none: the claim misses nothing then.
    """
    found = _likeliest_answer(question, Passage(sentence.text, title=sentence.title), reader)
    if found == sentence.text:
        return False
    answer = set(stems(found)) - set(stems(question))
    return bool(answer) and not answer & set(stems(claim))


def _likeliest_answer(question: str, passage: Passage, reader: Reader) -> str:
    (answer,) = reader.read(question, [passage])
    return passage.text[answer.start : answer.end]
