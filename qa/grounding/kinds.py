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


def answers_kind(question: str, claim: str) -> bool:
    """Whether ``claim`` holds the kind of thing that ``question`` asks for.

    Only times, amounts and reasons are told apart here: their words are few.
    """
    said = set(words(claim)) - set(words(question))
    has_number = any(term.kind == "number" for term in terms(claim) if term not in terms(question))
    if _AMOUNT.match(question):
        return has_number or bool(said & _AMOUNT_WORDS)
    if _TIME.match(question):
        return has_number or bool(said & _TIME_WORDS)
    if _REASON.match(question):
        return _CAUSE.search(claim) is not None
    return True
