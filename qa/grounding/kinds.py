"""Does the draft hold the kind of thing that is asked for?"""

import re

from qa.words import terms, words

_AMOUNT = re.compile(
    r"\W*(?:how (?:many|much|old|long|tall|far|big|large|high|often|fast|deep|wide|heavy)|"
    r"what (?:percentage|percent|share|number|amount|sum|age)|which number)\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\W*(?:(?:since |until |by )?when|(?:in |on |during )?(?:what|which) "
    r"(?:year|date|day|month|century|decade|time|weekday))\b",
    re.IGNORECASE,
)
_REASON = re.compile(r"\W*(?:and |so |but )?(?:why|what (?:is|was) the reason)\b", re.IGNORECASE)
_CAUSE = re.compile(
    r"\b(?:because|since|due|owing|thanks|reason|so that|in order|after|caused?|led|made|forced|"
    r"kept|prevented|by|for|to|as|from|result\w*|mean\w*|want\w*|need\w*|fear\w*|hop(?:ed|ing))\b",
    re.IGNORECASE,
)
_TIME_WORDS = frozenset(
    """january february march april may june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday spring summer autumn fall winter
    today yesterday tomorrow morning afternoon evening night noon midnight weekend week month year
    decade century day days weeks months years ago later earlier before after during until since
    while once when as eve""".split()
)
_AMOUNT_WORDS = frozenset(
    """all none no half quarter third double twice once several many few dozen dozens hundred
    hundreds thousand thousands million millions billion billions trillion every daily weekly
    monthly yearly annually never always long""".split()
)


_NAMED = (
    r"(?:hotel|company|companies|firm|corporation|organi[sz]ation|agency|agencies|bank|brand|"
    r"university|universities|college|country|countries|city|cities|town|village|river|mountain|"
    r"island|newspaper|magazine|novel|film|movie|song|album|band|team|actor|actress|singer|author|"
    r"writer|investor|founder|director|executive|politician|tycoon|billionaire|scientist|player|"
    r"president|governor|minister|man|men|woman|women|person)s?"
)
_NAME = re.compile(
    rf"\W*(?:(?:in|at|on|to|from|for|by) )?(?:(?:which|what)|what (?:is|was) the names? of) "
    rf"(?:[\w’'-]+ ){{0,3}}?{_NAMED}(?:\?|$| (?:is|are|was|were|did|does|do|has|have|had|can|could|"
    r"will|would|in|on|at|of|from|for|by|with|to|that|who|which|sat|won|made|gave|took|led|built|"
    r"wrote|found|met|bought|sold|held|ran|began|lost|paid|said|became|got|\w+ed)\b)",
    re.IGNORECASE,
)
"""Asks which of the things that bear names; "which company policy" does not."""

_COUNT = re.compile(
    r"\W*how many (?!(?:[\w’'-]+ )?(?:dollar|euro|pound|yen|yuan|cent|franc|mark|ruble|rupee)s?\b)",
    re.IGNORECASE,
)
_MONEY = re.compile(r"[$€£¥] ?\d")


_WHO = re.compile(r"\W*(?:and |so |but )?whom? (?!(?:is|was|are|were)\b)", re.IGNORECASE)
"""Asks who did something; "who is" may ask what somebody is."""


def answers_kind(question: str, claim: str, *, whole: bool = True) -> bool:
    """Whether ``claim`` holds the kind of thing that ``question`` asks for.

    Times, amounts, reasons, people and what bears a name are told apart here: their words are few.

    Args:
        question: what is asked.
        claim: a statement, or an answer of a few words.
        whole: ``claim`` is a statement; a few words need not give a reason as such.
    """
    said = set(words(claim)) - set(words(question))
    asked = terms(question)
    # A capital that merely begins the claim passes for a name: better too lenient than too strict.
    common = frozenset(term.stem for term in asked if term.text.islower())
    stems_asked = {term.stem for term in asked}
    stated = terms(claim, common=common)
    added = [term for term in stated if term.stem not in stems_asked]
    has_number = any(term.kind == "number" for term in added)
    if _NAME.match(question):
        return any(term.kind != "word" for term in added) or not _has_capitals(claim)
    if _COUNT.match(question) and _MONEY.search(claim) and not _MONEY.search(question):
        return False
    if _AMOUNT.match(question):
        return has_number or bool(said & _AMOUNT_WORDS)
    if _TIME.match(question):
        return has_number or bool(said & _TIME_WORDS)
    if _REASON.match(question):
        return not whole or _CAUSE.search(claim) is not None
    if _WHO.match(question) and stated and stated[0] in asked and stated[0].kind == "name":
        # Asked who met Ann and Bob, the draft says that Ann met Bob.
        return " by " in claim or any(term.kind == "name" for term in added)
    return True


def _has_capitals(text: str) -> bool:
    """Whether names would show: a text in lower case throughout has none to tell."""
    return any(sign.isupper() for sign in text)
