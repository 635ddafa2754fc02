"""Does a sentence say the opposite of what the question takes for granted, or of a claim?

"Who has the lowest quotient?" is not answered by who has the highest. A reader, large or small, is
easily carried away by all the other words that agree.
"""

import re

from qa.words import STOPWORDS, stems, words

_PAIRS = """
    first last, largest smallest, highest lowest, biggest smallest, oldest youngest, most
    least, more fewer, before after, increase decrease, increased decreased, increases
    decreases, began ended, begin end, started stopped, start stop, opened closed, won lost,
    win lose, buy sell, bought sold, north south, northern southern, east west, eastern
    western, upper lower, early late, earlier later, older younger, longer shorter, longest
    shortest, above below, inside outside, positive negative, male female, men women, father
    mother, son daughter, brother sister, king queen, husband wife, born killed, allowed
    forbidden, accepted rejected, supported opposed, support oppose, always never, public
    private, minimum maximum, major minor, rich poor, strong weak, fast slow, hot cold, arrived
    departed, introduced abolished, created destroyed, built demolished, gained lost, raised
    lowered, common rare, legal illegal, with without, similar different, primary secondary,
    domestic foreign, urban rural, beginning end, enemy ally, victory defeat, rise fall, rose
    fell, include exclude, included excluded, includes excludes, allow prevent, allowed
    prevented, allows prevents, encouraged discouraged, succeed fail, succeeded failed, success
    failure, agreed disagreed, love hate, loved hated, liked disliked, connected separated,
    attacked defended, praised criticized, appointed dismissed, hired fired, founded dissolved,
    signed vetoed, passed repealed, protected endangered, approved refused, accept refuse,
    added removed, expanded shrank, improved worsened, strengthened weakened, banned permitted,
    gave took, give take, given taken, sent received, taught learned, good bad, better worse,
    best worst, high low, large small, big small, long short, wide narrow, heavy light, easy
    difficult, modern ancient, final initial, temporary permanent, direct indirect, formal
    informal, active inactive, main minor, famous unknown, east south, north west, all none,
    both neither, more less, usually rarely, often seldom
"""

_BOTH = [pair.split() for pair in _PAIRS.split(",")]
OPPOSITES = {
    word: frozenset(other for pair in _BOTH if word in pair for other in pair if other != word)
    for both in _BOTH
    for word in both
}
"""The opposites of each word, in lower case."""
_COMPARED = """
    faster slower, cheaper dearer, higher lower, larger smaller, bigger smaller, taller shorter,
    heavier lighter, stronger weaker, hotter colder, warmer colder, richer poorer, wider narrower,
    easier harder, safer riskier, louder quieter, greater smaller, deeper shallower
"""
_COMPARATIVES = {
    one: other
    for pair in _COMPARED.split(",")
    for one, other in (pair.split(), reversed(pair.split()))
}
"""Of two things either may be said: "A is faster" answers whether B is slower."""

NEGATIONS = frozenset("not no never none nobody nothing neither nor without cannot".split())
IMPLIED_NEGATIONS = frozenset(
    stems(
        "doubt deny refuse reject fail lack cease stop abandon unable unlikely impossible exclude"
    )
)
"""Stems that may prove what says "not": he came to doubt it, so he no longer believed it."""


_ALIKE = 2 / 3
"""Share of the question's words from where on a missing "not" tells: "Why wasn't he there?" may be
answered by what kept him away."""


def denies(text: str) -> bool:
    """Whether there is a "not", or the like, in ``text``."""
    return any(map(_is_negation, words(text)))


_MULTIPLIED = re.compile(
    r"\b(?:doubled|doubling|tripled|tripling|quadrupled|quadrupling|halved|halving)\b|"
    r"\b(?:did|does|do|to|will|would|could|should)\b.{0,100}?"
    r"\b(?P<verb>double|triple|quadruple|halve)\b",
    re.IGNORECASE,
)
_MULTIPLES = frozenset(
    stems("double triple quadruple halve twice thrice twofold threefold fourfold half")
)
"""What may say how many times as much, be it in another way than the question."""


def opposes(question: str, text: str) -> str | None:
    """What ``text`` turns into its opposite, in words; ``None`` if nothing.

    A "not" that it lacks counts too, and that something was doubled or the like, which is taken for
    granted in "Why did they double it?" and is no part of an answer that a reader would miss.

    Args:
        question: what is asked.
        text: the sentences that are to answer it.
    """
    opposite = _opposite(question, text)
    if opposite is not None:
        return "the question says “{}”, and the sentence that fits “{}”".format(*opposite)
    known = set(stems(text))
    multiplied = _MULTIPLIED.search(question)
    if multiplied is not None and not known & _MULTIPLES:
        verb = multiplied["verb"] or multiplied[0]
        return f"the question says “{verb}”, and no sentence that fits does"
    asked = set(stems(" ".join(word for word in words(question) if not _is_negation(word))))
    alike = asked and len(asked & known) / len(asked) >= _ALIKE
    if alike and denies(question) and not denies(text) and not known & IMPLIED_NEGATIONS:
        return "the question says “not”, and the sentence that fits does not"
    return None


def reverses(claim: str, text: str) -> str | None:
    """Where ``claim`` says the opposite of what ``text`` says, in words; ``None`` if nowhere.

    It says "after" for "before", leaves a "not" out, or takes a number for one below zero.
    """
    opposite = _opposite(claim, text)
    if opposite is not None:
        drafted, said = opposite
        return f"the language model's draft says “{drafted}”, the sentence that fits “{said}”"
    if not denies(claim) and not set(stems(claim)) & IMPLIED_NEGATIONS:
        lost = _denied(text) & set(stems(claim))
        if lost:
            return "the sentence that fits says “not”, the language model's draft does not"
    below = _below_zero(text) & set(_NUMBER.findall(claim)) - _below_zero(claim)
    if below and not _MINUS_WORD.search(claim):
        return f"the sentence that fits says “-{min(below)}”, the language model's draft does not"
    return None


def _opposite(text: str, other: str) -> tuple[str, str] | None:
    """A word of ``text`` and its opposite in ``other``, which has not the word itself.

    What is not allowed may be forbidden.
    """
    said, known = set(words(other)), set(stems(other))
    denied, denied_there = _denied(text), _denied(other)
    for word in words(text):
        for found in sorted(OPPOSITES.get(word, frozenset()) & said):
            agree = denied.isdisjoint(stems(word)) != denied_there.isdisjoint(stems(found))
            if word not in said and not known & set(stems(word)) and not agree:
                return word, found
    return None


def turns(question: str, claim: str) -> bool:
    """Whether a claim has the opposite of a word of the question, and not the word."""
    said = set(words(claim))
    return _opposite(question, claim) is not None or any(
        _COMPARATIVES.get(word) in said for word in set(words(question)) - said
    )


_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_MINUS = re.compile(r"(?<![\w.,)-])(?<!\d )[-−–](\d+(?:[.,]\d+)*)(?!\d*-)")
_MINUS_WORD = re.compile(r"\b(?:minus|below|negative|loss|deficit)\b", re.IGNORECASE)


def _below_zero(text: str) -> set[str]:
    """The numbers that stand in ``text`` with a minus, and nowhere without, as they are written."""
    below = set(_MINUS.findall(text))
    return below - set(_NUMBER.findall(_MINUS.sub(" ", text)))


_PLAIN_NEGATIONS = frozenset(("not", "never", "cannot"))
"""Those that deny the verb behind them; a "no" may stand anywhere ("no doubt", "no fewer than")."""
_NOT_DENYING = frozenset("only just merely simply necessarily until unless".split())
_SKIPPED = STOPWORDS | set("actually completely even ever fully really yet".split())
_SCOPE = 4
"""How many words behind a "not" the denied one stands, at most: "has not yet been paid"."""


def _denied(text: str) -> set[str]:
    """The stems of the words that a "not" in ``text`` denies: of each the first with a meaning."""
    found = set()
    said = words(text)
    for place, word in enumerate(said):
        behind = said[place + 1 : place + 1 + _SCOPE]
        # "not only", "did not open until 1990", "whether or not"
        if word not in _PLAIN_NEGATIONS and not word.endswith("n't"):
            continue
        if _NOT_DENYING & set(said[place + 1 : place + 10]) or said[place - 1 : place] == ["or"]:
            continue
        denied = next((other for other in behind if other not in _SKIPPED), None)
        if denied is not None:
            found.update(stems(denied))
    return found


def _is_negation(word: str) -> bool:
    return word in NEGATIONS or word.endswith("n't")
