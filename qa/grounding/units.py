"""What may not change behind a number: 500 million is not 500 billion, 5 mg not 5 g."""

from qa.words import fold, stems

_SAME = """
    hundred, thousand k, million mn, billion bn, trillion tn, dozen,
    percent pct, degree, dollar usd, euro eur, pound gbp lb, yen jpy, yuan renminbi rmb, cent,
    franc chf, rupee inr, ruble rouble rub,
    second sec, minute min, hour h hr, day, week, month, year yr, decade, century,
    millimeter millimetre mm, centimeter centimetre cm, meter metre m, kilometer kilometre km,
    mile mi, foot feet ft, inch, yard yd, mph, kph, knot, acre, hectare ha,
    milligram mg, gram g, kilogram kilo kg, ton, tonne t, ounce oz,
    milliliter millilitre ml, liter litre l, gallon gal,
    watt w, kilowatt kw, megawatt mw, gigawatt gw, kwh, mwh, gwh, twh, volt v, joule, calorie,
    hertz hz, kilohertz khz, megahertz mhz, gigahertz ghz,
    byte, kilobyte kb, megabyte mb, gigabyte gb, terabyte tb
"""

_NAMES = [frozenset(stems(names)) for names in _SAME.split(",")]
UNITS = {
    unit: frozenset(name for names in _NAMES if unit in names for name in names)
    for names in _NAMES
    for unit in names
}
"""The stems of each unit's other names, itself among them."""

MAGNITUDES = frozenset(stems("hundred thousand million billion trillion dozen"))
"""Numbers themselves: hundreds of people are not thousands."""

SIGNS = {
    sign: frozenset(stems(names))
    for sign, names in {
        "$": "dollar usd",
        "€": "euro eur",
        "£": "pound gbp",
        "¥": "yen jpy yuan renminbi rmb",
        "%": "percent pct",
        "per cent": "percent pct",
        "°": "degree",
    }.items()
}
"""The stems of what each sign may mean."""


def units_in(text: str) -> frozenset[str]:
    """The stems of all names of the units that ``text`` has."""
    folded = fold(text)
    named = [UNITS[stem] for stem in stems(text) if stem in UNITS]
    return frozenset().union(*named, *(SIGNS[sign] for sign in SIGNS if sign in folded))
