import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import record

from eval.stats import Estimate
from eval.summary import macro_average, metric_names, summarize, total
from eval.tables import format_summary

estimates = st.lists(st.floats(0, 1), min_size=3, max_size=3).map(
    lambda bounds: Estimate(sorted(bounds)[1], sorted(bounds)[0], sorted(bounds)[2], 4)
)


def test_the_macro_average_by_hand() -> None:
    average = macro_average([Estimate(0.5, 0.2, 0.6, 10), Estimate(1.0, 0.6, 1.0, 30)])
    assert average is not None
    assert (average.mean, average.n) == (0.75, 40)
    assert average.low == pytest.approx(0.75 - 0.25)  # a 3-4-5 triangle, halved
    assert average.high == pytest.approx(0.75 + 0.05)
    assert macro_average([]) is None


@given(st.lists(estimates, min_size=1, max_size=6))
def test_a_macro_average_is_a_share_and_surer_than_its_parts(parts: list[Estimate]) -> None:
    average = macro_average(parts)
    assert average is not None
    assert -1e-9 <= average.low <= average.mean + 1e-9
    assert average.mean - 1e-9 <= average.high <= 1 + 1e-9
    assert average.high - average.low <= max(it.high - it.low for it in parts) + 1e-9
    again = macro_average(parts[::-1])
    assert again is not None and math.isclose(again.low, average.low, abs_tol=1e-9)


def test_each_suite_counts_the_same() -> None:
    many = summarize([record(f"q{n}", str_em=1.0, seconds=2.0) for n in range(9)])
    one = summarize([record("q", suite="other", str_em=0.0, citation_f1=0.5, seconds=4.0)])
    totals = total([many, one])
    assert [summary.suite for summary in totals.suites] == ["small", "other"]
    assert totals.value("str_em") == 0.5
    assert totals.value("citation_f1") == 0.5
    assert totals.value("refusal_f1") is None
    assert totals.value("seconds_median") == 3.0
    assert many.value("seconds_p95") == 2.0
    assert many.value("nothing") is None
    assert total([summarize([])]).seconds_median is None


def test_several_suites_are_shown_one_by_one_and_averaged() -> None:
    text = format_summary(
        total([summarize([record("q", suite=name, str_em=1.0)]) for name in ("a", "b")])
    )
    assert text.startswith("a: 1 questions, 1 answerable, 1 answered; errors: none\nstr_em")
    assert "\n\nb: 1 questions" in text
    assert "\n\nmacro average of 2 suites\nstr_em" in text


def test_the_metrics_are_known_before_anything_is_asked() -> None:
    names = metric_names()
    assert {"citation_f1", "false_answer_rate", "refusal_f1", "seconds_p95"} <= set(names)
    assert len(names) == len(set(names))
