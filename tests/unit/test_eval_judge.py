import json
from pathlib import Path

import pytest
from fake_llm import FakeLLM, Reply
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import answer, record

from eval.judge import JudgedRecord, JudgedSummary, judge_records, summarize_judged, write_judged
from eval.stats import Estimate
from qa.errors import LLMUnavailableError
from qa.generation.prompt import load_prompt
from qa.schema import NO_ANSWER, Turn


def judge(*replies: str | Reply) -> list[JudgedRecord]:
    records = [record(str(number)) for number in range(len(replies))]
    return list(judge_records(records, FakeLLM(replies, name="openai:pinned-2026-01-01")))


def test_the_judge_sees_question_accepted_answers_and_the_answer_without_footnotes() -> None:
    llm = FakeLLM(["correct"])
    asked = record(question="Who wrote it?", answers=("Ada", "Ada Lovelace"))
    list(judge_records([asked], llm))
    (call,) = llm.calls
    assert [role for role, _ in call.messages] == ["system", "user"]
    for shown in ("Who wrote it?", "- Ada\n- Ada Lovelace", "Ada wrote it.\n"):
        assert shown in call.text
    assert "[1]" not in call.text


def test_the_judge_sees_the_conversation_before_a_follow_up() -> None:
    llm = FakeLLM(["correct"])
    history = (Turn(role="user", content="Who is Ada?"), Turn(role="assistant", content="A poet."))
    asked = record(question="What did she write?").model_copy(update={"history": history})
    list(judge_records([asked], llm))
    told = "User: Who is Ada?\nAssistant: A poet.\nUser: What did she write?\n"
    assert told in llm.calls[0].text


def test_a_verdict_has_its_provenance() -> None:
    (judged,) = judge("correct")
    assert (judged.suite, judged.case_id, judged.reply) == ("small", "0", "correct")
    assert judged.llm == "openai:pinned-2026-01-01"
    assert judged.prompt == load_prompt("grade/v1").label


@pytest.mark.parametrize(
    ("reply", "verdict", "score"),
    [
        ("correct", "correct", 1.0),
        ("Incorrect.", "incorrect", 0.0),
        (" **CORRECT**\n", "correct", 1.0),
        ("_incorrect_", "incorrect", 0.0),
        ("“undecided”", "undecided", None),
        ("not correct", None, None),
        ("correct or incorrect", None, None),
        ("It is correct", None, None),
        ("", None, None),
        ("1", None, None),
    ],
)
def test_only_the_word_alone_is_a_verdict(
    reply: str, verdict: str | None, score: float | None
) -> None:
    (judged,) = judge(reply)
    assert (judged.verdict, judged.score, judged.error) == (verdict, score, None)


def test_what_cannot_be_judged_is_not_asked() -> None:
    partly = answer().model_copy(update={"status": "partial"})
    records = [
        record("refused", text=NO_ANSWER),
        record("failed", text=None),
        record("unanswerable", answerable=False, answers=()),
        record("open", answers=()),
        record("partial").model_copy(update={"answer": partly}),
    ]
    seen: list[tuple[int, int]] = []

    def report(done: int, total: int) -> None:
        seen.append((done, total))

    judged = list(judge_records(records, FakeLLM(["correct"]), on_progress=report))
    assert [each.case_id for each in judged] == ["partial"]
    assert seen == [(1, 1)]


def test_a_judge_that_breaks_off_goes_on_with_the_next(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken, fine = judge(Reply(error=ConnectionError("line went dead")), "incorrect")
    assert broken.error is not None and broken.error.type == "LLMFailedError"
    assert (broken.reply, broken.verdict, broken.score) == (None, None, None)
    assert fine.score == 0.0
    assert "question 0 was not judged" in caplog.text and "line went dead" in caplog.text


def test_a_judge_that_is_not_there_ends_the_run() -> None:
    llm = FakeLLM()
    llm.connect_error = LLMUnavailableError("no such model")
    with pytest.raises(LLMUnavailableError):
        list(judge_records([record()], llm))


def test_the_judged_are_summed_up_without_the_undecided() -> None:
    broken = Reply(error=ConnectionError())
    judged = judge("correct", "incorrect", "correct", "correct", "undecided", "hm", broken)
    summary = summarize_judged(judged, seed=5)
    assert (summary.suite, summary.questions, summary.seed) == ("small", 7, 5)
    assert summary.verdicts == {"correct": 3, "incorrect": 1, "undecided": 1, "unreadable": 1}
    assert summary.errors == {"LLMFailedError": 1}
    assert summary.judged_correct is not None
    assert (summary.judged_correct.mean, summary.judged_correct.n) == (0.75, 4)
    assert summary.llms == ("openai:pinned-2026-01-01",)
    assert summary.prompts == (load_prompt("grade/v1").label,)


def test_without_a_verdict_there_is_no_number() -> None:
    assert summarize_judged(judge("undecided")).judged_correct is None
    assert summarize_judged([]).judged_correct is None


@settings(deadline=None, max_examples=20)
@given(st.lists(st.sampled_from(["correct", "incorrect", "undecided", "?"]), min_size=1), st.data())
def test_verdicts_add_up_in_any_order(replies: list[str], data: st.DataObject) -> None:
    judged = judge(*replies)
    summary = summarize_judged(judged)
    assert sum(summary.verdicts.values()) == summary.questions == len(replies)
    if summary.judged_correct:
        assert 0 <= summary.judged_correct.low <= summary.judged_correct.high <= 1
    assert summarize_judged(data.draw(st.permutations(judged))) == summary


def test_the_judged_are_on_disk_as_the_judge_goes(tmp_path: Path) -> None:
    def judged_one_by_one():
        for number, each in enumerate(judge("correct", "undecided")):
            assert len((tmp_path / "judged.jsonl").read_text("utf-8").splitlines()) == number
            assert not (tmp_path / "judged.json").exists()
            yield each

    for _ in range(2):
        summary = write_judged(judged_one_by_one(), tmp_path, seed=3)
        lines = (tmp_path / "judged.jsonl").read_text("utf-8").splitlines()
        judged = [JudgedRecord.model_validate_json(line) for line in lines]
        assert summarize_judged(judged, seed=3) == summary
        written = (tmp_path / "judged.json").read_text("utf-8")
        assert JudgedSummary.model_validate_json(written) == summary
        assert json.loads(written)["judged_correct"]["n"] == 1
    assert summary.judged_correct == Estimate(1.0, 1.0, 1.0, 1)
