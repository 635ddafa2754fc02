"""Questions changed by rule, so that the sentence that answered them no longer does.

They look as SQuAD 2.0's unanswerable questions do: one name, number or word is another.
"""

import random
import re
from collections.abc import Callable, Sequence

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
_PAIRS = """
    first last, largest smallest, highest lowest, biggest smallest, oldest youngest, most least,
    more fewer, before after, increase decrease, increased decreased, increases decreases, began
    ended, begin end, started stopped, start stop, opened closed, won lost, win lose, buy sell,
    bought sold, north south, northern southern, east west, eastern western, upper lower, early
    late, earlier later, older younger, longer shorter, longest shortest, above below, inside
    outside, positive negative, male female, men women, father mother, son daughter, brother
    sister, king queen, husband wife, born killed, allowed forbidden, accepted rejected, supported
    opposed, support oppose, always never, public private, minimum maximum, major minor, rich poor,
    strong weak, fast slow, hot cold, new old, left right, joined left, arrived departed,
    introduced abolished, created destroyed, built demolished, gained lost, raised lowered, common
    rare, legal illegal, with without, similar different, primary secondary, domestic
    foreign, urban rural, beginning end, enemy ally, victory defeat, rise fall, rose fell, include
    exclude, included excluded, includes excludes, allow prevent, allowed prevented, allows
    prevents, encouraged discouraged, succeed fail, succeeded failed, success failure, agreed
    disagreed, love hate, loved hated, liked disliked, connected separated, attacked defended,
    praised criticized, appointed dismissed, hired fired, entered left, founded dissolved, signed
    vetoed, passed repealed, protected endangered, approved refused, accept refuse, added removed,
    expanded shrank, improved worsened, strengthened weakened, banned permitted, discovered lost,
    gave took, give take, given taken, sent received, taught learned, same other, good bad, better
    worse, best worst, high low, large small, big small, long short, wide narrow, heavy light, easy
    difficult, modern ancient, final initial, temporary permanent, direct indirect, formal informal,
    active inactive, main minor, only other, famous unknown, northern western, east south, north
    west, modern early, all none, both neither, more less, few many, usually rarely, often seldom
"""
_OPPOSITES: dict[str, str] = {}
for _pair in _PAIRS.split(","):
    _one, _other = _pair.split()
    _OPPOSITES.setdefault(_one, _other)
    _OPPOSITES.setdefault(_other, _one)


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
    matches = [match for match in _WORD.finditer(question) if match.group() in _OPPOSITES]
    if not matches:
        return None
    match = rng.choice(matches)
    return question[: match.start()] + _OPPOSITES[match.group()] + question[match.end() :]


def _denied(question: str, answering: str, others: Sequence[str], rng: random.Random) -> str | None:
    match = _PASSIVE.search(question)
    return None if match is None else f"{question[: match.end()]} not{question[match.end() :]}"
