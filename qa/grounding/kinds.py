"""Does the draft hold the kind of thing that is asked for?"""

import re

from qa.questions import AUXILIARY, asks_for_time, asks_who
from qa.words import CAPITAL, stems, terms, words

_AMOUNT = re.compile(
    r"\W*(?:how (?:many|much|old|long|tall|far|big|large|high|often|fast|deep|wide|heavy)|"
    r"what (?:percentage|percent|share|number|amount|sum|age)|which number)\b",
    re.IGNORECASE,
)
_REASON = re.compile(r"\W*(?:and |so |but )?(?:why|what (?:is|was) the reason)\b", re.IGNORECASE)
_CAUSE = re.compile(
    r"\b(?:because|since|due|owing|thanks|reason|so that|in order|after|caused?|led|made|forced|"
    r"kept|prevented|by|for|to(?! ?[$€£¥]?\d)|as|result\w*|mean\w*|want\w*|need\w*|fear\w*|"
    r"hop(?:ed|ing)|so|therefore|consequently|hence|thus|making|claiming|arguing|"
    r"had (?:been |\w+ly )?\w+(?:[dnt]))\b",
    re.IGNORECASE,
)
"""What may give a reason; "a wave had broken the window" may, of what stands before it. Of 488
sentences of the training material that answer a "why" 448 have one, of 2,910 others 1,926."""
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
    r"president|governor|minister|man|men|woman|women|person|spokes(?:man|woman|person)|"
    r"acquaintance|friend|colleague|wife|husband|brother|sister|son|daughter|mother|father|king|"
    r"queen|coach|owner|lawyer|judge|court|professor|general)s?"
)
_NAME = re.compile(
    rf"\W*(?:(?:in|at|on|to|from|for|by) )?(?:which|what) "
    rf"(?:(?!{AUXILIARY}\b)[\w’'-]+ ){{0,3}}?{_NAMED}(?:\?|$| (?:{AUXILIARY}|in|on|at|of|from|"
    r"for|by|with|to|that|who|which|sat|won|made|gave|took|led|built|wrote|found|met|bought|sold|held|"
    r"ran|began|lost|paid|said|became|got|\w+ed)\b)"
    rf"|\W*what (?:is|was|are|were) (?:the names? of )(?:[\w’'-]+ ){{0,4}}?{_NAMED}\b"
    rf"|\W*what (?:is|was|are|were) (?:[\w’'-]+ ){{1,4}}?{_NAMED} (?:called|named)\b",
    re.IGNORECASE,
)
"""Asks which of the things that bear names; "which company policy" does not."""

_CAPITALISED = rf"[“”\"‘’'(]*[{CAPITAL}0-9][\w’'-]*"
_NAMED_THERE = re.compile(
    rf"\W*(?:[\w’'-]+ )?(?:named|called|titled|entitled|known as)\b"
    rf"|[”\"’']*(?: ?[,:(—–-])* ?(?:the )?{_CAPITALISED}(?: (?:of|the|de|van|von|{_CAPITALISED}))*"
    r" ?[,.;:)—–]"
    rf"|[^.!?]{{0,100}}:[\s*•-]*(?:{_CAPITALISED}|$)"
)
"""What follows a noun that is named: "a hotel called …", "a hotel, the Grand, …", "two hotels:"."""

_NAMED_BEFORE = re.compile(rf"{_CAPITALISED}(?:\)|,| ?[—–]| (?:is|was|are|were|became|as))+ ?$")
"""What stands before one: "The Grand, a hotel, …", "The Grand is a hotel"."""

_TIME_OF_DAY = re.compile(r"\W*(?:at )?what (?:time of (?:the )?day|hour)\b", re.IGNORECASE)
_TIMES_OF_DAY = frozenset(
    """morning noon midday afternoon evening night midnight dawn dusk sunrise sunset daybreak
    breakfast lunch dinner am pm a.m p.m early late""".split()
)

_COUNT = re.compile(
    r"\W*how many (?!(?:[\w’'-]+ )?(?:dollar|euro|pound|yen|yuan|cent|franc|mark|ruble|rupee)s?\b)",
    re.IGNORECASE,
)
_MONEY = re.compile(r"[$€£¥] ?\d")


_WHO_DID = re.compile(r"\W*(?:and |so |but )?who (?:\w+ly )?(?P<deed>\w{3,})\b", re.IGNORECASE)


_CHOICE = re.compile(r", [^,?]{1,100} or [^,?]{1,100}$", re.IGNORECASE)


def offers_choice(question: str) -> bool:
    """Whether a question names what to choose from, so that its answer repeats a part of it."""
    return _CHOICE.search(question.rstrip(" ?!.\"”’'")) is not None


def answers_kind(question: str, claim: str, *, whole: bool = True) -> bool:
    """Whether ``claim`` holds the kind of thing that ``question`` asks for.

    Times, amounts, reasons, people and what bears a name are told apart here: their words are few.

    Args:
        question: what is asked.
        claim: a statement, or an answer of a few words.
        whole: ``claim`` is a statement; a few words need not give a reason as such.
    """
    if offers_choice(question):
        return True
    said = set(words(claim)) - set(words(question))
    asked = terms(question)
    # A capital that merely begins the claim passes for a name: better too lenient than too strict.
    common = frozenset(term.stem for term in asked if term.text.islower())
    stems_asked = {term.stem for term in asked}
    stated = terms(claim, common=common)
    added = [term for term in stated if term.stem not in stems_asked]
    has_number = any(term.kind == "number" for term in added)
    if _TIME_OF_DAY.match(question):
        return has_number or bool(said & _TIMES_OF_DAY)
    if _NAME.match(question):
        return any(term.kind != "word" for term in added) or not _has_capitals(claim)
    if _COUNT.match(question) and _MONEY.search(claim) and not _MONEY.search(question):
        return False
    if _AMOUNT.match(question):
        return has_number or bool(said & _AMOUNT_WORDS)
    if asks_for_time(question):
        return has_number or bool(said & _TIME_WORDS)
    if _REASON.match(question):
        return not whole or _CAUSE.search(claim) is not None
    if _leaves_out_the_agent(question, claim):
        return False
    if asks_who(question) and stated and stated[0] in asked and stated[0].kind == "name":
        # Asked who met Ann and Bob, the draft says that Ann met Bob.
        return " by " in claim or any(term.kind == "name" for term in added)
    return True


def leaves_unnamed(question: str, text: str) -> bool:
    """Whether ``text`` has what is asked for by name, and only as "a hotel", without its name.

    Of 1,071 questions for a name in the training material that a sentence answers it is true of 7.

    Args:
        question: what is asked.
        text: the sentences that are to answer it.
    """
    asking = _NAME.match(question)
    if asking is None or not _has_capitals(text):
        return False
    *_, noun = re.finditer(rf"\b{_NAMED}\b", asking.group(), re.IGNORECASE)
    asked = set(words(question))
    mentions = [
        mention
        for mention in re.finditer(r"[\w’'-]+", text)
        if stems(mention.group()) == stems(noun.group())
    ]
    return bool(mentions) and all(
        _is_indefinite(text[max(0, mention.start() - _NEAR) : mention.start()], asked)
        and not _NAMED_THERE.match(text[mention.end() :])
        for mention in mentions
    )


_NEAR = 100
"""Characters before a noun in which its article and its name are looked for."""

_INDEFINITE = re.compile(
    r"(?P<before>.*?)\b(?:(?:a|an|some|another|two|three|several|many) "
    r"(?P<between>(?:[\w“”\"‘’'-]+ ){0,4}[“\"‘']?)|(?:in|at|to) )$",
    re.IGNORECASE | re.DOTALL,
)


def _is_indefinite(before: str, asked: set[str]) -> bool:
    """Whether what stands before a noun says "a", and nothing of it that is not in the question."""
    opening = _INDEFINITE.match(before)
    if opening is None or set(words(opening["between"] or "")) - asked:
        return False
    return _NAMED_BEFORE.search(opening["before"]) is None


def _leaves_out_the_agent(question: str, claim: str) -> bool:
    """Whether, asked who did it, the claim says only that it was done."""
    asking = _WHO_DID.match(question)
    if asking is None or " by " in claim:
        return False
    deed = re.escape(asking["deed"])
    return (
        re.search(rf"\b(?:is|are|was|were|been|being) (?:\w+ly )?{deed}\b", claim, re.I) is not None
    )


def _has_capitals(text: str) -> bool:
    """Whether names would show: a text in lower case throughout has none to tell."""
    return any(sign.isupper() for sign in text)
