from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.retrieval.fusion import reciprocal_rank_fusion

rankings = st.lists(
    st.dictionaries(st.integers(0, 20), st.integers(1, 30), max_size=10), max_size=4
)


@given(rankings, st.integers(1, 100))
def test_a_score_is_the_sum_of_the_reciprocal_ranks(rankings: list[dict[int, int]], k: int) -> None:
    fused = reciprocal_rank_fusion(rankings, k=k)
    assert fused.keys() == set().union(*rankings)
    for item, score in fused.items():
        exact = sum(Fraction(1, k + ranks[item]) for ranks in rankings if item in ranks)
        assert score == pytest.approx(float(exact))


@given(rankings, st.integers(1, 100))
def test_the_best_come_first(rankings: list[dict[int, int]], k: int) -> None:
    scores = list(reciprocal_rank_fusion(rankings, k=k).values())
    assert scores == sorted(scores, reverse=True)


def test_two_searches_that_agree_outweigh_one_that_is_sure() -> None:
    fused = reciprocal_rank_fusion([{"sure": 1, "both": 2}, {"both": 2}], k=60)
    assert fused == {"both": 2 / 62, "sure": 1 / 61}
    assert list(fused) == ["both", "sure"]


def test_a_small_k_lets_the_first_rank_decide() -> None:
    rankings = [{"first": 1, "both": 3}, {"both": 3}]
    assert next(iter(reciprocal_rank_fusion(rankings, k=60))) == "both"
    assert next(iter(reciprocal_rank_fusion(rankings, k=1))) == "first"


def test_a_weight_counts_a_ranking_so_many_times() -> None:
    first, second = {"a": 1, "b": 2}, {"b": 1, "c": 2}
    fused = reciprocal_rank_fusion([first, second], k=9, weights=[1, 2])
    assert fused == reciprocal_rank_fusion([first, second, second], k=9)
    assert list(fused) == ["b", "c", "a"]
    with pytest.raises(ValueError):
        reciprocal_rank_fusion([first, second], k=9, weights=[1])


def test_equal_scores_keep_the_order_of_first_appearance() -> None:
    fused = reciprocal_rank_fusion([{"b": 1, "a": 1, "d": 2}, {"c": 1, "d": 70}], k=60)
    assert list(fused) == ["d", "b", "a", "c"]


def test_nothing_gives_nothing() -> None:
    assert reciprocal_rank_fusion([], k=60) == {}
    assert reciprocal_rank_fusion([{}, {}], k=60) == {}
