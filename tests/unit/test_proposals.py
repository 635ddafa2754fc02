import pytest
from fake_llm import FakeLLM, Reply
from fakes import ARTICLES

from eval.proposals import Article, Author, Proposal, openings, propose
from qa.generation.prompt import load_prompt
from qa.schema import Document

CALL = Article(ARTICLES[0])


def author(*replies: str | Reply) -> Author:
    return Author(FakeLLM(replies), load_prompt("draft_question/v1"), load_prompt("quote/v1"))


def test_the_model_asks_and_then_answers() -> None:
    article = Article(Document.make('Ada came. "So", she said, it was.', title='On "Ada"'))
    made = author("**Question: What did Ada say?**\nIt is easy.", " So \n")
    assert propose(made, article, 1, "What") == Proposal("What did Ada say?", "So")
    asking, answering = made.llm.calls  # type: ignore[attr-defined]
    for shown in ("On “Ada”", "before: Ada came.", "Sentence: “So”, she said", "with “What”"):
        assert shown in asking.text
    assert "[1] “So”, she said, it was." in answering.text
    assert "Question: What did Ada say?" in answering.text
    assert '"' not in asking.text + answering.text
    assert made.label == f"fake, {made.ask.label}"


@pytest.mark.parametrize("reply", ["", "Ada came.", "Who? And when?", "\n\n"])
def test_what_is_no_question_is_not_answered(reply: str) -> None:
    proposal = propose(author(reply), CALL, 0, "Who")
    assert proposal.answer == ""
    assert not proposal.is_question


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("it rained.", ["What"]),
        ("Ada left because it rained.", ["Why", "Who", "What"]),
        ("it rained in Paris in 1843.", ["When", "How many", "Where", "Who", "What"]),
        ("they paid $5 for ten minutes.", ["How much", "How long", "How many", "What"]),
    ],
)
def test_a_question_begins_as_the_sentence_allows(sentence: str, expected: list[str]) -> None:
    assert openings(sentence) == expected


def test_only_statements_with_a_name_or_a_number_are_worth_asking_about() -> None:
    text = (
        "# A heading about Ada and the year of 1843\n\nToo short, Ada. "
        "Nobody knows what they did there on that day in the end. "
        "Did Ada really write it all in one night in 1843? "
        "She wrote “all of it” in one night, in 1843, by hand.\n\n"
        "“The whole of it was written by Ada Lovelace herself.”"
    )
    article = Article(Document.make(text, title="T"))
    asked = [article.text(place) for place in article.worth_asking()]
    assert [text.split()[0] for text in asked] == ["She", "“The"]
