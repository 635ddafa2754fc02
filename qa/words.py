"""Words as the lexical index and the support check see them: folded, stopped, stemmed, sorted."""

import re
import unicodedata
from collections.abc import Collection, Container
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import Stemmer

_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")

_ALPHABETS = [chr(code) for code in range(0x2000)]
CAPITAL = "".join(filter(str.isupper, _ALPHABETS))
SMALL = "".join(filter(str.islower, _ALPHABETS))
"""The letters of Latin, Greek, Cyrillic and others, for classes of regular expressions."""

STOPWORDS = frozenset(
    """a about above after again all also am an and any are as at be because been before being
    below between both but by can could did do does doing down during each few for from further
    had has have having he her here hers herself him himself his how i if in into is it its itself
    just may me might more most my myself no nor not of off on once only or other our ours out
    over own same shall she should so some such than that the their theirs them themselves then
    there these they this those through to too under until up upon very was we were what when
    where which while who whom whose why will with would you your yours
    ain't aren't can't cannot couldn't didn't doesn't don't hadn't hasn't haven't isn't shouldn't
    wasn't weren't won't wouldn't i'd i'll i'm i've he'd he'll she'd she'll they'd they'll they're
    they've we'd we'll we're we've you'd you'll you're you've""".split()
)


@cache
def _stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english")


def fold(text: str) -> str:
    """Case, compatibility forms and typographic quotes evened out, for matching only."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return folded.translate(_EVENED)


_EVENED = str.maketrans(
    dict.fromkeys("‘’‚‹›", "'") | dict.fromkeys("“”„«»", '"') | {"–": "-", "—": " - "}
)
_EVENED |= dict.fromkeys([0xAD, *range(0x200B, 0x200E), 0x2060, 0xFEFF, *range(0xFE00, 0xFE10)], "")
"""Among them what is not shown and would tear a word or a number in two."""


_DOTTED = re.compile(r"\b(?:U\.S\.A|U\.S|U\.K|U\.N|E\.U|D\.C)\.")


def _undotted(text: str) -> str:
    """``text`` with "US" for "U.S.", and the like."""
    return _DOTTED.sub(lambda match: match.group().replace(".", ""), text)


def words(text: str) -> list[str]:
    """The words and numbers of ``text``, folded, possessive endings removed, in order."""
    found: list[str] = _WORD.findall(fold(_undotted(text)))
    return [word.removesuffix("'s").removesuffix("'") for word in found]


def stems(text: str) -> list[str]:
    """Stems of the content words and the numbers of ``text``, in order, repeats kept."""
    content = [word for word in words(text) if word not in STOPWORDS]
    return list(_stemmer().stemWords(content))


def share(wanted: Collection[str], found: Container[str]) -> float:
    """Share of the ``wanted`` stems that were found; all of none."""
    return sum(stem in found for stem in wanted) / len(wanted) if wanted else 1.0


_MARKS = re.compile(r" ?[\[［【]\s*\^?\d{1,3}(?:\s*[,;–—-]\s*\d{1,3}){0,8}\s*[\]］】]")
_IN_TEXT = re.compile(
    r"(\b(?:in|to|from|at|of|by|is|are|was|were|be|between|than)|[=:∈]) "
    r"[\[［【]\s*(\d{1,3}(?:\s*[,;–—-]\s*\d{1,3}){0,8})\s*[\]］】]",
    re.IGNORECASE,
)
"""Like a footnote mark, and a part of the sentence: it "lies in [0, 10]"."""
_BRACKETED = re.compile(r"[\[［【]\s*(\d+)\s*[\]］】]")
_BRACKETS = str.maketrans(dict.fromkeys("[［【]］】"))
_TILDE = re.compile(r"~(?!\d)")
"""Two strike through what follows; before a number one may mean "about"."""
_BULLET = re.compile(r"^\s*(?:(?:[-*+•]|>+(?! ?\d))\s+)+(?=\S)")
"""Also the mark of what is quoted: "> Yes."; "> 5" is more than five."""
_FENCES = re.compile(r"^(?:```|~~~|---).*\n|\n(?:```|~~~|---)[`~]*$")
"""Around code, and around what a Markdown file begins with."""
_BOLD = re.compile(r"\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*")
"""Markdown's, as a text has them that is quoted."""
_KEPT = {"\u200c", "\u200d"}
"""Signs that are not shown and change how their neighbours are, in Persian and in emoji."""


def without_marks(text: str) -> str:
    """``text`` without footnote marks such as ``[7]`` and ``[1, 2]``."""
    return _MARKS.sub("", text)


def plain(text: str) -> str:
    """``text`` as it may stand in an answer.

    It has no footnote marks, no strike-through, no bullet, no bold type, no fence around code and
    nothing invisible. A longer number, as in "in [2024]", loses its brackets; what is part of the
    sentence, as in "from [0, 10]", has others.
    """
    seen = "".join(
        sign
        for sign in text
        if sign.isspace() or sign in _KEPT or unicodedata.category(sign) not in ("Cc", "Cf")
    )
    unmarked = _BOLD.sub(r"\1", _BULLET.sub("", _TILDE.sub("", _FENCES.sub("", seen))))
    bare = _BRACKETED.sub(r"\1", without_marks(_IN_TEXT.sub(r"\1 (\2)", unmarked)))
    # What stood in brackets within brackets may have them still.
    return bare.translate(_BRACKETS) if _BRACKETED.search(bare) else bare


_LEANS = re.compile(
    r"\W*(?:he|she|it|they|his|her|its|their|him|them|this|that|these|those|both|such|"
    r"there|then|the (?:two|pair|latter|former|company|project|deal|meeting))\b",
    re.IGNORECASE,
)


def leans(sentence: str) -> bool:
    """Whether a sentence begins like one that is not understood without the one before it."""
    return _LEANS.match(sentence) is not None


_COUNTS_FROM = re.compile(
    r"\b(?:(?:year|month|week|day|hour|minute|decade)s? "
    r"(?:earlier|later|afterwards|before(?=\W*$|,))|(?:the (?:same|next|following|previous)|that) "
    r"(?:year|month|week|day|morning|evening|night))\b",
    re.IGNORECASE,
)


def counts_from(sentence: str) -> bool:
    """Whether a sentence tells a time from one that was told before: "two years earlier"."""
    return _COUNTS_FROM.search(sentence) is not None


@dataclass(frozen=True, slots=True)
class Term:
    """A content word of a text.

    Attributes:
        stem: what is compared; numbers in digits without separators.
        kind: ``name`` for a capital letter that does not merely begin a sentence.
        text: the word as it stands, for messages.
    """

    stem: str
    kind: Literal["name", "number", "word"]
    text: str = field(default="", compare=False)


def terms(
    text: str, names: frozenset[str] = frozenset(), common: frozenset[str] | None = None
) -> list[Term]:
    """The content words of ``text`` with their kinds, in order, repeats kept.

    Args:
        text: any text.
        names: stems known as names from elsewhere; they are names at a sentence's beginning too.
        common: stems known as plain words from elsewhere. If given, whatever else begins a
            sentence with a capital is taken for a name, unless it looks like an opening word.
    """
    found: list[Term] = []
    evened = _undotted(text).translate(_EVENED)
    end = 0
    for match in _WORD.finditer(evened):
        token = match.group().removesuffix("'s").removesuffix("'")
        word = fold(token)
        begins = end == 0 or _STOP.search(evened, end, match.start()) is not None
        end = match.end()
        if word == "one" and evened.startswith(" of ", end):
            continue  # "one of them" counts nothing
        if word in NUMBERS or word[0].isdigit():
            number = NUMBERS.get(word) or _THOUSANDS.sub("", word)
            found.append(Term(number, "number", token))
        elif word not in STOPWORDS or token == "May" or (token.isupper() and len(token) > 1):
            stem = _stemmer().stemWord(word)
            certain = not begins or token[1:] != token[1:].lower() or stem in names
            if common is not None and not certain:
                certain = stem not in common and word not in _OPENINGS
            capital = any(sign.isupper() for sign in token)
            kind: Literal["name", "word"] = "name" if capital and certain else "word"
            found.append(Term(stem, kind, token))
    return found


_STOP = re.compile(r"[.!?:]\W*\s")
_THOUSANDS = re.compile(r",(?=\d{3}(?!\d))")
_OPENINGS = frozenset(
    """yes given despite many several people today last next
    accordingly actually additionally allegedly apparently approximately briefly certainly clearly
    commonly consequently conversely currently daily directly early effectively entirely especially
    essentially eventually exactly exclusively explicitly finally firstly formally formerly
    frequently fully generally gradually hardly historically immediately importantly increasingly
    initially ironically jointly largely lastly likely mainly monthly mostly namely nearly newly
    normally notably obviously occasionally officially originally partially partly particularly
    personally possibly potentially presumably previously primarily privately probably publicly
    quickly rarely recently regularly reportedly roughly secondly separately shortly significantly
    similarly simply simultaneously slightly slowly solely specifically subsequently suddenly
    supposedly surprisingly technically temporarily thirdly traditionally typically ultimately
    unfortunately usually virtually weekly widely yearly
    according anything assuming beginning concerning considering depending everything following
    including nothing regarding something speaking starting using
    added asked based born combined compared founded indeed located named used""".split()
)
"""A list, since names end like adverbs and participles too: Kelly, Boeing, Fred."""
NUMBERS = {
    word: str(value)
    for value, word in enumerate(
        """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
        fifteen sixteen seventeen eighteen nineteen twenty""".split()
    )
} | {
    "thirty": "30",
    "forty": "40",
    "fifty": "50",
    "sixty": "60",
    "seventy": "70",
    "eighty": "80",
    "ninety": "90",
}
"""Number words in digits."""
