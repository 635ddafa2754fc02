"""``footnoted eval check`` and ``draft``, with the real cross-encoder and real files."""

import json

import pytest
from fake_llm import Reply

from eval.formats import load_suite


def test_a_good_suite_has_no_findings(run, suite):
    assert run("eval", "check", str(suite)) == (0, "", "errors: 0, warnings: 0\n")
    assert run("eval", "check", str(suite), "--json")[1] == "[]\n"


def test_errors_have_their_line_and_an_exit_code(run, suite):
    questions = suite / "questions.jsonl"
    text = questions.read_text("utf-8")
    questions.write_text(text.replace('"start": ', '"start": 1'), "utf-8")
    code, out, err = run("eval", "check", str(suite))
    assert code == 1
    assert out.startswith(f"{questions}:1: error: ")
    assert err == "errors: 1, warnings: 0\n"
    code, out, _ = run("eval", "check", str(suite), "--json")
    (finding,) = json.loads(out)
    assert (code, finding["line"], finding["severity"]) == (1, 1, "error")


def test_a_warning_is_no_failure(run, suite):
    questions = suite / "questions.jsonl"
    questions.write_text(questions.read_text("utf-8").replace('["Ada Lund"]', '["Bob"]'), "utf-8")
    code, out, err = run("eval", "check", str(suite))
    assert (code, err) == (0, "errors: 0, warnings: 1\n")
    assert "has no accepted answer in its evidence: 'Bob'" in out


@pytest.fixture
def article(tmp_path):
    path = tmp_path / "bridge.md"
    path.write_text(
        "# The bridge\n\nMayor Ada Lund opened the new bridge on 12 June.", encoding="utf-8"
    )
    return path


def test_drafts_are_a_suite_that_waits_to_be_read(run, llm, article, tmp_path):
    out = tmp_path / "drafted"
    llm.say([Reply("Who opened the new bridge?"), Reply("Mayor Ada Lund")])
    code, printed, err = run("eval", "draft", str(article), "--out", str(out), "--questions", "1")
    assert code == 0
    assert printed.startswith(f"{out}: 1 questions, of 1 proposals\n")
    assert f"footnoted eval check {out}" in printed
    assert "drafting: 1 of 1" in err
    (case,) = load_suite(out).questions
    assert case.answers == ("Mayor Ada Lund",)
    code, found, _ = run("eval", "check", str(out))
    assert (code, "is a draft that nobody has read yet" in found) == (0, True)
    calls = len(llm.calls)
    assert run("eval", "draft", str(article), "--out", str(out), "--questions", "1")[0] == 0
    assert len(llm.calls) == calls


def test_what_is_not_kept_is_counted(run, llm, article, tmp_path):
    llm.say([Reply("I do not know.") for _ in range(9)])
    code, printed, _ = run("eval", "draft", str(article), "--out", str(tmp_path / "drafted"))
    assert code == 0
    assert "not kept: the reply is not a question" in printed
    assert "There is nothing left to ask about." in printed
