"""Words as the lexical index and the support check see them: folded, stopped, stemmed, sorted."""

import re
import unicodedata
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import Stemmer

_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*|\d+[^\W_]*")

STOPWORDS = frozenset(
    """a about above after again all also am an and any are as at be because been before being
    below between both but by can could did do does doing down during each few for from further
    had has have having he her here hers herself him himself his how i if in into is it its itself
    just may me might more most my myself no nor not of off on once only or other our ours out
    over own same shall she should so some such than that the their theirs them themselves then
    there these they this those through to too under until up upon very was we were what when
    where which while who whom whose why will with would you your yours""".split()
)


@cache
def _stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english")


def fold(text: str) -> str:
    """Case, compatibility forms and typographic quotes evened out, for matching only."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return folded.translate(_QUOTES)


_QUOTES = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": " - "})


def words(text: str) -> list[str]:
    """The words and numbers of ``text``, folded, possessive endings removed, in order."""
    found: list[str] = _WORD.findall(fold(text))
    return [word.removesuffix("'s").removesuffix("'") for word in found]


def stems(text: str) -> list[str]:
    """Stems of the content words and the numbers of ``text``, in order, repeats kept."""
    content = [word for word in words(text) if word not in STOPWORDS]
    return list(_stemmer().stemWords(content))


_LEANS = re.compile(
    r"\W*(?:he|she|it|they|his|her|its|their|him|them|this|that|these|those|both|such|"
    r"there|then|the (?:two|pair|latter|former|company|project|deal|meeting))\b",
    re.IGNORECASE,
)


def leans(sentence: str) -> bool:
    """Whether a sentence begins like one that is not understood without the one before it."""
    return _LEANS.match(sentence) is not None


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
    plain = text.translate(_QUOTES)
    end = 0
    for match in _WORD.finditer(plain):
        token = match.group().removesuffix("'s").removesuffix("'")
        word = fold(token)
        begins = end == 0 or _STOP.search(plain, end, match.start()) is not None
        end = match.end()
        if word in NUMBERS or word[0].isdigit():
            number = NUMBERS.get(word) or word.replace(",", "")
            found.append(Term(number, "number", token))
        elif word not in STOPWORDS or (token.isupper() and len(token) > 1):
            stem = _stemmer().stemWord(word)
            certain = not begins or token[1:] != token[1:].lower() or stem in names
            if common is not None and not certain:
                certain = stem not in common and not _OPENING.fullmatch(word)
            kind: Literal["name", "word"] = "name" if token[0].isupper() and certain else "word"
            found.append(Term(stem, kind, token))
    return found


_STOP = re.compile(r"[.!?:]\W*\s")
_OPENING = re.compile(r"\w+(?:ly|ing|ed)|yes|given|despite|many|several|people|today|last|next")
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
