"""``footnoted eval`` with a real Chroma and real files; the language model is a fake."""

import json
import shutil
from xml.etree.ElementTree import parse

import pytest
from fake_llm import Reply

from qa.errors import LLMUnavailableError
from qa.generation.prompt import load_prompt


def asked(out) -> list[str]:
    lines = (out / "records.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["case_id"] for line in lines]


@pytest.fixture
def done(run, llm, suite, replies, tmp_path):
    """The folder of a finished run."""
    llm.say(list(replies))
    assert run("eval", str(suite), "--out", str(tmp_path / "out"))[0] == 0
    return tmp_path / "out"


def test_eval_prints_the_metrics_and_writes_the_records(run, llm, suite, replies, tmp_path):
    llm.say(list(replies))
    code, out, _ = run("eval", str(suite), "--out", str(tmp_path / "out"), "--json")
    summary = json.loads(out)
    assert code == 0
    assert summary["metrics"]["str_em"]["mean"] == 1
    assert summary["metrics"]["citation_f1"]["mean"] == 1
    assert summary["metrics"]["false_answer_rate"]["mean"] == 0
    assert summary["metrics"]["verbatim_rate"]["mean"] == 1
    assert asked(tmp_path / "out") == ["1", "2"]
    report = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "Who opened the new bridge?" in report
    assert "Mayor Ada Lund opened the new bridge on 12 June." in report
    setting = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    assert setting["answerer"]["llm"] == "fake"
    labels = [load_prompt(name).label for name in ("answer/v1", "quote/v1", "condense/v1")]
    assert setting["answerer"]["prompts"] == [*labels, load_prompt("judge/v1").label]
    assert setting["answerer"]["settings"]["llm"]["api_key"] is None
    llm.say(list(replies))
    code, out, err = run("eval", "run", str(suite))
    assert code == 0
    assert "citation_f1" in out
    assert "suite: asking: 2 of 2" in err


def test_a_run_tells_no_password(run, llm, suite, replies, tmp_path, monkeypatch):
    monkeypatch.setenv("FOOTNOTED_LLM__MODEL", "openai:tiny")
    monkeypatch.setenv("FOOTNOTED_LLM__BASE_URL", "http://ann:geheim@127.0.0.1:9/v1")
    llm.say(list(replies))
    assert run("eval", str(suite), "--out", str(tmp_path / "out"))[0] == 0
    told = (tmp_path / "out" / "run.json").read_text("utf-8")
    assert "127.0.0.1:9/v1" in told and "geheim" not in told


def test_eval_reports_each_failure(run, llm, suite, replies):
    llm.say([Reply("It", error=ConnectionError("gone")), replies[-1]])
    code, out, err = run("eval", str(suite), "--json")
    assert code == 1
    assert json.loads(out)["errors"] == {"LLMFailedError": 1}
    assert err.count("suite 1 failed: LLMFailedError: ") == 1


def test_a_stopped_run_goes_on_where_it_was(run, llm, suite, replies, tmp_path):
    out = tmp_path / "out"
    llm.say([replies[0], Reply("Tim", error=KeyboardInterrupt())])
    code, _, err = run("eval", str(suite), "--out", str(out))
    assert code == 130
    assert "--resume goes on from here" in err
    assert asked(out) == ["1"]
    code, _, err = run("eval", str(suite), "--out", str(out))
    assert code == 2
    assert "holds an unfinished run, 1 of 2 questions" in err
    assert "--resume" in err
    code, _, err = run("eval", str(suite), "--out", str(out), "--resume", "--evidence-only")
    assert code == 2
    assert "options.evidence_only was false, now true" in err
    llm.say([replies[-1]])
    code, printed, _ = run("eval", str(suite), "--out", str(out), "--resume")
    assert code == 0
    assert "suite: 2 questions, 1 answerable, 1 answered; errors: none" in printed
    assert asked(out) == ["1", "2"]
    calls = len(llm.calls)
    assert run("eval", str(suite), "--out", str(out), "--resume") == (0, printed, "")
    assert len(llm.calls) == calls


def test_overwriting_starts_anew(run, llm, suite, replies, tmp_path):
    out = tmp_path / "out"
    llm.say([Reply("Tim", error=KeyboardInterrupt())])
    assert run("eval", str(suite), "--out", str(out))[0] == 130
    llm.say([replies[0], Reply("Tim", error=KeyboardInterrupt())])
    assert run("eval", str(suite), "--out", str(out))[0] == 130
    llm.say(list(replies))
    assert run("eval", str(suite), "--out", str(out), "--overwrite")[0] == 0


def test_the_shards_of_a_run_are_summed_up(run, llm, suite, replies, tmp_path):
    out = tmp_path / "out"
    for shard, said in [("1/2", replies[:1]), ("2/2", replies[1:])]:
        llm.say(list(said))
        folder = out / shard[0]
        assert run("eval", str(suite), "--shard", shard, "--out", str(folder))[0] == 0
        assert asked(folder) == [shard[0]]
    code, printed, _ = run("eval", "show", str(out), "--json")
    assert code == 0
    assert json.loads(printed)["questions"] == 2
    code, _, err = run("eval", "show", str(out), "--fail-under", "str_em=1.1")
    assert (code, "gate FAILED: str_em >= 1.1" in err) == (4, True)


def test_several_suites_in_one_run(run, suite, tmp_path):
    lines = ['[[suite]]\npath = "suite"', '[[suite]]\npath = "suite"\nname = "half"\nlimit = 1']
    (tmp_path / "suites.toml").write_text("\n".join(lines), "utf-8")
    arguments = ("eval", str(tmp_path / "suites.toml"), "--evidence-only")
    out = tmp_path / "out"
    code, printed, _ = run(*arguments, "--out", str(out))
    assert code == 0
    assert "suite: 2 questions" in printed
    assert "half: 1 questions" in printed
    assert "macro average of 2 suites" in printed
    assert len(asked(out / "suite")) == 2 and len(asked(out / "half")) == 1
    for folder in (out, out / "suite", out / "half"):
        assert "Who is the chief executive of Apple?" in (folder / "report.html").read_text("utf-8")
    totals = json.loads((out / "summary.json").read_text("utf-8"))
    assert [each["suite"] for each in totals["suites"]] == ["suite", "half"]
    assert run("eval", "show", str(out), "--json")[0] == 0
    assert run(*arguments, "--out", str(out), "--resume")[1] == printed
    code, _, err = run(*arguments, "--out", str(out / "suite"))
    assert (code, "holds the run of one suite" in err) == (2, True)


def test_a_suite_that_is_called_like_a_command(run, suite, tmp_path, monkeypatch):
    shutil.copytree(suite, tmp_path / "compare")
    monkeypatch.chdir(tmp_path)
    code, out, _ = run("eval", "./compare", "--evidence-only")
    assert code == 0
    assert out.startswith("compare: 2 questions")
    assert run("eval", "--evidence-only", "suite")[0] == 0


def test_gates_decide_the_exit_code(run, suite, tmp_path):
    arguments = ("eval", str(suite), "--evidence-only")
    passing = ("--fail-under", "citation_recall=0.9", "--fail-over", "fabricated_rate=0")
    code, _, err = run(*arguments, *passing)
    assert code == 0
    assert "gate passed: citation_recall >= 0.9 (it is 1.000)" in err
    junit, markdown = tmp_path / "ci" / "junit.xml", tmp_path / "ci" / "summary.md"
    failing = ("--fail-over", "answered_rate=0.5", "--junit", str(junit))
    code, out, err = run(*arguments, *failing, "--markdown", str(markdown), "--json")
    assert code == 4
    assert json.loads(out)["questions"] == 2
    assert "gate FAILED: answered_rate <= 0.5 (it is 1.000)" in err
    tests = [suite_.get("tests") for suite_ in parse(junit).getroot()]
    assert tests == ["2", "1"]
    assert "**failed**" in markdown.read_text("utf-8")


def test_a_regression_fails_and_none_passes(run, llm, suite, replies, done, tmp_path):
    arguments = ("eval", str(suite), "--baseline", str(done), "--no-regress")
    llm.say(list(replies))
    code, out, err = run(*arguments)
    assert code == 0
    assert "0 questions changed" in out
    assert f"gate passed: citation_f1 no worse than {done}" in err
    (line, _) = (done / "records.jsonl").read_text("utf-8").splitlines()

    def many(name: str, **scores: float) -> str:
        found = json.loads(line)
        records = (
            found | {"case_id": str(n), "scores": found["scores"] | scores} for n in range(20)
        )
        (tmp_path / name).mkdir()
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (tmp_path / name / "records.jsonl").write_text(lines, "utf-8")
        return str(tmp_path / name)

    before, worse = many("before"), many("worse", citation_precision=0.0)
    code, _, err = run("eval", "show", worse, "--baseline", before, "--no-regress")
    assert code == 4
    assert f"gate FAILED: citation_precision no worse than {before} (1.000 then 0.000" in err
    assert err.count("FAILED") == 1


def test_an_unfinished_run_is_shown_as_one_and_passes_no_gate(
    run, llm, suite, replies, done, tmp_path
):
    out, markdown = tmp_path / "unfinished", tmp_path / "summary.md"
    llm.say([replies[0], Reply("Tim", error=KeyboardInterrupt())])
    assert run("eval", str(suite), "--out", str(out))[0] == 130
    code, printed, _ = run("eval", "show", str(out), "--markdown", str(markdown))
    assert (code, printed.splitlines()[0]) == (0, "unfinished: 1 of 2 questions of suite")
    assert markdown.read_text("utf-8").startswith("unfinished: 1 of 2 questions of suite\n")
    code, printed, err = run("eval", "show", str(out), "--json", "--fail-under", "str_em=0.5")
    assert (code, json.loads(printed)["questions"]) == (4, 1)
    assert err.startswith("unfinished: 1 of 2 questions of suite\n")
    assert "gate passed: str_em >= 0.5" in err
    assert f"gate FAILED: {out} is finished (1 of 2 questions of suite)" in err
    code, _, err = run("eval", "show", str(done), "--baseline", str(out), "--no-regress")
    assert (code, f"gate FAILED: {out} is finished" in err) == (4, True)
    code, _, err = run("eval", "show", str(out / "records.jsonl"), "--baseline", str(out))
    assert (code, "FAILED" in err) == (0, False)


def test_shards_that_are_missing_pass_no_gate(run, suite, tmp_path):
    out = tmp_path / "out"
    arguments = ("eval", str(suite), "--evidence-only", "--shard", "2/2", "--out", str(out / "2"))
    assert run(*arguments, "--fail-under", "questions=1")[0] == 2
    assert run(*arguments, "--fail-over", "false_answer_rate=1")[0] == 0  # its own part is whole
    code, printed, _ = run("eval", "show", str(out))
    assert (code, printed.splitlines()[0]) == (0, "unfinished: 1 of 2 shards of suite")
    assert run("eval", "show", str(out), "--fail-over", "false_answer_rate=1")[0] == 4
    again = (*arguments[:-1], str(tmp_path / "again"), "--baseline", str(out), "--no-regress")
    assert run(*again)[0] == 0  # the baseline has every question of this part


def test_an_output_folder_holds_what_belongs_to_its_last_run(run, llm, suite, replies, tmp_path):
    for name in ("a", "b", "c"):
        shutil.copytree(suite, tmp_path / name)
    a, b, c = (str(tmp_path / name) for name in ("a", "b", "c"))
    out = tmp_path / "out"
    assert run("eval", a, b, "--evidence-only", "--out", str(out))[0] == 0
    (out / "judged.json").write_text("{}")
    code, printed, _ = run("eval", a, b, "--evidence-only", "--out", str(out), "--resume")
    assert (code, (out / "judged.json").exists()) == (0, True)
    assert run("eval", a, c, "--evidence-only", "--out", str(out))[0] == 0
    assert not (out / "judged.json").exists()
    shown = json.loads(run("eval", "show", str(out), "--json")[1])
    assert [each["suite"] for each in shown["suites"]] == ["a", "c"]
    llm.say([Reply("Tim", error=KeyboardInterrupt())])
    assert run("eval", a, c, "--out", str(out))[0] == 130
    assert not [
        file
        for file in out.rglob("*")
        if file.name in ("summary.json", "report.html")
        if file.parent.name != "b"
    ]
    llm.say([*replies[:1], Reply("Tim", error=KeyboardInterrupt())])
    assert run("eval", a, c, "--out", str(out))[0] == 130
    code, printed, _ = run("eval", "show", str(out))
    assert (code, printed.splitlines()[0]) == (
        *(0, "unfinished: 0 of 2 questions of c; 1 of 2 questions of a"),
    )


def test_runs_are_compared(run, suite, done, tmp_path):
    code, _, _ = run("eval", str(suite), "--evidence-only", "--out", str(tmp_path / "b"))
    assert code == 0
    markdown = tmp_path / "changes.md"
    code, out, _ = run(
        "eval", "compare", str(done), str(tmp_path / "b"), "--markdown", str(markdown)
    )
    assert code == 0
    assert "2 questions in both; left out: 0 that only A has" in out
    assert "token_f1" in out
    assert markdown.read_text("utf-8").startswith("## ")
    arguments = ("compare", str(done), str(done / "records.jsonl"), "--metric", "str_em")
    compared = json.loads(run("eval", *arguments, "--json")[1])
    assert [change["metric"] for change in compared["changes"]] == ["str_em"]
    assert compared["changed"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing argument 'SUITE"),
        (["missing"], "missing"),
        (["{suite}", "--resume"], "need --out"),
        (["{suite}", "--limit", "0"], "--limit"),
        (["{suite}", "--shard", "3/2"], "'3/2' is not a shard"),
        (["{suite}", "--fail-under", "f1=0.8"], "no metric 'f1'"),
        (["{suite}", "--no-regress"], "needs --baseline"),
        (["{suite}", "--baseline", "missing"], "no records in 'missing'"),
        (["{suite}", "{suite}"], "two suites are called 'suite'"),
        (["compare", "missing", "missing"], "no records in 'missing'"),
        (["compare", "one"], "Missing argument"),
        (["{suite}", "--fail-under", "seconds=1"], "no metric 'seconds'"),
        (["show", "missing"], "no records in 'missing'"),
        (["{suite}", "--evidence-only", "--markdown", "/dev/null/x.md"], "cannot write"),
    ],
)
def test_a_mistake_is_a_line_and_exit_code_2(run, llm, suite, arguments, said):
    code, out, err = run("eval", *(each.format(suite=suite) for each in arguments))
    assert code == 2
    assert said in err
    assert out == ""
    assert "Traceback" not in err
    assert llm.calls == []


def test_help_shows_the_options_the_commands_and_examples(run):
    for arguments in (["eval", "--help"], ["eval", "-h"]):
        code, out, _ = run(*arguments)
        assert code == 0
        for expected in ("--resume", "--fail-under METRIC=NUMBER", "compare  ", "show  "):
            assert expected in out
        assert "Examples:\n    footnoted eval eval/suites/stargate --limit 20\n" in out
    code, out, _ = run("eval", "compare", "--help")
    assert (code, "footnoted eval compare before after\n" in out) == (0, True)
    assert "eval" in run("--help")[1]


def test_an_address_and_a_key_may_be_the_judges_alone(
    run, llm, suite, replies, tmp_path, monkeypatch
):
    monkeypatch.setenv("FOOTNOTED_LLM__API_KEY", "a-key-for-the-judge")
    llm.say([*replies, "correct"])
    out = tmp_path / "out"
    code, _, err = run("eval", str(suite), "--out", str(out))
    assert (code, "FOOTNOTED_LLM__API_KEY would be ignored" in err) == (2, True)
    code, _, err = run("eval", str(suite), "--out", str(out), "--judge", "other:m")
    assert (code, "judged by fake" in err) == (0, True)


def test_a_judge_has_files_of_its_own(run, llm, suite, replies, tmp_path):
    out = tmp_path / "out"
    llm.say([*replies, "correct"])
    code, printed, err = run("eval", str(suite), "--out", str(out), "--judge", "other:m", "--json")
    assert code == 0
    assert "judged by fake: 1.000 [1.000, 1.000] correct; 1 answers: 1 correct" in err
    assert not [name for name in json.loads(printed)["metrics"] if "judge" in name]
    (judged,) = (out / "judged.jsonl").read_text("utf-8").splitlines()
    assert json.loads(judged)["reply"] == "correct"
    assert json.loads((out / "judged.json").read_text("utf-8"))["judged_correct"]["mean"] == 1
    code, _, err = run("eval", str(suite), "--judge", "other:m")
    assert (code, "--judge need --out" in err) == (2, True)


def test_a_judge_that_cannot_be_set_up_is_known_of_before_the_run(run, llm, suite, tmp_path):
    llm.connect_error = LLMUnavailableError("there is no such provider")
    arguments = ("eval", str(suite), "--evidence-only", "--out", str(tmp_path / "out"))
    code, out, err = run(*arguments, "--judge", "other:m")
    assert (code, out) == (1, "")
    assert "there is no such provider" in err
    assert not (tmp_path / "out").exists()


def test_a_judge_that_breaks_down_takes_no_verdict_with_it(run, suite, tmp_path, monkeypatch):
    def break_down(*_, **__):
        raise LLMUnavailableError("the judge has gone")

    monkeypatch.setattr("eval.judge.judge_records", break_down)
    out, junit = tmp_path / "out", tmp_path / "junit.xml"
    arguments = ("eval", str(suite), "--evidence-only", "--out", str(out), "--judge", "other:m")
    code, printed, err = run(*arguments, "--junit", str(junit), "--fail-under", "str_em=0")
    assert code == 1
    assert "citation_f1" in printed
    assert "gate passed: str_em >= 0" in err and "the judge has gone" in err
    assert junit.exists()


def test_a_gate_that_fails_keeps_no_answer_from_the_judge(run, llm, suite, tmp_path):
    out = tmp_path / "out"
    llm.say(["correct"])
    arguments = ("eval", str(suite), "--evidence-only", "--out", str(out), "--judge", "other:m")
    code, _, err = run(*arguments, "--fail-under", "str_em=1.1")
    assert code == 4
    assert "judged by fake: 1.000" in err
    assert (out / "judged.json").exists()


def test_a_suite_of_any_name_is_run(run, suite, tmp_path):
    shutil.copytree(suite, tmp_path / "prüfung")
    code, out, _ = run("eval", str(tmp_path / "prüfung"), "--evidence-only")
    assert code == 0
    assert out.startswith("prüfung: 2 questions")
