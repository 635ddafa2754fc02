import pytest

from qa.grounding.opposites import OPPOSITES, denies, opposes


@pytest.mark.parametrize(
    ("question", "text", "reason"),
    [
        ("Who has the lowest share?", "Ann has the highest share.", "“lowest”"),
        ("Who has the highest share?", "Ann has the lowest share.", "“highest”"),
        ("What was built after the war?", "Before the war a bridge was built.", "“after”"),
        ("Who was not elected?", "Ann was elected.", "“not”"),
        ("Who didn’t vote?", "Ann voted.", "“not”"),
        ("Why did Ann double her stake?", "Ann kept her stake since Bob was ill.", "“double”"),
        ("What tripled in May?", "In May the price of rice rose.", "“tripled”"),
    ],
)
def test_the_opposite_is_no_answer(question, text, reason):
    assert reason in opposes(question, text)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Who has the lowest share?", "Ann has the lowest share, Bob the highest."),
        ("Who has the lowest share?", "Ann has a share of 2 percent."),
        ("Who supported the bill?", "Ann, who had opposed the first, supports this bill."),
        ("Who was not elected?", "Ann failed to be elected."),
        ("Who was not elected?", "Bob was never elected."),
        ("Who was elected?", "Ann was not elected."),
        ("Why did Ann double her stake?", "Ann doubled her stake since Bob was ill."),
        ("Why did Ann double her stake?", "Twice as much was to be won."),
        ("Who won the double?", "Ann won both cups."),
        ("Why wasn't Ann at the meeting in Rome?", "A cold kept Ann away."),
    ],
)
def test_what_does_not_oppose(question, text):
    assert opposes(question, text) is None


def test_opposites_go_both_ways():
    assert all(word in OPPOSITES[other] for word, others in OPPOSITES.items() for other in others)
    assert all(word not in others for word, others in OPPOSITES.items())


def test_denials():
    assert all(map(denies, ("He did not.", "Nobody came.", "It isn’t so.", "He cannot.")))
    assert not denies("He noted it.")
