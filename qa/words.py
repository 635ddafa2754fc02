"""Words as the lexical index and the support check see them: folded, stopped and stemmed."""

import re
import unicodedata
from functools import cache

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
