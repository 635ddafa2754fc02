import pytest
from fake_llm import Article

from qa.grounding.misfits import fitting, misfit


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Is the kettle made of plastic?", "## Is the kettle made of plastic?"),
        ("How much did Tom pay?", "TOM: Four months?"),
        ("When can Carla send it?", "“Can you send it by 4 October?”"),
        ("When can Carla send it?", "Can you send it by 4 October? *"),
    ],
)
def test_what_asks_does_not_answer(question: str, text: str) -> None:
    assert misfit(question, text) == "the sentence that fits asks, and does not answer"


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What did Ann ask?", "“Who paid for the ferry?”"),
        ("Which question was put first?", "Who paid for the ferry?"),
        ("Who paid?", "“Who paid?” Ann asked the council."),
        ("What did Bob tell the council?", "Bob told it: “It takes ten years, can you imagine?”"),
    ],
)
def test_a_question_answers_one_about_it(question: str, text: str) -> None:
    assert misfit(question, text) is None


@pytest.mark.parametrize("text", ["No.", "No, no.", "Yes, of course.", "“Right.”", "I don't."])
def test_a_bare_yes_or_no_answers_nothing_by_itself(text: str) -> None:
    reason = "the sentence that fits says nothing by itself"
    assert misfit("Does it come in black?", text) == reason


@pytest.mark.parametrize("text", ["No, in white.", "1.7 litres.", "Ann."])
def test_a_short_answer_says_something(text: str) -> None:
    assert misfit("Does it come in black?", text) is None


WARRANTY = Article(
    ["It lasts three years from the day of purchase.", "If you register it, it becomes five."]
)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How long is the warranty if I register it?", WARRANTY.sentences[1:]),
        ("How long is the warranty?", WARRANTY.sentences),
        ("How long is the warranty if I sell it?", WARRANTY.sentences),
        ("How long is the warranty if it is mine?", WARRANTY.sentences),
    ],
)
def test_a_condition_is_met_where_a_sentence_has_it(question: str, expected: list[str]) -> None:
    assert [it.text for it in fitting(question, WARRANTY.evidence())] == list(expected)


def test_a_condition_of_no_content_leaves_what_fits() -> None:
    evidence = Article(["Is it long?", *WARRANTY.sentences]).evidence()
    assert fitting("How long is it if it is mine?", evidence) == evidence[1:]


@pytest.mark.parametrize("text", ["14 March 2024", "Updated: Thu 14th Mar 2024, 10:30 GMT", "2024"])
def test_the_date_of_a_text_tells_of_nothing_else(text: str) -> None:
    reason = "the line that fits is the date of the text"
    assert misfit("When is the ship handed over?", text) == reason
    assert misfit("When was it published?", text) is None
    assert misfit("How many came?", text) is None


@pytest.mark.parametrize("text", ["On 14 March 2024.", "Handed over 14 March", "- May: the ship"])
def test_a_date_in_a_sentence_tells(text: str) -> None:
    assert misfit("When is the ship handed over?", text) is None


@pytest.mark.parametrize(
    "text", ["This page explains how to pay.", "# The table below lists fees."]
)
def test_what_a_text_is_about_answers_nothing_else(text: str) -> None:
    assert (
        misfit("How do I pay?", text) == "the sentence that fits only says what its text is about"
    )


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What does this page explain?", "This page explains how to pay."),
        ("How do I pay?", "This machine shows how to pay."),
    ],
)
def test_what_a_text_is_about_is_told_where_it_is_asked(question: str, text: str) -> None:
    assert misfit(question, text) is None
