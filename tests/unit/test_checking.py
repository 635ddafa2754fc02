import json
import time
from pathlib import Path
from typing import Any

import pytest

from eval.checking import Finding, check_suite
from eval.formats import load_suite
from qa.errors import SuiteError

TEXT = "Ada wrote it in 1843. Bob read it."
ADA = {"doc_id": "d", "start": 0, "end": 21, "text": TEXT[:21]}
BOB = {"doc_id": "d", "start": 22, "end": 34, "text": TEXT[22:]}
SAMPLE = Path(__file__).parents[2] / "eval" / "suites" / "stargate"


def question(**changes: Any) -> dict[str, Any]:
    row = {"id": "q", "question": "Who wrote it?", "answers": ["Ada"], "answerable": True}
    return {**row, "evidence": [ADA], **changes}


def write(folder: Path, *rows: Any, corpus: list[Any] | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    documents = [{"doc_id": "d", "text": TEXT}, {"doc_id": "e", "text": "Else."}, *(corpus or [])]
    for name, content in (("corpus", documents), ("questions", rows)):
        lines = [row if isinstance(row, str) else json.dumps(row) for row in content]
        (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def said(findings: list[Finding]) -> list[tuple[int | None, str, str]]:
    return [(it.line, it.severity, it.message) for it in findings]


def test_the_sample_suite_is_without_errors() -> None:
    assert [it for it in check_suite(SAMPLE) if it.severity == "error"] == []


def test_everything_that_is_wrong_is_found(tmp_path: Path) -> None:
    wrong = {**ADA, "start": 1}
    folder = write(
        tmp_path,
        "{",
        question(id=1, answerable="yes"),
        question(doc_ids=["x"], evidence=[wrong, {**ADA, "doc_id": "y"}]),
        question(id="q", question="Who read it?", answers=["Bob"], evidence=[BOB]),
        corpus=["[]", {"doc_id": "d", "text": "again"}, {"doc_id": "f", "text": " "}],
    )
    findings = check_suite(folder)
    assert {it.severity for it in findings} == {"error"}
    corpus, questions = (str(folder / name) for name in ("corpus.jsonl", "questions.jsonl"))
    assert [str(it).removeprefix(f"{folder}/") for it in findings if it.file == corpus] == [
        "corpus.jsonl:3: error: the row: Input should be an object",
        "corpus.jsonl:4: error: the doc_id 'd' already stands in line 1",
        "corpus.jsonl:5: error: text: Value error, it is empty",
    ]
    messages = [(it.line, it.message) for it in findings if it.file == questions]
    assert messages[0][0] == 1 and messages[0][1].startswith("the row: Invalid JSON")
    assert [(line, text.partition(":")[0]) for line, text in messages[1:3]] == [
        (2, "id"),
        (2, "answerable"),
    ]
    assert messages[3:] == [
        (3, "the corpus has no document 'x'"),
        (3, "'d' holds 'da wrote it in 1843.' at 1:21, not 'Ada wrote it in 1843.'"),
        (3, "the corpus has no document 'y'"),
        (4, "the id 'q' already stands in line 3"),
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"answers": []}, None),
        ({"answers": ["Zoe", "ada"]}, None),
        ({"answers": ["No"]}, None),
        ({"answers": ["one two three four five six seven eight nine ten 11 12 13"]}, None),
        ({"answers": ["Bob"], "evidence": [[ADA], [BOB]]}, None),
        ({"answerable": False, "answers": [], "evidence": []}, None),
        ({"answers": ["Zoe"]}, ("warning", "has no accepted answer in its evidence: 'Zoe'")),
        ({"answers": ["Ad"]}, ("warning", "has no accepted answer in its evidence: 'Ad'")),
        ({"evidence": []}, ("warning", "is answerable and has no evidence")),
        (
            {"evidence": [], "answers": []},
            ("warning", "is answerable and has neither evidence nor answers"),
        ),
        ({"answerable": False}, ("error", "is not answerable and has answers and evidence")),
        (
            {"answerable": False, "evidence": []},
            ("error", "is not answerable and has answers"),
        ),
        ({"draft": True}, ("warning", "is a draft that nobody has read yet")),
    ],
)
def test_a_question_agrees_with_itself(
    tmp_path: Path, changes: dict[str, Any], expected: tuple[str, str] | None
) -> None:
    findings = check_suite(write(tmp_path, question(**changes)))
    found = [(it.severity, it.message.removeprefix("question 'q' ")) for it in findings]
    assert found == ([expected] if expected else [])


LONG = "Which of the two friends of Ada wrote the letter about it in {}?"
NONE = {"answerable": False, "answers": [], "evidence": []}
HM = [{"role": "user", "text": "Hm?"}]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({}, {"question": "WHO wrote it"}, ("warning", "asks the same as line 1")),
        ({}, {"question": "Who read it?"}, None),
        (
            {},
            NONE,
            ("error", "asks the same as line 1, and only one of them is answerable"),
        ),
        (
            {},
            {"doc_ids": ["d"], **NONE},
            ("error", "asks the same as line 1, and only one of them is answerable"),
        ),
        ({}, {"doc_ids": ["e"], **NONE}, None),
        ({"doc_ids": ["d"]}, {"doc_ids": ["e"]}, None),
        ({"doc_ids": ["d"]}, {"doc_ids": ["d", "e"]}, ("warning", "asks the same as line 1")),
        ({"doc_ids": ["d"]}, {}, ("warning", "asks the same as line 1")),
        ({}, {"history": HM}, None),
        ({"history": HM}, {"history": HM}, ("warning", "asks the same as line 1")),
        (
            {"question": LONG.format(1843)},
            {"question": LONG.format(1844)},
            ("warning", f"asks nearly the same (0.85) as line 1: {LONG.format(1843)!r}"),
        ),
        ({"question": LONG.format(1843)}, {"question": LONG.format(1844), **NONE}, None),
        ({"question": LONG.format(1843)}, {"question": LONG.format(1844), "history": HM}, None),
    ],
)
def test_questions_of_a_suite_that_say_the_same(
    tmp_path: Path,
    first: dict[str, Any],
    second: dict[str, Any],
    expected: tuple[str, str] | None,
) -> None:
    findings = check_suite(write(tmp_path, question(**first), question(**{"id": "r", **second})))
    found = [(it.severity, it.message.removeprefix("question 'r' ")) for it in findings]
    assert found == ([expected] if expected else [])
    assert all(it.line == 2 for it in findings)


def test_questions_that_two_splits_share(tmp_path: Path) -> None:
    rows = [question(id="a", doc_ids=["d"]), question(id="b", question=LONG.format(1843))]
    dev = write(tmp_path / "dev", *rows)
    test = write(tmp_path / "test", *rows[:1], question(id="c", question=LONG.format(1844), **NONE))
    place = dev / "questions.jsonl"
    assert said(check_suite(dev, test)) == [
        (1, "warning", f"question 'a' asks the same as line 1 of {place}"),
        (
            2,
            "warning",
            f"question 'c' asks nearly the same (0.85) as line 2 of {place}: {LONG.format(1843)!r}",
        ),
    ]
    assert check_suite(dev) == check_suite(test) == []


def test_public_formats_are_checked_by_the_ids_of_their_questions(tmp_path: Path) -> None:
    answers = [{"text": "Ada", "answer_start": 0}]
    qas = [{"id": name, "question": "Who wrote it?", "answers": answers} for name in ("one", "two")]
    path = tmp_path / "squad.json"
    path.write_text(json.dumps({"data": [{"paragraphs": [{"context": TEXT, "qas": qas}]}]}))
    assert [str(it) for it in check_suite(path)] == [
        f"{path}: warning: question 'two' asks the same as 'one'"
    ]


def test_a_suite_that_cannot_be_read_is_one_finding(tmp_path: Path) -> None:
    (finding,) = check_suite(tmp_path / "nowhere")
    assert "there is no suite" in finding.message and finding.line is None
    assert [it.message for it in check_suite(write(tmp_path / "none"))] == ["it holds no questions"]
    (tmp_path / "none" / "questions.jsonl").unlink()
    (finding,) = check_suite(tmp_path / "none")
    assert "questions.jsonl cannot be read" in finding.message


@pytest.mark.parametrize("changes", [{"id": ""}, {"evidence": [{**ADA, "end": 3}]}, {}])
def test_what_has_errors_cannot_be_loaded_and_the_rest_can(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    folder = write(tmp_path, question(**changes))
    if any(it.severity == "error" for it in check_suite(folder)):
        with pytest.raises(SuiteError):
            load_suite(folder)
    else:
        assert len(load_suite(folder).questions) == 1


def test_ten_thousand_questions_take_seconds(tmp_path: Path) -> None:
    rows = [
        question(id=f"q{n}", question=f"What did person {n * 7919} of town {n % 97} write?")
        for n in range(10_000)
    ]
    folder = write(tmp_path, *rows)
    started = time.process_time()
    findings = check_suite(folder)
    assert time.process_time() - started < 20
    assert {it.severity for it in findings} <= {"warning"}
