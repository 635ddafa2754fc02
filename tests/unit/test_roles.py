"""What is said of another."""

import pytest

from qa.grounding.roles import (
    may_confuse,
    may_exchange,
    names_a_namesake,
    names_an_owner,
    names_another,
)


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


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How long did it take Ragna Voss to swim it?", "Karen Voss swam it in 16 hours."),
        ("When was Ann Lund born?", "The mother, Eva Maria Lund, was born in 1950."),
        ("How deep is the Baltic Sea?", "The North Sea is 95 metres deep."),
        ("How far did Magda Wałęsa swim?", "Lech Wałęsa swam five miles."),
        ("Когда родилась Анна Лунд?", "Ева Лунд родилась в 1950 году."),
    ],
)
def test_a_namesake_is_seen(question: str, text: str) -> None:
    reason = names_a_namesake(question, text)
    assert reason is not None and "the question is about" in reason


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How long did it take Ragna Voss?", "Ragna Voss, unlike Karen Voss, took 19 hours."),
        ("How long did it take Ragna Voss?", "Voss took 19 hours."),
        ("How long did it take Ragna Voss?", "R. Voss and Rob Voss took 19 hours."),
        ("Who is the son of Will Hood?", "Finn Hood is his son."),
        ("Whose son is Will Hood?", "Finn Hood is his father."),
        ("When did the Columbus Blue Jackets win?", "The Blue Jackets won in 2011."),
        ("When was Mr Voss born?", "Karen Voss was born in 1972."),
        ("When did Voss die?", "Ragna Voss died in 2024."),
    ],
)
def test_no_namesake(question: str, text: str) -> None:
    assert names_a_namesake(question, text) is None


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How many settings does the Wren have?", "The Osprey has five settings."),
        ("How old is Musk?", "The Silicon Valley founder is 39."),
    ],
)
def test_another_is_seen(question: str, text: str) -> None:
    reason = names_another(question, text)
    assert reason is not None and "the question is about" in reason


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How many settings does the Wren have?", "The Osprey, like the Wren, has five."),
        ("How many settings does the Wren have?", "The kettle has five settings."),
        ("How many settings does it have?", "The Osprey has five settings."),
        ("Which kettle beats the Wren?", "The Osprey does."),
        ("How much coal has the US?", "The United States have a lot."),
        ("How old is the Osprey?", "The Osprey is new."),
    ],
)
def test_no_other(question: str, text: str) -> None:
    assert names_another(question, text) is None


OFFERS = "Norlift asked for £52,300; Ascendo asked for £47,900."


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Which offer was cheaper, Norlift or Ascendo?", OFFERS),
        ("Is the K1 or the K2 louder?", "The K2 reaches 62 decibels; the K1 reached 71."),
        ("Did males, or females, travel further?", "Males covered 1.6 km, females 0.9 km."),
    ],
)
def test_what_tells_of_both_may_be_confused(question: str, text: str) -> None:
    assert may_confuse(question, text)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Which offer was cheaper, Norlift or Ascendo?", "Ascendo was the cheaper one."),
        ("Which offer was cheaper?", OFFERS),
        ("Did he or she win?", "Ann won."),
    ],
)
def test_what_tells_of_one_is_not_confused(question: str, text: str) -> None:
    assert not may_confuse(question, text)


@pytest.mark.parametrize(
    ("question", "text", "owner"),
    [
        ("Who is the landlord?", "The Landlord's surveyor, Ms Nair, came.", "Landlord"),
        ("Who are the tenants?", "The tenants’ deposit is kept.", "tenants"),
        ("Who was Ann?", "Ann’s book won.", "Ann"),
    ],
)
def test_whose_something_is_does_not_tell_who_he_is(question: str, text: str, owner: str) -> None:
    reason = f"the sentence that fits tells what is of “{owner}”, and not who that is"
    assert names_an_owner(question, text) == reason


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Who is the landlord?", "Corbel Ltd is the landlord; the landlord's agent is Ann."),
        ("Who is the landlord's surveyor?", "The landlord's surveyor is Ms Nair."),
        ("Who is it?", "It's Ann."),
        ("Where is the landlord?", "The landlord's office is in Leeds."),
    ],
)
def test_others_tell_more(question: str, text: str) -> None:
    assert names_an_owner(question, text) is None
