"""Questions changed by rule, so that the sentence that answered them no longer does.

They look as SQuAD 2.0's unanswerable questions do: one name, number or word is another.
"""

import random
import re
from collections.abc import Callable, Sequence

from qa.grounding.opposites import OPPOSITES

_NUMBER = re.compile(r"\b\d[\d,.]*\d\b|\b\d\b")
_NAME = re.compile(r"\b[A-Z][\w'’-]*(?:\s+(?:of\s+(?:the\s+)?|the\s+)?[A-Z][\w'’-]*)*")
_WORD = re.compile(r"[a-z]+")
_OPENING = re.compile(
    r"(?:What|Who|Whom|Whose|Which|When|Where|Why|How|In|On|At|By|For|From|To|The|A|An|Of|After|"
    r"Before|During|Is|Are|Was|Were|Did|Does|Do|Has|Have|Had|Can|Could|Name|If|As|With)\b"
)
_PASSIVE = re.compile(
    r"\b(?:is|are|was|were|been|has|have|had|can|could|will|would|must|may|should)"
    r"(?= [a-z]+(?:ed|en)\b)"
)


def swap(question: str, answering: str, others: Sequence[str], rng: random.Random) -> str | None:
    """``question`` with one name, number or word changed; ``None`` if it has none to change.

    Args:
        question: as it was asked.
        answering: the sentence that answers it; no name is taken from it.
        others: sentences to take other names from.
        rng: chooses what is changed and into what.
    """
    ways: list[Callable[[str, str, Sequence[str], random.Random], str | None]] = [
        _other_number,
        _other_name,
        _opposite,
        _denied,
    ]
    rng.shuffle(ways)
    for way in ways:
        changed = way(question, answering, others, rng)
        if changed is not None and changed != question:
            return changed
    return None


def names(text: str) -> list[str]:
    """Runs of capitalised words, what merely opens a sentence left out."""
    found = []
    for match in _NAME.finditer(text):
        name = match.group()
        if match.start() == 0 or text[: match.start()].rstrip().endswith((".", "?", "!", ":", '"')):
            name = _OPENING.sub("", name, count=1).strip()
            if " " not in name:
                continue
        if len(name) > 2:
            found.append(name)
    return found


def _other_number(
    question: str, answering: str, others: Sequence[str], rng: random.Random
) -> str | None:
    matches = list(_NUMBER.finditer(question))
    if not matches:
        return None
    match = rng.choice(matches)
    places = [i for i, sign in enumerate(match.group()) if sign.isdigit()]
    # A year stays a year: its last two digits change.
    place = rng.choice(places[-2:])
    digit = rng.choice([it for it in "123456789" if it != match.group()[place]])
    number = match.group()[:place] + digit + match.group()[place + 1 :]
    return question[: match.start()] + number + question[match.end() :]


def _other_name(
    question: str, answering: str, others: Sequence[str], rng: random.Random
) -> str | None:
    mine = names(question)
    known = f"{question} {answering}".casefold()
    pool = [
        name
        for text in others
        for name in names(text)
        if not any(part in known for part in name.casefold().split())
    ]
    if not mine or not pool:
        return None
    old = rng.choice(mine)
    near = [name for name in pool if len(name.split()) == len(old.split())] or pool
    return question.replace(old, rng.choice(near), 1)


def _opposite(
    question: str, answering: str, others: Sequence[str], rng: random.Random
) -> str | None:
    matches = [match for match in _WORD.finditer(question) if match.group() in OPPOSITES]
    if not matches:
        return None
    match = rng.choice(matches)
    other = rng.choice(sorted(OPPOSITES[match.group()]))
    return question[: match.start()] + other + question[match.end() :]


def _denied(question: str, answering: str, others: Sequence[str], rng: random.Random) -> str | None:
    match = _PASSIVE.search(question)
    return None if match is None else f"{question[: match.end()]} not{question[match.end() :]}"
