"""The metrics against other implementations of the same definitions."""

import math

import ir_measures
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import RR, R, nDCG
from sklearn.calibration import calibration_curve as sklearn_calibration_curve
from sklearn.metrics import f1_score
from torchmetrics.functional.classification import binary_calibration_error
from torchmetrics.functional.text import squad

from eval.cases import GoldSpan
from eval.metrics import (
    answerability_macro_f1,
    calibration_curve,
    exact_match,
    expected_calibration_error,
    mrr,
    ndcg_at_k,
    recall_at_k,
    refusal_f1,
    token_f1,
)
from qa.schema import Found

DOCUMENTS = 12


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, DOCUMENTS - 1), unique=True, min_size=1),
    st.sets(st.integers(0, DOCUMENTS - 1), min_size=1),
    st.integers(1, DOCUMENTS),
)
def test_rankings_agree_with_trec_eval(order: list[int], relevant: set[int], k: int) -> None:
    ranked = [Found(document_id=str(item), start=0, end=1) for item in order]
    gold = (tuple(GoldSpan(str(item), 0, 1, "") for item in relevant),)
    reference = ir_measures.calc_aggregate(
        [nDCG @ k, R @ k, RR],
        {"q": {str(item): 1 for item in relevant}},
        {"q": {str(item): float(-place) for place, item in enumerate(order)}},
    )
    assert ndcg_at_k(ranked, gold, k) == pytest.approx(reference[nDCG @ k])
    assert recall_at_k(ranked, gold, k) == pytest.approx(reference[R @ k])
    assert mrr(ranked, gold) == pytest.approx(reference[RR])


TRICKY = [
    ("The White House.", "white house"),
    ("A an the", "the"),
    ("", ""),
    ("", "Altman"),
    ("a", ""),
    ("U.S.", "US"),
    ("25-minute call", "25 minute call"),
    ("$0.2 billion", "0.2 billion"),
    ("Trump's", "Trumps"),
    ("Trump’s", "Trumps"),  # an apostrophe that is not ASCII stays
    ("“mutual acquaintance”", "mutual acquaintance"),
    ("theatre", "atre"),
    ("a-an", "an"),
    ("the_end", "end"),
    ("cat cat dog", "cat dog dog"),
    ("naïve\u00a0idea", "naïve idea"),
    ("\tLine\nbreak ", "line break"),
    ("ÉTÉ", "été"),
]
texts = st.lists(
    st.sampled_from([word for pair in TRICKY for word in pair]) | st.text(max_size=4), max_size=4
).map(" ".join)


def squad_scores(prediction: str, answers: list[str]) -> tuple[float, float]:
    found = squad(
        [{"prediction_text": prediction, "id": "q"}],
        [{"answers": {"answer_start": [0] * len(answers), "text": answers}, "id": "q"}],
    )
    return float(found["exact_match"]) / 100, float(found["f1"]) / 100


@pytest.mark.parametrize(("prediction", "answer"), TRICKY)
def test_answers_agree_with_the_squad_metric_where_it_is_tricky(
    prediction: str, answer: str
) -> None:
    exact, f1 = squad_scores(prediction, [answer])
    assert exact_match(prediction, [answer]) == exact
    assert token_f1(prediction, [answer]) == pytest.approx(f1, abs=1e-6)


@settings(deadline=None)
@given(texts, st.lists(texts, min_size=1, max_size=3))
def test_answers_agree_with_the_squad_metric(prediction: str, answers: list[str]) -> None:
    exact, f1 = squad_scores(prediction, answers)
    assert exact_match(prediction, answers) == exact
    assert token_f1(prediction, answers) == pytest.approx(f1, abs=1e-6)


# Not on the edges of bins, which belong to the bin above there and to the one below here.
inside = st.integers(0, 9).flatmap(lambda tenth: st.floats(tenth / 10 + 0.001, tenth / 10 + 0.099))


@settings(deadline=None)
@given(st.lists(st.tuples(inside, st.integers(0, 1)), min_size=1, max_size=30))
def test_calibration_agrees_with_torchmetrics_and_scikit_learn(
    pairs: list[tuple[float, int]],
) -> None:
    sure, right = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    reference = binary_calibration_error(torch.tensor(sure), torch.tensor(right), n_bins=10)
    assert expected_calibration_error(sure, right) == pytest.approx(float(reference), abs=1e-5)
    accuracy, confidence = sklearn_calibration_curve(right, sure, n_bins=10)
    bins = calibration_curve(sure, right)
    assert [each.accuracy for each in bins] == pytest.approx(accuracy.tolist())
    assert [each.confidence for each in bins] == pytest.approx(confidence.tolist())


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12))
def test_f1_of_refusing_agrees_with_scikit_learn(pairs: list[tuple[bool, bool]]) -> None:
    answered, answerable = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    macro = f1_score(answerable, answered, average="macro", zero_division=0.0)
    assert answerability_macro_f1(answered, answerable) == pytest.approx(macro)
    f1 = f1_score(answerable, answered, pos_label=False, zero_division=math.nan)
    value = refusal_f1(answered, answerable)
    assert value == pytest.approx(f1) if value is not None else math.isnan(f1)
