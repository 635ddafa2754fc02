import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.cases import Case
from eval.formats import load_suite
from eval.formats.folder import load_folder
from qa.errors import SuiteError
from qa.schema import Turn

TEXT = "Ada wrote it.\u2028Bob read it. Cid lost it."
SPANS = [(0, 13), (14, 26), (27, 39)]


def span(index: int, **changes: Any) -> dict[str, Any]:
    start, end = SPANS[index]
    return {"doc_id": "d", "start": start, "end": end, "text": TEXT[start:end], **changes}


def question(**changes: Any) -> dict[str, Any]:
    return {"id": "q", "question": "Who?", "answers": ["Ada"], "answerable": True, **changes}


def write_suite(folder: Path, *rows: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    corpus = [{"doc_id": "d", "title": "D", "text": TEXT}, {"doc_id": "e", "text": "Else."}]
    corpus[1]["url"] = "https://example.org/e"
    for name, content in (("corpus", corpus), ("questions", rows)):
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return folder


def load_one(folder: Path, **changes: Any) -> Case:
    return load_suite(write_suite(folder, question(**changes))).questions[0]


def indices(case: Case) -> list[list[int]]:
    starts = [start for start, _ in SPANS]
    return [[starts.index(gold.start) for gold in alternative] for alternative in case.evidence]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, []),
        ({"evidence": []}, []),
        ({"evidence": [span(0), span(1)]}, [[0, 1]]),
        ({"evidence": [span(0), span(1)], "evidence_mode": "all"}, [[0, 1]]),
        ({"evidence": [span(0), span(1)], "evidence_mode": "any"}, [[0], [1]]),
        ({"evidence": [[span(0)], [span(1), span(2)]]}, [[0], [1, 2]]),
        (
            {
                "evidence": [span(0), span(1), span(2)],
                "evidence_mode": "sets",
                "evidence_sets": [[2, 0], [1], [2, 0]],
            },
            [[2, 0], [1]],
        ),
    ],
)
def test_every_form_of_evidence_becomes_alternatives(
    tmp_path: Path, row: dict[str, Any], expected: list[list[int]]
) -> None:
    assert indices(load_one(tmp_path, **row)) == expected


def test_a_row_keeps_everything_and_ignores_unknown_keys(tmp_path: Path) -> None:
    suite = load_suite(
        write_suite(
            tmp_path / "small",
            question(
                doc_ids=["d", "e"],
                type="who",
                source="made",
                history=[{"role": "user", "text": "Hm?"}, {"role": "agent", "text": "Yes."}],
                unknown={"to": "us"},
            ),
        )
    )
    assert suite.name == "small"
    assert [suite.text(doc_id) for doc_id in suite.documents] == [TEXT, "Else."]
    assert [document.title for document in suite.documents.values()] == ["D", "e"]
    assert [document.uri for document in suite.documents.values()] == ["", "https://example.org/e"]
    (case,) = suite.questions
    assert case == Case(
        id="q",
        question="Who?",
        answers=("Ada",),
        answerable=True,
        doc_ids=("d", "e"),
        type="who",
        source="made",
        history=(Turn(role="user", content="Hm?"), Turn(role="assistant", content="Yes.")),
    )


def test_the_whole_corpus_is_none(tmp_path: Path) -> None:
    assert load_one(tmp_path, doc_ids=None).doc_ids is None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"answerable": "yes"}, "answerable"),
        ({"question": ""}, "question"),
        ({"evidence": [{"doc_id": "d"}]}, r"evidence\.0\.start"),
        ({"evidence": [[span(0), {"doc_id": "d"}]]}, r"evidence\.0\.1\.start"),
        ({"evidence": [[]]}, r"evidence\.0"),
        ({"evidence": [span(0), [span(1)]]}, "evidence"),
        ({"evidence": [span(0, start=1)]}, "holds 'da wrote it.' at 1:13"),
        ({"evidence": [span(2, end=40)]}, "27:40"),
        ({"evidence": [span(0, end=-26)]}, "end"),
        ({"evidence": [span(0, doc_id="x")]}, "no document 'x'"),
        ({"evidence": [span(0)], "evidence_mode": "some"}, "evidence_mode"),
        ({"evidence": [span(0)], "evidence_mode": "sets"}, "needs evidence_sets"),
        (
            {"evidence": [span(0)], "evidence_mode": "sets", "evidence_sets": [[1]]},
            "span 1 of 1",
        ),
        ({"doc_ids": ["x"]}, "no document 'x'"),
        ({"doc_ids": []}, "doc_ids: Value error, it is empty"),
        ({"history": [{"role": "system", "text": "Hm?"}]}, r"history\.0\.role"),
        ({"id": "first"}, "'first' occurs twice"),
    ],
)
def test_a_broken_row_is_named_by_file_and_line(
    tmp_path: Path, row: dict[str, Any], message: str
) -> None:
    write_suite(tmp_path, question(id="first"), question(**row))
    with pytest.raises(SuiteError, match=rf"questions\.jsonl, line 2: .*{message}"):
        load_suite(tmp_path)


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"id": "\xff"}', b"null"])
def test_a_line_that_is_no_object_is_named(tmp_path: Path, line: bytes) -> None:
    write_suite(tmp_path, question())
    path = tmp_path / "questions.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes() + b"\r\n" + line + b"\n")
    with pytest.raises(SuiteError, match=r"questions\.jsonl, line 3: the row: "):
        load_suite(tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"doc_id": "d", "text": "1"}', "the doc_id 'd' occurs twice"),
        ('{"doc_id": "f", "text": " "}', "text: Value error, it is empty"),
        ('{"doc_id": "f", "text": "a\\u0000"}', "text: Value error, it holds NUL"),
        ('{"doc_id": "f", "text": "1", "title": "a\\u0000"}', "title: Value error, it holds NUL"),
        ('{"doc_id": "f", "text": "1", "url": "a\\u0000"}', "url: Value error, it holds NUL"),
        (f'{{"doc_id": "{"f" * 513}", "text": "1"}}', "doc_id: String should have at most 512"),
        (f'{{"doc_id": "f", "text": "1", "url": "{"u" * 4097}"}}', "url: String should have at"),
        ('{"text": "1"}', "doc_id: Field required"),
        ('{"doc_id": "f\\n", "text": "1"}', r"doc_id: Value error, 'f\\n' holds control"),
    ],
)
def test_a_broken_document_is_named_by_file_and_line(
    tmp_path: Path, line: str, message: str
) -> None:
    path = write_suite(tmp_path, question()) / "corpus.jsonl"
    path.write_text(path.read_text("utf-8") + line, encoding="utf-8")
    with pytest.raises(SuiteError, match=rf"corpus\.jsonl, line 3: {message}"):
        load_suite(tmp_path)


def test_titles_are_those_that_ingest_would_give(tmp_path: Path) -> None:
    path = write_suite(tmp_path, question()) / "corpus.jsonl"
    rows = [{"doc_id": "f", "text": "1", "title": title} for title in (" A\n\x9bt ", "x" * 300)]
    rows[1]["doc_id"] = "g"
    path.write_text(path.read_text("utf-8") + "\n".join(map(json.dumps, rows)), "utf-8")
    documents = load_suite(tmp_path).documents
    assert [documents[each].title for each in ("e", "f", "g")] == ["e", "A t", "x" * 199 + "…"]


def test_missing_files_and_empty_suites_are_errors(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"corpus\.jsonl cannot be read"):
        load_folder(tmp_path / "nowhere")
    with pytest.raises(SuiteError, match=r"questions\.jsonl holds no questions"):
        load_suite(write_suite(tmp_path))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=4), min_size=1, max_size=4))
def test_sets_and_nested_lists_say_the_same(
    tmp_path_factory: pytest.TempPathFactory, sets: list[list[int]]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "same"
    nested = load_one(folder, evidence=[[span(i) for i in each] for each in sets])
    by_index = load_one(
        folder,
        evidence=[span(i) for i in range(3)],
        evidence_mode="sets",
        evidence_sets=sets,
    )
    assert nested == by_index
    assert len(set(nested.evidence)) == len(nested.evidence)
