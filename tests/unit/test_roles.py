"""Claims that say of one what their proof says of another."""

import pytest

from qa.grounding.roles import may_exchange


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        ("Bob beat Ann in the final.", "Ann beat Bob in the final."),
        ("Joao Costa defeated Maria Silva.", "Maria Silva narrowly defeated Joao Costa in Porto."),
        ("The Mongols defeated the Tran.", "The Tran, who ruled Annam, defeated the Mongols."),
        ("The man bit the dog.", "The dog bit the man."),
        ("Yes, the tower is taller than the bridge.", "The bridge is taller than the tower."),
        ("It earned 7 million in 2020.", "It earned 5 million in 2020 and 7 million in 2021."),
    ],
)
def test_an_exchange_is_seen(claim: str, text: str) -> None:
    assert may_exchange(claim, text)


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        ("Ann beat Bob.", "Ann beat Bob in the final."),
        ("SpaceX was founded by Elon Musk.", "Elon Musk founded SpaceX in 2002."),
        ("Elon Musk founded SpaceX.", "SpaceX was founded by Elon Musk in 2002."),
        ("In 2009 Harvard offered grants.", "Harvard offered grants in 2009."),
        ("In Paris he met Ann.", "He met Ann in Paris."),
        ("It earned 5 million in 2020.", "In 2020 it earned 5 million."),
        ("It cost 5 million.", "It cost 5 million, of which 2 million were lent."),
    ],
)
def test_another_order_is_no_exchange(claim: str, text: str) -> None:
    assert not may_exchange(claim, text)
