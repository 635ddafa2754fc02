import pytest
from fake_llm import Article, FakeLLM, Reply, judge_on, yes

from qa.errors import LLMFailedError
from qa.generation.prompt import load_prompt, show_sentences

TEXT = "Ann met Bob. He refused."


def test_a_verdict_is_one_token_about_the_proof() -> None:
    llm = FakeLLM([yes(0.75)])
    assert judge_on(llm).stated("Ann met Bob.", TEXT) == pytest.approx(0.75)
    (call,) = llm.calls
    assert TEXT in call.text
    assert "Ann met Bob." in call.text.replace(TEXT, "")
    assert call.options == {"max_tokens": 1, "logprobs": True, "top_logprobs": 20}


def test_whether_a_claim_is_right_is_asked_of_the_proof_alone() -> None:
    llm = FakeLLM([yes(0.75)])
    assert judge_on(llm).right("Ann met Bob.", "Whom did Ann meet?", TEXT) == pytest.approx(0.75)
    (call,) = llm.calls
    assert all(said in call.text for said in (TEXT, "Whom did Ann meet?", "Answer: Ann met Bob."))


def test_whether_the_evidence_says_it_is_asked_behind_the_prompt_of_the_draft() -> None:
    evidence = Article(["Ann met Bob.", 'He "refused".']).evidence()
    llm = FakeLLM([yes(0.25)])
    assert judge_on(llm).says("Whom did Ann meet?", evidence) == pytest.approx(0.25)
    (call,) = llm.calls
    draft = load_prompt("answer/v1").messages(
        sentences=show_sentences(evidence), question="Whom did Ann meet?"
    )
    assert call.messages[0] == draft[0]
    shared = "[1] Ann met Bob.\n[2] He “refused”.\n\nQuestion: Whom did Ann meet?\n"
    assert call.messages[1][1].startswith(shared)
    assert draft[1][1].startswith(shared)


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
    assert judge_on(FakeLLM([reply])).stated("Bob.", TEXT) == pytest.approx(expected)


def test_only_the_first_token_is_judged() -> None:
    reply = Reply(pieces=["no", " yes"], first={"no": 1.0})
    assert judge_on(FakeLLM([reply])).stated("Bob.", TEXT) == 0


@pytest.mark.parametrize("reply", ["yes", Reply("no"), Reply("")])
def test_a_promise_of_probabilities_that_is_not_kept_is_no_verdict(reply: str | Reply) -> None:
    assert judge_on(FakeLLM([reply])).stated("Bob.", TEXT) == 0.5


def test_a_model_without_probabilities_is_asked_for_a_word() -> None:
    llm = FakeLLM([" Yes, it does.", "No."], token_probabilities=False)
    assert 0.5 < judge_on(llm).stated("Bob.", TEXT) < 1
    assert 0 < judge_on(llm).stated("Bob.", TEXT) < 0.5
    assert all("logprobs" not in call.options for call in llm.calls)


@pytest.mark.parametrize("reply", ["", "I cannot say.", "Not quite yes.", "…"])
def test_a_word_that_is_not_yes_is_no(reply: str) -> None:
    llm = FakeLLM([reply], token_probabilities=False)
    assert judge_on(llm).stated("Bob.", TEXT) < 0.5


def test_a_model_that_breaks_is_an_error_and_no_verdict() -> None:
    with pytest.raises(LLMFailedError, match="line went dead"):
        judge_on(FakeLLM([Reply(error=ConnectionError("line went dead"))])).stated("B", TEXT)
