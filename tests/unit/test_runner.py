import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.cases import Case, GoldSpan, Suite
from eval.runner import AskOutcome, Record, run
from eval.selection import draw
from eval.summary import summarize
from eval.tables import format_summary
from qa.errors import LLMFailedError, NotInCollectionError
from qa.schema import NO_ANSWER, Answer, Citation, Evidence, Found, Provenance, Status

TEXT = "Ada wrote it. Bob read it. Cid lost it."
SPANS = [(0, 13), (14, 26), (27, 39)]
PROVENANCE = Provenance(
    llm="fake", embedder="words", prompt="answer/v1@0", collection="c", collection_version="0"
)


def quote(index: int, document_id: str = "d", **changes: Any) -> dict[str, Any]:
    start, end = SPANS[index]
    return {
        "number": index + 1,
        "sentence_id": f"{document_id}:{start}-{end}",
        "document_id": document_id,
        "title": "D",
        "uri": "",
        "start": start,
        "end": end,
        "sentence": index + 1,
        "text": TEXT[start:end],
        **changes,
    }


def outcome(
    text: str, *cited: int, status: Status = "answered", offered: tuple[int, ...] = (0, 1, 2)
) -> AskOutcome:
    answer = Answer(
        question="?",
        standalone_question="?",
        status=status,
        answer=text,
        claims=[],
        citations=[Citation(**quote(index)) for index in cited],
        confidence=0.9,
        provenance=PROVENANCE,
    )
    return AskOutcome(answer, [Evidence(**quote(index), score=1) for index in offered], 2.0)


def refused() -> AskOutcome:
    return outcome(NO_ANSWER, status="no_answer")


def case(name: str, answer: str | None, *evidence: int) -> Case:
    spans = tuple(GoldSpan("d", *SPANS[index], TEXT[slice(*SPANS[index])]) for index in evidence)
    return Case(
        id=name,
        question=f"{name}?",
        answers=() if answer is None else (answer,),
        answerable=bool(evidence),
        evidence=(spans,) if spans else (),
        type="who",
    )


def suite(*cases: Case) -> Suite:
    return Suite("small", {}, cases)


def source_text(document_id: str) -> str:
    return {"d": TEXT}[document_id]


def one(gold: Case, result: AskOutcome) -> Record:
    (record,) = run(suite(gold), lambda _: result, source_text=source_text)
    return record


def fail(_: Case) -> AskOutcome:
    raise LLMFailedError("it stopped")


def test_a_good_answer() -> None:
    record = one(case("q", "Ada", 0), outcome("Ada wrote it. [1]", 0))
    assert (record.suite, record.case_id, record.type, record.seconds) == ("small", "q", "who", 2)
    assert record.error is None
    assert record.scores == {
        "str_em": 1.0,
        "exact_match": 0.0,
        "token_f1": 0.5,
        "correct": 1.0,
        "answer_words": 3.0,
        "citation_precision": 1.0,
        "citation_recall": 1.0,
        "citation_f1": 1.0,
        "answered_rate": 1.0,
        "false_answer_rate": None,
        "refusal_precision": None,
        "refusal_recall": None,
        "verbatim_rate": 1.0,
        "fabricated_rate": 0.0,
        "evidence_recall_at_8": 1.0,
        "mrr": 1.0,
        "ndcg_at_10": 1.0,
        **{f"retrieval_recall_at_{k}": 1.0 for k in (1, 3, 5, 8, 20)},
    }


def test_footnote_marks_are_no_words() -> None:
    scores = one(case("q", "Ada", 0), outcome("Ada [1]", 0, status="partial")).scores
    assert scores["exact_match"] == scores["answered_rate"] == 1.0
    assert one(case("q", "1", 0), outcome("Ada [1]", 0)).scores["str_em"] == 0.0


def test_refusing_an_answerable_question_scores_nothing() -> None:
    scores = one(case("q", "sources", 0), refused()).scores
    zero = ["str_em", "exact_match", "token_f1", "citation_recall", "citation_f1"]
    assert [scores[name] for name in [*zero, "answered_rate", "refusal_precision"]] == [0.0] * 7
    assert scores["citation_precision"] is scores["verbatim_rate"] is None
    assert scores["evidence_recall_at_8"] == 1.0


def test_footnotes_of_a_refusal_prove_nothing_but_are_checked() -> None:
    scores = one(case("q", "Ada", 0), outcome(NO_ANSWER, 0, status="no_answer")).scores
    assert scores["citation_recall"] == scores["citation_f1"] == 0.0
    assert scores["verbatim_rate"] == 1.0


def test_an_unanswerable_question_has_only_scores_of_refusing_and_quoting() -> None:
    scores = one(case("q", "unused"), outcome("Bob. [2]", 1)).scores
    assert {name: value for name, value in scores.items() if value is not None} == {
        "correct": 0.0,
        "answer_words": 1.0,
        "false_answer_rate": 1.0,
        "refusal_recall": 0.0,
        "verbatim_rate": 1.0,
        "fabricated_rate": 0.0,
    }
    scores = one(case("q", None), refused()).scores
    assert {name: value for name, value in scores.items() if value is not None} == {
        "false_answer_rate": 0.0,
        "refusal_precision": 1.0,
        "refusal_recall": 1.0,
    }


def test_without_accepted_answers_only_citations_count() -> None:
    for result in (outcome("Ada. [1]", 0), refused()):
        scores = one(case("q", None, 0), result).scores
        assert scores["str_em"] is scores["exact_match"] is scores["token_f1"] is None
        assert scores["citation_f1"] is not None


def test_a_citation_that_was_not_offered_is_fabricated() -> None:
    scores = one(case("q", "Ada", 0), outcome("Ada. [1][2]", 0, 1, offered=(1,))).scores
    assert scores["fabricated_rate"] == 0.5
    assert scores["evidence_recall_at_8"] == 0.0


def test_a_changed_quotation_or_an_unknown_document_is_not_verbatim() -> None:
    def missing(document_id: str) -> str:
        raise NotInCollectionError(document_id)

    changed = outcome("Ada.", 0)
    changed.answer.citations.append(Citation(**quote(1, text="Bob ate it.")))
    gold = case("q", "Ada", 0)
    assert one(gold, changed).scores["verbatim_rate"] == 0.5
    (record,) = run(suite(gold), lambda _: outcome("Ada.", 0), source_text=missing)
    assert record.scores["verbatim_rate"] == 0.0
    elsewhere = outcome("Ada.")
    elsewhere.answer.citations.append(Citation(**quote(0, "gone")))
    assert one(gold, elsewhere).scores["verbatim_rate"] == 0.0


def test_only_the_eight_best_of_the_evidence_count() -> None:
    evidence = [Evidence(**quote(0, number=9), score=1)]
    evidence += [Evidence(**quote(1, number=number), score=1) for number in range(1, 9)]
    result = AskOutcome(refused().answer, evidence, 1.0)
    assert one(case("q", "Ada", 0), result).scores["evidence_recall_at_8"] == 0.0


def test_free_text_is_judged_by_what_it_cites() -> None:
    short, long = "one two three four five six seven eight nine ten eleven twelve", "and more"
    for accepted, expected in (
        ((short,), 0.0),
        ((f"{short} {long}", "Ada"), 0.0),
        ((f"{short} {long}",), 1.0),
        ((), 1.0),
    ):
        gold = dataclasses.replace(case("q", None, 0), answers=accepted)
        assert one(gold, outcome("Bob. [1]", 0)).scores["correct"] == expected
    both = case("q", None, 0, 1)
    assert one(both, outcome("Bob. [1]", 0)).scores["correct"] == 0.0
    assert one(both, refused()).scores["correct"] is None
    nothing = dataclasses.replace(both, evidence=())
    assert one(nothing, outcome("Bob. [1]", 0)).scores["correct"] is None


def test_the_search_is_ranked_by_all_that_it_considered() -> None:
    found = [Found(document_id="d", start=SPANS[index][0], end=SPANS[index][1]) for index in (2, 0)]
    told = dataclasses.replace(outcome("Ada. [1]", 0, offered=(0,)), found=found)
    scores = one(case("q", "Ada", 0), told).scores
    assert scores["mrr"] == 0.5
    assert scores["ndcg_at_10"] == pytest.approx(1 / math.log2(3))
    assert [scores[f"retrieval_recall_at_{k}"] for k in (1, 3)] == [0.0, 1.0]
    assert scores["evidence_recall_at_8"] == 1.0
    untold = one(case("q", "Ada", 0), outcome("Ada. [1]", 0, offered=(0,)))
    assert untold.scores["mrr"] == 1.0
    (failed,) = run(suite(case("q", "Ada", 0)), fail, source_text=source_text)
    assert failed.scores["mrr"] == failed.scores["retrieval_recall_at_20"] == 0.0


def test_a_failure_is_recorded_and_the_run_goes_on() -> None:
    def ask(it: Case) -> AskOutcome:
        if it.id == "worse":
            raise ValueError("no such thing")
        return fail(it) if it.id == "broken" else outcome("Ada. [1]", 0)

    cases = [case("broken", "Ada", 0), case("fine", "Ada", 0), case("worse", None)]
    records = list(run(suite(*cases), ask, source_text=source_text))
    first, second, third = records
    assert first.error is not None and first.answer is None and first.seconds is None
    assert (first.error.type, first.error.message) == ("LLMFailedError", "it stopped")
    assert first.scores["str_em"] == first.scores["answered_rate"] == 0.0
    assert first.scores["refusal_precision"] == first.scores["citation_f1"] == 0.0
    assert second.error is None
    assert set(third.scores.values()) == {None}
    summary = summarize(records)
    assert summary.errors == {"LLMFailedError": 1, "ValueError": 1}


def test_a_failure_leaves_an_answerable_question_unanswered_and_refuses_nothing() -> None:
    def ask(it: Case) -> AskOutcome:
        return fail(it) if it.id.startswith("broken") else results[it.id]

    results = {"fine": outcome("Ada. [1]", 0), "refused": refused()}
    cases = [case("fine", "Ada", 0), case("refused", None)]
    broken = [case("broken 1", "Ada", 0), case("broken 2", None)]
    records = list(run(suite(*cases, *broken), ask, source_text=source_text))
    means = {name: it.mean for name, it in summarize(records).metrics.items() if it}
    assert (means["answered_rate"], means["refusal_precision"]) == (0.5, 0.5)
    assert (means["refusal_recall"], means["false_answer_rate"]) == (1.0, 0.0)
    # Refusing: 1 of 2 was right, 1 of 1 found. Answering: 1 of 1 was right, 1 of 2 found.
    assert means["refusal_f1"] == means["answerability_macro_f1"] == pytest.approx(2 / 3)
    assert means["trust_score"] == pytest.approx((2 / 3 + 1 + 1) / 3)
    assert summarize(records).metrics["aurc"] == summarize(records[:2]).metrics["aurc"]


def test_an_unreachable_store_is_a_failure_too() -> None:
    def broken(_: str) -> str:
        raise OSError("gone")

    gold = case("q", "Ada", 0)
    (record,) = run(suite(gold), lambda _: outcome("Ada.", 0), source_text=broken)
    assert record.error is not None and record.error.type == "OSError"


def test_interrupting_is_not_a_failure() -> None:
    def interrupt(_: Case) -> AskOutcome:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run(suite(case("q", None)), interrupt, source_text=source_text))


def test_progress() -> None:
    seen: list[tuple[int, int]] = []
    cases = suite(*(case(str(number), None) for number in range(5)))

    def report(done: int, total: int) -> None:
        seen.append((done, total))

    run_of_two = run(
        cases, lambda _: refused(), source_text=source_text, limit=2, on_progress=report
    )
    assert len(list(run_of_two)) == 2
    assert seen == [(1, 2), (2, 2)]


def test_a_limit_below_one_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="limit must be at least 1, not 0"):
        run(suite(case("q", None)), fail, source_text=source_text, limit=0)


@settings(deadline=None)
@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 45), st.integers(0, 3))
def test_a_draw_is_stratified(yes: int, no: int, limit: int, seed: int) -> None:
    cases = [case(f"yes{number}", "Ada", 0) for number in range(yes)]
    cases += [case(f"no{number}", None) for number in range(no)]
    drawn = draw(cases, limit, seed)
    assert len(drawn) == min(limit, len(cases))
    assert list(drawn) == [each for each in cases if each in drawn]
    assert set(drawn) == set(draw(cases[::-1], limit, seed))
    answerable = sum(each.answerable for each in drawn)
    assert abs(answerable - len(drawn) * yes / max(1, yes + no)) <= 1
    if limit > 1:
        assert bool(answerable) == bool(yes) and bool(len(drawn) - answerable) == bool(no)


def test_another_seed_draws_others() -> None:
    cases = [case(str(number), "Ada", 0) for number in range(50)]
    assert draw(cases, 10, 0) != draw(cases, 10, 1)


def test_a_summary_by_hand() -> None:
    results = {
        "right": outcome("Ada wrote it. [1]", 0),
        "wrong": outcome("Bob. [2]", 1),
        "given up": refused(),
        "invented": outcome("Cid. [3]", 2),
        "refused": refused(),
    }
    cases = [case(name, "Ada", 0) for name in ("right", "wrong", "given up")]
    cases += [case(name, None) for name in ("invented", "refused")]
    records = list(run(suite(*cases), lambda it: results[it.id], source_text=source_text))
    summary = summarize(records, seed=7)
    counts = (summary.suite, summary.questions, summary.answerable, summary.answered)
    assert counts == ("small", 5, 3, 3)
    means = {name: (it.mean, it.n) for name, it in summary.metrics.items() if it}
    third = pytest.approx(1 / 3)
    assert means == {
        "str_em": (third, 3),
        "exact_match": (0.0, 3),
        "token_f1": (pytest.approx(0.5 / 3), 3),
        "correct": (third, 3),
        "answer_words": (pytest.approx(5 / 3), 3),
        "citation_precision": (0.5, 2),
        "citation_recall": (third, 3),
        "citation_f1": (third, 3),
        "answered_rate": (pytest.approx(2 / 3), 3),
        "false_answer_rate": (0.5, 2),
        "refusal_precision": (0.5, 2),
        "refusal_recall": (0.5, 2),
        "refusal_f1": (0.5, 5),
        "verbatim_rate": (1.0, 3),
        "fabricated_rate": (0.0, 3),
        "evidence_recall_at_8": (1.0, 3),
        "mrr": (1.0, 3),
        "ndcg_at_10": (1.0, 3),
        **{f"retrieval_recall_at_{k}": (1.0, 3) for k in (1, 3, 5, 8, 20)},
        # Refusing: 1/2. Answering: 2 right of 3 answered and of 3 answerable.
        "answerability_macro_f1": (pytest.approx((1 / 2 + 2 / 3) / 2), 5),
        "trust_score": (pytest.approx(((1 / 2 + 2 / 3) / 2 + 1 / 2 + 1 / 2) / 3), 5),
        # All three are as sure, and one of them is right.
        "aurc": (pytest.approx(2 / 3), 3),
        "expected_calibration_error": (pytest.approx(0.9 - 1 / 3), 3),
    }
    assert (summary.seconds_median, summary.seconds_p95, summary.seed) == (2.0, 2.0, 7)
    assert summary.provenance == (PROVENANCE,)
    assert summarize(records[::-1], seed=7) == summary


def test_the_table() -> None:
    cases = suite(case("one", "Ada", 0), case("two", "Ada", 0))
    results = {"one": outcome("Ada. [1]", 0), "two": refused()}
    records = run(cases, lambda it: results[it.id], source_text=source_text)
    head, *lines = format_summary(summarize(list(records))).splitlines()
    assert head == "small: 2 questions, 2 answerable, 1 answered; errors: none"
    assert lines[0] == "str_em                      0.500  [0.000, 1.000]  2"
    assert "citation_precision          1.000  [1.000, 1.000]  1" in lines
    assert "false_answer_rate               –                  0" in lines
    assert lines[-2:] == ["seconds_median              2.000", "seconds_p95                 2.000"]


def test_the_table_names_failures_and_survives_an_empty_run() -> None:
    records = list(run(suite(case("q", "Ada", 0)), fail, source_text=source_text))
    assert "errors: 1 LLMFailedError" in format_summary(summarize(records))
    assert "seconds_median              –" in format_summary(summarize([]))


@settings(deadline=None, max_examples=15)
@given(st.lists(st.sampled_from(["good", "bad", "refused", "failed"]), min_size=1, max_size=6))
def test_every_estimate_is_a_share(kinds: list[str]) -> None:
    results = {"good": outcome("Ada. [1]", 0), "bad": outcome("Bob.", 1, 2), "refused": refused()}
    cases = [
        case(f"{kind}-{number}", "Ada", *((0, 1) if number % 2 else ()))
        for number, kind in enumerate(kinds)
    ]

    def ask(it: Case) -> AskOutcome:
        return results[it.id.split("-")[0]]

    summary = summarize(list(run(suite(*cases), ask, source_text=source_text)))
    for name, estimate in summary.metrics.items():
        if estimate:
            most = 2 if name == "answer_words" else 1
            assert 0 <= estimate.low <= estimate.mean <= estimate.high <= most
    assert summary.errors == ({"KeyError": kinds.count("failed")} if "failed" in kinds else {})
