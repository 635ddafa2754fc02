"""What kind of request is it: one question, several in one, or for an overview?

"Who arranged the call, and how long did it last?" is two: one sentence seldom answers both, and a
draft that does may mix them up. "What is the article about?" asks for no sentence in particular.
"""

import re

from qa.errors import QuestionError
from qa.words import STOPWORDS, words

MAX_CHARACTERS = 2000
"""A longer one is refused."""

MOST_PARTS = 4
"""A question that seems to have more is answered as a whole: it is a list, or a text."""

AUXILIARY = (
    r"(?:am|is|are|was|were|did|does|do|has|have|had|can|could|will|would|should|shall|may|might|"
    r"must)"
)
_AUXILIARY = rf"{AUXILIARY}\b(?! not\b|n['’]t\b)"
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


def require_question(question: str) -> str:
    """The question, without what surrounds it.

    Raises:
        QuestionError: it asks nothing, is too long, or holds what is no text.
    """
    text = question.strip()
    whole = text == text.encode("utf-8", "replace").decode()
    if not whole or not any(sign.isalnum() for sign in text):
        raise QuestionError(f"{question[:80]!r} is not a question")
    if len(text) > MAX_CHARACTERS:
        raise QuestionError(
            f"the question has {len(text)} characters; {MAX_CHARACTERS} are allowed"
        )
    return text


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
    yes_no = asks_yes_or_no(sentence)
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
    if len(question.split()) < _FEWEST_WORDS or not (words or asks_yes_or_no(question)):
        return False
    first = following.split()[0].casefold().rstrip("?")
    return first not in words[1:]


def asks_yes_or_no(question: str) -> bool:
    """Whether it is answered by yes or no, or by one of two things that it names."""
    return _YES_NO.match(question) is not None


def is_question(request: str) -> bool:
    """Whether it has the form of a question: "altman age" and "Tell me a joke" do not."""
    return request.rstrip().endswith(("?", "？")) or _BEGINS.match(request) is not None


def _asked(part: str) -> str:
    """A part as a question of its own."""
    part = part.strip(" ,;")
    return (part[0].upper() + part[1:]).rstrip(" .") + ("" if part.endswith(("?", "？")) else "?")


_TEXT = (
    r"(?:article|text|document|story|piece|page|paper|report|passage|essay|post|file|source|"
    r"speech|interview|review|book|chapter|collection|FAQ|guide|manual|newsletter|transcript)s?"
)
_A_TEXT = (
    rf"(?:this|that|the|these|those|my|your|our|all|both|each|every)(?: [\w’'-]+){{0,3}}? {_TEXT}"
    r"(?: .*)?"
)
_BACK = r"(?:it|this|that|these|them|those)(?: all)?"
_GIST = (
    r"(?:main|key|central|most important) "
    r"(?:point|idea|message|topic|theme|takeaway|fact|finding|argument)s?"
)
_OVERVIEW = re.compile(
    r"\W*(?:(?:please|can you|could you|would you|tell me) )*(?:"
    r"(?:summari[sz]e|sum up)(?: (?P<summarised>.+?))?"
    r"|(?:(?:give|write|show)(?: me| us)? )?(?:an? |the )?(?:(?:short|brief|quick|concise) )?"
    r"(?:summary|overview|gist|abstract)(?: (?:of|for|on) (?P<of>.+?))?"
    r"|tl;?dr(?: (?:of )?(?P<short>.+?))?"
    rf"|(?:what(?:['’]s| is| are)|list|give me) (?:the )?{_GIST}"
    r"(?: (?:of|in|from) (?P<points>.+?))?"
    r"|what(?:['’]s| is| are| was| were) (?P<subject>.+?) (?:(?:mainly|mostly|all|really) )?about"
    rf"|what do(?:es)? (?P<speaker>{_BACK}|{_A_TEXT}?) (?:say|talk about|discuss|cover|deal with)"
    r")(?:,? please)?\W*",
    re.IGNORECASE,
)
_POINTED_AT = re.compile(rf"{_BACK}|everything|all|{_A_TEXT}", re.IGNORECASE)
_POINTED_BACK = re.compile(_BACK, re.IGNORECASE)
_SAYS_NOTHING = re.compile(rf"{_TEXT}|everything|please|given|whole|entire|one|two|three", re.I)


def asks_for_overview(question: str) -> str | None:
    """Of what a question asks for an overview, in its words; ``None`` if it asks for none.

    Empty if it does not say: "Summarize."
    """
    asking = _OVERVIEW.fullmatch(question.strip())
    if asking is None:
        return None
    return next((what.strip() for what in asking.groups() if what is not None), "")


def points_at_text(what: str) -> bool:
    """Whether ``what`` is a text that the reader has before him: "this", "the article on bees"."""
    return not what or _POINTED_AT.fullmatch(what) is not None


def points_back(what: str) -> bool:
    """Whether ``what`` is what was spoken of, if anything was: "it"."""
    return _POINTED_BACK.fullmatch(what) is not None


def tells_text_apart(what: str) -> list[str]:
    """The words of ``what`` that tell which text is meant: "bees" of "the article on bees"."""
    return [
        word
        for word in words(what)
        if word not in STOPWORDS and _SAYS_NOTHING.fullmatch(word) is None
    ]


_TIME = re.compile(
    r"\W*(?:(?:since |until |by )?when|(?:in |on |during )?(?:what|which) "
    r"(?:year|date|day|month|century|decade|time|weekday))\b",
    re.IGNORECASE,
)


def asks_for_time(question: str) -> bool:
    """Whether a question asks when something was, is or will be."""
    return _TIME.match(question) is not None


_WHO = re.compile(r"\W*(?:(?:and|but|so) )?whom? (?!(?:is|was|are|were)\b)", re.IGNORECASE)


def asks_who(question: str) -> bool:
    """Whether a question asks who did something; "who is" may ask what somebody is."""
    return _WHO.match(question) is not None


_NOUN = re.compile(r"\W*(?:(?:and|but|so) )?(?:what|which) (?P<noun>[\w’'-]+)", re.IGNORECASE)


def asked_noun(question: str) -> str:
    """What is asked for by its name, "ingredients" in "Which ingredients …"; empty if none is."""
    found = _NOUN.match(question)
    noun = "" if found is None else found["noun"]
    return "" if noun.lower() in STOPWORDS else noun
