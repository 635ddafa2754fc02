import json
from pathlib import Path

import pytest

from eval.plan import Options, listed, plan
from qa.errors import SuiteError


def write_suite(folder: Path) -> Path:
    folder.mkdir(parents=True)
    row = {"doc_id": "d", "title": "D", "text": "Ada wrote it."}
    (folder / "corpus.jsonl").write_text(json.dumps(row), "utf-8")
    question = {"id": "q", "question": "Who?", "answers": ["Ada"], "answerable": True}
    (folder / "questions.jsonl").write_text(json.dumps(question), "utf-8")
    return folder


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A folder with the suites 'one' and 'two' in it."""
    for name in ("one", "two"):
        write_suite(tmp_path / name)
    return tmp_path


def test_suites_by_name(two: Path) -> None:
    options = Options(limit=3)
    planned = plan([two / "one", str(two / "two")], options)
    assert [each.suite.name for each in planned] == ["one", "two"]
    assert {each.options for each in planned} == {options}


def test_a_file_of_suites(two: Path) -> None:
    lines = ['[[suite]]\npath = "one"', "[[suite]]", 'path = "one"', 'name = "again"', "limit = 2"]
    lines += ["open_corpus = true", "seed = 4", "evidence_only = true"]
    (two / "suites.toml").write_text("\n".join(lines), "utf-8")
    first, again, last = plan([two / "suites.toml", two / "two"], Options(limit=9, seed=1))
    assert [each.suite.name for each in (first, again, last)] == ["one", "again", "two"]
    assert first.options == last.options == Options(limit=9, seed=1)
    assert again.options == Options(limit=2, seed=4, open_corpus=True, evidence_only=True)


def test_what_a_file_lists_each_once(two: Path) -> None:
    lines = ['[[suite]]\npath = "one"\n[[suite]]\npath = "one"\nname = "again"']
    (two / "suites.toml").write_text("\n".join(lines), "utf-8")
    assert listed([two / "suites.toml", "elsewhere#dev"]) == [str(two / "one"), "elsewhere#dev"]


def test_two_suites_of_one_name_are_refused(two: Path) -> None:
    with pytest.raises(SuiteError, match="two suites are called 'one'"):
        plan([two / "one", two / "one"], Options())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[[suite", "is not TOML"),
        ("", r"suites\.toml: suite: Field required"),
        ("suite = []", "at least 1"),
        ('[[suite]]\npath = "one"\nlimits = 2', r"suite\.0\.limits: Extra inputs"),
        ('[[suite]]\npath = "one"\nlimit = 0', r"suite\.0\.limit"),
        ('[[suite]]\npath = "one"\nlimit = true', r"suite\.0\.limit"),
        ('[[suite]]\npath = "one"\nname = "../up"', r"suite\.0\.name"),
        ('[[suite]]\npath = "three"', "there is no suite"),
    ],
)
def test_a_broken_file_is_refused(two: Path, content: str, message: str) -> None:
    (two / "suites.toml").write_text(content, "utf-8")
    with pytest.raises(SuiteError, match=message):
        plan([two / "suites.toml"], Options())


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"missing\.toml cannot be read"):
        plan([tmp_path / "missing.toml"], Options())
