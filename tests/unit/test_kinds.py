import pytest

from qa.grounding.kinds import answers_kind


@pytest.mark.parametrize(
    ("question", "claim"),
    [
        ("How long did they talk?", "They talked for 25 minutes."),
        ("How long did they talk?", "They talked for twenty minutes."),
        ("How much did Musk spend?", "Musk spent millions."),
        ("How much of the $500 billion is there?", "Of the $500 billion, $100 billion is there."),
        ("How much of the $500 billion is there?", "All of it is there."),
        ("How many came?", "Nobody knows, but several came."),
        ("What share does Oracle have?", "Oracle has a third."),
        ("When was the call?", "The call was in January."),
        ("When was the call?", "It was on the last Friday before the inauguration."),
        ("When was the call?", "The call was in 2025."),
        ("In which year was the call?", "The call was in 2025."),
        ("Since when is Ann here?", "Ann has been here since January."),
        ("Why did he miss it?", "He missed it because of a test."),
        ("Why did he miss it?", "A positive test kept him away."),
        ("Why did he call?", "He called to win support."),
        ("And why did he call?", "He wanted support."),
        ("Who called?", "Ann called."),
        ("What happened?", "It rained."),
        ("Where was it?", "It was in Rome."),
    ],
)
def test_a_claim_of_the_kind_asked_for(question: str, claim: str) -> None:
    assert answers_kind(question, claim)


@pytest.mark.parametrize(
    ("question", "claim"),
    [
        ("How long did they talk?", "They talked on the phone."),
        ("How much did Musk spend?", "Musk spent money."),
        ("How much of the $500 billion is there?", "The $500 billion is there."),
        ("What number of people came?", "People came."),
        ("When was the call?", "The call was with Trump."),
        ("When was the call in January?", "The call was in January."),
        ("In which year was the call?", "The call was with Trump."),
        ("Why did he miss it?", "He missed it."),
        ("Why did he miss it?", "He was in Rome."),
        ("So why did he miss it?", "He missed it."),
    ],
)
def test_a_claim_of_another_kind(question: str, claim: str) -> None:
    assert not answers_kind(question, claim)
