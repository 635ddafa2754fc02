import base64
import hashlib
import re
from dataclasses import replace
from pathlib import Path

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lighthouse import (
    EVERY,
    SENTENCES,
    TEXT,
    case,
    every_diagnosis,
    footnote,
    gold,
    outcome,
    record_of,
    span,
)
from lxml.html import HtmlElement

from eval.cases import Alternatives, Case, GoldSpan
from eval.diagnosis import Diagnosis
from eval.report import Run, write_report
from eval.report.excerpt import Mark, Source, excerpts, shown_gold
from eval.report.page import render
from eval.report.plots import plots
from eval.runner import AskOutcome, Failure
from eval.summary import summarize
from qa.schema import NO_ANSWER, Turn
from qa.sentences import split_sentences

HOSTILE = '</script><script>alert(1)</script><img src=x onerror="alert(2)">{{ 7*7 }}'


@pytest.fixture(scope="module")
def page() -> HtmlElement:
    return lxml.html.fromstring(render([every_diagnosis()]))


def run_of(asked: Case, result: AskOutcome | None, text: str = TEXT, name: str = "") -> Run:
    records = [record_of(asked, result, {"d": text})]
    return Run(records, summarize(records), {asked.id: asked.evidence}, {"d": text}, name)


def question(page: HtmlElement, anchor: str) -> HtmlElement:
    (found,) = page.xpath("//details[@id=$anchor]", anchor=anchor)
    return found


def said(element: HtmlElement) -> str:
    return " ".join(element.text_content().split())


def quoted(element: HtmlElement, name: str) -> list[str]:
    """What the sources show under a class."""
    words = f"contains(concat(' ', @class, ' '), ' {name} ')"
    return [it.text_content() for it in element.xpath(f".//blockquote//*[{words}]")]


# ── the page ────────────────────────────────────────────────────────────────────────────────


def test_every_question_says_what_became_of_it(page: HtmlElement) -> None:
    for diagnosis, (asked, _) in EVERY.items():
        shown = question(page, f"q-{asked.id}")
        assert shown.get("data-diagnosis") == diagnosis
        assert shown.get("data-type") == asked.type
        assert ("data-good" in shown.attrib) == diagnosis.good
        assert diagnosis.meaning in said(shown)
        assert asked.question in said(shown)
        assert all(answer in said(shown) for answer in asked.answers)


def test_footnotes_and_gold_are_marked_in_the_source(page: HtmlElement) -> None:
    right = question(page, "q-right")
    assert quoted(right, "cited") == [SENTENCES[1]]
    assert quoted(right, "gold") == [SENTENCES[1], SENTENCES[6]]
    assert quoted(right, "gold-label") == ["gold 1", "gold 2"]
    assert SENTENCES[0] in said(right)
    wrong = question(page, "q-wrongly-supported")
    assert (quoted(wrong, "cited"), quoted(wrong, "gold")) == ([SENTENCES[1]], [SENTENCES[6]])


def test_a_footnote_leads_to_its_source_and_back(page: HtmlElement) -> None:
    asked = question(page, "q-should-have-abstained")
    (answer,) = asked.xpath(".//p[@class='answer']")
    assert answer.text_content() == "Ada Moen was. [1][2]"
    there = [link.get("href").removeprefix("#") for link in answer.xpath("a")]
    back = [page.get_element_by_id(anchor) for anchor in there]
    assert [it.getnext().text_content() for it in back] == [SENTENCES[1], SENTENCES[9]]
    assert {it.get("href") for it in back} == {f"#{answer.get('id')}"}


def test_dropped_claims_their_reason_and_errors_are_shown(page: HtmlElement) -> None:
    dropped = said(question(page, "q-wrongly-dropped"))
    assert "There were goats. confidence 0.20 · holds an accepted answer" in dropped
    assert "Why: no sentence says so." in dropped
    refused = said(question(page, "q-refused"))
    assert "Ada Moen was the baker." in refused
    assert "holds an accepted answer" not in refused
    assert "LLMFailedError it stopped in the middle" in said(question(page, "q-failed"))


def test_how_far_the_gold_came(page: HtmlElement) -> None:
    rows = question(page, "q-not-ranked").xpath(".//table[@class='gold-rows']/tbody/tr")
    assert [[said(cell) for cell in row] for row in rows] == [[SENTENCES[8], "3", "–", "–"]]
    rows = question(page, "q-right").xpath(".//table[@class='gold-rows']/tbody/tr")
    assert [[said(cell) for cell in row[1:]] for row in rows] == [
        ["1", "1", "[1]"],
        ["2", "2", "–"],
    ]


def test_numbers_types_and_diagnoses(page: HtmlElement) -> None:
    text = said(page)
    assert "9 questions, of which 7 can be answered" in text
    assert "1 failed" in text
    assert "With 22 % of them nothing went wrong." in text
    counts = [said(it) for it in page.xpath("//ul[@class='diagnoses']/li/a")]
    assert counts == [f"1 {diagnosis}" for diagnosis in Diagnosis]
    types = page.xpath("//h3[.='By type of question']/following-sibling::table/tbody/tr/th")
    assert [said(it) for it in types] == ["who", "unanswerable", "what"]
    assert {said(it) for it in page.xpath("//figure/h3")} == {
        "Risk against coverage",
        "Calibration",
        "Retrieval recall at k",
        "Latency",
    }
    assert "answer/v1@0" in text


def test_ids_are_unique_and_links_lead_to_them(page: HtmlElement) -> None:
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert {link.removeprefix("#") for link in page.xpath("//@href[starts-with(., '#')]")} <= {*ids}


def test_nothing_is_loaded_and_only_its_own_script_may_run(page: HtmlElement) -> None:
    html = render([every_diagnosis()])
    addresses = set(re.findall(r"""https?://[^"'\s<>]+""", html))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert not page.xpath("//@src | //link[not(@href='data:,')] | //iframe | //object | //embed")
    assert not page.xpath("//@*[starts-with(name(), 'on')]")
    (script,) = page.xpath("//script/text()")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy


def test_the_same_run_gives_the_same_page() -> None:
    assert render([every_diagnosis()]) == render([every_diagnosis()])


# ── whatever stands in articles and answers ─────────────────────────────────────────────────


def test_hostile_text_stays_text() -> None:
    evidence = gold([1])
    asked = Case(HOSTILE, HOSTILE, (HOSTILE,), True, evidence=evidence, type=HOSTILE)
    result = outcome(f"{HOSTILE} [1]", 1, offered=(1,), dropped=[HOSTILE])
    answer = result.answer.model_copy(
        update={
            "reason": HOSTILE,
            "standalone_question": f"{HOSTILE}?",
            "citations": [
                it.model_copy(update={"title": HOSTILE}) for it in result.answer.citations
            ],
        }
    )
    text = f"{TEXT[: span(2)['start']]}{HOSTILE}{TEXT[span(2)['start'] :]}"
    run = run_of(asked, replace(result, answer=answer), text=text, name=HOSTILE)
    failed = run.records[0].model_copy(
        update={"answer": None, "error": Failure(type=HOSTILE, message=HOSTILE)}
    )
    page = lxml.html.fromstring(render([replace(run, records=[run.records[0], failed])]))
    assert len(page.xpath("//script")) == 1
    assert not page.xpath("//img | //@onerror")
    assert said(page).count("{{ 7*7 }}") > 10
    assert page.xpath("//option[@value=$it or .=$it]", it=HOSTILE)
    assert len(page.xpath("//details[@data-type=$it]", it=HOSTILE)) == 2


def test_case_ids_become_anchors_of_their_own() -> None:
    names = ["a b", "a-b", "a-b~2", "ü", "a b"]
    runs = [run_of(case(name, "Who?", "Ada Moen", gold([1])), None) for name in names]
    page = lxml.html.fromstring(render(runs))
    assert page.xpath("//details[@data-type]/@id") == [
        *("q-a-b", "q-a-b~2", "q-a-b~2~2", "q-ü", "q-a-b~3")
    ]


def test_marks_that_are_no_footnotes_stay_as_they_are() -> None:
    asked = case("q", "Who?", "Ada Moen", gold([1]))
    text = f"Ada [7] Moen [1] [{'9' * 5000}]"
    page = lxml.html.fromstring(render([run_of(asked, outcome(text, 1, offered=(1,)))]))
    (answer,) = page.xpath("//p[@class='answer']")
    assert answer.text_content() == text
    assert [link.text for link in answer.xpath("a")] == ["[1]"]


def test_a_footnote_that_its_source_does_not_hold_is_shown_apart() -> None:
    asked = case("q", "Who?", "Ada Moen", gold([1]))
    result = outcome("Ada Moen [1]", 1, offered=(1,))
    run = run_of(asked, result)
    page = lxml.html.fromstring(render([replace(run, texts={"d": "Another text."})]))
    assert "This footnote is not in its source as it stands here." in said(page)
    assert quoted(page, "cited") == [SENTENCES[1]]
    page = lxml.html.fromstring(render([replace(run, texts={})]))
    assert quoted(page, "cited") == [SENTENCES[1]]


def test_a_question_with_nothing_to_show() -> None:
    asked = Case("q", "Who?", (), answerable=True)
    run = run_of(asked, outcome(NO_ANSWER))
    page = lxml.html.fromstring(render([run]))
    assert "Nothing is cited, and no gold is known." in said(page)
    assert "No accepted answer is known." in said(page)
    assert question(page, "q-q").get("data-type") == "no type"


def test_a_follow_up_stands_below_its_conversation() -> None:
    history = (Turn(role="user", content="Who is Ada?"), Turn(role="assistant", content="Ada <b>"))
    asked = replace(case("q", "Who?", "Ada Moen", gold([1])), history=history)
    page = lxml.html.fromstring(render([run_of(asked, None)]))
    assert "Said before user: Who is Ada? assistant: Ada <b>" in said(question(page, "q-q"))


# ── runs ────────────────────────────────────────────────────────────────────────────────────


def test_runs_stand_side_by_side() -> None:
    right, wrong = (EVERY[it] for it in (Diagnosis.RIGHT, Diagnosis.DRAFTED_WRONG))
    page = lxml.html.fromstring(render([run_of(*right, name="one"), run_of(*wrong, name="two")]))
    rows = page.xpath("//h2[.='Side by side']/following-sibling::table//tr[td]")
    cells = [[said(cell) for cell in row][:5] for row in rows]
    assert cells == [
        ["one", "1", "100 %", "1.00", "1.00"],
        ["two", "1", "0 %", "0.00", "0.00"],
        ["Mean of the runs", "", "", "0.50", "0.50"],
    ]
    assert page.xpath("//select[@name='run']/option/text()") == ["any", "one", "two"]
    assert page.xpath("//details[@data-type]/@data-run") == ["1", "2"]


def test_one_run_needs_no_comparison(page: HtmlElement) -> None:
    assert "Side by side" not in said(page)
    assert not page.xpath("//select[@name='run']")


def test_writing(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    asked = case("q", "Who is \ud800?", "Ada Moen", gold([1]))
    write_report([run_of(asked, outcome(NO_ANSWER))], path)
    assert "Who is ??" in path.read_text("utf-8")
    with pytest.raises(ValueError, match="at least one run"):
        write_report([], path)
    write_report([Run([], summarize([]), {}, {}, name="empty")], path)
    assert "0 questions" in path.read_text("utf-8")


# ── plots ───────────────────────────────────────────────────────────────────────────────────


def titles(*asked: tuple[Case, AskOutcome | None]) -> list[str]:
    records = [record_of(*it, {"d": TEXT}) for it in asked]
    return [plot.title for plot in plots(records, [it.evidence for it, _ in asked], salt="s")]


def test_a_plot_needs_something_to_show() -> None:
    assert titles() == titles(EVERY[Diagnosis.FAILED]) == []
    assert titles(EVERY[Diagnosis.RIGHTLY_REFUSED]) == ["Latency"]
    assert titles(EVERY[Diagnosis.WRONGLY_DROPPED]) == ["Retrieval recall at k", "Latency"]
    bare = (EVERY[Diagnosis.RIGHT][0], outcome(NO_ANSWER))
    assert titles(bare) == ["Latency"]


def test_plots_say_in_words_and_tables_what_they_show() -> None:
    run = every_diagnosis()
    golds = [run.gold[record.case_id] for record in run.records]
    risk, calibration, recall, latency = plots(run.records, golds, salt="s")
    assert "0.60 of 5 answers wrong" in risk.caption
    assert risk.rows[0][:2] == ("0.90", "0.20")
    assert sum(int(row[-1]) for row in calibration.rows) == 5
    assert ("offered as evidence", "1") in {row[:2] for row in recall.rows}
    assert "over 6 answerable questions" in recall.caption
    assert "half within 2.0 s" in latency.caption
    assert latency.columns == ("share", "whole answer", "first claim")
    assert latency.rows[-1] == ("100%", "30.00 s", "1.50 s")


def test_svgs_take_their_colours_from_the_page() -> None:
    run = every_diagnosis()
    for plot in plots(run.records, [()] * len(run.records), salt="s"):
        assert plot.svg.startswith("<svg")
        assert "var(--line-1)" in plot.svg
        assert not re.search(r"#0[0-9]0[0-9]0[0-9]", plot.svg)
        assert "<metadata" not in plot.svg
        assert 'aria-hidden="true"' in plot.svg


# ── excerpts ────────────────────────────────────────────────────────────────────────────────


def test_the_splitter_sees_the_sentences_of_the_tests() -> None:
    spans = split_sentences(TEXT)
    assert [TEXT[it.start : it.end] for it in spans] == ["# The lighthouse", *SENTENCES]


def test_two_sentences_around_a_mark_are_shown() -> None:
    (passage,) = Source(TEXT).passages([Mark(**span(4), footnote=1)])
    assert "".join(it.text for it in passage) == " ".join(SENTENCES[2:7])
    near, far = Mark(**span(1), footnote=1), Mark(**span(9), alternatives=(1,))
    first, second = Source(TEXT).passages([far, near])
    assert "".join(it.text for it in first).endswith(SENTENCES[3])
    assert "".join(it.text for it in second) == " ".join(SENTENCES[7:])


def test_a_long_neighbour_is_cut() -> None:
    text = f"{'a' * 900}. Here it is. {'b' * 900}."
    start = text.index("Here")
    (passage,) = Source(text).passages([Mark(start, start + 11, footnote=1)])
    assert len("".join(it.text for it in passage)) == 500 + 11 + 500


def test_of_many_alternatives_those_the_footnotes_match_are_shown() -> None:
    evidence = gold([0], [1], [2], [3], [4, 5], [4])
    shown = shown_gold([footnote(1, 4)], evidence)
    assert [(it.text, numbers) for it, numbers in shown.items()] == [
        (SENTENCES[0], [1]),
        (SENTENCES[4], [5, 6]),
        (SENTENCES[5], [5]),
    ]


def test_documents_that_are_cited_come_first() -> None:
    elsewhere: Alternatives = ((GoldSpan("e", 0, 5, "Other"), GoldSpan("x", 0, 5, "Other")),)
    sources = {"e": Source("Other text."), "d": Source(TEXT)}
    found = excerpts([footnote(1, 1)], elsewhere, sources)
    assert [it.document_id for it in found] == ["d", "e"]


bounds = st.tuples(st.integers(0, 60), st.integers(1, 60))
mark = st.builds(
    lambda at, number, cited: Mark(
        at[0],
        at[0] + at[1],
        footnote=number if cited else None,
        alternatives=() if cited else (number,),
    ),
    bounds,
    st.integers(1, 3),
    st.booleans(),
)


@given(st.text("ab. \n#", min_size=120, max_size=300), st.lists(mark, min_size=1, max_size=6))
def test_passages_hold_each_mark_once_and_to_the_byte(text: str, marks: list[Mark]) -> None:
    passages = Source(text).passages(marks)
    shown = ["".join(piece.text for piece in passage) for passage in passages]
    place = 0
    for passage in shown:
        place = text.index(passage, place) + len(passage)
    pieces = [piece for passage in passages for piece in passage]
    for it in dict.fromkeys(marks):
        covered = "".join(piece.text for piece in pieces if it in piece.marks)
        assert covered == text[it.start : it.end]
        assert sum(it in piece.starting for piece in pieces) == 1
    assert all(piece.text for piece in pieces)
