"""What the documents say is what the code does."""

import re
from pathlib import Path

import pytest

from eval.formats import load_suite
from qa.settings import describe_settings

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("setting", describe_settings(), ids=lambda setting: setting[0])
def test_every_setting_is_documented_with_its_default(setting):
    variable, default, description = setting
    shown = f"`{default}`" if default else "–"
    assert f"| `{variable}` | {shown} | {description} |" in (
        ROOT / "docs" / "settings.md"
    ).read_text("utf-8")


@pytest.mark.parametrize(
    "page", ["docs/settings.md", "docs/operations.md", "Dockerfile", "compose.yaml"]
)
def test_no_setting_is_named_that_does_not_exist(page):
    text = (ROOT / page).read_text("utf-8")
    named = set(re.findall(r"FOOTNOTED_[A-Z0-9_]*[A-Z0-9]", text))
    assert named <= {variable for variable, _, _ in describe_settings()}
    assert named


def test_the_chroma_server_is_that_of_the_lock():
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    [version] = re.findall(r"^chromadb==(.+)$", lock, re.MULTILINE)
    assert f"image: chromadb/chroma:{version}\n" in (ROOT / "compose.yaml").read_text("utf-8")


def test_links_between_documents_lead_somewhere():
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_sample_suite_is_about_the_sample_article():
    suite = load_suite(ROOT / "eval" / "suites" / "stargate")
    article = (ROOT / "ingest" / "sample" / "stargate.md").read_text("utf-8")
    assert 900 <= len(article.split()) <= 1100
    assert sum(case.answerable for case in suite.questions) >= 50
    assert sum(not case.answerable for case in suite.questions) >= 15
    for case in suite.questions:
        for alternative in case.evidence:
            assert all(article[gold.start : gold.end] == gold.text for gold in alternative)
