import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import ask, record, small_suite

from eval.cases import Case
from eval.folder import RunFolder, Suites, read_run, read_stored
from eval.runner import AskOutcome, Record, run
from eval.setting import Setting, differences, digest_suite, now
from eval.summary import Summary, summarize
from qa.errors import DiskFullError, UsageError
from qa.schema import Document

ROOT = Path(__file__).parents[2]
SUITE = small_suite(5)
SETTING = Setting(
    suite="small",
    suite_digest=digest_suite(SUITE),
    questions=5,
    options={"limit": None, "seed": 0, "shard": None},
    answerer={"llm": "fake", "settings": {"retrieval": {"evidence": 6}}},
    started="2026-01-01T00:00:00+00:00",
)


def go(
    folder: RunFolder,
    asking: Callable[[Case], AskOutcome] = ask,
    setting: Setting = SETTING,
    *,
    resume: bool = False,
    overwrite: bool = False,
) -> list[Record]:
    """Run the suite into a folder."""
    kept = folder.kept(setting, resume=resume, overwrite=overwrite)
    records = list(kept)
    with folder.writing(setting, kept) as write:
        skip = {one.case_id for one in kept}
        for one in run(SUITE, asking, source_text=SUITE.text, skip=skip):
            write(one)
            records.append(one)
    folder.finish(summarize(records))
    return records


def stopping_at(case_id: str) -> Callable[[Case], AskOutcome]:
    def asking(case: Case) -> AskOutcome:
        if case.id == case_id:
            raise KeyboardInterrupt
        return ask(case)

    return asking


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "deep" / "out")


@pytest.fixture
def unfinished(folder: RunFolder) -> RunFolder:
    """Stopped after two of five questions."""
    with pytest.raises(KeyboardInterrupt):
        go(folder, stopping_at("q2"))
    return folder


def test_records_are_on_disk_as_the_run_goes(folder: RunFolder) -> None:
    def asking(case: Case) -> AskOutcome:
        assert len(folder.records()) == int(case.id[1:])
        assert not folder.finished
        assert folder.setting() == SETTING
        return ask(case)

    for _ in range(2):  # a finished run is replaced
        records = go(folder, asking)
        assert [one.error for one in records] == [None] * 5
        assert folder.finished
        assert folder.records() == read_run(folder.path) == records
        written = (folder.path / "summary.json").read_text("utf-8")
        assert Summary.model_validate_json(written) == summarize(records)
    assert sorted(file.name for file in folder.path.iterdir()) == [
        *("records.jsonl", "run.json", "summary.json")
    ]


@pytest.mark.parametrize("name", ["report.html", "judged.json", "judged.jsonl", "suites.json"])
def test_nothing_of_an_older_run_stays(folder: RunFolder, name: str) -> None:
    go(folder)
    older = folder.path / name
    older.touch()
    go(folder, resume=True)
    assert older.exists()
    go(folder)
    assert not older.exists()


def test_resuming_asks_only_the_rest(unfinished: RunFolder) -> None:
    asked: list[str] = []

    def asking(case: Case) -> AskOutcome:
        asked.append(case.id)
        return ask(case)

    records = go(unfinished, asking, resume=True)
    assert asked == ["q2", "q3", "q4"]
    assert [one.case_id for one in records] == [case.id for case in SUITE.questions]
    assert unfinished.records() == records
    assert go(unfinished, asking, resume=True) == records
    assert len(asked) == 3


def test_resuming_nothing_starts(folder: RunFolder) -> None:
    assert len(go(folder, resume=True)) == 5


def test_a_failure_is_not_asked_again(folder: RunFolder) -> None:
    def failing(_: Case) -> AskOutcome:
        raise ValueError("no")

    go(folder, failing)
    assert [one.error is None for one in go(folder, resume=True)] == [False] * 5


def test_an_unfinished_run_is_not_lost_by_accident(unfinished: RunFolder) -> None:
    with pytest.raises(UsageError, match="holds an unfinished run, 2 of 5 questions") as caught:
        go(unfinished)
    assert "--resume" in caught.value.help and "--overwrite" in caught.value.help
    assert len(unfinished.records()) == 2
    asked = go(unfinished, overwrite=True)
    assert len(asked) == 5


def test_another_run_is_not_mixed_in_and_the_difference_is_named(unfinished: RunFolder) -> None:
    other = SETTING.model_copy(
        update={
            "options": {**SETTING.options, "limit": 3, "shard": "1/2"},
            "answerer": {"llm": "fake", "settings": {"retrieval": {"evidence": 8}}},
        }
    )
    with pytest.raises(UsageError, match="another run") as caught:
        go(unfinished, setting=other, resume=True)
    assert "options.limit was null, now 3" in str(caught.value)
    assert 'options.shard was null, now "1/2"' in str(caught.value)
    assert "answerer.settings.retrieval.evidence was 6, now 8" in str(caught.value)
    assert "started" not in str(caught.value)


def test_when_a_run_started_makes_no_difference() -> None:
    assert differences(SETTING, SETTING.model_copy(update={"started": now()})) == []


def test_records_of_an_unknown_run_are_not_continued(unfinished: RunFolder) -> None:
    (unfinished.path / "run.json").unlink()
    with pytest.raises(UsageError, match=r"no run\.json"):
        go(unfinished, resume=True)
    with pytest.raises(UsageError, match="unfinished run, 2 questions"):
        go(unfinished)
    (unfinished.path / "run.json").write_text('{"suite": 1}')
    with pytest.raises(UsageError, match=r"run\.json is not of a run: suite"):
        go(unfinished, resume=True)


def test_the_digest_changes_with_any_question_and_any_document() -> None:
    digests = {digest_suite(SUITE)}
    first, *rest = SUITE.questions
    digests.add(digest_suite(replace(SUITE, questions=(replace(first, answers=("B",)), *rest))))
    changed = Document.make("Ada wrote that.", title="D", doc_id="d")
    digests.add(digest_suite(replace(SUITE, documents={"d": changed})))
    assert len(digests) == 3
    assert digest_suite(small_suite(5)) in digests


WHOLE = list(run(SUITE, ask, source_text=SUITE.text))
LINES = "".join(one.model_dump_json() + "\n" for one in WHOLE).encode()


@settings(deadline=None, max_examples=25)
@given(st.integers(0, len(LINES)) | st.sampled_from([len(LINES) - 1, LINES.index(b"\n")]))
def test_cut_off_at_any_byte_it_is_completed(at: int) -> None:
    asked: list[str] = []

    def asking(case: Case) -> AskOutcome:
        asked.append(case.id)
        return ask(case)

    with TemporaryDirectory() as name:
        folder = RunFolder(Path(name))
        (folder.path / "run.json").write_text(SETTING.model_dump_json(), "utf-8")
        (folder.path / "records.jsonl").write_bytes(LINES[:at])
        left = folder.records()
        assert WHOLE[: len(left)] == left
        assert go(folder, asking, resume=True) == WHOLE
        assert len(asked) == len(WHOLE) - len(left)
        assert (folder.path / "records.jsonl").read_bytes() == LINES


KILLED = """
import sys, time
from pathlib import Path
from runs import ask
from test_folder import SETTING, SUITE, RunFolder, go

def slowly(case):
    time.sleep(0.3)
    return ask(case)

go(RunFolder(Path(sys.argv[1])), slowly)
"""


def test_a_killed_run_is_continued(folder: RunFolder) -> None:
    paths = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "unit")]
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder.path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    records = folder.path / "records.jsonl"
    patience = time.monotonic() + 60
    while not (records.exists() and records.stat().st_size):
        assert process.poll() is None and time.monotonic() < patience
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    done = {one.case_id for one in folder.records()}
    assert 1 <= len(done) < 5
    asked: list[str] = []

    def asking(case: Case) -> AskOutcome:
        asked.append(case.id)
        return ask(case)

    assert len(go(folder, asking, resume=True)) == 5
    assert done.isdisjoint(asked) and len(done) + len(asked) == 5


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot write to") as caught:
        go(RunFolder(tmp_path / "file"))
    assert "--out" in caught.value.help


def test_a_full_disk_is_named(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(_: Record, **__: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    with folder.writing(SETTING, []) as write:
        write(record("q1"))
        monkeypatch.setattr(Record, "model_dump_json", fill)
        with pytest.raises(DiskFullError, match="no space left"):
            write(record("q2"))
    assert [one.case_id for one in folder.records()] == ["q1"]


def write_records(path: Path, *records: Record) -> None:
    path.mkdir(parents=True)
    lines = "".join(one.model_dump_json() + "\n" for one in records)
    (path / "records.jsonl").write_text(lines, "utf-8")


def test_several_folders_are_one_run(tmp_path: Path) -> None:
    write_records(tmp_path / "a" / "1", record("q1"))
    write_records(tmp_path / "a" / "2", record("q2"))
    write_records(tmp_path / "b", record("q1", suite="other"))
    found = {(one.suite, one.case_id) for one in read_run(tmp_path)}
    assert found == {("small", "q1"), ("small", "q2"), ("other", "q1")}
    (one,) = read_run(tmp_path / "b" / "records.jsonl")
    assert one.suite == "other"


def begin(path: Path, asked: int, **changes: object) -> None:
    """The folder of a run of five questions, so many of which were asked."""
    write_records(path, *WHOLE[:asked])
    setting = SETTING.model_copy(update=changes)
    (path / "run.json").write_text(setting.model_dump_json(), "utf-8")


def test_a_run_that_was_stopped_says_what_it_lacks(tmp_path: Path) -> None:
    begin(tmp_path / "a", 3)
    for path in (tmp_path, tmp_path / "a", tmp_path / "a" / "records.jsonl"):
        assert read_stored(path).missing == ("3 of 5 questions of small",)
    begin(tmp_path / "b", 5)
    assert read_stored(tmp_path / "b").missing == ()
    write_records(tmp_path / "c", *WHOLE[:3])
    assert read_stored(tmp_path / "c").missing == ()  # nothing says how many they are to be


def test_shards_that_are_missing_are_counted(tmp_path: Path) -> None:
    for index, one in enumerate(WHOLE[:3], start=1):
        write_records(tmp_path / str(index), one)
        options = {**SETTING.options, "shard": f"{index}/4"}
        questions = 2 if index == 3 else 1
        setting = SETTING.model_copy(update={"options": options, "questions": questions})
        (tmp_path / str(index) / "run.json").write_text(setting.model_dump_json(), "utf-8")
    assert read_stored(tmp_path).missing == (
        *("1 of 2 questions of small 3/4", "3 of 4 shards of small"),
    )


def test_a_suite_that_was_never_begun_is_missing_and_one_of_an_older_run_is_not_read(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    begin(out / "small", 5)
    write_records(out / "older", record("q1", suite="older"))
    assert {one.suite for one in read_run(out)} == {"small", "older"}
    RunFolder(out).begin(Suites(questions={"small": 5, "next": 7}))
    for path in (out, tmp_path):
        stored = read_stored(path)
        assert {one.suite for one in stored.records} == {"small"}
        assert stored.missing == ("0 of 7 questions of next",)
    (out / "suites.json").write_text("{}")
    with pytest.raises(UsageError, match=r"suites\.json is not of a run: questions"):
        read_run(out)


def test_a_question_asked_twice_is_no_run(tmp_path: Path) -> None:
    write_records(tmp_path / "a", record("q1"))
    write_records(tmp_path / "b", record("q1"))
    with pytest.raises(UsageError, match="small 'q1' is in .*a/records.jsonl and again in .*b/"):
        read_run(tmp_path)


def test_shards_of_one_run_only(tmp_path: Path) -> None:
    for name, shard, seed in [("a", "1/2", 0), ("b", "2/2", 0), ("c", "2/3", 1)]:
        write_records(tmp_path / name, record(name))
        options = {**SETTING.options, "shard": shard, "seed": seed}
        setting = SETTING.model_copy(update={"options": options, "questions": len(name)})
        (tmp_path / name / "run.json").write_text(setting.model_dump_json(), "utf-8")
    with pytest.raises(UsageError, match=r"not of one run: options\.seed was 0, now 1"):
        read_run(tmp_path)
    (tmp_path / "c" / "records.jsonl").unlink()
    assert len(read_run(tmp_path)) == 2


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UsageError, match="there are no records in"):
            read_run(path)
    path = tmp_path / "records.jsonl"
    path.write_text(record().model_dump_json() + "\n" + json.dumps({"suite": "s"}) + "\n")
    with pytest.raises(UsageError, match="line 2: case_id: Field required"):
        read_run(path)
