"""The report in a real chromium, opened from disk."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from lighthouse import every_diagnosis
from playwright.sync_api import Browser, Page, expect

from eval.report import write_report

CONTRAST = Path(__file__).with_name("contrast.js").read_text("utf-8")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report([every_diagnosis("first"), every_diagnosis("second")], path)
    return path.as_uri()


@pytest.fixture
def page(chromium: Browser, report: str) -> Iterator[Page]:
    """The report, opened anew at 1280 pixels; the console must stay empty."""
    complaints: list[str] = []
    with chromium.new_context(
        viewport={"width": 1280, "height": 900}, reduced_motion="reduce"
    ) as context:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(report)
        yield page
    assert complaints == []


def shown(page: Page) -> list[str]:
    questions = page.locator("details.question").filter(visible=True).all()
    return [question.get_attribute("id") or "" for question in questions]


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_it_renders(page: Page) -> None:
    expect(page).to_have_title("first, second · Footnoted evaluation")
    assert len(shown(page)) == 18
    expect(page.locator("figure svg")).to_have_count(8)
    expect(page.locator("output")).to_have_text("18 questions")
    line = page.locator("figure svg [style*='var(--line-1)']").first
    expect(line).to_have_css("stroke", "rgb(31, 95, 139)")


@pytest.mark.parametrize("width", [380, 720, 1000, 1280])
def test_nothing_is_wider_than_the_screen(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.locator("button[name=open]").click()
    page.locator("details:not([open])").evaluate_all("all => all.forEach(it => it.open = true)")
    wider = page.evaluate(
        "[...document.body.querySelectorAll(':not(svg *, thead *, .clip *)')]"
        ".filter(it => it.getBoundingClientRect().right > innerWidth + 0.5)"
        ".map(it => it.outerHTML.slice(0, 200))"
    )
    assert wider == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_filter(page: Page) -> None:
    diagnosis, kind, run = (
        page.locator(f"select[name={name}]") for name in ("diagnosis", "type", "run")
    )
    search = page.locator("input")
    diagnosis.select_option("not retrieved")
    assert shown(page) == ["q-not-retrieved", "q-not-retrieved~2"]
    expect(page.locator("output")).to_have_text("2 of 18 questions")
    run.select_option(label="second")
    assert shown(page) == ["q-not-retrieved~2"]
    diagnosis.select_option("wrong")
    assert len(shown(page)) == 7
    kind.select_option(label="who")
    assert shown(page) == ["q-wrongly-supported~2"]
    kind.select_option(label="any")
    search.fill("COPPER  roof")
    found = ("not-retrieved", "not-ranked", "drafted-wrong", "wrongly-supported")
    assert shown(page) == [f"q-{name}~2" for name in found]
    search.press_sequentially(" zebra")
    assert shown(page) == []
    page.locator("#none button").click()
    assert len(shown(page)) == 18


def test_a_diagnosis_leads_to_its_questions(page: Page) -> None:
    page.locator("#run-2 .diagnoses a[data-show-diagnosis='wrongly dropped']").click()
    assert shown(page) == ["q-wrongly-dropped~2"]


def test_a_link_opens_its_question_even_where_it_is_filtered_out(page: Page, report: str) -> None:
    page.locator("input").fill("zebra")
    page.evaluate("location.hash = 'q-right~2'")
    expect(page.locator("[id='q-right~2']")).to_have_attribute("open", "")
    assert len(shown(page)) == 18
    page.goto("about:blank")
    page.goto(f"{report}#q-failed")
    expect(page.locator("#q-failed")).to_have_attribute("open", "")
    expect(page.locator("#q-right")).not_to_have_attribute("open", "")
    expect(page.locator("#q-failed summary")).to_be_focused()


def test_it_is_read_by_keyboard(page: Page) -> None:
    press(page, "/", *"museum")
    expect(page.locator("input")).to_have_value("museum")
    press(page, "Escape")
    assert len(shown(page)) == 18
    press(page, "j", "j", "k", "j", "Enter")
    expect(page.locator("#q-refused")).to_have_attribute("open", "")
    assert page.url.endswith("#q-refused")
    press(page, "k", "Enter", "Tab")
    answer, source = page.locator("#q-right a.note").all()
    cited = page.locator("#q-right blockquote .cited")
    expect(answer).to_be_focused()
    expect(cited).to_contain_class("lit")
    press(page, "Enter")
    expect(source).to_be_focused()
    press(page, "Enter")
    expect(answer).to_be_focused()
    press(page, "Tab", "Tab")
    expect(cited).not_to_contain_class("lit")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_legible(page: Page, scheme: Literal["light", "dark"]) -> None:
    """WCAG AA: at least 4.5 to 1, on paper and on what is marked."""
    page.emulate_media(color_scheme=scheme)
    page.locator("button[name=open]").click()
    assert page.evaluate(CONTRAST) == []
