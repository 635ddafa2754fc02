import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import record

from eval.compare import Change, compare
from eval.markdown import comparison_markdown
from eval.runner import Record
from eval.stats import Estimate
from eval.tables import format_comparison
from qa.errors import UsageError
from qa.schema import NO_ANSWER

A = [
    record("q1", str_em=1.0, citation_f1=0.5, false_answer_rate=None),
    record("q2", str_em=0.0, citation_f1=0.5, false_answer_rate=None, text="Bob. [1]"),
    record("q3", str_em=None, citation_f1=None, false_answer_rate=1.0, answerable=False),
    record("q4", str_em=1.0, citation_f1=1.0, false_answer_rate=None),
    record("gone", str_em=1.0),
]
B = [
    record("new", str_em=1.0),
    record("q4", str_em=1.0, citation_f1=1.0, false_answer_rate=None, seconds=3.0),
    record("q3", str_em=None, citation_f1=None, false_answer_rate=0.0, answerable=False),
    record("q2", str_em=1.0, citation_f1=0.5, false_answer_rate=None),
    record("q1", str_em=0.0, citation_f1=None, false_answer_rate=None, text=None),
]


def change(
    metric: str, low: float, high: float, p: float = 0.01, mcnemar_p: float | None = None
) -> Change:
    difference = Estimate((low + high) / 2, low, high, 9)
    return Change(
        metric=metric,
        n=9,
        a=0,
        b=0,
        difference=difference,
        p=p,
        mcnemar_p=mcnemar_p,
        detectable=None,
    )


def test_only_questions_of_both_runs_count() -> None:
    compared = compare(A, B, names=("old", "new"))
    assert (compared.a, compared.b) == ("old", "new")
    assert (compared.questions, compared.only_a, compared.only_b) == (4, 1, 1)
    changes = {each.metric: each for each in compared.changes}
    assert list(changes) == [
        *("str_em", "citation_f1", "false_answer_rate"),
        *("refusal_f1", "answerability_macro_f1", "trust_score", "seconds"),
    ]
    em = changes["str_em"]
    assert (em.n, em.a, em.b) == (3, pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert em.difference.mean == 0
    assert em.mcnemar_p == em.p == 1
    assert changes["citation_f1"].n == 2
    assert changes["citation_f1"].mcnemar_p is None
    assert changes["false_answer_rate"].n == 1
    assert changes["false_answer_rate"].detectable is None
    assert changes["seconds"].difference.mean == pytest.approx(1 / 3)


def test_the_questions_that_changed_the_worst_first() -> None:
    first, *_, last = compare(A, B).changed
    assert [each.case_id for each in compare(A, B).changed] == ["q1", "q2", "q3"]
    assert first.b.answer == "failed: LLMFailedError: it stopped"
    assert first.b.footnotes == ()
    assert first.a.footnotes == ("Ada wrote it.",)
    assert first.a.scores == {"str_em": 1.0, "citation_f1": 0.5}
    assert first.b.scores == {"str_em": 0.0, "citation_f1": None}
    assert last.a.scores == {"false_answer_rate": 1.0}


def test_only_the_metrics_that_were_asked_for() -> None:
    compared = compare(A, B, metrics=["citation_f1"])
    assert [each.metric for each in compared.changes] == ["citation_f1"]
    assert [each.case_id for each in compared.changed] == ["q1"]
    assert compare(A, B, metrics=["seconds"]).changed == ()
    with pytest.raises(UsageError, match="no metric 'f1'") as caught:
        compare(A, B, metrics=["f1"])
    assert "citation_f1" in caught.value.help


def test_a_question_worded_otherwise_is_another() -> None:
    other = [record("q1", question="Whom?", str_em=1.0), record("q2", str_em=1.0)]
    compared = compare(A, other)
    assert (compared.questions, compared.only_a, compared.only_b) == (1, 4, 1)


def test_runs_of_other_suites_cannot_be_compared() -> None:
    with pytest.raises(UsageError, match=r"A \(small\) and B \(other\) have no question"):
        compare(A, [record("q1", suite="other")])
    with pytest.raises(UsageError, match=r"B \(empty\)"):
        compare(A, [])


def test_a_verdict_needs_an_interval_on_one_side() -> None:
    assert change("str_em", 0.1, 0.2).verdict == "better"
    assert change("str_em", -0.2, -0.1).verdict == "worse"
    assert change("false_answer_rate", 0.1, 0.2).verdict == "worse"
    assert change("seconds", -2.0, -1.0).verdict == "better"
    assert change("str_em", 0.0, 0.2).verdict == "unclear"
    assert change("str_em", -0.1, 0.0).verdict == "unclear"


def test_a_verdict_needs_a_test_that_says_so() -> None:
    assert change("citation_f1", -0.2, -0.1, p=0.05).verdict == "unclear"
    assert change("str_em", -0.2, -0.1, p=0.01, mcnemar_p=0.06).verdict == "unclear"
    assert change("str_em", -0.2, -0.1, p=0.06, mcnemar_p=0.04).verdict == "worse"
    before = [record(f"q{n}", str_em=1.0) for n in range(60)]
    after = [record(f"q{n}", str_em=float(n >= 4)) for n in range(60)]
    (lost,) = compare(before, after, metrics=["str_em"]).changes
    assert lost.difference.high < 0
    assert (lost.mcnemar_p, lost.verdict) == (0.125, "unclear")


def answering(answered: int, of: int = 40, **scores: float) -> list[Record]:
    """Answerable questions, the first of which were answered, and as many unanswerable refused."""
    return [
        record(f"q{n}", text="Ada wrote it. [1]" if n < answered else NO_ANSWER, **scores)
        for n in range(of)
    ] + [record(f"n{n}", answerable=False, answers=(), text=NO_ANSWER) for n in range(of)]


def test_metrics_of_a_whole_run_are_compared() -> None:
    compared = compare(answering(40), answering(25))
    changes = {each.metric: each for each in compared.changes}
    lost = changes["refusal_f1"]
    assert (lost.n, lost.a, lost.b) == (80, 1.0, pytest.approx(80 / 95))
    assert lost.difference.mean == pytest.approx(80 / 95 - 1)
    assert lost.difference.low < lost.difference.mean < lost.difference.high < 0
    assert lost.p < 0.01 and lost.mcnemar_p is lost.detectable is None
    assert lost.verdict == changes["answerability_macro_f1"].verdict == "worse"
    gained = compare(answering(25), answering(40), metrics=["refusal_f1"]).changes[0]
    assert (gained.verdict, gained.a, gained.b) == ("better", lost.b, lost.a)
    assert "trust_score" not in changes and "aurc" not in changes


def sure(confidences: list[float]) -> list[Record]:
    """Answers of that confidence, every second one right."""
    records = []
    for n, confidence in enumerate(confidences):
        one = record(f"q{n}", correct=float(n % 2))
        assert one.answer is not None
        given = one.answer.model_copy(update={"confidence": confidence})
        records.append(one.model_copy(update={"answer": given}))
    return records


def test_a_confidence_that_tells_less_is_a_regression() -> None:
    knowing, knowing_nothing = sure([0.1, 0.9] * 20), sure([0.5] * 40)
    changes = {each.metric: each for each in compare(knowing, knowing_nothing).changes}
    assert changes["aurc"].verdict == "worse"
    assert changes["expected_calibration_error"].difference.mean == pytest.approx(-0.1)
    same = compare(knowing, knowing, metrics=["aurc"]).changes[0]
    assert same.difference == Estimate(0, 0, 0, 40)
    assert same.p == 1


def test_a_question_that_only_one_run_answered_counts_in_a_metric_of_the_whole_run() -> None:
    fewer = [*sure([0.1, 0.9] * 10)[:-1], record("q19", text=NO_ANSWER)]
    (area,) = compare(sure([0.1, 0.9] * 10), fewer, metrics=["aurc"]).changes
    assert area.n == 20
    assert area.b > area.a


def test_what_cannot_be_compared_is_refused_with_what_can() -> None:
    before = [record("q1", refusal_precision=1.0, str_em=1.0)]
    assert "refusal_precision" not in {each.metric for each in compare(before, before).changes}
    with pytest.raises(UsageError, match="refusal_precision cannot be compared") as caught:
        compare(before, before, metrics=["refusal_precision"])
    assert "refusal_f1" in caught.value.help
    with pytest.raises(UsageError, match="no metric 'seconds_p95'"):
        compare(before, before, metrics=["seconds_p95"])


scores = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12)


@settings(max_examples=20)
@given(scores)
def test_a_run_differs_from_itself_in_nothing_and_turned_round_it_changes_its_sign(
    pairs: list[tuple[bool, bool]],
) -> None:
    a = [record(f"q{n}", str_em=float(pair[0])) for n, pair in enumerate(pairs)]
    b = [record(f"q{n}", str_em=float(pair[1])) for n, pair in enumerate(pairs)]
    same = compare(a, a, metrics=["str_em"])
    assert same.changed == ()
    assert same.changes[0].difference == Estimate(0, 0, 0, len(a))
    assert same.changes[0].p == same.changes[0].mcnemar_p == 1
    there, back = (compare(*runs, metrics=["str_em"]).changes[0] for runs in ((a, b), (b, a)))
    assert there.difference.mean == pytest.approx(-back.difference.mean)
    assert there.mcnemar_p == back.mcnemar_p
    # Turned round, other resamples are drawn: where the interval all but touches zero, one of the
    # two may be unclear. Both better or both worse is never so.
    assert {there.verdict, back.verdict} not in ({"better"}, {"worse"})


def many(score: float, words: str) -> list[Record]:
    names = ["evidence_recall_at_8", "str_em", "false_answer_rate", "correct"]
    text = f"{words} wrote the article that everybody has been reading since, which is long. [1]"
    return [
        record(f"q{n}", question="Who? " * 30, text=text, **dict.fromkeys(names, score))
        for n in range(30)
    ]


def test_the_text_fits_a_terminal_of_100_columns() -> None:
    text = format_comparison(compare(many(1.0, "Ada"), many(0.0, "Bob")), show=3)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 100
    assert "30 questions in both; left out: 0 that only A has, 0 that only B has" in lines
    assert "30 questions changed, the first 3 of them:" in lines
    row = next(line for line in lines if line.startswith("str_em")).split()
    assert row[:6] == ["str_em", "30", "1.000", "0.000", "-1.000", "[-1.000,"]
    assert row[7:9] == ["<.001", "<.001"]
    assert row[-1] == "worse"
    assert text.count("accepted: Ada") == 3
    (answers, *_) = [line for line in lines if line.startswith("Ada wrote")]
    assert answers.index("Bob wrote") == 51
    assert answers.startswith("Ada wrote the article that everybody has been")
    assert "[1] “Ada wrote it.”" in text


def test_the_text_of_what_did_not_change() -> None:
    text = format_comparison(compare(A, A))
    assert text.endswith("\n\n0 questions changed")
    assert "(not in the sources)" in format_comparison(compare(A, B))


def test_the_markdown_holds_every_change_and_shows_signs_as_they_are() -> None:
    b = [one.model_copy(update={"question": one.question}) for one in B]
    a = [
        record("q1", str_em=1.0, text="a|b <b>*x*</b>\nnext"),
        record("q2", str_em=0.0),
    ]
    text = comparison_markdown(compare(a, b, names=("runs/a_1", "b")))
    assert "## runs/a\\_1 (A) and b (B)" in text
    assert "| metric | n | A | B | B-A |" in text
    assert "### 2 questions changed" in text
    assert "a\\|b &lt;b&gt;\\*x\\*&lt;/b&gt; next<br>\\[1\\] “Ada wrote it.”" in text
    assert "str\\_em 1 → 0" in text


def test_a_longer_answer_is_neither_better_nor_worse() -> None:
    assert change("answer_words", 1.0, 3.0).verdict == "unclear"
    assert change("aurc", 0.1, 0.3).verdict == "worse"
    before = [record("q1", answer_words=2.0, str_em=1.0), record("q2", answer_words=2.0)]
    after = [record("q1", answer_words=9.0, str_em=0.0), record("q2", answer_words=1.0)]
    assert [each.case_id for each in compare(before, after).changed] == ["q1", "q2"]
