"""How well an answer's words agree with the accepted answers; the best of them counts."""

import re
import string
from collections import Counter
from collections.abc import Sequence

_FOOTNOTE = re.compile(r" ?\[[0-9]+\]")
_ARTICLE = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_FREE_TEXT_WORDS = 12

_UNSPACED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e"  # Thai
    "\u0e81-\u0ecf\u0edc-\u0edf"  # Lao
    "\u1000-\u103f\u1050-\u108f"  # Burmese
    "\u1780-\u17d3"  # Khmer
    "\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Japanese syllables
    "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese signs
)
"""Letters and marks of scripts that put no spaces between words; digits are not among them."""
_SIGN = re.compile(f"([{_UNSPACED}])")
_BETWEEN_WORDS = re.compile(rf"[^\w{_UNSPACED}]+|_+")


def strip_footnotes(text: str) -> str:
    """Remove the footnote marks, such as `` [1]``."""
    return _FOOTNOTE.sub("", text)


def answer_words(text: str) -> int:
    """How many words an answer has, parted by white space, without its footnote marks.

    Source: the length of ALCE, Gao et al. 2023.
    """
    return len(strip_footnotes(text).split())


def is_free_text(accepted: str) -> bool:
    """Whether an accepted answer is too long for an answer to contain it word for word."""
    return answer_words(accepted) > _FREE_TEXT_WORDS


def normalize(text: str) -> str:
    """Lower the case, remove ASCII punctuation, then articles, then surplus white space.

    Source: ``normalize_answer`` of the SQuAD evaluation script, Rajpurkar et al. 2016.
    """
    return _join_words(text.lower().translate(_PUNCTUATION))


def exact_match(prediction: str, answers: Sequence[str]) -> float | None:
    """``max over a of [normalize(prediction) == normalize(a)]``.

    Source: SQuAD, Rajpurkar et al. 2016. ``None`` without accepted answers.
    """
    predicted = normalize(prediction)
    return max((float(predicted == normalize(answer)) for answer in answers), default=None)


def token_f1(prediction: str, answers: Sequence[str]) -> float | None:
    """``max over a of 2PR / (P + R)``, with P and R over the normalised words as multisets.

    Where either side has no words, 1 if both have none, else 0.

    Source: SQuAD 2.0, Rajpurkar et al. 2018. ``None`` without accepted answers.
    """
    predicted = Counter(normalize(prediction).split())
    return max(
        (_f1(predicted, Counter(normalize(answer).split())) for answer in answers), default=None
    )


def str_em(prediction: str, answers: Sequence[str]) -> float | None:
    """``max over a of [prediction contains a]``, both normalised, as whole words.

    Source: string exact match of ALCE, Gao et al. 2023, which takes any substring. Whole words,
    because there "no" is found in "now": 5 of the 37 hits of MultiHop-RAG's answers in their own
    gold evidence are of that kind, and no hit on other sets is lost. Punctuation may be removed
    ("U.S." is "US") or read as a space ("Trump's" holds "Trump"). In scripts that are written
    without spaces each sign is a word: "25分" is in "電話は25分だった", "5分" is not. ``None``
    without accepted answers.
    """
    removed, spaced = _words(normalize(prediction)), _words(_space_out(prediction))
    return max(
        (
            float(_words(normalize(answer)) in removed or _words(_space_out(answer)) in spaced)
            for answer in answers
        ),
        default=None,
    )


def _f1(predicted: Counter[str], accepted: Counter[str]) -> float:
    if not predicted or not accepted:
        return float(predicted == accepted)
    common = (predicted & accepted).total()
    return 2 * common / (predicted.total() + accepted.total())


def _space_out(text: str) -> str:
    return _join_words(_BETWEEN_WORDS.sub(" ", text.lower()))


def _words(text: str) -> str:
    """The words with a space before and after each."""
    return " " + " ".join(_SIGN.sub(r" \1 ", text).split()) + " "


def _join_words(text: str) -> str:
    return " ".join(_ARTICLE.sub(" ", text).split())
