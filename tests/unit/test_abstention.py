import pytest
from fake_llm import Article
from fakes import Undecided
from hypothesis import given
from hypothesis import strategies as st

from qa.grounding.abstention import (
    Signals,
    confidence,
    confidence_with_judge,
    quote_confidence,
    see,
    undecided,
)
from qa.grounding.support import Support
from qa.schema import Passage

probabilities = st.floats(0, 1)
signals = st.builds(Signals, probabilities, probabilities)
EVEN = Signals(0.5, 0.5)
GOOD = Signals(0.99, 0.99)
BAD = Signals(0.01, 0.01)


@given(signals, probabilities)
def test_it_is_a_probability(seen: Signals, probability: float) -> None:
    assert 0 < confidence(seen) < 1
    assert 0 < confidence_with_judge(seen, probability) < 1
    assert 0 < quote_confidence(probability) < 1


@given(probabilities, probabilities, probabilities, probabilities)
def test_what_speaks_for_a_claim_never_makes_it_less_sure(
    one: float, other: float, third: float, fourth: float
) -> None:
    low, high = sorted([one, other])
    assert confidence(Signals(low, third)) <= confidence(Signals(high, third))
    assert confidence(Signals(third, low)) <= confidence(Signals(third, high))
    seen = Signals(third, fourth)
    assert confidence_with_judge(seen, low) <= confidence_with_judge(seen, high)
    assert quote_confidence(low) <= quote_confidence(high)


def test_each_signal_counts() -> None:
    for more in (Signals(0.9, 0.5), Signals(0.5, 0.9)):
        assert confidence(EVEN) < confidence(more)
        assert confidence_with_judge(EVEN, 0.5) < confidence_with_judge(more, 0.5)
    assert confidence_with_judge(EVEN, 0.5) < confidence_with_judge(EVEN, 0.9)
    assert quote_confidence(0.5) < quote_confidence(0.9)


def test_the_judge_decides_where_the_cross_encoder_cannot() -> None:
    assert undecided(confidence(EVEN))
    assert confidence_with_judge(EVEN, 0.01) < 0.5 < confidence_with_judge(EVEN, 0.99)


def test_the_judge_is_not_asked_about_the_hopeless() -> None:
    assert not undecided(confidence(BAD))
    assert confidence(BAD) < 0.5 < confidence(GOOD)


class Tells:
    """A cross-encoder that answers from a table and notes what it has read."""

    def __init__(self, **answers: float) -> None:
        self.table = answers
        self.read: list[Passage] = []

    def answers(self, question: str, passages: list[Passage]) -> list[float]:
        self.read += passages
        return [self.table[item.text] for item in passages]


PROOF = tuple(Article(["one", "two"], id="a", title="Numbers").evidence())


@pytest.mark.parametrize(
    ("rated", "read", "expected"),
    [
        ((None, None), ["one", "two", "claim"], 0.8),
        ((0.3, None), ["two", "claim"], 0.8),
        ((0.3, 0.6), ["claim"], 0.6),
    ],
)
def test_the_best_sentence_of_the_proof_counts_and_none_is_read_twice(
    rated: tuple[float | None, ...], read: list[str], expected: float
) -> None:
    proof = tuple(
        item.model_copy(update={"answers": answers})
        for item, answers in zip(PROOF, rated, strict=True)
    )
    reader = Tells(one=0.1, two=0.8, claim=0.4)
    assert see("claim", "How many?", Support(proof), reader) == Signals(expected, 0.4)
    assert [item.text for item in reader.read] == read
    assert {item.title for item in reader.read} == {"Numbers"}


def test_a_reader_that_cannot_tell_leaves_it_to_the_judge() -> None:
    assert undecided(confidence(see("claim", "How many?", Support(PROOF), Undecided())))
