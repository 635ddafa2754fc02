"""Two sentences that disagree are both shown; two that only seem to are not."""

from collections.abc import Sequence

import pytest
from conflicting import AGREEING, CONFLICTING, Pair
from fake_llm import Article

from qa.grounding.conflicts import find_conflict
from qa.grounding.cross_encoder import CrossEncoder, Reading
from qa.schema import Evidence, Passage
from qa.sentences import split_sentences

READER = CrossEncoder()
QUESTION = "How much did the Harle footbridge cost?"
SAID = "The Harle footbridge cost 4 million euros."
OTHER = "The Harle footbridge cost 7 million euros."


class Proving:
    """Reads what it cost as the answer, and is so sure of every proof."""

    def __init__(self, sure: float = 0.9) -> None:
        self.sure = sure
        self.claims: list[str] = []

    def answers(self, question: str, passages: Sequence[Passage]) -> list[float]:
        return [0.9 for _ in passages]

    def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
        begins = [passage.text.find("cost ") + len("cost ") for passage in passages]
        return [Reading(0.9, begin, begin + len("4 million")) for begin in begins]

    def supports(self, claim: str, passages: Sequence[Passage]) -> list[float]:
        self.claims.append(claim)
        return [self.sure for _ in passages]


def offered(*texts: str, title: str = "News", answers: float = 0.9) -> list[Evidence]:
    article = Article(list(texts), title=title)
    return [item.model_copy(update={"answers": answers}) for item in article.evidence()]


def contradicts(first: str, second: str, question: str = QUESTION, sure: float = 0.9) -> bool:
    said, other = offered(first, second)
    found = find_conflict(question, [said], [said, other], Proving(sure))
    assert found is None or (found.said, found.other) == (said, other)
    return found is not None


# Which sentences


def test_another_value_for_the_same_is_a_conflict() -> None:
    assert contradicts(SAID, OTHER)
    assert contradicts(OTHER, SAID)


def test_who_says_so_is_no_part_of_what_is_said() -> None:
    assert contradicts(SAID, "According to Ann Lund, the Harle footbridge cost 7 million euros.")
    assert contradicts("The Harle footbridge cost 4 million euros, according to the state.", OTHER)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (SAID, SAID),
        (SAID, "The Harle footbridge cost 4.1 million euros."),
        (SAID, "The Harle footbridge cost 7 million dollars."),
        (SAID, "The Harle footbridge cost a lot."),
        (SAID, "The Harle footbridge cost 4 million euros and its lifts 7 million euros."),
        ("It cost 4 million euros.", "7 million euros."),
        (SAID, "The Harle footbridge cost 7 million euros in 2019."),
        ("In 2018 the Harle footbridge cost 4 million euros.", f"In 2019 {OTHER}"),
        (SAID, "The Selk footbridge cost 7 million euros."),
        (SAID, "The Harle footbridge cost Selk 7 million euros."),
        (SAID, "At first the Harle footbridge cost 7 million euros."),
        (SAID, "The Harle footbridge would cost 7 million euros."),
        (SAID, "The Harle footbridge cost 7 million euros or 4 million euros."),
        ("For the 2nd time the Harle footbridge cost 4 million euros.", OTHER),
        (
            "The Harle footbridge with lifts cost 4 million euros.",
            "The Harle footbridge without lifts cost 7 million euros.",
        ),
        ("In 3 days the Harle footbridge cost 4 million euros.", f"In 9 days {OTHER}"),
    ],
)
def test_another_value_for_something_else_is_none(first: str, second: str) -> None:
    assert not contradicts(first, second)
    assert not contradicts(second, first)


def test_each_must_prove_the_other_with_its_value() -> None:
    assert not contradicts(SAID, OTHER, sure=0.1)
    reader = Proving()
    said, other = offered(SAID, OTHER)
    find_conflict(QUESTION, [said], [said, other], reader)
    assert sorted(reader.claims) == [SAID, OTHER]


def test_a_sentence_that_proves_only_one_way_is_no_conflict() -> None:
    class OneWay(Proving):
        def supports(self, claim: str, passages: Sequence[Passage]) -> list[float]:
            return [0.9 if passage.text == SAID else 0.1 for passage in passages]

    said, other = offered(SAID, OTHER)
    assert find_conflict(QUESTION, [said], [said, other], OneWay()) is None
    assert find_conflict(QUESTION, [other], [said, other], OneWay()) is None


def test_an_answer_of_several_values_is_not_compared() -> None:
    class Whole(Proving):
        def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
            return [Reading(0.9, 0, len(passage.text)) for passage in passages]

    said, several = offered(SAID, "The Harle footbridge cost 7 million euros or 9 million euros.")
    assert find_conflict(QUESTION, [said], [said, several], Whole()) is None
    assert find_conflict(QUESTION, [several], [said, several], Whole()) is None


def test_both_must_be_likely_answers() -> None:
    said, other = offered(SAID, OTHER)
    for unlikely in (0.4, None):
        doubted = other.model_copy(update={"answers": unlikely})
        assert find_conflict(QUESTION, [said], [said, doubted], Proving()) is None
        assert find_conflict(QUESTION, [doubted], [said, doubted], Proving()) is None


def test_both_must_be_of_the_kind_asked_for() -> None:
    why = "Why was the Harle footbridge expensive?"
    assert not contradicts(SAID, OTHER, question=why)


def test_what_the_title_names_or_what_it_leans_on_need_not_be_said_again() -> None:
    (said,) = offered(SAID)
    (other,) = offered("The footbridge cost 7 million euros.", title="Harle")
    _, leaning = offered("Harle has a footbridge.", "It cost 7 million euros.")
    _, apart = offered("Harle has a footbridge.", "The footbridge cost 7 million euros.")
    (foreign,) = offered("The footbridge cost 7 million euros.", title="Selk")
    assert find_conflict(QUESTION, [said], [said, other], Proving()) is not None
    assert find_conflict(QUESTION, [said], [said, leaning], Proving()) is not None
    assert find_conflict(QUESTION, [said], [said, apart], Proving()) is None
    assert find_conflict(QUESTION, [said], [said, foreign], Proving()) is None


def test_a_title_that_the_question_names_is_not_another_title() -> None:
    (said,) = offered("It cost 4 million euros.", title="Harle footbridge")
    (other,) = offered("It cost 7 million euros.", title="Selk footbridge")
    assert find_conflict(QUESTION, [said], [said, other], Proving()) is None


def test_the_likeliest_of_several_is_found() -> None:
    said, other, third = offered(SAID, OTHER, "The Harle footbridge cost 9 million euros.")
    third = third.model_copy(update={"answers": 0.95})
    found = find_conflict(QUESTION, [said], [said, other, third], Proving())
    assert found is not None and found.other == third


def test_what_proves_the_answer_too_does_not_contradict_it() -> None:
    said, other = offered(SAID, OTHER)
    assert find_conflict(QUESTION, [said, other], [said, other], Proving()) is None


def test_without_another_value_nothing_is_read() -> None:
    class Unread(Proving):
        def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
            raise AssertionError

    said, other = offered(SAID, "The footbridge over the Harle has two lifts.")
    assert find_conflict(QUESTION, [said], [said, other], Unread()) is None


# Whole articles, with the real cross-encoder


def disagrees(pair: Pair, place: int) -> bool:
    """Whether the likeliest sentence of the pair's articles is contradicted by another."""
    evidence: list[Evidence] = []
    for document in pair.articles(place):
        texts = [document.text[span.start : span.end] for span in split_sentences(document.text)]
        evidence += Article(texts, id=document.id, title=document.title).evidence()
    passages = [
        Passage(item.text, title=item.title, before=" ".join(item.before[-1:])) for item in evidence
    ]
    read = [
        item.model_copy(update={"answers": answers})
        for item, answers in zip(evidence, READER.answers(pair.question, passages), strict=True)
    ]
    likeliest = max(read, key=lambda item: item.answers or 0.0)
    return find_conflict(pair.question, [likeliest], read, READER) is not None


def test_two_thirds_of_the_conflicts_are_found_and_none_between_names() -> None:
    found = [pair for place, pair in enumerate(CONFLICTING) if disagrees(pair, place)]
    assert len(found) >= 2 / 3 * len(CONFLICTING)
    assert not [pair for pair in found if pair.kind == "name"]


def test_what_only_looks_like_a_conflict_is_none() -> None:
    assert [pair for place, pair in enumerate(AGREEING) if disagrees(pair, place)] == []
