from xml.etree.ElementTree import fromstring

import pytest
from runs import record

from eval.compare import compare
from eval.gate import Bound, Gate, check_bounds, check_regressions, check_whole
from eval.junit import format_junit
from eval.markdown import run_markdown
from eval.runner import Record
from eval.summary import summarize, total
from eval.tables import format_gate
from qa.errors import UsageError
from qa.schema import NO_ANSWER

RECORDS = [
    record("q1", citation_f1=1.0, false_answer_rate=None),
    record("q2", citation_f1=0.5, false_answer_rate=None),
    record("q3", citation_f1=None, false_answer_rate=0.0, answerable=False),
]


def test_a_bound_is_read() -> None:
    assert Bound.parse("citation_f1=0.8", least=True) == Bound("citation_f1", 0.8, True)
    assert str(Bound.parse("citation_f1=0.8", least=True)) == "citation_f1 >= 0.8"
    assert str(Bound.parse("seconds_p95=10", least=False)) == "seconds_p95 <= 10"


@pytest.mark.parametrize("text", ["citation_f1", "citation_f1=", "str_em=high", "str_em=nan"])
def test_what_is_no_bound_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a bound"):
        Bound.parse(text, least=True)


def test_an_unknown_metric_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match="no metric 'f1'") as caught:
        Bound.parse("f1=0.8", least=True)
    assert "citation_f1" in caught.value.help


@pytest.mark.parametrize(
    ("bound", "least", "passed", "detail"),
    [
        ("citation_f1=0.75", True, True, "it is 0.750"),
        ("citation_f1=0.76", True, False, "it is 0.750"),
        ("false_answer_rate=0", False, True, "it is 0.000"),
        ("seconds_median=1.5", False, False, "it is 2.000"),
        ("str_em=0", True, False, "no question was eligible"),
        ("str_em=1", False, False, "no question was eligible"),
    ],
)
def test_bounds(bound: str, least: bool, passed: bool, detail: str) -> None:
    (gate,) = check_bounds(summarize(RECORDS), [Bound.parse(bound, least=least)])
    assert (gate.passed, gate.detail) == (passed, detail)


def test_over_several_suites_the_macro_average_is_held_against_the_bound() -> None:
    other = [record("q", suite="other", citation_f1=0.25)]
    totals = total([summarize(RECORDS), summarize(other)])
    (gate,) = check_bounds(totals, [Bound.parse("citation_f1=0.5", least=True)])
    assert gate == Gate(name="citation_f1 >= 0.5", passed=True, detail="it is 0.500")


def test_only_what_is_worse_beyond_chance_is_a_regression() -> None:
    def of(*scores: float, seconds: float = 1.0, wrong: float = 0.0) -> list:
        return [
            record(f"q{n}", str_em=score, false_answer_rate=wrong, seconds=seconds)
            for n, score in enumerate(scores)
        ]

    before = of(*[1.0] * 12)
    one_lost = check_regressions(compare(before, of(0.0, *[1.0] * 11, seconds=9.0)))
    assert [gate.passed for gate in one_lost] == [True, True, True]
    worse = compare(before, of(*[0.0] * 8, *[1.0] * 4, wrong=1.0), names=("old", "new"))
    em, false, answerability = check_regressions(worse)
    assert (em.name, em.passed, false.passed) == ("str_em no worse than old", False, False)
    assert em.detail.startswith("1.000 then 0.333, a difference of -0.667 [-0.9")
    assert em.detail.endswith("] over 12 questions, Holm's p 0.016")
    assert answerability.passed
    better = compare(of(*[0.0] * 12, wrong=1.0), of(*[1.0] * 12))
    assert all(gate.passed for gate in check_regressions(better))


def test_many_metrics_together_find_no_regression_that_one_of_them_finds_by_chance() -> None:
    def of(lost: int, names: int) -> list[Record]:
        scores = dict.fromkeys([f"metric {n}" for n in range(names)], 1.0)
        return [record(f"q{n}", **scores | {"str_em": float(n >= lost)}) for n in range(30)]

    def gates(names: int) -> list[Gate]:
        return check_regressions(compare(of(0, names), of(7, names)))

    alone = next(gate for gate in gates(0) if gate.name.startswith("str_em"))
    assert not alone.passed  # p is 1/64
    assert all(gate.passed for gate in gates(3))


def test_what_is_lost_in_a_metric_of_the_whole_run_is_a_regression() -> None:
    def of(refused: int) -> list[Record]:
        return [record(f"q{n}", text=NO_ANSWER if n < refused else "Ada. [1]") for n in range(30)]

    failed = [gate.name for gate in check_regressions(compare(of(0), of(20))) if not gate.passed]
    assert failed == ["answerability_macro_f1 no worse than A"]


def test_of_two_metrics_that_are_one_turned_round_one_is_gated() -> None:
    before = [record("q", answerable=False, false_answer_rate=0.0, refusal_recall=1.0)]
    names = [gate.name for gate in check_regressions(compare(before, before))]
    assert "false_answer_rate no worse than A" in names
    assert "refusal_recall no worse than A" not in names


def test_a_part_of_a_run_passes_no_gate() -> None:
    lacking = ["3 of 5 questions of small", "0 of 2 questions of other"]
    assert check_whole({"before": (), "now": lacking}) == [
        Gate(name="now is finished", passed=False, detail="; ".join(lacking))
    ]


GATES = [
    Gate(name="citation_f1 >= 0.8", passed=False, detail="it is 0.750"),
    Gate(name="str_em >= 0.5", passed=True, detail="it is 0.600"),
]


def test_a_gate_as_a_line() -> None:
    assert format_gate(GATES[0]) == "gate FAILED: citation_f1 >= 0.8 (it is 0.750)"
    assert format_gate(GATES[1]) == "gate passed: str_em >= 0.5 (it is 0.600)"


def test_junit_has_a_test_for_each_question_and_each_gate() -> None:
    records = [*RECORDS, record("q4", text=None), record("q", suite="other", text="\x1b[1m <Ada>")]
    root = fromstring(format_junit(records, GATES))
    small, other, gates = root.findall("testsuite")
    assert [small.get(key) for key in ("name", "tests", "failures", "errors")] == [
        *("small", "4", "0", "1")
    ]
    first, *_, broken = small.findall("testcase")
    assert (first.get("classname"), first.get("name")) == ("small", "q1: Who?")
    assert first.get("time") == "2.000"
    assert first.findtext("system-out") == "Ada wrote it. [1]\ncitation_f1: 1"
    error = broken.find("error")
    assert error is not None
    assert (error.get("type"), error.get("message")) == ("LLMFailedError", "it stopped")
    assert other.findtext("testcase/system-out") == "\ufffd[1m <Ada>"
    assert (gates.get("tests"), gates.get("failures")) == ("2", "1")
    failed, passed = gates.findall("testcase")
    failure = failed.find("failure")
    assert failure is not None and failure.get("message") == "it is 0.750"
    assert passed.find("failure") is None
    assert len(fromstring(format_junit(RECORDS, [])).findall("testsuite")) == 1


def test_the_markdown_of_a_run() -> None:
    records = [*RECORDS, record("q4", text=None)]
    summary = summarize(records)
    compared = compare(RECORDS, records, names=("before", "now"))
    text = run_markdown(summary, records, GATES, compared)
    heads = [line for line in text.splitlines() if line.startswith("#")]
    assert heads == [
        "## Gates",
        "## small",
        "## Questions that failed",
        "## before (A) and now (B)",
        "### 0 questions changed",
    ]
    assert "| citation\\_f1 &gt;= 0.8 | **failed** | it is 0.750 |" in text
    assert "| citation\\_f1 | 0.750 |" in text
    assert "- small q4: LLMFailedError: it stopped" in text


def test_the_markdown_of_an_unfinished_run_says_so_first() -> None:
    text = run_markdown(summarize(RECORDS), RECORDS, GATES, missing=["3 of 5 questions of a_b"])
    assert text.startswith("unfinished: 3 of 5 questions of a\\_b\n\n## Gates")


def test_the_markdown_of_several_suites() -> None:
    other = [record("q", suite="other", citation_f1=0.25)]
    text = run_markdown(total([summarize(RECORDS), summarize(other)]), [*RECORDS, *other])
    heads = [line for line in text.splitlines() if line.startswith("#")]
    assert heads == ["## Macro average of 2 suites", "## small", "## other"]
