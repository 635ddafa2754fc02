"""Does a sentence say the opposite of what the question takes for granted?

"Who has the lowest quotient?" is not answered by who has the highest. A reader, large or small, is
easily carried away by all the other words that agree.
"""

import re

from qa.words import stems, words

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

NEGATIONS = frozenset("not no never none nobody nothing neither nor without cannot".split())
IMPLIED_NEGATIONS = frozenset(
    stems("doubt deny refuse reject fail lack cease stop abandon unable unlikely impossible")
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
    r"\b(?:did|does|do|to|will|would|could|should)\b.*\b(?P<verb>double|triple|quadruple|halve)\b",
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
    said, known = set(words(text)), set(stems(text))
    for word in words(question):
        for other in sorted(OPPOSITES.get(word, frozenset()) & said):
            if word not in said and not known & set(stems(word)):
                return f"the question says “{word}”, and the sentence that fits “{other}”"
    multiplied = _MULTIPLIED.search(question)
    if multiplied is not None and not known & _MULTIPLES:
        verb = multiplied["verb"] or multiplied[0]
        return f"the question says “{verb}”, and no sentence that fits does"
    asked = set(stems(" ".join(word for word in words(question) if not _is_negation(word))))
    alike = asked and len(asked & known) / len(asked) >= _ALIKE
    if alike and denies(question) and not denies(text) and not known & IMPLIED_NEGATIONS:
        return "the question says “not”, and the sentence that fits does not"
    return None


def _is_negation(word: str) -> bool:
    return word in NEGATIONS or word.endswith("n't")
