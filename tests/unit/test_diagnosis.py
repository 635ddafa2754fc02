from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lighthouse import EVERY, TEXT, gold, outcome, record_of

from eval.cases import Alternatives, Case
from eval.diagnosis import Diagnosis, diagnose
from eval.runner import AskOutcome, Record
from qa.schema import NO_ANSWER

LONG = "it was painted red by the brother of the keeper after she had left"


def record(
    result: AskOutcome | None,
    evidence: Alternatives,
    answers: Sequence[str] = ("red",),
    correct: float | None = None,
) -> Record:
    asked = Case("q", "What colour?", tuple(answers), answerable=True, evidence=evidence)
    made = record_of(asked, result, {"d": TEXT})
    if correct is None:
        return made
    return made.model_copy(update={"scores": made.scores | {"correct": correct}})


@pytest.mark.parametrize("expected", list(Diagnosis))
def test_each_diagnosis(expected: Diagnosis) -> None:
    asked, result = EVERY[expected]
    assert diagnose(record_of(asked, result, {"d": TEXT}), asked.evidence) is expected


def test_a_diagnosis_is_its_words_and_explains_itself() -> None:
    assert Diagnosis("retrieved, not ranked") is Diagnosis.NOT_RANKED
    assert f"{Diagnosis.RIGHT}" == "right"
    assert len({it.meaning for it in Diagnosis}) == len(Diagnosis) == 9
    assert [it for it in Diagnosis if it.good] == [Diagnosis.RIGHT, Diagnosis.RIGHTLY_REFUSED]


def test_no_diagnosis_says_what_the_language_model_saw() -> None:
    # A sentence may be quoted without it, and it is shown a part of what is offered.
    assert not [it for it in Diagnosis if "language model" in it.meaning]
    assert "drafted or quoted" in Diagnosis.DRAFTED_WRONG.meaning


def test_a_footnote_beside_the_gold_takes_nothing_away() -> None:
    result = outcome("It is red. [1][2]", 8, 2, offered=(8, 2))
    assert diagnose(record(result, gold([8])), gold([8])) is Diagnosis.RIGHT


def test_one_alternative_is_enough() -> None:
    evidence = gold([7, 8], [8])
    result = outcome("It is red. [1]", 8, offered=(8,))
    assert diagnose(record(result, evidence), evidence) is Diagnosis.RIGHT


def test_half_of_the_gold_is_a_proof_of_something_else() -> None:
    result = outcome("It is red. [1]", 8, offered=(7, 8))
    assert diagnose(record(result, gold([7, 8])), gold([7, 8])) is Diagnosis.WRONGLY_SUPPORTED


def test_the_search_is_to_blame_before_the_footnotes() -> None:
    result = outcome("It is red. [1]", 8, offered=(8,))
    assert diagnose(record(result, gold([7, 8])), gold([7, 8])) is Diagnosis.NOT_RETRIEVED


def test_a_dropped_right_claim_beside_a_released_wrong_one() -> None:
    result = outcome("It is a museum. [1]", 9, offered=(8, 9), dropped=["It is red."])
    assert diagnose(record(result, gold([8])), gold([8])) is Diagnosis.WRONGLY_DROPPED


def test_a_refusal_without_a_draft() -> None:
    result = outcome(NO_ANSWER, offered=(8,))
    assert diagnose(record(result, gold([8])), gold([8])) is Diagnosis.DRAFTED_WRONG


@pytest.mark.parametrize("answers", [(), (LONG,)])
@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (outcome("Red. [1]", 8, offered=(8,)), Diagnosis.RIGHT),
        (outcome("Copper. [1]", 5, offered=(8, 5)), Diagnosis.WRONGLY_SUPPORTED),
        (outcome(NO_ANSWER, offered=(8,), dropped=["Red."]), Diagnosis.WRONGLY_DROPPED),
        (outcome(NO_ANSWER, offered=(8,)), Diagnosis.DRAFTED_WRONG),
        (outcome(NO_ANSWER, offered=(5,), found=(8,)), Diagnosis.NOT_RANKED),
    ],
)
def test_without_short_answers_the_citations_decide(
    answers: Sequence[str], result: AskOutcome, expected: Diagnosis
) -> None:
    correct = float(expected is Diagnosis.RIGHT)
    assert diagnose(record(result, gold([8]), answers, correct), gold([8])) is expected


@pytest.mark.parametrize(
    ("text", "answers", "expected"),
    [
        ("It is red. [1]", ("red",), Diagnosis.RIGHT),
        ("It is old. [1]", ("red",), Diagnosis.DRAFTED_WRONG),
        ("It is old. [1]", (), Diagnosis.RIGHT),
        (NO_ANSWER, (), Diagnosis.DRAFTED_WRONG),
    ],
)
def test_without_gold_the_answer_decides(
    text: str, answers: Sequence[str], expected: Diagnosis
) -> None:
    result = outcome(text, *([8] if text != NO_ANSWER else []), offered=(8,))
    assert diagnose(record(result, (), answers), ()) is expected


numbers = st.lists(st.integers(0, 9), max_size=4, unique=True)


@given(
    cited=numbers,
    offered=numbers,
    found=numbers,
    needed=numbers.filter(bool),
    refused=st.booleans(),
    dropped=st.booleans(),
)
def test_what_was_offered_is_never_blamed_on_the_search(
    cited: list[int],
    offered: list[int],
    found: list[int],
    needed: list[int],
    refused: bool,
    dropped: bool,
) -> None:
    text = NO_ANSWER if refused else "It is red."
    result = outcome(
        text,
        *([] if refused else cited),
        offered=offered,
        found=found,
        dropped=["It is red."] if dropped else [],
    )
    diagnosis = diagnose(record(result, gold(needed)), gold(needed))
    search = {Diagnosis.NOT_RETRIEVED, Diagnosis.NOT_RANKED}
    if diagnosis is Diagnosis.RIGHT:
        assert not refused and set(needed) <= set(cited)
    else:
        assert (diagnosis in search) == (not set(needed) <= set(offered))
        assert (diagnosis is Diagnosis.NOT_RETRIEVED) == (
            not set(needed) <= set(offered) and not set(needed) <= {*offered, *found}
        )
