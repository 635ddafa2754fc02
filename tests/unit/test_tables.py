import pytest
from fake_llm import Article

from qa.grounding.tables import may_mix_columns, say_proof, say_row_for
from qa.schema import Evidence

PUMPS = ["|  | Brook 350 | Brook 550 |\n|---|---|---|", "| Weight | 4.2 kg | 5.6 kg |"]
LIMITS = ["| Expense | Limit inland | Limit abroad |", "| Hotel | €130 | €190 |"]
PLOTS = ["| Plot | Size | Price |\n|---|---|---|", "| large | 24 m² | 80 euros |"]
HEAVY = "How heavy is the Brook 350?"


def rows(*tables: list[str]) -> list[Evidence]:
    return [it for table in tables for it in Article(table).evidence()]


@pytest.mark.parametrize(
    ("table", "question", "said"),
    [
        (PUMPS, HEAVY, "Weight; Brook 350: 4.2 kg"),
        (PUMPS, "How heavy is the Brook?", "Weight; Brook 350: 4.2 kg; Brook 550: 5.6 kg"),
        (PUMPS, "How heavy are they?", "Weight; Brook 350: 4.2 kg; Brook 550: 5.6 kg"),
        (
            PUMPS,
            "Are 5.6 kg what the Brook 350 weighs?",
            "Weight; Brook 350: 4.2 kg; Brook 550: 5.6 kg",
        ),
        (LIMITS, "What is the limit abroad?", "Expense: Hotel; Limit abroad: €190"),
        (
            LIMITS,
            "What is the limit?",
            "Expense: Hotel; Limit inland: €130; Limit abroad: €190",
        ),
        (PLOTS, "What is the price of a large plot?", "Plot: large; Price: 80 euros"),
        (PLOTS, "What size and what price?", "Plot: large; Size: 24 m²; Price: 80 euros"),
        (PLOTS, "Which plot has 24 m²?", "Plot: large; Size: 24 m²; Price: 80 euros"),
    ],
)
def test_of_a_row_the_columns_are_said_that_are_asked_for(
    table: list[str], question: str, said: str
) -> None:
    _, row = rows(table)
    assert say_row_for(question, row) == said


def test_a_row_of_two_cells_below_none_says_what_something_is() -> None:
    _, row = rows(["|  |  |\n|---|---|", "| Weight | 13.6 kg |"])
    assert say_row_for("How heavy is it?", row) == "Weight: 13.6 kg"


def test_a_row_is_said_whole_where_its_columns_are_not_known() -> None:
    _, short = rows(["| Plot | Price |", "| large | 24 m² | 80 euros |"])
    assert say_row_for("What price?", short) == "large, 24 m², 80 euros"
    _, alone = rows(["It costs something.", "| large | 24 m² | 80 euros |"])
    assert say_row_for("What price?", alone) == "large, 24 m², 80 euros"


@pytest.mark.parametrize(
    ("claim", "mixes"),
    [
        ("The Brook 350 weighs 4.2 kg.", False),
        ("The Brook 350 weighs 5.6 kg.", True),
        ("It weighs 4.2 kg.", False),
        ("It weighs 5.6 kg.", True),  # the question names the column
        ("The Brook 550 weighs 5.6 kg.", False),
        ("The Brook 350 weighs 4.2 kg, and the Brook 550 weighs 5.6 kg.", False),
        ("The Brook 350 weighs 5.6 kg, and the Brook 550 weighs 4.2 kg.", True),
        ("4.2 kg (Brook 550) or 5.6 kg (Brook 350).", True),  # which is whose, nobody checks
        ("The Brook 350 is lighter than the Brook 550.", False),
    ],
)
def test_what_stands_in_one_column_is_not_said_of_another(claim: str, mixes: bool) -> None:
    assert may_mix_columns(claim, HEAVY, rows(PUMPS)) is mixes


def test_where_no_column_is_named_none_is_mixed() -> None:
    assert not may_mix_columns("It is 5.6 kg.", "What is the weight?", rows(PUMPS))
    assert not may_mix_columns("It is 5.6 kg.", HEAVY, rows(["The Brook weighs 5.6 kg."]))


def test_of_several_rows_each_has_its_own() -> None:
    power = "| Power | 350 watts | 550 watts |"
    proof = rows([*PUMPS, power])[0:2] + Article([PUMPS[0], power]).evidence()[1:]
    assert not may_mix_columns("The Brook 350 has 4.2 kg and 350 watts.", HEAVY, proof)
    assert may_mix_columns("The Brook 350 has 5.6 kg and 350 watts.", HEAVY, proof)


def test_a_proof_is_said_without_the_heads_of_its_rows() -> None:
    sentence, *_ = Article(["It is a pump [7]."]).evidence()
    assert say_proof(HEAVY, rows(PUMPS)) == "Weight; Brook 350: 4.2 kg"
    assert say_proof(HEAVY, [sentence]) == "It is a pump."
    assert say_proof(HEAVY, [sentence, *rows(PUMPS)]) == "It is a pump. Weight; Brook 350: 4.2 kg"
