import pytest
from growth import is_linear

from qa.grounding.opposites import OPPOSITES, denies, opposes, reverses


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
        ("What is allowed here?", "Dogs are forbidden.", "“allowed”"),
        ("What is not allowed here?", "Dogs are not forbidden.", "“allowed”"),
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
        ("What is not allowed here?", "Dogs are forbidden."),
        ("What is forbidden here?", "Dogs are not allowed."),
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


@pytest.mark.parametrize(
    ("claim", "text", "reason"),
    [
        ("Ann Lund resigned in 2019.", "Ann Lund did not resign in 2019.", "“not”"),
        ("It paid the fine.", "It has not yet fully paid the fine.", "“not”"),
        ("She was ever paid.", "She was never paid.", "“not”"),
        ("The firm could leave.", "The firm couldn’t leave.", "“not”"),
        ("More than 500 people died.", "Fewer than 500 people died.", "“fewer”"),
        ("The bridge opened after 1990.", "The bridge opened before 1990.", "“before”"),
        ("Profit fell by 5 percent.", "Profit rose by 5 percent.", "“rose”"),
        ("It was 5 degrees in Oslo.", "It was -5 degrees in Oslo.", "“-5”"),
        ("It was 5 degrees in Oslo.", "It was −5 degrees in Oslo.", "“-5”"),
    ],
)
def test_a_claim_may_not_say_the_opposite(claim, text, reason):
    assert reason in reverses(claim, text)


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        ("He met Ann in 2019.", "He did not attend, but met Ann in 2019."),
        ("It opened in 1990.", "It did not open until 1990."),
        ("It is cheap.", "It is not only cheap but quick."),
        ("He refused to pay.", "He did not pay."),
        ("He didn’t pay.", "He did not pay."),
        ("It was -5 degrees.", "It was -5 degrees in Oslo."),
        ("It was 5 degrees below zero.", "It was -5 degrees in Oslo."),
        ("It was 5 degrees.", "It was 5 degrees in Oslo and -5 in Rome, or 5 at noon."),
        ("The years 2010 to 12 were good.", "They were good in 2010-12."),
        ("It lasted until 2012.", "It lasted from 2010 –2012."),
        ("More than 500 died.", "Over 500 died, fewer than feared, more than ever."),
    ],
)
def test_what_a_claim_says_otherwise_is_not_the_opposite(claim, text):
    assert reverses(claim, text) is None


def test_a_long_question_is_read_in_proportion():
    def read(length: int) -> None:
        assert opposes("Why did it? " + "did it " * length, "It was so.") is None

    assert is_linear(read, 15_000)
