import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.layout import (
    asks_for_several,
    introduces,
    is_heading,
    is_item,
    is_row,
    is_title,
    say_list,
    say_part,
    say_row,
)


@pytest.mark.parametrize(
    "text", ["- milk", "* milk", "• milk", "1. Knock.", "2) Wait.", "(3) Go.", "(a) a form", "– no"]
)
def test_an_item_begins_with_its_bullet_or_its_number(text: str) -> None:
    assert is_item(text)
    assert not is_row(text)


@pytest.mark.parametrize(
    "text",
    [
        "Milk is white.",
        "1984 was a novel.",
        "-5 degrees",
        "A. Lund wrote it.",
        "3.5 million came.",
        "— I met Ann.",
    ],
)
def test_a_sentence_is_no_item(text: str) -> None:
    assert not is_item(text)
    assert not is_item(f"— {text}")  # somebody speaks


def test_rows_have_cells() -> None:
    assert is_row("| City bike | 9 euros |")
    assert is_row("City bike | small | 9 euros")
    assert is_row("Name | Size | Price\n--- | --- | ---")
    assert not is_row("Either|or is a book.")
    assert not is_row("The command dmesg | tail shows the latest messages.")
    assert not is_row("```sh\nps | sort | head\n```")


def test_a_comment_in_code_is_no_heading() -> None:
    assert is_heading("# Keep it small")
    assert not is_heading("# keep it small\ndb.execute(pragma)")


def test_headings_have_their_mark() -> None:
    assert is_heading("## Opening hours")
    assert not is_heading("#1 in the charts")


@pytest.mark.parametrize("text", ["It includes:", "**It includes:**", "It includes: ", "包括："])
def test_what_ends_with_a_colon_introduces(text: str) -> None:
    assert introduces(text)
    assert not introduces(f"{text} milk")


def test_a_title_ends_as_no_sentence_does() -> None:
    assert is_title("GETTING HERE")
    assert is_title("Opening hours**")
    assert not is_title("They came.")
    assert not is_title("“They came.”")


@pytest.mark.parametrize(
    ("part", "before", "expected"),
    [
        ("- a plot", ("It rained.", "It includes:"), "It includes: a plot"),
        ("- a plot;", ("## What it includes",), "What it includes: a plot"),
        ("1. Knock.", ("How to enter",), "How to enter: 1. Knock"),
        ("- oil", ("- every week",), "every week: oil"),
        ("- oil", (), "- oil"),
        ("| Tandem | €16 |", ("| Bicycle | Price |",), "Bicycle: Tandem; Price: €16"),
        ("| Tandem | €16 |", ("Prices are these.",), "Tandem, €16"),
        ("It rained.", ("It includes:",), "It rained."),
        ("- a plot", ("Dogs are welcome.",), "- a plot"),
        ("- fax", ("## 4.2", "### Removed"), "4.2: Removed: fax"),
        ("- fax", ("## 4.2", "Removed:"), "4.2: Removed: fax"),
    ],
)
def test_a_part_is_said_with_what_introduces_it(
    part: str, before: tuple[str, ...], expected: str
) -> None:
    assert say_part(part, before) == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What are the opening hours?", True),
        ("Which things are forbidden?", True),
        ("Who works in the team?", True),
        ("How do I apply?", True),
        ("How can one apply?", True),
        ("And what is included?", True),
        ("List the fees.", True),
        ("When is it open on Saturday?", False),
        ("How much is the deposit?", False),
        ("How many onions are needed?", False),
        ("How long does it simmer?", False),
        ("Where is the station?", False),
        ("Is insurance included?", False),
    ],
)
def test_a_list_may_be_asked_for(question: str, expected: bool) -> None:
    assert asks_for_several(question) is expected


def test_items_are_said_on_one_line_and_keep_their_numbers() -> None:
    assert say_list("It includes:", ["a plot;", "tools."]) == "It includes: a plot; tools"
    assert say_list("", ["1. Knock.", "2. Wait."]) == "1. Knock; 2. Wait"
    assert say_list("weekly", ["oil", "sweep"]) == "weekly: oil; sweep"


HEAD = "| Bicycle | Half day | Deposit |\n|---|---:|:---:|"


@pytest.mark.parametrize(
    ("head", "row", "expected"),
    [
        (HEAD, "| Tandem | €16 | €100 |", "Bicycle: Tandem; Half day: €16; Deposit: €100"),
        (HEAD, "| Child's bike | €5 | |", "Bicycle: Child's bike; Half day: €5"),
        (HEAD, "| Tandem | €16 |", "Tandem, €16"),
        ("", "| Tandem | €16 |", "Tandem, €16"),
        ("Bicycle | Price", "Tandem | €16", "Bicycle: Tandem; Price: €16"),
        ("| | Price |", "| Tandem | €16 |", "Tandem; Price: €16"),
        ("| Sign | Use |", r"| a \| b | or |", r"Sign: a \| b; Use: or"),
    ],
)
def test_a_row_is_said_with_the_heads_of_its_columns(head: str, row: str, expected: str) -> None:
    assert say_row(head, row) == expected


@given(st.lists(st.text("abc 0€.", min_size=1).map(str.strip).filter(bool), min_size=1))
def test_no_cell_is_lost(cells: list[str]) -> None:
    row = f"| {' | '.join(cells)} |"
    heads = [f"H{place}" for place in range(len(cells))]
    said = say_row(f"| {' | '.join(heads)} |", row)
    assert said == "; ".join(f"{head}: {cell}" for head, cell in zip(heads, cells, strict=True))
    assert say_row("", row) == ", ".join(cells) or len(cells) == 1
