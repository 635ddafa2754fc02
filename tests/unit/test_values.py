import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.grounding.values import Value, blank, find_values


def only(text: str) -> Value:
    (value,) = find_values(text)
    return value


@pytest.mark.parametrize(
    ("text", "unit", "at"),
    [
        ("twelve ships", "ship", 12),
        ("1,400 workers", "worker", 1400),
        ("twenty-five men", "men", 25),
        ("a thousand men", "men", 1000),
        ("$1.5 billion", "dollar", 1.5e9),
        ("$300m", "dollar", 3e8),
        ("$300 m", "dollar", 3e8),
        ("300 m", "meter", 300),
        ("5 €", "euro", 5),
        ("4.2 million euros", "euro", 4.2e6),
        ("7.4 per cent", "percent", 7.4),
        ("by 7%", "percent", 7),
        ("a 25-minute call", "second", 1500),
        ("an hour and a half", "second", 5400),
        ("two and a half hours", "second", 9000),
        ("two hours and nine minutes", "second", 7740),
        ("6 kilometres", "kilomet", 6),
        ("at 3.20 a.m.", "clock", 200),
        ("at 15:20", "clock", 200),
        ("on Tuesday", "weekday", 1),
    ],
)
def test_a_value_is_read(text: str, unit: str, at: float) -> None:
    value = only(text)
    assert value.unit.startswith(unit[:7])
    assert value.low <= at <= value.high
    assert value.high - value.low <= 0.21 * at


@pytest.mark.parametrize(
    "text",
    ["Apollo", "the 19th century", "the 2nd time", "hundreds of people", "1/2", "they won 3-2", ""],
)
def test_what_is_no_value_is_left_out(text: str) -> None:
    assert find_values(text) == []


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("12 ships", "twelve ships"),
        ("$1.5 billion", "$1,500 million"),
        ("90 minutes", "an hour and a half"),
        ("about 12 ships", "13 ships"),
        ("some fifty members", "52 members"),
        ("more than a thousand men", "1,400 men"),
        ("up to six years", "four years"),
        ("80 to 100 minutes", "90 minutes"),
        ("between three and five sheds", "four sheds"),
        ("6–9 degrees", "8 degrees"),
        ("1,187 seals", "1,200 seals"),
        ("4 million euros", "4.2 million euros"),
        ("2019", "May 2019"),
        ("May 2019", "12 May 2019"),
        ("12 May 2019", "May 12th, 2019"),
        ("Sept. 3", "3 September"),
        ("May", "May 3"),
        ("the 1930s", "1932"),
        ("around 1910", "1911"),
        ("before 1930", "1911"),
        ("after 1930", "1944"),
        ("7 pm", "7:10 pm"),
        ("7 pm", "19:00"),
    ],
)
def test_values_that_can_both_be_true_meet(one: str, two: str) -> None:
    assert only(one).meets(only(two))
    assert only(two).meets(only(one))
    assert not only(one).differs(only(two))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("12 ships", "13 ships"),
        ("20 ships", "22 ships"),
        ("$1.5 billion", "$1.5 million"),
        ("$100 billion", "$500 billion"),
        ("4.2 million euros", "4.9 million euros"),
        ("about 12 ships", "40 ships"),
        ("more than 100 men", "60 men"),
        ("up to six years", "nine years"),
        ("80 to 100 minutes", "three hours"),
        ("2019", "May 2018"),
        ("12 May 2019", "21 May 2019"),
        ("in April", "in September"),
        ("the 1930s", "1941"),
        ("6:40", "4:15"),
        ("Tuesday", "Friday"),
    ],
)
def test_values_that_cannot_both_be_true_differ(one: str, two: str) -> None:
    assert only(one).differs(only(two))
    assert only(two).differs(only(one))
    assert not only(one).meets(only(two))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("10,000 francs", "11,200 dollars"),
        ("6 kilometres", "3.7 miles"),
        ("12 ships", "30 men"),
        ("2019", "12 May"),
        ("5 percent", "7 percentage points"),
        ("1932", "1400 workers"),
    ],
)
def test_values_of_two_units_are_not_compared(one: str, two: str) -> None:
    assert not only(one).differs(only(two))
    assert not only(one).meets(only(two))


def test_an_open_value_has_no_end() -> None:
    assert only("at least 20 wolves").high == math.inf
    assert only("less than 20 wolves").low == -math.inf


def test_a_year_is_no_amount_and_a_day_no_number_of_months() -> None:
    text = "In 2022 the museum, opened on 4 March 1987, had 61,500 visitors."
    assert [value.unit for value in find_values(text)] == ["date", "date", "visitor"]


@pytest.mark.parametrize("number", ["ſix", "ſIX", "SİX", "sıx"])
def test_old_and_foreign_letters_count_as_theirs(number: str) -> None:
    assert only(f"{number} men").meets(only("6 men"))
    assert only(f"{number} men").differs(only("9 men"))


def test_a_year_may_stand_before_a_plural() -> None:
    assert only("In 2021 rents rose").unit == "date"
    assert only("the 1400 workers").unit == "worker"


def test_a_word_behind_a_value_that_is_no_unit_is_not_part_of_it() -> None:
    for text, said in (("a $100 billion project", "100 billion"), ("all 12 of them", "12")):
        value = only(text)
        assert text[value.start : value.end] == said


def test_blanking_keeps_every_place() -> None:
    text = "It cost 4 million euros in May."
    left = blank(text, find_values(text))
    assert len(left) == len(text)
    assert left.replace("\0", "") == "It cost  in ."


numbers = st.from_regex(
    r"[$€]?[0-9][0-9.,:/-]{0,30} ?(million|m|minutes|May|pm|%)?", fullmatch=True
)


@given(st.one_of(st.text(), numbers, st.lists(numbers).map(" ".join)))
def test_whatever_is_read_its_values_stand_in_order_and_apart(text: str) -> None:
    values = find_values(text)
    ends = [0, *(value.end for value in values)]
    assert all(end <= value.start < value.end for end, value in zip(ends, values, strict=False))
    assert all(value.low <= value.high and value.end <= len(text) for value in values)
    assert all(value.meets(value) for value in values)
