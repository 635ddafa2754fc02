"""The report in a real chromium, opened from disk."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from lighthouse import every_diagnosis
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from eval.report import write_report

ARGUMENTS = (
    "headless",
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[WebDriver]:
    browser, driven_by = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driven_by is None:
        pytest.skip("chromium or chromedriver is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for argument in (*ARGUMENTS, f"user-data-dir={profile}"):
            options.add_argument(f"--{argument}")
        service = Service(driven_by, log_output=os.devnull)
        driver = webdriver.Chrome(options=options, service=service)
        try:
            yield driver
        finally:
            driver.quit()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report([every_diagnosis("first"), every_diagnosis("second")], path)
    return path.as_uri()


@pytest.fixture
def page(chromium: WebDriver, report: str) -> Iterator[WebDriver]:
    """The report, opened anew at 1280 pixels; the console must stay empty."""
    resize(chromium, 1280)
    chromium.get("about:blank")
    chromium.get_log("browser")
    chromium.get(report)
    yield chromium
    assert chromium.get_log("browser") == []


def resize(driver: WebDriver, width: int, scheme: str = "light") -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def shown(driver: WebDriver) -> list[str]:
    questions = driver.find_elements(By.CSS_SELECTOR, "details.question")
    return [it.get_attribute("id") or "" for it in questions if it.is_displayed()]


def the(driver: WebDriver, css: str) -> WebElement:
    return driver.find_element(By.CSS_SELECTOR, css)


def press(driver: WebDriver, *keys: str) -> None:
    webdriver.ActionChains(driver).send_keys(*keys).perform()


def test_it_renders(page: WebDriver) -> None:
    assert page.title == "first, second · Footnoted evaluation"
    assert len(shown(page)) == 18
    assert len(page.find_elements(By.CSS_SELECTOR, "figure svg")) == 8
    assert the(page, "output").text == "18 questions"
    line = page.execute_script(
        "const path = document.querySelector('figure svg [style*=\"var(--line-1)\"]');"
        "return getComputedStyle(path).stroke"
    )
    assert line == "rgb(31, 95, 139)"


@pytest.mark.parametrize("width", [380, 720, 1000, 1280])
def test_nothing_is_wider_than_the_screen(page: WebDriver, width: int) -> None:
    resize(page, width)
    the(page, "button[name=open]").click()
    for details in page.find_elements(By.CSS_SELECTOR, "details:not([open])"):
        page.execute_script("arguments[0].open = true", details)
    wider = page.execute_script(
        "return [...document.body.querySelectorAll(':not(svg *, thead *, .clip *)')]"
        ".filter(it => it.getBoundingClientRect().right > innerWidth + 0.5)"
        ".map(it => it.outerHTML.slice(0, 200))"
    )
    assert wider == []
    assert page.execute_script("return document.documentElement.scrollWidth") <= width


def test_the_filter(page: WebDriver) -> None:
    diagnosis, kind, run = (
        Select(the(page, f"select[name={name}]")) for name in ("diagnosis", "type", "run")
    )
    diagnosis.select_by_value("not retrieved")
    assert shown(page) == ["q-not-retrieved", "q-not-retrieved~2"]
    assert the(page, "output").text == "2 of 18 questions"
    run.select_by_visible_text("second")
    assert shown(page) == ["q-not-retrieved~2"]
    diagnosis.select_by_value("wrong")
    assert len(shown(page)) == 7
    kind.select_by_visible_text("who")
    assert shown(page) == ["q-wrongly-supported~2"]
    kind.select_by_visible_text("any")
    the(page, "input").send_keys("COPPER  roof")
    found = ("not-retrieved", "not-ranked", "drafted-wrong", "wrongly-supported")
    assert shown(page) == [f"q-{name}~2" for name in found]
    the(page, "input").send_keys(" zebra")
    assert shown(page) == []
    the(page, "#none button").click()
    assert len(shown(page)) == 18


def test_a_diagnosis_leads_to_its_questions(page: WebDriver) -> None:
    the(page, "#run-2 .diagnoses a[data-show-diagnosis='wrongly dropped']").click()
    assert shown(page) == ["q-wrongly-dropped~2"]


def test_a_link_opens_its_question_even_where_it_is_filtered_out(
    page: WebDriver, report: str
) -> None:
    the(page, "input").send_keys("zebra")
    page.execute_script("location.hash = 'q-right~2'")
    assert len(shown(page)) == 18
    assert the(page, "[id='q-right~2']").get_attribute("open")
    page.get("about:blank")
    page.get(f"{report}#q-failed")
    assert the(page, "#q-failed").get_attribute("open")
    assert not the(page, "#q-right").get_attribute("open")
    assert page.switch_to.active_element == the(page, "#q-failed summary")


def test_it_is_read_by_keyboard(page: WebDriver) -> None:
    press(page, "/", "museum")
    assert the(page, "input").get_attribute("value") == "museum"
    press(page, Keys.ESCAPE)
    assert len(shown(page)) == 18
    press(page, "j", "j", "k", "j", Keys.ENTER)
    assert the(page, "#q-refused").get_attribute("open")
    assert page.current_url.endswith("#q-refused")
    press(page, "k", Keys.ENTER, Keys.TAB)
    answer, source = page.find_elements(By.CSS_SELECTOR, "#q-right a.note")
    cited = the(page, "#q-right blockquote .cited")
    assert page.switch_to.active_element == answer
    assert "lit" in (cited.get_attribute("class") or "").split()
    press(page, Keys.ENTER)
    assert page.switch_to.active_element == source
    press(page, Keys.ENTER)
    assert page.switch_to.active_element == answer
    press(page, Keys.TAB, Keys.TAB)
    assert "lit" not in (cited.get_attribute("class") or "").split()


def test_text_is_legible_in_the_light_and_in_the_dark(page: WebDriver) -> None:
    """WCAG AA: at least 4.5 to 1, on paper and on what is marked."""
    script = Path(__file__).with_name("contrast.js").read_text("utf-8")
    the(page, "button[name=open]").click()
    for scheme in ("light", "dark"):
        resize(page, 1280, scheme)
        assert page.execute_script(script) == []
