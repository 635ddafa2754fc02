import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.duplicates import Similar, near_duplicates, similarity


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("What did “Ada’s friend” write in 1843?", "In 1843, what did 'ADA' friend write", 1.0),
        ("one two three", "one two four", 0.5),
        ("one", "two", 0.0),
        ("", "?", 0.0),
    ],
)
def test_similarity_is_jaccards_over_folded_words(one: str, other: str, expected: float) -> None:
    assert similarity(one, other) == similarity(other, one) == expected


def test_each_text_is_compared_with_the_earlier_ones() -> None:
    texts = ["Who wrote it?", "Who read it?", "It: who wrote?", "who WROTE it"]
    assert near_duplicates(texts) == [
        [],
        [],
        [Similar(0, 1.0)],
        [Similar(0, 1.0), Similar(2, 1.0)],
    ]


@given(
    st.lists(st.text("abc ", max_size=12), max_size=12),
    st.sampled_from([0.3, 0.5, 0.6, 0.75, 0.8, 1.0]),
)
def test_none_is_missed(texts: list[str], threshold: float) -> None:
    found = near_duplicates(texts, threshold)
    assert [[it.place for it in earlier] for earlier in found] == [
        [other for other in range(place) if similarity(text, texts[other]) >= threshold]
        for place, text in enumerate(texts)
    ]
