"""How much, how many, when: the values in a sentence, so that two can be compared.

A value is an interval, as wide as its wording leaves it open: "2019" is any day of that year,
"about 12" what is near, "more than 12" all that is above, and "4 million" what rounds to it.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qa.words import NUMBERS, stems

MONTHS = (
    "January February March April May June July August September October November December".split()
)
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_DAYS_OF_YEAR = 372
"""As if every month had 31: days are only compared."""

_SCALES = {"dozen": 12.0, "hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9,
           "trillion": 1e12}  # fmt: skip
_SHORT_SCALES = {"k": 1e3, "m": 1e6, "mn": 1e6, "bn": 1e9}
_SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0, "week": 604800.0,
            "month": 2629800.0, "year": 31557600.0, "decade": 315576000.0}  # fmt: skip
_UNITS = {"$": "dollar", "€": "euro", "£": "pound", "¥": "yen", "%": "percent",
          "per cent": "percent", "m": "meter", "metre": "meter", "km": "kilometer",
          "kilometre": "kilometer", "feet": "foot", "ft": "foot", "tonne": "ton",
          "litre": "liter"}  # fmt: skip
"""Units by what else they are called."""

_NEAR = "about|around|roughly|approximately|circa|some|nearly|almost|close to|early|late|mid"
_ABOVE = r"(?:more|longer|older) than|over|at least|above|exceed\w*"
_BELOW = "(?:less|fewer|shorter|younger) than|under|at most|up to|below"


def _hedge(above: str, below: str) -> str:
    """A pattern of what may stand before a value and leave it open."""
    return rf"(?:\b(?:(?P<near>{_NEAR})|(?P<above>{above})|(?P<below>{below}))[ -](?:the |an? )?)?"


_SHORT = "|".join(f"{name[:3]}(?:{name[3:]})?" for name in MONTHS)
_MONTH = rf"\b(?P<month>{_SHORT}|Sept)\b\.?"
_DAY = r"\b(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>1\d{3}|20\d\d)"
_END = r"(?![\w%]|[.,:]\d)"
_COUNTED = r"(?! (?!(?:as|has|his|is|its|this|was)\b)[a-z]+s\b)"
"""Not before a plural: "1400 workers" is no year, "in 1400 workers" has one."""

_DATES = [
    re.compile(_hedge("after", "before|until|by") + pattern)
    for pattern in (
        rf"{_DAY} (?:of )?{_MONTH}(?:,? {_YEAR})?{_END}",
        rf"{_MONTH} {_DAY}(?:,? {_YEAR})?{_END}",
        rf"{_MONTH},? (?:of )?{_YEAR}{_END}",
        r"\b(?P<decade>1\d\d|20\d)0['’]?s\b",
        rf"(?P<dated>\b(?:[Ii]n|[Ss]ince) )?(?<![\w.,:$€£¥-]){_YEAR}{_END}(?!-[a-z])"
        rf"(?(dated)|{_COUNTED})",
        rf"\b(?P<month>{'|'.join(MONTHS)})\b",
    )
]
_CLOCK = re.compile(
    r"\b(?P<hour>[012]?\d)(?:(?:[:.](?P<minute>[0-5]\d))? ?(?:[ap]\.?m\b|o['’]clock)"
    r"|:(?P<minutes>[0-5]\d)\b)"
)
_WEEKDAY = re.compile(rf"\b(?:{'|'.join(WEEKDAYS)})\b")
_TENS = "|".join(word for word in NUMBERS if word.endswith("ty"))
_NUMBER = (
    r"(?:\d{1,3}(?:,\d{3}){1,4}(?:\.\d{1,9})?|\d{1,15}(?:\.\d{1,9})?"
    rf"|(?:{_TENS})[ -](?:one|two|three|four|five|six|seven|eight|nine)\b"
    rf"|(?:{'|'.join(NUMBERS)})\b"
    rf"|an?(?= (?:{'|'.join([*_SCALES, *_SECONDS])})\b))"
)
_AMOUNT = re.compile(
    rf"{_hedge(_ABOVE, _BELOW)}(?P<sign>[$€£¥])? ?"
    rf"(?<![\w.,:/-])(?P<first>{_NUMBER})(?!\d|/|(?:st|nd|rd|th)\b)"
    rf"(?:(?: ?[-–—] ?| to | and (?!a half))[$€£¥]?(?P<last>{_NUMBER})(?![\d/]))?"
    rf"(?:[ -]?(?P<scale>{'|'.join(_SCALES)})\b"
    rf"|(?(sign) ?|)(?P<short>{'|'.join(_SHORT_SCALES)})\b)?"
    r"(?P<half> and a half)?"
    r"(?:[ -]?(?P<unit>per cent\b|[%$€£¥]|[^\W\d_]+)(?P<more> and a half)?)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Value:
    """A value and where it stands.

    Attributes:
        unit: only values of one unit can be compared.
        low: the least that its wording allows.
        high: the most.
        start: its first character.
        end: the character after its last.
        is_time: whether it tells when.
    """

    unit: str
    low: float
    high: float
    start: int
    end: int
    is_time: bool = False

    def meets(self, other: "Value") -> bool:
        """Whether both can be true of one thing."""
        return self.unit == other.unit and self.low <= other.high and other.low <= self.high

    def differs(self, other: "Value") -> bool:
        """Whether both can be compared, and not be true of one thing."""
        return self.unit == other.unit and not self.meets(other)


def find_values(text: str) -> list[Value]:
    """The values in ``text``, in order; what is said in no form known here is left out."""
    found: list[Value] = []
    for pattern, make in _FORMS:
        # What was read is not read again: "4 March" is not four of something.
        left = blank(text, found)
        found += [value for match in pattern.finditer(left) if (value := make(match)) is not None]
    return _joined(sorted(found, key=lambda value: value.start), text)


def blank(text: str, values: Sequence[Value]) -> str:
    """``text`` with signs of no meaning in the place of ``values``."""
    for value in values:
        text = text[: value.start] + "\0" * (value.end - value.start) + text[value.end :]
    return text


def _date(match: re.Match[str]) -> Value:
    part = match.groupdict()
    unit, first, last, slack = "day", 0, _DAYS_OF_YEAR - 1, 5 * _DAYS_OF_YEAR
    if month := part.get("month"):
        first = 31 * [name[:3] for name in MONTHS].index(month[:3])
        last, slack = first + 30, 31
    if day := part.get("day"):
        first = last = first + int(day) - 1
    if year := part.get("year"):
        before = int(year) * _DAYS_OF_YEAR
        unit, first, last = "date", before + first, before + last
    if decade := part.get("decade"):
        first = int(decade) * 10 * _DAYS_OF_YEAR
        unit, last = "date", first + 10 * _DAYS_OF_YEAR - 1
    low, high = _open(match, first, last, slack)
    start = min(match.start(name) for name in ("day", "month", "year", "decade") if part.get(name))
    return Value(unit, low, high, start, match.end(), is_time=True)


def _clock(match: re.Match[str]) -> Value:
    # On a dial of twelve hours: whether seven is in the evening is often left out.
    minutes = match["minute"] or match["minutes"]
    at = int(match["hour"]) % 12 * 60 + int(minutes or 0)
    slack = 0 if minutes else 15
    return Value("clock", at - slack, at + slack, match.start(), match.end(), is_time=True)


def _weekday(match: re.Match[str]) -> Value:
    at = WEEKDAYS.index(match.group())
    return Value("weekday", at, at, match.start(), match.end(), is_time=True)


def _amount(match: re.Match[str]) -> Value | None:
    first = _number(match["first"]) + 0.5 * bool(match["half"] or match["more"])
    last = _number(match["last"]) if match["last"] else first
    if first > last:
        return None
    slack = 0.0 if match["last"] else _rounding(match["first"])
    low, high = _open(match, first - slack, last + slack, first / 4)
    scale = (match["scale"] or match["short"] or "").lower()
    unit = (match["sign"] or match["unit"] or "").lower()
    single = unit.removesuffix("s")
    factor = (_SCALES | _SHORT_SCALES).get(scale, 1.0)
    if single in _SECONDS:
        factor, unit = factor * _SECONDS[single], "second"
    else:
        unit = _UNITS.get(unit) or _UNITS.get(single) or "".join(stems(unit))
    end = match.end()
    if match["sign"] or not unit:  # the word behind is no unit: "$5 million project"
        end = max(match.end(name) for name in ("first", "last", "scale", "short", "half"))
    return Value(unit, low * factor, high * factor, match.start("first"), end)


_CASELESS = str.maketrans("ſıİ", "sii")
"""What matches "s" and "i" where case is ignored, and has another lower case."""


def _number(text: str) -> float:
    parts = re.split(r"[ -]", text.translate(_CASELESS).lower().replace(",", ""))
    return sum(1.0 if part in ("a", "an") else float(NUMBERS.get(part, part)) for part in parts)


def _rounding(text: str) -> float:
    """How far off a number may be that is written so: 1,200 for 1,187, but not 20 for 22."""
    whole, _, decimals = text.replace(",", "").partition(".")
    zeros = len(whole) - len(whole.rstrip("0")) if not decimals and len(whole) > 2 else 0
    return min(0.499 * 10.0 ** (zeros - len(decimals)), 0.1 * _number(text))


def _open(match: re.Match[str], low: float, high: float, slack: float) -> tuple[float, float]:
    """The interval, as far as the words before it leave it open."""
    if match["near"]:
        return low - slack, high + slack
    return (-math.inf if match["below"] else low), (math.inf if match["above"] else high)


def _joined(found: Sequence[Value], text: str) -> list[Value]:
    """The values, with "two hours and nine minutes" as one."""
    joined: list[Value] = []
    for value in found:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.unit == value.unit == "second"
            and text[last.end : value.start].strip(" ,") in ("", "and")
        ):
            low, high = last.low + value.low, last.high + value.high
            joined[-1] = Value("second", low, high, last.start, value.end)
        else:
            joined.append(value)
    return joined


_FORMS: list[tuple[re.Pattern[str], Callable[[re.Match[str]], Value | None]]] = [
    *((pattern, _date) for pattern in _DATES),
    (_CLOCK, _clock),
    (_WEEKDAY, _weekday),
    (_AMOUNT, _amount),
]
