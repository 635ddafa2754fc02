import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.metrics import AlceScores, Statement, alce_scores, alce_scores_of
from qa.schema import NO_ANSWER, Answer, Citation, Claim, Provenance

PASSAGES = {1: "a", 2: "b", 3: "a b", 4: "c"}


def entails(premise: str, claim: str) -> bool:
    return set(claim.split()) <= set(premise.split())


def scores(*statements: tuple[str, list[int]]) -> AlceScores | None:
    cited = [Statement(text, tuple(numbers)) for text, numbers in statements]
    return alce_scores(cited, PASSAGES, entails)


def test_each_citation_may_be_needed() -> None:
    assert scores(("a b", [1, 2])) == AlceScores(1.0, 1.0)


def test_a_citation_that_says_nothing_of_it_is_not_kept() -> None:
    assert scores(("a b", [1, 2, 4])) == AlceScores(1.0, pytest.approx(2 / 3))


def test_a_citation_that_proves_it_alone_is_kept_though_others_do_too() -> None:
    assert scores(("a", [1, 3])) == AlceScores(1.0, 1.0)


def test_citations_of_what_is_not_proved_are_not_kept() -> None:
    assert scores(("a c", [1]), ("a", [1])) == AlceScores(0.5, 0.5)
    assert scores(("a c", [1, 2])) == AlceScores(0.0, 0.0)


def test_nothing_cited_is_not_proved() -> None:
    assert scores(("a", []), ("a", [1])) == AlceScores(0.5, 1.0)
    assert scores(("a", [])) == AlceScores(0.0, 0.0)


def test_a_passage_that_does_not_exist_proves_nothing() -> None:
    assert scores(("a", [1, 9])) == AlceScores(0.0, 0.0)


def test_a_proved_statement_may_keep_no_citation() -> None:
    """Any two of three prove it, none alone, so each can be spared."""

    def two_of_three(premise: str, claim: str) -> bool:
        return len(premise.split("\n")) >= 2

    statement = Statement("x", (1, 2, 3))
    assert alce_scores([statement], PASSAGES, two_of_three) == AlceScores(1.0, 0.0)


@pytest.mark.parametrize(("probability", "recall"), [(0.5, 1.0), (0.49, 0.0), (True, 1.0)])
def test_a_probability_is_a_verdict(probability: float, recall: float) -> None:
    found = alce_scores([Statement("x", (1,))], PASSAGES, lambda premise, claim: probability)
    assert found == AlceScores(recall, recall)


def test_no_statement_has_no_score() -> None:
    assert scores() is None


def test_an_answer_is_scored_by_its_claims_and_footnotes() -> None:
    def citation(number: int, text: str) -> Citation:
        return Citation(
            number=number,
            sentence_id=f"d:{number}",
            document_id="d",
            title="D",
            uri="",
            start=0,
            end=len(text),
            sentence=number,
            text=text,
        )

    answer = Answer(
        question="?",
        standalone_question="?",
        status="answered",
        answer="a b [1][2] c [2]",
        claims=[
            Claim(text="a b", citations=[1, 2], support=1, verdict="supported"),
            Claim(text="c", citations=[2], support=1, verdict="supported"),
        ],
        citations=[citation(1, "a"), citation(2, "b")],
        confidence=1,
        provenance=Provenance(llm="", embedder="", prompt="", collection="", collection_version=""),
    )
    assert alce_scores_of(answer, entails) == AlceScores(0.5, pytest.approx(2 / 3))
    refusal = answer.model_copy(update={"status": "no_answer", "answer": NO_ANSWER, "claims": []})
    assert alce_scores_of(refusal, entails) is None


statements = st.lists(
    st.builds(
        lambda words, numbers: (" ".join(words), numbers),
        st.sets(st.sampled_from("abc"), min_size=1),
        st.lists(st.integers(1, 5), max_size=4, unique=True),
    ),
    min_size=1,
    max_size=5,
)


@settings(deadline=None)
@given(statements, st.data())
def test_bounds_and_order(drawn: list[tuple[str, list[int]]], data: st.DataObject) -> None:
    found = scores(*drawn)
    assert found is not None
    assert 0 <= found.recall <= 1 and 0 <= found.precision <= 1
    turned = [(text, data.draw(st.permutations(numbers))) for text, numbers in drawn]
    assert scores(*data.draw(st.permutations(turned))) == found
