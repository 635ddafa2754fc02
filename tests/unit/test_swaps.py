import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.swaps import names, swap

OTHERS = ["The castle of Turku was built for King Erik.", "Later Bo Berg sold it."]


@pytest.mark.parametrize(
    ("question", "answering", "possible"),
    [
        (
            "When was the first house built?",
            "It was in 1290.",
            {"When was the last house built?", "When was the first house demolished?"},
        ),
        ("Who came in 1905?", "Ada did.", {f"Who came in 19{n:02}?" for n in range(100)}),
        (
            "What did Ada Lund write?",
            "She wrote a poem.",
            {
                "What did Bo Berg write?",
                "What did King Erik write?",
                "What did Later Bo Berg write?",
            },
        ),
        ("who wrote it", "Ada did.", {None}),
        ("Who is Bo Berg?", "A sailor of Turku under King Erik.", {None}),
    ],
)
def test_one_thing_is_another(question, answering, possible):
    found = {swap(question, answering, OTHERS, random.Random(seed)) for seed in range(20)}
    assert found <= possible
    assert question not in found


@given(st.text(), st.text(), st.lists(st.text(), max_size=3), st.integers(0, 99))
def test_no_question_stays_as_it_is(question, answering, others, seed):
    assert swap(question, answering, others, random.Random(seed)) != question


def test_an_opening_word_is_no_name():
    assert names("When did Ada Lund live? She was Finnish. In Turku it rains.") == [
        "Ada Lund",
        "Finnish",
    ]
