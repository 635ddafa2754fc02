import pytest
from fake_llm import FakeLLM, Reply, judge_on, yes

from qa.errors import LLMFailedError

TEXT = "Ann met Bob. He refused."
TITLE = "A meeting"


def test_a_verdict_is_one_token_about_the_proof() -> None:
    llm = FakeLLM([yes(0.75)])
    assert judge_on(llm).answers("Whom did Ann meet?", TEXT, TITLE) == pytest.approx(0.75)
    (call,) = llm.calls
    assert f"From “{TITLE}”: {TEXT}" in call.text
    assert "Whom did Ann meet?" in call.text
    assert call.options == {"max_tokens": 1, "logprobs": True, "top_logprobs": 20}


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ({"yes": 0.6, "no": 0.2, "maybe": 0.2}, 0.75),
        ({"Yes": 0.3, " yes": 0.2, "YES": 0.1, "No": 0.2, "the": 0.2}, 0.75),
        ({"yes": 0.9, "the": 0.1}, 1.0),
        ({"no": 0.9, "yesterday": 0.1}, 0.0),
        ({"the": 1.0}, 0.5),
        ({"yes": 0.0, "no": 0.0, "the": 1.0}, 0.5),
        ({}, 0.5),
    ],
)
def test_the_probability_of_yes_is_its_share_of_yes_and_no(
    first: dict[str, float], expected: float
) -> None:
    reply = Reply("no", first=first)
    assert judge_on(FakeLLM([reply])).answers("Who?", TEXT, TITLE) == pytest.approx(expected)


def test_only_the_first_token_is_judged() -> None:
    reply = Reply(pieces=["no", " yes"], first={"no": 1.0})
    assert judge_on(FakeLLM([reply])).answers("Who?", TEXT, TITLE) == 0


@pytest.mark.parametrize("reply", ["yes", Reply("no"), Reply("")])
def test_a_promise_of_probabilities_that_is_not_kept_is_no_verdict(reply: str | Reply) -> None:
    assert judge_on(FakeLLM([reply])).answers("Who?", TEXT, TITLE) == 0.5


def test_a_model_without_probabilities_is_asked_for_a_word() -> None:
    llm = FakeLLM([" Yes, it does.", "No."], token_probabilities=False)
    assert 0.5 < judge_on(llm).answers("Who?", TEXT, TITLE) < 1
    assert 0 < judge_on(llm).answers("Who?", TEXT, TITLE) < 0.5
    assert all("logprobs" not in call.options for call in llm.calls)


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("**Yes**", 0.95),
        ("Answer: yes", 0.95),
        ("<think>\nNo, wait.\n</think>\n\nYes", 0.95),
        ("**No.**", 0.05),
        ("Answer: no, yes is wrong", 0.05),
        ("Not quite yes.", 0.05),
        ("<think>Yes?</think> NO", 0.05),
        ("", 0.5),
        ("…", 0.5),
        ("I cannot say.", 0.5),
        ("Yesterday nobody", 0.5),
        ("<think>\nOkay, no one would", 0.5),
    ],
)
def test_the_first_word_that_is_a_verdict_counts_and_without_one_nothing_is_known(
    reply: str, verdict: float
) -> None:
    llm = FakeLLM([reply], token_probabilities=False)
    assert judge_on(llm).answers("Who?", TEXT, TITLE) == pytest.approx(verdict)


def test_what_is_said_behind_the_verdict_is_not_waited_for() -> None:
    reply = Reply("Yes, it does.", pieces=["Yes", ",", " it does", "."], error=OSError("too late"))
    llm = FakeLLM([reply], token_probabilities=False)
    assert judge_on(llm).answers("Who?", TEXT, TITLE) == pytest.approx(0.95)


def test_a_model_that_breaks_is_an_error_and_no_verdict() -> None:
    with pytest.raises(LLMFailedError, match="line went dead"):
        judge_on(FakeLLM([Reply(error=ConnectionError("line went dead"))])).answers(
            "Who?", TEXT, TITLE
        )
