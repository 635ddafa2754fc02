from collections.abc import Sequence
from typing import Any

import pytest
from fake_llm import FakeLLM
from fakes import ARTICLES, BagOfWords
from hypothesis import given
from hypothesis import strategies as st

from eval.proposals import (
    Article,
    Dropped,
    Kept,
    Proposal,
    examine,
    find_copy,
    leans_on_context,
    propose,
)
from qa.generation.prompt import load_prompt
from qa.schema import Document, Passage
from qa.words import stems

PROMPT = load_prompt("draft_question/v1")
CALL = Article(ARTICLES[0])
SENTENCES = [CALL.text(place) for place in range(len(CALL.spans))]
ARRANGED = 2


class Words:
    """A reader that rates a passage by the share of the question's words in it."""

    def answers(self, question: str, passages: Sequence[Passage]) -> list[float]:
        asked = set(stems(question))
        return [len(asked & set(stems(it.text))) / len(asked) for it in passages]


def look(question: str, answer: str, place: int = ARRANGED, **changes: Any) -> Kept | Dropped:
    options: dict[str, Any] = {"reader": Words(), "similar": BagOfWords().cosines, "earlier": []}
    article = changes.pop("article", CALL)
    return examine(Proposal(question, answer), article, place, **{**options, **changes})


# Asking


def test_the_sentence_is_shown_with_its_title_and_the_one_before() -> None:
    article = Article(Document.make('Ada came. "So", she said, it was.', title='On "Ada"'))
    llm = FakeLLM(["Question: Who came?\nAnswer: Ada"])
    assert propose(llm, PROMPT, article, 1) == Proposal("Who came?", "Ada")
    (call,) = llm.calls
    for shown in ("On “Ada”", "Sentence before: Ada came.", "Sentence: “So”, she said, it was."):
        assert shown in call.text
    assert '"' not in call.text


@pytest.mark.parametrize(
    "reply",
    [
        "Question: Who came?\nAnswer: Ada",
        "**Question:** Who came?\n\n**Answer:** Ada\nNote: easy",
        "question: Who came? answer: Ada",
        "Sure!\n“Question”: Who came?\n“Answer”: Ada",
    ],
)
def test_replies_that_are_understood(reply: str) -> None:
    assert propose(FakeLLM([reply]), PROMPT, CALL, 0) == Proposal("Who came?", "Ada")


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "Who came? Ada",
        "Question: Who came?",
        "Question: Who came?\nAnswer: –",
        "Question: Ada came\nAnswer: Ada",
        "Question: Who? And when?\nAnswer: Ada",
        "Question:\nAnswer: Ada",
    ],
)
def test_replies_that_are_not(reply: str) -> None:
    assert propose(FakeLLM([reply]), PROMPT, CALL, 0) is None


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


# Checking


def test_what_passes_has_the_answer_and_the_sentence_as_they_stand() -> None:
    kept = look("Who arranged the call between Altman and Trump?", "a 'Mutual acquaintance'.")
    assert isinstance(kept, Kept)
    assert kept.answer == "A “mutual acquaintance”"
    texts = [[span.text for span in spans] for spans in kept.evidence]
    assert texts == [[SENTENCES[ARRANGED]]]
    for spans in kept.evidence:
        for span in spans:
            assert ARTICLES[0].text[span.start : span.end] == span.text


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        ("Who arranged the call?", "Trump", Dropped.NOT_COPIED),
        ("Who arranged the call?", "mutual acquaint", Dropped.NOT_COPIED),
        ("Did a mutual acquaintance arrange the call?", "a “mutual acquaintance”", "GIVEN_AWAY"),
        ("Who arranged this call?", "mutual acquaintance", Dropped.LEANS),
        ("Who arranged it?", "mutual acquaintance", Dropped.LEANS),
        ("Who called?", "mutual acquaintance", Dropped.LEANS),
        ("When was the call arranged?", "mutual acquaintance", Dropped.UNGROUNDED),
        ("Who spoke with Trump about the call?", "mutual acquaintance", Dropped.NOT_ANSWERED),
    ],
)
def test_what_does_not_pass_is_told_why(
    question: str, answer: str, expected: Dropped | str
) -> None:
    expected = Dropped[expected] if expected in Dropped.__members__ else Dropped(expected)
    assert look(question, answer, floor=0.6) == expected


def test_long_answers_and_copied_questions_are_dropped() -> None:
    text = "In the spring of 1843 Ada Lovelace, who lived in London, wrote down her famous notes."
    article = Article(Document.make(text, title="Ada"))
    long = look("What did Ada Lovelace do in 1843?", text, 0, article=article)
    assert long == Dropped.LONG
    question = "In the spring of 1843 Ada Lovelace, who lived in London, wrote what?"
    assert look(question, "her famous notes", 0, article=article) == Dropped.COPIES


def test_a_question_that_was_asked_is_dropped() -> None:
    question = "Who arranged the call of Altman and Trump?"
    earlier = ["Who wrote it?", "who arranged the call of Trump and Altman"]
    assert look(question, "mutual acquaintance", earlier=earlier) == Dropped.DUPLICATE


ALIKE = Article(
    Document.make(
        "Ada Lovelace wrote the notes in London. Bees dance. Cid Smith lost the notes in Paris. "
        "All the famous notes of Ada Lovelace were written by her in London.",
        title="Notes",
    )
)


def test_a_sentence_that_says_the_same_is_an_alternative() -> None:
    kept = look("Where did Ada Lovelace write the notes?", "London", 0, article=ALIKE)
    assert isinstance(kept, Kept)
    assert [[span.text.split()[0] for span in spans] for spans in kept.evidence] == [
        ["Ada"],
        ["All"],
    ]


def test_a_question_that_another_sentence_answers_better_is_dropped() -> None:
    class Misled(Words):
        def answers(self, question: str, passages: Sequence[Passage]) -> list[float]:
            return [0.9 if "Paris" in it.text else 0.5 for it in passages]

    found = look(
        "Where did Ada Lovelace write the notes?", "London", 0, article=ALIKE, reader=Misled()
    )
    assert found == Dropped.AMBIGUOUS


def test_of_a_long_document_the_likeliest_sentences_are_read() -> None:
    read: list[Passage] = []

    class Counting(Words):
        def answers(self, question: str, passages: Sequence[Passage]) -> list[float]:
            read.extend(passages)
            return super().answers(question, passages)

    filler = "".join(f"Bees danced for {number} days. " for number in range(200))
    text = f"{filler}Ada Lovelace wrote the notes in London. Ada Lovelace left."
    article = Article(Document.make(text, title="Notes"))
    place = len(article.spans) - 2
    question = "Where did Ada Lovelace write the notes?"
    assert isinstance(look(question, "London", place, article=article, reader=Counting()), Kept)
    assert len(read) == 32
    assert [it.text for it in read[:2]] == [article.text(place), "Ada Lovelace left."]
    assert read[0] == Passage(article.text(place), title="Notes", before=article.text(place - 1))


@pytest.mark.parametrize(
    ("answer", "text", "expected"),
    [
        ("the 'Mutual  friend'", "Then the “mutual\nfriend” came.", "the “mutual\nfriend”"),
        ("“mutual friend.”", "A mutual friend came.", "mutual friend"),
        ("25 minutes.", "for 25 minutes, he", "25 minutes"),
        ("25", "1925 and 250", None),
        ("", "x", None),
        (".", "x.", None),
        ("(a)", "see (A) here", "(A)"),
    ],
)
def test_copies_are_found(answer: str, text: str, expected: str | None) -> None:
    assert find_copy(answer, text) == expected


@given(st.text(), st.text(min_size=1))
def test_a_copy_is_a_part_of_the_text(answer: str, text: str) -> None:
    found = find_copy(answer, text)
    assert found is None or found in text


@pytest.mark.parametrize(
    ("question", "leans"),
    [
        ("What did Altman say that he wanted?", False),
        ("What did he say that Altman wanted?", True),
        ("What does the article say about Altman?", True),
        ("When was Stargate announced?", False),
        ("How much will these chips cost Oracle?", True),
        ("Who?", True),
        ("What does SoftBank expect of its share of Stargate?", False),
    ],
)
def test_leaning_on_the_context(question: str, leans: bool) -> None:
    assert leans_on_context(question) is leans
