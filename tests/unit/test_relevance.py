"""Is a proof about what the question is about?"""

import pytest
from fake_llm import Article
from fakes import BagOfWords

from qa.grounding.relevance import OF_A_QUOTATION, relevance

COSINES = BagOfWords().cosines
PIPE = Article(["The repair cost £236.", "The shed has a new roof."], id="d1", title="Minutes")
FILTER = Article(["It costs £12.", "A filter lasts for a year."], id="d2", title="The D20")


def relevant(question: str, article: Article) -> float:
    evidence = article.evidence()
    return relevance(question, evidence[:1], evidence, COSINES)


@pytest.mark.parametrize(
    ("question", "article"),
    [
        ("How much did the repair cost?", PIPE),
        ("How much does a filter of the D20 cost?", FILTER),
    ],
)
def test_words_count_that_stand_in_the_proof_its_title_or_around_it(
    question: str, article: Article
) -> None:
    assert relevant(question, article) >= OF_A_QUOTATION


@pytest.mark.parametrize(
    "question", ["How much does a carbon filter cost?", "How much is the landing craft a day?"]
)
def test_an_amount_of_something_else_is_none(question: str) -> None:
    assert relevant(question, PIPE) < OF_A_QUOTATION


def test_words_of_another_document_do_not_count() -> None:
    one, other = PIPE.evidence(), FILTER.evidence()
    alone = relevance("How long does a carbon filter last?", one[:1], one, COSINES)
    assert (
        relevance("How long does a carbon filter last?", one[:1], [*one, *other], COSINES) == alone
    )
    assert (
        relevance("How long does a carbon filter last?", other[:1], [*one, *other], COSINES) > alone
    )


@pytest.mark.parametrize("question", ["What happened?", "Who phoned?"])
def test_a_question_of_one_word_is_about_anything(question: str) -> None:
    assert relevant(question, PIPE) == 1
