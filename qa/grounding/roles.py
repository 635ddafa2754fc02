"""Is it said of another?

"Ann beat Bob" has all the words of "Bob beat Ann", and "7 million in 2020" those of "5 million in
2020 and 7 million in 2021". No check of words tells, and the cross-encoder is led astray too. What
can be told is where such an exchange is possible; the proof itself is quoted there.
"""

import re
from collections.abc import Sequence

from qa.grounding.values import Value, find_values
from qa.words import CAPITAL, SMALL, stems, terms, words

_BY = re.compile(r"\bby\b", re.IGNORECASE)


def may_exchange(claim: str, text: str) -> bool:
    """Whether the claim turns around what ``text`` says, or takes one of its values for another.

    Args:
        claim: a statement.
        text: the sentence that is to prove it.
    """
    return _turns_around(claim, text) or _mixes_values(claim, text)


_ALTERNATIVES = re.compile(
    r"(?P<one>[\w’'-]+),? or (?:(?:the|an?|his|her|its|their) )?(?P<other>[\w’'-]+)", re.IGNORECASE
)


def may_confuse(question: str, text: str) -> bool:
    """Whether ``text`` tells of both things that the question wants one of: "K1 or K2?".

    Which of them is louder, a claim may have the wrong way round.

    Args:
        question: what is asked.
        text: the sentence that is to prove a claim.
    """
    said = set(stems(text))
    return any(
        bool(one := set(stems(pair["one"])))
        and bool(other := set(stems(pair["other"])))
        and one <= said
        and other <= said
        for pair in _ALTERNATIVES.finditer(question)
    )


def _turns_around(claim: str, text: str) -> bool:
    """Whether two words stand in both on the two sides of a third, the other way round."""
    if bool(_BY.search(claim)) != bool(_BY.search(text)):
        return False  # a passive says the same the other way round
    places = {stem: place for place, stem in reversed(list(enumerate(stems(text))))}
    shared = [places[stem] for stem in dict.fromkeys(stems(claim)) if stem in places]
    return _falls_twice(shared)


def _falls_twice(places: Sequence[int]) -> bool:
    """Whether three of the places, in their order, fall: 5, 3, 1."""
    return any(
        any(before > place for before in places[:at])
        and any(place > after for after in places[at:])
        for at, place in enumerate(places)
    )


def _mixes_values(claim: str, text: str) -> bool:
    """Whether ``text`` has several values of a unit at several times, and the claim one of each."""
    stated, said = find_values(claim), find_values(text)
    return _is_one_of_several(stated, said, is_time=False) and _is_one_of_several(
        stated, said, is_time=True
    )


def _is_one_of_several(stated: Sequence[Value], said: Sequence[Value], *, is_time: bool) -> bool:
    return any(
        value.is_time == is_time and value.differs(other) for value in stated for other in said
    )


_NO_FIRST_NAME = (
    "a|after|and|are|at|before|by|did|does|do|for|from|had|has|he|her|his|how|if|in|is|it|lady|lord|"
    "miss|mr|mrs|ms|of|on|or|our|pope|she|since|sir|that|the|their|these|they|this|those|under|until|"
    "was|were|what|when|where|which|while|who|whose|why|with|doctor|king|queen|prince|princess|"
    "president|saint"
)
_FULL_NAME = re.compile(
    rf"\b(?!(?i:{_NO_FIRST_NAME})\b)"
    rf"([{CAPITAL}][{SMALL}-]+)(?: [{CAPITAL}][\w’'.-]*){{0,2}} ([{CAPITAL}][{SMALL}-]+)\b"
)
_ASKS_WHOM = re.compile(r"\W*(?:(?:and|but|so|in|to|for|by|with|of) )?(?:who|which|what)", re.I)


def names_a_namesake(question: str, text: str) -> str | None:
    """Why ``text`` may tell of another: it has a last name of the question, behind another name.

    A question for somebody, or for something that bears a name, may be answered so: whose son is
    it? Of 32,423 sentences that answer, in the training material, it is true of 2; of 169,173
    others, of 147.

    Args:
        question: what is asked.
        text: a sentence that is to answer.
    """
    if _ASKS_WHOM.match(question):
        return None
    said, asked = set(words(text)), set(words(question))
    others = {last: first for first, last in _full_names(text)}
    for first, last in _full_names(question):
        other = others.get(last)
        if other is None or other[0] == first[0] or other.casefold() in asked:
            continue
        if first.casefold() not in said:
            return f"the question is about {first} {last}, the sentence about {other} {last}"
    return None


_ASKS_WHO_IS = re.compile(
    r"\W*who (?:is|was|are|were) (?:(?:the|an?|this|that|these|those) )?(?P<asked>[\w-]+)\W*$", re.I
)
_OWNS = re.compile(r"(?P<owner>[\w-]+?)(?:['’]s\b|(?<=s)['’](?!\w))|(?P<word>[\w-]+)")


def names_an_owner(question: str, text: str) -> str | None:
    """Why ``text`` does not tell who somebody is: it only tells what is his.

    "The landlord's surveyor, Ms Nair, came" does not tell who the landlord is.

    Args:
        question: what is asked.
        text: a sentence that is to answer.
    """
    asking = _ASKS_WHO_IS.match(question)
    asked = stems(asking["asked"]) if asking is not None else []
    found = [it for it in _OWNS.finditer(text) if stems(it["owner"] or it["word"]) == asked]
    if not asked or not found or any(it["owner"] is None for it in found):
        return None
    return f"the sentence that fits tells what is of “{found[0]['owner']}”, and not who that is"


_THE_NAMED = re.compile(rf"\W*(?:The|An?) (?P<name>[{CAPITAL}][\w’'-]*[{SMALL}][\w’'-]*)")


def names_another(question: str, text: str) -> str | None:
    """Why ``text`` may tell of another: it begins with "The X" and has no name of the question.

    Not for who or which, as with ``names_a_namesake``. Of 18,768 sentences that answer, in the
    training material that is written with capitals, it is true of 11; of 117,254 others, of 581.

    Args:
        question: what is asked.
        text: a sentence that is to answer.
    """
    beginning = _THE_NAMED.match(text)
    if beginning is None or _ASKS_WHOM.match(question):
        return None
    asked = terms(question)
    names = {term.stem: term.text for term in asked if term.kind == "name" and _is_whole(term.text)}
    (other, *_) = stems(beginning["name"]) or [""]
    known = {term.stem for term in asked}
    if not names or not other or other in known or not names.keys().isdisjoint(stems(text)):
        return None
    name = next(iter(names.values()))
    return f"the question is about {name}, the sentence about {beginning['name']}"


def _is_whole(name: str) -> bool:
    """Whether it may not be an abbreviation, for which a text may have all its words."""
    return not name.isupper()


def _full_names(text: str) -> list[tuple[str, str]]:
    """First and last names, as far as capitals tell."""
    return [(match[1], match[2]) for match in _FULL_NAME.finditer(text)]
