"""Does another sentence give another value for what is asked?

Two likely answers that differ are mostly no conflict: they speak of another year or of somebody
else, or one says more exactly what the other says. So a sentence contradicts another only if both
give one value of the same unit, speak of the same names and times, and each proves the other once
their values are exchanged. docs/decisions/0008-conflicts.md has what that finds and misses.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qa.grounding.kinds import answers_kind
from qa.grounding.opposites import opposes
from qa.grounding.reader import Reader, Reading
from qa.grounding.values import Value, blank, find_values
from qa.schema import Evidence, Passage
from qa.words import leans, stems, terms, words

_LIKELY = 0.5
"""How likely both sentences must answer, by the cross-encoder."""

_PROVES = 0.8
"""How sure the cross-encoder must be that one proves the other, their values exchanged: "a ticket
for adults" proves "a ticket for children" at 0.76, and of 54 real conflicts 44 are above 0.8."""

_SOURCE = re.compile(r"^According to [^,]{1,80}, |, according to [^,]{1,80}(?=[,.])")
"""Who says so is no part of what is said."""

_TURNS = frozenset(
    """first second third fourth fifth last next then now later earlier previous previously former
    formerly initially originally original currently current once again still already before after
    since until during yesterday today tomorrow recently eventually finally
    each every per average total altogether overall combined together alone only half part most
    more less other another also
    expected expects planned plans predicted forecast projected estimated scheduled supposed hoped
    aimed will would could may might should proposed proposal offered goal target
    appeal revised corrected instead rose fell""".split()
)
"""Another time, a part, a plan: what makes it another matter where only one sentence has it. The
cross-encoder does not mind these: "was expected to be closed" proves for it "was closed"."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two sentences that disagree.

    Attributes:
        said: the one that proves the answer.
        other: the one that gives another value.
    """

    said: Evidence
    other: Evidence


@dataclass(frozen=True, slots=True)
class _Answer:
    """A sentence with the value that it gives for what is asked.

    Attributes:
        text: its text, of the same length, without who says so.
        value: the value, as the cross-encoder reads it.
        others: the other values in the sentence.
        rest: the text without its values.
        context: what a reader knows on reaching its end, as texts.
    """

    sentence: Evidence
    text: str
    value: Value
    others: tuple[Value, ...]
    rest: str
    context: tuple[str, ...]

    @classmethod
    def of(cls, sentence: Evidence, reading: Reading) -> "_Answer | None":
        """``None`` if the likeliest answer is no value, or several of one unit."""
        text = _SOURCE.sub(lambda match: " " * len(match.group()), sentence.text)
        values = find_values(text)
        asked = [it for it in values if it.start < reading.end and reading.start < it.end]
        if not asked or any(value.unit == asked[0].unit for value in asked[1:]):
            return None
        others = tuple(value for value in values if value != asked[0])
        before = sentence.before if leans(sentence.text) else ()
        context = (sentence.title, *before, text)
        return cls(sentence, text, asked[0], others, blank(text, values), context)

    def matter(self) -> set[str]:
        """Stems of the sentence without its values."""
        return set(stems(self.rest))

    def known(self) -> set[str]:
        """Stems of the context."""
        return set(stems(" ".join(self.context)))

    def with_value_of(self, other: "_Answer") -> str:
        """The sentence, if it gave the other's value."""
        said = other.text[other.value.start : other.value.end]
        return f"{self.text[: self.value.start]}{said}{self.text[self.value.end :]}".strip()


def find_conflict(
    question: str, proof: Sequence[Evidence], evidence: Sequence[Evidence], reader: Reader
) -> Conflict | None:
    """Find the likeliest sentence that contradicts a proof on the value asked for.

    Args:
        question: the standalone question.
        proof: the sentences that prove the answer.
        evidence: the sentences that were offered.
        reader: the cross-encoder.
    """
    read = [(item.answers, item) for item in evidence if item.answers is not None]
    likely = [
        item
        for answers, item in sorted(read, key=lambda entry: entry[0], reverse=True)
        if answers >= _LIKELY and answers_kind(question, item.text)
    ]
    said = next((item for item in likely if item in proof), None)
    if said is None:
        return None
    rivals = [item for item in likely if item not in proof and _may_differ(said.text, item.text)]
    if not rivals:
        return None
    offered = [said, *rivals]
    readings = reader.read(question, [Passage(item.text, title=item.title) for item in offered])
    one, *others = map(_Answer.of, offered, readings)
    for two in others:
        if one is not None and two is not None and _disagree(question, one, two, reader):
            return Conflict(said, two.sentence)
    return None


def _may_differ(one: str, two: str) -> bool:
    found = find_values(two)
    return any(value.differs(other) for value in find_values(one) for other in found)


def _disagree(question: str, one: _Answer, two: _Answer, reader: Reader) -> bool:
    return (
        one.value.differs(two.value)
        and bool(one.matter() & two.matter())
        and _has_values_of(one, two)
        and _has_values_of(two, one)
        and _same_names(question, one, two)
        and _turns(one) == _turns(two)
        and opposes(one.rest, two.rest) is None
        and opposes(two.rest, one.rest) is None
        and _proves(one, two, reader)
        and _proves(two, one, reader)
    )


def _has_values_of(one: _Answer, two: _Answer) -> bool:
    """Whether ``one`` has the times of ``two``, and of its other values none that differ.

    A sentence that has both of the values asked for tells how one became the other.
    """
    for value in two.others:
        same = [other for other in one.others if other.unit == value.unit]
        unmet = not any(map(value.meets, same))
        if value.meets(one.value) or (unmet and (same or value.is_time)):
            return False
    return True


def _same_names(question: str, one: _Answer, two: _Answer) -> bool:
    """Whether each has the names of the other, and those that the question shares with it."""
    texts = [question, *one.context, *two.context]
    common = frozenset(term.stem for text in texts for term in terms(text) if term.text.islower())
    named = {
        term.stem for text in texts for term in terms(text, common=common) if term.kind == "name"
    }
    asked = set(stems(question))
    return all(
        named & (this.matter() | asked & this.known()) <= that.known()
        for this, that in ((one, two), (two, one))
    )


def _turns(answer: _Answer) -> set[str]:
    """The words of that kind in a sentence, and the numbers that are no values: the 19th."""
    return {word for word in words(answer.rest) if word in _TURNS or word[0].isdigit()}


def _proves(one: _Answer, two: _Answer, reader: Reader) -> bool:
    """Whether ``one`` proves ``two``, if that gave the same value."""
    passage = Passage(one.sentence.text, title=one.sentence.title)
    (proved,) = reader.supports(two.with_value_of(one), [passage])
    return proved >= _PROVES
