"""One question, or several in one?

"Who arranged the call, and how long did it last?" is two: one sentence seldom answers both, and a
draft that does may mix them up.
"""

import re

MOST_PARTS = 4
"""A question that seems to have more is answered as a whole: it is a list, or a text."""

_AUXILIARY = (
    r"(?:am|is|are|was|were|did|does|do|has|have|had|can|could|will|would|should|shall|may|might|"
    r"must)\b(?! not\b|n['’]t\b)"
)
_WORD = r"(?!(?:he|she|it|they|we|you|i|his|her|its|their|the|an?|this|that)\b)[\w’'-]+"
"""None that begins a subject: "how he will pay" asks nothing, "how many people will" does."""
_INVERTED = rf"(?:what|when|where|why) {_AUXILIARY}|how (?:{_WORD} ){{0,3}}?{_AUXILIARY}"
_ASKS = (
    rf"{_INVERTED}|(?:what|which|who|whom)(?: {_WORD}){{0,3}}? {_AUXILIARY}"
    rf"|who {_WORD}|what happened\b"
    r"|(?:who|what|when|where|why|how)(?=\W*$)"
)
"""How a question begins."""

_NEXT = re.compile(
    rf",? (?:and|but)(?: also)? (?P<next>{_ASKS}"
    rf"|{_AUXILIARY} (?:it|he|she|they|you|we|there|this|that|these|those)\b)",
    re.IGNORECASE,
)
_COMMA = re.compile(rf", (?P<next>{_INVERTED})", re.IGNORECASE)
_AND_DOES = re.compile(rf", and (?P<next>{_AUXILIARY} \S)", re.IGNORECASE)
_YES_NO = re.compile(rf"\W*{_AUXILIARY}", re.IGNORECASE)
_BEGINS = re.compile(rf"\W*(?:(?:and|but|so|or|then) )?(?:{_ASKS}|{_AUXILIARY})", re.IGNORECASE)
_INTERROGATIVE = re.compile(r"\b(?:what|which|whom?|when|where|why|how)\b", re.IGNORECASE)
_STOP = re.compile(r"(?<=[?？])\s+")

_FEWEST_WORDS = 3
"""Fewer before an "and" are no question: "How and why did it fail?"."""


def split_question(question: str) -> list[str]:
    """The questions that ``question`` consists of, in order; itself alone where it is one.

    The later ones may lean on the earlier: "Where was it announced, and when?"
    """
    sentences = _STOP.split(question.strip())
    if len(sentences) > 1 and not all(_BEGINS.match(sentence) for sentence in sentences[1:]):
        sentences = [question.strip()]
    found = [part for sentence in sentences for part in _coordinated(sentence)]
    return found if 1 < len(found) <= MOST_PARTS else [question]


def _coordinated(sentence: str) -> list[str]:
    """The questions that "and" joins in one sentence."""
    found: list[str] = []
    begin = 0
    yes_no = _YES_NO.match(sentence) is not None
    matches = [*_NEXT.finditer(sentence), *_COMMA.finditer(sentence)]
    if yes_no:
        matches += _AND_DOES.finditer(sentence)
    for match in sorted(matches, key=lambda it: it.start()):
        before = sentence[begin : match.start()]
        whole = match.re is not _COMMA or _BEGINS.match(before)  # "When he left, what did he say?"
        if match.start() > begin and whole and _may_end(before, match["next"]):
            found.append(_asked(before))
            begin = match.start("next")
    return [*found, _asked(sentence[begin:])] if found else [sentence]


def _may_end(question: str, following: str) -> bool:
    """Whether what stands before an "and" is a question, and not the first of two clauses of it.

    "Who is the man who arranged the call and who leads the firm?" is one question.
    """
    words = [word.casefold() for word in _INTERROGATIVE.findall(question)]
    if len(question.split()) < _FEWEST_WORDS or not (words or _YES_NO.match(question)):
        return False
    first = following.split()[0].casefold().rstrip("?")
    return first not in words[1:]


def _asked(part: str) -> str:
    """A part as a question of its own."""
    part = part.strip(" ,;")
    return (part[0].upper() + part[1:]).rstrip(" .") + ("" if part.endswith(("?", "？")) else "?")
