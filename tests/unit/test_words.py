import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.words import STOPWORDS, Term, fold, plain, stems, terms, without_marks, words


def kinds(text: str, names: frozenset[str] = frozenset()) -> dict[str, str]:
    return {term.stem: term.kind for term in terms(text, names)}


# Folding


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Straße", "strasse"),
        ("ﬁn", "fin"),  # a ligature
        ("１２", "12"),  # full-width digits
        ("²", "2"),
        ("Cafe\N{COMBINING ACUTE ACCENT}", "café"),
        ("“a” ‘b’", "\"a\" 'b'"),
        ("„a“ «b» ‚c‘ ‹d›", "\"a\" \"b\" 'c' 'd'"),
        ("Schiff\u00adfahrt 3\u200d2 Bi\u200bden ❤\ufe0f", "schifffahrt 32 biden ❤"),
        ("2010–2020", "2010-2020"),
        ("yes—no", "yes - no"),
    ],
)
def test_fold(written: str, folded: str) -> None:
    assert fold(written) == folded


@given(st.text(st.characters(codec="latin-1")))
def test_case_does_not_matter_to_words(text: str) -> None:
    assert words(text.upper()) == words(text)


# What may stand in an answer


@pytest.mark.parametrize(
    ("text", "unmarked"),
    [
        ("Ann [1] met [2, 3] Bob.[4–6][^7]", "Ann met Bob."),
        ("Ann [[1]] met [ 2 ] Bob［３］ in【4; 5】 Rome.", "Ann [] met Bob in Rome."),
        ("Ann [sic] met Bob in [2024] at [5 p.m.].", "Ann [sic] met Bob in [2024] at [5 p.m.]."),
    ],
)
def test_footnote_marks_are_taken_out(text: str, unmarked: str) -> None:
    assert without_marks(text) == unmarked


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ann met Bob.[7]", "Ann met Bob."),
        ("Ann met Bob in [2024] [sic].", "Ann met Bob in 2024 [sic]."),
        ("x must lie in [0, 10].[3]", "x must lie in (0, 10)."),
        ("The interval was [2, 8] [9].", "The interval was (2, 8)."),
        ("Set retries to [3] in it.", "Set retries to (3) in it."),
        ("Ann met Bob [2[1]5] [sic] times.", "Ann met Bob 25 [sic] times."),
        ("Ann met Bob [2[2[1]5]5] [sic] times.", "Ann met Bob 2255 sic times."),
        ("Ann met Bob at [5 p.m.", "Ann met Bob at [5 p.m."),
        ("Ann [\u200b1] \u202em\x1b\x00et\u202c Bob\U000e0041", "Ann met Bob"),
        ("Ann ~~met~~ Bob~[1]~ ~5 times.", "Ann met Bob ~5 times."),
        ("می\u200cخواهم 👩\u200d👧", "می\u200cخواهم 👩\u200d👧"),
    ],
)
def test_an_answer_holds_no_mark_of_anothers_and_nothing_unseen(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(st.text(st.sampled_from("[]［【 12a,-^~\u200b\n"), max_size=30))
def test_no_number_in_brackets_is_left(text: str) -> None:
    assert not re.search(r"[\[［【]\s*\d+\s*[\]］】]", plain(text))


# Words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("— … !", []),
        ("Altman's call", ["altman", "call"]),
        ("Altman’s call", ["altman", "call"]),
        ("the investors' money", ["the", "investors", "money"]),
        ("don’t, o'clock", ["don't", "o'clock"]),
        ("$500,000.50 in 2025.", ["500,000.50", "in", "2025"]),
        ("1.5 million", ["1.5", "million"]),
        ("25-minute call", ["25", "minute", "call"]),
        ("snake_case", ["snake", "case"]),
        ("Ünïcode Łódź", ["ünïcode", "łódź"]),
        ("今天很好", ["今天很好"]),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_stems_are_of_content_words_in_order_with_repeats() -> None:
    text = "The company arranged calls; who was arranging the call?"
    assert stems(text) == ["compani", "arrang", "call", "arrang", "call"]


def test_a_text_of_stop_words_has_no_stems() -> None:
    assert stems("What is it that they were?") == []
    assert stems(" ".join(STOPWORDS)) == []


def test_words_that_change_a_claim_are_no_stop_words() -> None:
    assert not {"without", "against", "never", "less", "million"} & STOPWORDS


@given(st.text())
def test_no_word_is_empty_and_stems_are_no_more_than_words(text: str) -> None:
    assert all(words(text))
    assert len(stems(text)) <= len(words(text))


# Terms


def test_a_capital_within_a_sentence_makes_a_name() -> None:
    assert kinds("The investors met Altman in Abilene.") == {
        "investor": "word",
        "met": "word",
        "altman": "name",
        "abilen": "name",
    }


@pytest.mark.parametrize(
    "text", ["Investors came.", "It rained. Investors came.", "“Investors came.”", "So: Investors"]
)
def test_a_capital_that_begins_a_sentence_does_not(text: str) -> None:
    assert kinds(text)["investor"] == "word"


def test_a_known_name_is_one_at_the_beginning_too() -> None:
    assert kinds("Altman came.")["altman"] == "word"
    assert kinds("Altman came.", frozenset({"altman"}))["altman"] == "name"


def test_where_plain_words_are_known_any_other_that_begins_a_sentence_is_a_name() -> None:
    text = "Altman met investors. Investors came. Speaking late, Musk left. Today Oracle won."
    common = frozenset(["investor"])
    names = [term.text for term in terms(text, common=common) if term.kind == "name"]
    assert names == ["Altman", "Musk", "Oracle"]
    for name in ("Kelly", "Boeing", "Fred", "July"):
        assert terms(f"{name} came.", common=common)[0].kind == "name"
    assert [term.kind for term in terms("Altman came.", common=frozenset(["altman"]))] == [
        *("word", "word")
    ]


def test_a_term_keeps_the_word_as_it_stands() -> None:
    found = terms("Altman’s 500,000 investors")
    assert [term.text for term in found] == ["Altman", "500,000", "investors"]


@pytest.mark.parametrize(
    "text", ["OpenAI came.", "NASA came.", "IT came.", "US came.", "xAI came.", "iPhones came."]
)
def test_more_than_one_capital_makes_a_name_anywhere(text: str) -> None:
    assert terms(text)[0].kind == "name"


def test_a_possessive_is_the_name() -> None:
    assert kinds("He saw Altman’s and Musk's and the Joneses' house.") == {
        "saw": "word",
        "altman": "name",
        "musk": "name",
        "jones": "name",
        "hous": "word",
    }


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("25", "25"),
        ("500,000", "500000"),
        ("1.5", "1.5"),
        ("Three", "3"),
        ("twenty", "20"),
        ("eighty", "80"),
        ("ninety", "90"),
        ("１２", "12"),
        ("3,5", "3,5"),
        ("1,8000", "1,8000"),
    ],
)
def test_numbers_are_digits_without_separators(text: str, number: str) -> None:
    assert terms(text) == [Term(number, "number")]


def test_stop_words_are_no_terms_unless_written_in_capitals() -> None:
    assert terms("It was they who were there.") == []
    assert kinds("it was the WHO, or IT") == {"who": "name", "it": "name"}
    assert kinds("it may be in May") == {"may": "name"}


@given(st.text())
def test_any_text_has_terms(text: str) -> None:
    found = terms(text)
    assert all(term.stem for term in found)
    assert all(term.kind in ("name", "number", "word") for term in found)


def test_us_is_the_same_with_dots_and_without() -> None:
    assert words("the U.S. army") == words("the US army")
    assert terms("The U.S. and the U.N. met.") == terms("The US and the UN met.")
    assert words("J.K. Rowling") == words("J. K. Rowling")


def test_one_of_them_is_no_number() -> None:
    assert [term.kind for term in terms("He is one of the best")] == ["word"]
    assert "number" in [term.kind for term in terms("He has one of each, or one")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- **Osprey**: 1.7 litres", "Osprey: 1.7 litres"),
        ("• a **b** and **c d**.", "a b and c d."),
        ("2 ** 3 ** 4", "2 ** 3 ** 4"),
        ("2**3", "2**3"),
        ("-5 degrees", "-5 degrees"),
        ("__init__ is called", "__init__ is called"),
        ("> > We have lost none.", "We have lost none."),
        ("> 5 kg is too much", "> 5 kg is too much"),
        ("```sh\nps | head\n```", "ps | head"),
        ("~~~\nx = 1", "x = 1"),
        ("---\ntitle: Why", "title: Why"),
        ("draft: false\n---", "draft: false"),
    ],
)
def test_what_is_quoted_has_no_marks_of_layout(text: str, said: str) -> None:
    assert plain(text) == said
