"""Does the evidence answer this question, and how sure is that?"""

import math
import re
from operator import mul

from qa.grounding.support import Support
from qa.words import fold, terms, words

_UNSURE_VERIFY = 0.7
"""Taken for the model's yes where it gives no token probabilities: neither for nor against."""

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

    Only times and amounts are told apart here: their words are few.
    """
    said = set(words(claim)) - set(words(question))
    has_number = any(term.kind == "number" for term in terms(claim) if term not in terms(question))
    if _AMOUNT.match(question):
        return has_number or bool(said & _AMOUNT_WORDS)
    if _TIME.match(question):
        return has_number or bool(said & _TIME_WORDS)
    return True


def agrees(quote: str, claim: str, question: str, support: Support) -> bool:
    """Whether the words that the model copied as the answer are those that the claim rests on."""
    asked = {term.stem for term in terms(question)}
    copied = {term.stem for term in terms(quote)} - asked
    stated = {term.stem for term in terms(claim)} - asked
    if copied and stated and len(copied & stated) >= min(len(copied), len(stated)) / 2:
        return True
    return bool(copied) and any(
        fold(quote).strip(" .") in fold(item.text) for item in support.proof
    )


def confidence(support: Support, verify: float | None, agreed: bool) -> float:
    """Probability that a supported claim is a right answer, by a logistic model.

    Args:
        support: what the check found.
        verify: the language model's yes, in [0, 1]; ``None`` where it gives none.
        agreed: what ``agrees`` says.
    """
    yes = _UNSURE_VERIFY if verify is None else verify
    features = (support.coverage, support.similarity, support.focus, yes, float(agreed))
    score = _BIAS + sum(map(mul, _WEIGHTS, features))
    return 1 / (1 + math.exp(-score))


_BIAS, _WEIGHTS = -11.0, (2.0, 1.0, 2.0, 10.0, 1.0)
