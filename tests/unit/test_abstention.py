import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.grounding.abstention import confidence

probabilities = st.floats(0, 1)


@given(probabilities, probabilities)
def test_it_is_a_probability(answers: float, stated: float) -> None:
    assert 0 < confidence(answers=answers, stated=stated) < 1


@given(probabilities, probabilities, probabilities)
def test_a_surer_judge_never_makes_it_smaller(low: float, high: float, other: float) -> None:
    low, high = sorted([low, high])
    assert confidence(answers=low, stated=other) <= confidence(answers=high, stated=other)
    assert confidence(answers=other, stated=low) <= confidence(answers=other, stated=high)


def test_each_verdict_counts() -> None:
    unsure = confidence(answers=0.5, stated=0.5)
    assert confidence(answers=0.9, stated=0.5) > unsure > confidence(answers=0.1, stated=0.5)
    assert confidence(answers=0.5, stated=0.9) > unsure > confidence(answers=0.5, stated=0.1)


@pytest.mark.parametrize(("verdict", "released"), [(1.0, True), (0.95, True), (0.0, False)])
def test_a_judge_of_one_mind_decides(verdict: float, released: bool) -> None:
    """At the default threshold of one half."""
    assert (confidence(answers=verdict, stated=verdict) >= 0.5) is released


def test_a_judge_that_cannot_tell_does_not_release() -> None:
    assert confidence(answers=0.5, stated=0.5) < 0.5
