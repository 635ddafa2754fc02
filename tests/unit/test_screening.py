from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from fakes import ARTICLES, BagOfWords
from hypothesis import given
from hypothesis import strategies as st

from eval.proposals import Article, Proposal
from eval.screening import Dropped, Kept, examine, find_copy, leans_on_context
from qa.grounding.cross_encoder import Reading
from qa.schema import Document, Passage
from qa.words import stems

CALL = Article(ARTICLES[0])
SENTENCES = [CALL.text(place) for place in range(len(CALL.spans))]
ARRANGED = 2


class Words:
    """A reader that rates a passage by the share of the question's words in it.

    It sees the answer in all of the passage, or where it is told to look.
    """

    def __init__(self, look_at: str = "") -> None:
        self.look_at = look_at
        self.passages: list[Passage] = []

    def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
        self.passages.extend(passages)
        asked = set(stems(question))
        readings = []
        for text in (it.text for it in passages):
            start = max(0, text.find(self.look_at))
            end = start + len(self.look_at) if self.look_at in text[start:] else len(text)
            rating = len(asked & set(stems(text))) / len(asked)
            readings.append(Reading(rating, start, end if self.look_at else len(text)))
        return readings


def look(question: str, answer: str, place: int = ARRANGED, **changes: Any) -> Kept | Dropped:
    options: dict[str, Any] = {"reader": Words(), "similar": BagOfWords().cosines, "earlier": []}
    article = changes.pop("article", CALL)
    return examine(Proposal(question, answer), article, place, **{**options, **changes})


def test_what_passes_has_the_answer_and_the_sentence_as_they_stand() -> None:
    kept = look("Who arranged the call between Altman and Trump?", "a 'Mutual acquaintance'.")
    assert isinstance(kept, Kept)
    assert kept.answer == "A “mutual acquaintance”"
    texts = [[span.text for span in spans] for spans in kept.evidence]
    assert texts == [[SENTENCES[ARRANGED]]]
    for spans in kept.evidence:
        for span in spans:
            assert ARTICLES[0].text[span.start : span.end] == span.text


BETWEEN = "Who arranged the call between Altman and Trump?"


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        (BETWEEN, "Trump", "NOT_COPIED"),
        (BETWEEN, "mutual acquaint", "NOT_COPIED"),
        (BETWEEN, "", "NOT_COPIED"),
        ("It was arranged.", "", "REPLY"),
        ("Did a mutual acquaintance arrange the call?", "A “mutual acquaintance”", "GIVEN_AWAY"),
        ("Who arranged this call?", "mutual acquaintance", "LEANS"),
        ("Who arranged it?", "mutual acquaintance", "LEANS"),
        ("Who called?", "mutual acquaintance", "LEANS"),
        ("When was the call arranged?", "mutual acquaintance", "UNGROUNDED"),
        ("Who arranged the wedding party of Ann?", "mutual acquaintance", "FOREIGN"),
        ("Who spoke with Trump about the call?", "mutual acquaintance", "NOT_ANSWERED"),
    ],
)
def test_what_does_not_pass_is_told_why(question: str, answer: str, expected: str) -> None:
    assert look(question, answer, floor=0.5) == Dropped[expected]


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


@pytest.mark.parametrize(
    ("seen", "agreed"),
    [
        ("A “mutual acquaintance”", True),
        ("mutual", True),
        ("arranged the", False),
    ],
)
def test_the_cross_encoder_must_see_the_answer_too(seen: str, agreed: bool) -> None:
    found = look(BETWEEN, "mutual acquaintance", reader=Words(seen))
    assert isinstance(found, Kept) if agreed else found == Dropped.DISAGREED


ALIKE = Article(
    Document.make(
        "Ada Lovelace wrote the notes in London. Bees dance. Cid Smith lost the notes in Paris. "
        "All the famous notes of Ada Lovelace were written by her in London.",
        title="Notes",
    )
)
WHERE = "Where did Ada Lovelace write the notes?"


def test_a_sentence_that_says_the_same_is_an_alternative() -> None:
    kept = look(WHERE, "London", 0, article=ALIKE)
    assert isinstance(kept, Kept)
    assert [[span.text.split()[0] for span in spans] for spans in kept.evidence] == [
        ["Ada"],
        ["All"],
    ]


def test_a_sentence_that_says_it_in_passing_is_no_alternative() -> None:
    class Elsewhere(Words):
        def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
            found = super().read(question, passages)
            return [
                replace(it, end=3) if passage.text.startswith("All") else it
                for it, passage in zip(found, passages, strict=True)
            ]

    kept = look(WHERE, "London", 0, article=ALIKE, reader=Elsewhere())
    assert isinstance(kept, Kept) and len(kept.evidence) == 1


def test_a_question_that_another_sentence_answers_better_is_dropped() -> None:
    class Misled(Words):
        def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
            found = super().read(question, passages)
            return [
                replace(it, answers=0.9 if "Paris" in passage.text else 0.5)
                for it, passage in zip(found, passages, strict=True)
            ]

    assert look(WHERE, "London", 0, article=ALIKE, reader=Misled()) == Dropped.AMBIGUOUS


def test_of_a_long_document_the_likeliest_sentences_are_read() -> None:
    filler = "".join(f"Bees danced for {number} days. " for number in range(200))
    text = f"{filler}Ada Lovelace wrote the notes in London. Ada Lovelace left."
    article = Article(Document.make(text, title="Notes"))
    place = len(article.spans) - 2
    reader = Words()
    assert isinstance(look(WHERE, "London", place, article=article, reader=reader), Kept)
    assert len(reader.passages) == 32
    assert [it.text for it in reader.passages[:2]] == [article.text(place), "Ada Lovelace left."]
    before = article.text(place - 1)
    assert reader.passages[0] == Passage(article.text(place), title="Notes", before=before)


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
