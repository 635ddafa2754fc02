import itertools
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.questions import (
    MOST_PARTS,
    asked_noun,
    asks_for_overview,
    asks_who,
    points_at_text,
    split_question,
    tells_text_apart,
)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (
            "Who arranged the call, and how long did it last?",
            ["Who arranged the call?", "How long did it last?"],
        ),
        ("When was it announced and where?", ["When was it announced?", "Where?"]),
        ("who founded the colony and why", ["Who founded the colony?", "Why?"]),
        ("Who leads the firm and what did he say?", ["Who leads the firm?", "What did he say?"]),
        ("What does it cost, and who pays for it?", ["What does it cost?", "Who pays for it?"]),
        (
            "At what age did he go, and was it planned?",
            ["At what age did he go?", "Was it planned?"],
        ),
        (
            "How many states are commonwealths and which states are they?",
            ["How many states are commonwealths?", "Which states are they?"],
        ),
        (
            "Does the first article praise it, and does the second blame it?",
            ["Does the first article praise it?", "Does the second blame it?"],
        ),
        ("Is it red and is it round?", ["Is it red?", "Is it round?"]),
        ("How old was he? Where is he buried?", ["How old was he?", "Where is he buried?"]),
        ("Why did he leave?  And when?", ["Why did he leave?", "And when?"]),
        (
            "In memory of Ann, what was built and where is it?",
            ["In memory of Ann, what was built?", "Where is it?"],
        ),
        (
            "Who paid, how much did they pay, and when did they pay?",
            ["Who paid, how much did they pay?", "When did they pay?"],
        ),
        (
            "What does A pay, and what does B pay, and what does C pay?",
            ["What does A pay?", "What does B pay?", "What does C pay?"],
        ),
        (
            "How much does A pay, how much does B pay and how much is left?",
            ["How much does A pay?", "How much does B pay?", "How much is left?"],
        ),
    ],
)
def test_several_questions_are_told_apart(question: str, expected: list[str]) -> None:
    assert split_question(question) == expected


@pytest.mark.parametrize(
    "question",
    [
        "Who arranged the call?",
        "Who arranged the call and the dinner?",
        "Who is the man who arranged the call and who leads the firm?",
        "When he left, what did he say?",
        "In 1990, what did he do?",
        "Where is the city, which is the capital?",
        "In what state did the band form that was founded in 2009, and whose singer was Ann Lund?",
        "Which firm is sued by the state and was sued by the city?",
        "Which pop star became public property, and has been praised for it?",
        "Which city is bigger and is the capital?",
        "What did Musk say about who would pay and how he would do it?",
        "Tell me who he is and where he lives.",
        "What has and has not been said?",
        "What did he do and did not do?",
        "How and why did it fail?",
        "What?  Kidnapping!??",
        "I read about a call. Who arranged it?",
        "Is it true? I have heard so.",
        'Which essay called "Is it real?" was a finalist?',
        "Research and development",
        "Is it A, and is it B, and is it C, and is it D, and is it E?",
        "",
        "?",
        "谁安排了这次通话？",
    ],
)
def test_one_question_stays_as_it_is(question: str) -> None:
    assert split_question(question) == [question]


words = st.sampled_from(
    "who what which when where why how and or is did does it he the call , . ? not many".split()
)


@given(st.lists(words, max_size=40).map(" ".join) | st.text())
def test_nothing_is_added_and_only_what_joins_is_lost(question: str) -> None:
    found = split_question(question)
    if len(found) == 1:
        assert found == [question]
        return
    assert 1 < len(found) <= MOST_PARTS
    said = [word for part in found for word in re.findall(r"\w+", part.casefold())]
    left = iter(re.findall(r"\w+", question.casefold()))
    lost: set[str] = set()
    for word in said:
        lost |= set(itertools.takewhile(lambda it, word=word: it != word, left))  # type: ignore[misc]
    assert lost | set(left) <= {"and", "but", "also"}


@pytest.mark.parametrize(
    "unit", ["who is it and ", "and did ", "what a ", "?", " ", "which x y z "]
)
def test_the_longest_question_is_read_in_no_time(unit: str) -> None:
    begun = time.process_time()
    split_question((unit * 2000)[:2000])
    assert time.process_time() - begun < 0.5


# Overviews


@pytest.mark.parametrize(
    ("question", "what"),
    [
        ("Summarize.", ""),
        ("tl;dr", ""),
        ("Give me an overview", ""),
        ("What are the key takeaways?", ""),
        ("What is this article about?", "this article"),
        ("what's it about", "it"),
        ("Can you summarise this, please?", "this"),
        ("What does the report say?", "the report"),
        ("What are the main points of the text?", "the text"),
        ("A brief summary of How bees talk, please.", "How bees talk"),
        ("What is the story about bees mainly about?", "the story about bees"),
    ],
)
def test_a_request_for_an_overview_is_told_from_a_question(question: str, what: str) -> None:
    assert asks_for_overview(question) == what


@pytest.mark.parametrize(
    "question",
    [
        "What does the article say about costs?",
        "What does he say?",
        "What does Elon Musk say?",
        "What about the bees?",
        "Who summarized the report?",
        "What is the main reason for the delay?",
        "What is the summary judgment?",
        "How was the overview made?",
        "What does it cost?",
    ],
)
def test_a_question_for_something_asks_for_no_overview(question: str) -> None:
    assert asks_for_overview(question) is None


@pytest.mark.parametrize(
    ("what", "points", "apart"),
    [
        ("", True, ""),
        ("this", True, ""),
        ("these two articles", True, ""),
        ("the whole text", True, ""),
        ("the article on bees", True, "bees"),
        ("my report from Abilene", True, "abilene"),
        ("the speech", True, ""),
        ("the UK worried", False, "uk worried"),
        ("Three Little Birds", False, "little birds"),
    ],
)
def test_what_an_overview_is_asked_of(what: str, points: bool, apart: str) -> None:
    assert points_at_text(what) == points
    assert tells_text_apart(what) == apart.split()


@pytest.mark.parametrize(
    ("question", "who"),
    [
        ("Who drove?", True),
        ("And whom did she see?", True),
        ("Who is she?", False),
        ("Which man drove?", False),
        ("Whose car?", False),
    ],
)
def test_who_did_it_is_asked(question: str, who: bool) -> None:
    assert asks_who(question) is who


@pytest.mark.parametrize(
    ("question", "noun"),
    [
        ("Which ingredients do I need?", "ingredients"),
        ("And what equipment is provided?", "equipment"),
        ("What is provided?", ""),
        ("What?", ""),
        ("How many ingredients?", ""),
    ],
)
def test_what_is_asked_for_by_its_name(question: str, noun: str) -> None:
    assert asked_noun(question) == noun
