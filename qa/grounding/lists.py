"""Which sentences of a list or a table say together what one of them says in part?"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qa.grounding.reader import Reader
from qa.grounding.tables import CLAUSES, say_row_for
from qa.grounding.values import MONTHS, WEEKDAYS
from qa.layout import (
    LONGEST_LIST,
    asks_for_several,
    introduces,
    is_heading,
    is_item,
    is_part,
    is_row,
    is_title,
    say_list,
    say_part,
    unmarked,
)
from qa.questions import asked_noun
from qa.schema import Evidence, Passage
from qa.words import plain, stems, words

_ANSWERS_TOO = 0.5
"""How likely another item must be for the list to be meant, as a share of the likeliest one.

Read behind what introduces them, "What does a lost lock cost?" has 0.10 of it, "What are the hours
on Saturday?" 0.43, "Who works in the team?" 0.78, "What are the opening hours?" 0.99.
"""

_TIMES = tuple(
    re.compile(rf"\b(?:{times})\b", re.IGNORECASE)
    for times in (
        "|".join(WEEKDAYS),
        "|".join(month for month in MONTHS if month not in ("March", "May")),  # words besides
        r"(?:1[5-9]|20)\d\d",
        r"\d+(?:\.\d+)+",
    )
)
"""Days, months, years and versions."""

_FOR = re.compile(r"\bfor (?P<what>[^,?]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Listing:
    """What is quoted for a sentence.

    Attributes:
        proof: in reading order; empty where the sentence announces what was not offered.
        text: what they say, as one statement.
    """

    proof: tuple[Evidence, ...]
    text: str

    @classmethod
    def of(cls, first: Evidence | None, parts: Sequence[Sequence[Evidence]]) -> "Listing":
        """Parts of a list behind what introduces them, if that was offered."""
        leading = [] if first is None else [first]
        said = _said(parts)
        alone = len(said) == 1 and not leading  # it keeps its full stop
        text = say_list("".join(plain(it.text) for it in leading), said)
        proof = (*leading, *(it for part in parts for it in part))
        return cls(proof, said[0] if alone else text)


def listing(question: str, best: Evidence, evidence: Sequence[Evidence], reader: Reader) -> Listing:
    """A sentence with the parts of its list that the question wants, and what introduces them.

    Args:
        question: what is asked.
        best: the sentence that answers.
        evidence: the sentences that were offered, ``best`` among them.
        reader: tells whether other items answer too.
    """
    if is_row(best.text):
        head = introducing(best, evidence)
        if head is None:  # what it says is not quoted then, and not said
            return Listing((best,), plain(say_part(best.text, ())))
        return Listing((head, best), say_row_for(question, best))
    first = introducing(best, evidence)
    parts = [[best]]
    item, announced = is_item(best.text), introduces(best.text)
    own = _introduced(best, evidence) if item or announced or is_title(best.text) else []
    if _is_too_long(own):
        return Listing((), plain(best.text))
    if own or (announced and not item):
        first = best
        following = [it for it in evidence if _follows(it, best) and not is_row(it.text)]
        parts = own or [[it] for it in following]
    elif item and asks_for_several(question):
        items = _parts(best, evidence)
        if not _is_too_long(items) and _answer_together(question, best, items, reader):
            parts = items
    if not parts:
        return Listing((), plain(best.text))
    return Listing.of(first, parts)


@dataclass(frozen=True, slots=True)
class WholeList:
    """A list of which every part was offered.

    Attributes:
        first: its first sentence.
        listing: what is quoted for it.
        answers: what the reader says of all of it, read behind what introduces it.
        is_named: whether that is what the question asks for by its name.
    """

    first: Evidence
    listing: Listing
    answers: float
    is_named: bool

    def beats(self, best: Evidence) -> bool:
        """Whether it is a likelier answer than the likeliest sentence, if that is none of it.

        "Which ingredients …" is asked for the list below "Ingredients" where that answers half as
        likely as "You need a pot …".
        """
        if best in self.listing.proof:
            return False
        least = (best.answers or 0.0) * (_ANSWERS_TOO if self.is_named else 1)
        return self.answers > least


def likeliest_list(question: str, evidence: Sequence[Evidence], reader: Reader) -> WholeList | None:
    """The list that most likely answers, all of it; ``None`` where no list is asked for."""
    if not asks_for_several(question):
        return None
    noun = frozenset(stems(asked_noun(question)))
    lists = {(it.document_id, it.before): it for it in evidence if is_item(it.text) and it.before}
    found = []
    for one in lists.values():
        parts, above = _parts(one, evidence), one.before[-1]
        if len(parts) < 2 or _is_too_long(parts) or is_row(one.text):
            continue
        read = Passage(say_list(unmarked(above), _said(parts)), title=one.title)
        (answers,) = reader.answers(question, [read])
        quoted = Listing.of(introducing(one, evidence), parts)
        found.append(WholeList(parts[0][0], quoted, answers, not noun.isdisjoint(stems(above))))
    return max(found, key=lambda it: (it.is_named, it.answers), default=None)


def introducing(part: Evidence, evidence: Sequence[Evidence]) -> Evidence | None:
    """What introduces an item of a list, or the head of a row's table, if it was offered.

    A head of empty cells introduces nothing.
    """
    row = is_row(part.text)
    above = "".join(part.before[-1:])
    if not words(above):
        return None
    if not row and not (is_item(part.text) and (introduces(above) or is_item(above))):
        return None  # a list may stand below any sentence
    found = (
        item
        for item in evidence
        if item.document_id == part.document_id
        and item.sentence < part.sentence
        and item.text == above
        and is_row(item.text) == row
    )
    return max(found, key=lambda it: it.sentence, default=None)  # "Ingredients:", not the first one


def listed(claim: str, question: str, evidence: Sequence[Evidence]) -> list[tuple[Evidence, ...]]:
    """The parts of each list or table that a claim tells of, where they are several.

    What introduces them stands before them, if it was offered. What stands together in the claim
    must stand in one part: "dogs pay 8 euros" is not said by "adults: 8 euros" and "dogs: 2 euros".
    """
    lists = {(it.document_id, it.before): it for it in evidence if is_part(it.text)}
    clauses = [frozenset(stems(clause)) for clause in CLAUSES.split(claim)]
    asked = frozenset(stems(question))
    found: list[tuple[Evidence, ...]] = []
    for one in lists.values():
        parts = _parts(one, evidence)
        first = introducing(one, evidence)
        leading = [] if first is None else [first]
        known = frozenset(stem for it in leading for stem in stems(it.text))
        said = [frozenset(stem for it in part for stem in stems(it.text)) - known for part in parts]
        beside = known | (asked - frozenset().union(*said))  # what the claim may say besides
        told = [_tellers(it - known, asked, said) for it in clauses if it - beside]
        tellers = frozenset().union(*told)
        if all(told) and len(tellers) > 1:
            found.append((*leading, *(it for place in sorted(tellers) for it in parts[place])))
    return found


def _tellers(
    clause: frozenset[str], asked: frozenset[str], parts: Sequence[frozenset[str]]
) -> frozenset[int]:
    """Which parts say a clause: all that any part has of it, and most of what is new."""
    of_parts = clause & frozenset().union(*parts)
    new = clause - asked
    return frozenset(
        place
        for place, part in enumerate(parts)
        if of_parts <= part and 2 * len(new & part) >= len(new)
    )


def telling(question: str, evidence: Sequence[Evidence]) -> list[Evidence]:
    """The sentences without the parts of lists that tell of something else.

    Another part of the list has more words of the question: asked of 2020, the row of 2021 does not
    answer. The list is of another day, month, year or version: below "Friday" stands nothing of
    Saturday. Or a row has nothing of what it is asked for: that of the telescope does not tell the
    fee for a camera.
    """
    asked = frozenset(stems(question))
    met = {it.sentence_id: asked.intersection(stems(it.text)) - _shared(it) for it in evidence}
    return [
        it
        for it in evidence
        if not _is_of_another_time(question, it)
        and not _is_of_another_row(question, it)
        and not any(
            of_one_list(it, other) and met[it.sentence_id] < met[other.sentence_id]
            for other in evidence
        )
    ]


def _is_of_another_row(question: str, part: Evidence) -> bool:
    asking = _FOR.search(question)
    if asking is None or not is_row(part.text):
        return False
    wanted = set(stems(asking["what"])) - _shared(part)
    return bool(wanted) and wanted.isdisjoint(stems(part.text))


def _shared(part: Evidence) -> frozenset[str]:
    """The words of what stands above all parts of a list, so that none has more of them."""
    return frozenset(stems(" ".join([part.title, *part.before[-1:]])))


def _is_of_another_time(question: str, part: Evidence) -> bool:
    if not is_part(part.text):
        return False
    headings = [text for text in part.before if is_heading(text)]
    above_it = " ".join([*headings, *part.before[-1:]])
    for times in _TIMES:
        asked, above, said = (
            {time.lower() for time in times.findall(text)}
            for text in (question, above_it, part.text)
        )
        if asked and above and asked.isdisjoint(above | said):
            return True
    return False


def of_one_list(one: Evidence, other: Evidence) -> bool:
    """Whether two sentences are parts of one list or table."""
    parts = is_part(one.text) and is_part(other.text)
    return parts and (one.document_id, one.before) == (other.document_id, other.before)


def _introduced(introduction: Evidence, evidence: Sequence[Evidence]) -> list[list[Evidence]]:
    """The offered parts of the list or table that a sentence introduces."""
    behind = (
        item
        for item in evidence
        if item.document_id == introduction.document_id
        and item.sentence > introduction.sentence
        and item.before[-1:] == (introduction.text,)
        and is_part(item.text)
    )
    first = min(behind, key=lambda it: it.sentence, default=None)
    return [] if first is None else _parts(first, evidence)


def _parts(near: Evidence, evidence: Sequence[Evidence]) -> list[list[Evidence]]:
    """The offered parts of the list or table of ``near``, each with what it goes on with.

    Another list may be introduced by the same words, not behind the same. The head of a table is
    none of its rows.
    """
    found: list[list[Evidence]] = []
    for item in sorted(evidence, key=lambda it: it.sentence):
        if item.document_id != near.document_id:
            continue
        row = is_row(item.text) and is_row("".join(item.before[-1:]))
        if item.before == near.before and (row or is_item(item.text)):
            found.append([item])
        elif found and not is_part(item.text) and _goes_on(found[-1][-1], item):
            found[-1].append(item)
    return found


def _said(parts: Sequence[Sequence[Evidence]]) -> list[str]:
    return [" ".join(plain(it.text) for it in part) for part in parts]


def _is_too_long(parts: Sequence[Sequence[Evidence]]) -> bool:
    return sum(map(len, parts)) > LONGEST_LIST


def _answer_together(
    question: str, best: Evidence, items: Sequence[Sequence[Evidence]], reader: Reader
) -> bool:
    """Whether another item of the list answers about as well as ``best``."""
    firsts = [part[0] for part in items]
    if best not in firsts or len(firsts) == 1:
        return False
    passages = [Passage(say_part(it.text, it.before), title=it.title) for it in firsts]
    answers = reader.answers(question, passages)
    others = [rated for it, rated in zip(firsts, answers, strict=True) if it != best]
    return max(others) >= _ANSWERS_TOO * answers[firsts.index(best)]


def _goes_on(one: Evidence, other: Evidence) -> bool:
    """Whether a sentence stands right behind another, with no empty line between."""
    return _follows(other, one) and other.start == one.end + 1


def _follows(item: Evidence, other: Evidence) -> bool:
    return (item.document_id, item.sentence) == (other.document_id, other.sentence + 1)
