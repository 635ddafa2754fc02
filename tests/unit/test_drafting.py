import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_llm import FakeLLM, Reply
from fakes import BagOfWords, Undecided

from eval.checking import check_suite
from eval.drafting import DraftReport, draft_suite
from eval.formats import load_suite
from eval.formats.folder import load_folder
from eval.proposals import Dropped
from qa.errors import LLMFailedError, StoreError, SuiteError
from qa.generation.prompt import load_prompt
from qa.schema import Document

PROMPT = load_prompt("draft_question/v1")
TOWNS = ("Abilene", "Boston", "Chicago", "Dallas")
DOCUMENTS = [
    Document.make(
        "".join(
            f"The mayor of {town} opened bridge {kind} of {town} in {1900 + 10 * row + column}. "
            for column, kind in enumerate(("Alpha", "Beta", "Gamma"))
        ),
        title=f"Bridges “of” {town}",
        uri=f"https://example.org/{town}",
        doc_id=town,
    )
    for row, town in enumerate(TOWNS)
]


def reply_to(sentence: str) -> str:
    told = sentence.rstrip(".").split()
    return f"Question: When was bridge {told[6]} of {told[3]} opened?\nAnswer: {told[-1]}"


class Writer(FakeLLM):
    """Asks when the bridge of the sentence was opened, until it breaks."""

    def __init__(self, *, breaks_after: int = 1000) -> None:
        super().__init__(self._write())
        self._breaks_after = breaks_after

    def _write(self) -> Iterator[Reply]:
        for _ in range(self._breaks_after):
            (line,) = [
                line for line in self.calls[-1].text.splitlines() if line.startswith("Sentence: ")
            ]
            yield Reply(reply_to(line.removeprefix("Sentence: ")))
        yield Reply(error=ConnectionError("gone"))


def draft(out: Path, llm: FakeLLM, count: int = 6, **changes: Any) -> DraftReport:
    documents = changes.pop("documents", DOCUMENTS)
    return draft_suite(
        documents,
        out,
        llm=llm,
        prompt=PROMPT,
        reader=Undecided(),
        similar=BagOfWords().cosines,
        count=count,
        **changes,
    )


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_the_drafts_are_a_suite(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    out = tmp_path / "new" / "suite"
    report = draft(out, Writer(), on_progress=lambda kept, tried: seen.append((kept, tried)))
    assert report == DraftReport(6, 6, {}, exhausted=False)
    assert seen == [(number, number) for number in range(1, 7)]
    suite = load_suite(out)
    assert {it.id: it for it in suite.documents.values()} == {it.id: it for it in DOCUMENTS}
    for case in suite.questions:
        ((gold,),) = case.evidence
        assert case.answers[0] in gold.text
        assert case.doc_ids == (gold.doc_id,)
        assert (case.type, case.source) == ("when", f"fake, {PROMPT.label}")
    assert {it.message.partition("' ")[2] for it in check_suite(out)} == {
        "is a draft that nobody has read yet"
    }


def test_documents_take_turns(tmp_path: Path) -> None:
    draft(tmp_path, Writer(), count=8)
    asked = [row["doc_id"] for row in rows(tmp_path / "proposals.jsonl")]
    assert sorted(asked[:4]) == sorted(asked[4:]) == list(TOWNS)


def test_the_seed_draws_the_sentences(tmp_path: Path) -> None:
    drawn = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        draft(tmp_path / name, Writer(), seed=seed)
        drawn.append((tmp_path / name / "questions.jsonl").read_bytes())
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_run_that_was_cut_short_goes_on(tmp_path: Path) -> None:
    draft(tmp_path / "whole", Writer())
    cut = tmp_path / "cut"
    with pytest.raises(LLMFailedError):
        draft(cut, Writer(breaks_after=2))
    assert len(rows(cut / "questions.jsonl")) == 2
    # Killed between the two files, and in the middle of a line.
    (cut / "proposals.jsonl").write_bytes(
        (cut / "proposals.jsonl").read_bytes().partition(b"\n")[0] + b'\n{"id": "dra'
    )
    with (cut / "questions.jsonl").open("a") as file:
        file.write('{"id": "draft-')
    llm = Writer()
    assert draft(cut, llm).questions == 6
    assert len(llm.calls) == 4
    for name in ("questions.jsonl", "corpus.jsonl"):
        assert (cut / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    llm = Writer()
    assert draft(cut, llm) == DraftReport(6, 6, {}, exhausted=False)
    assert llm.calls == []


def test_what_a_reader_changed_stays_and_what_he_deleted_does_not_come_back(tmp_path: Path) -> None:
    draft(tmp_path, Writer(), count=3)
    path = tmp_path / "questions.jsonl"
    deleted, first, second = rows(path)
    first |= {"question": "In which year?", "draft": False}
    path.write_text("\n".join(json.dumps(row) for row in (first, second)), "utf-8")
    assert draft(tmp_path, Writer(), count=4).questions == 4
    after = rows(path)
    assert after[:2] == [first, second]
    assert deleted["id"] not in [row["id"] for row in after]


def test_each_dropped_proposal_is_counted_by_its_reason(tmp_path: Path) -> None:
    llm = FakeLLM(["Hm.", "Question: When was it opened?\nAnswer: 3000"] * 6)
    report = draft(tmp_path, llm)
    assert report == DraftReport(
        0, 12, {Dropped.REPLY.value: 6, Dropped.NOT_COPIED.value: 6}, exhausted=True
    )
    first, second = rows(tmp_path / "proposals.jsonl")[:2]
    assert first["dropped"] == "the reply is not a question and an answer"
    assert "question" not in first
    assert (second["question"], second["answer"]) == ("When was it opened?", "3000")
    with pytest.raises(SuiteError, match="holds no questions"):
        load_folder(tmp_path)


def test_the_search_for_sentences_ends(tmp_path: Path) -> None:
    report = draft(tmp_path, FakeLLM(["Hm."] * 12), count=1)
    assert report == DraftReport(0, 5, {Dropped.REPLY.value: 5}, exhausted=False)


def test_the_floor_is_that_of_the_cross_encoder(tmp_path: Path) -> None:
    report = draft(tmp_path, Writer(), count=1, floor=0.6)
    assert report.dropped == {Dropped.NOT_ANSWERED.value: 5}


def test_what_cannot_be_drafted(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="count must be at least 1, not 0"):
        draft(tmp_path, Writer(), count=0)
    with pytest.raises(SuiteError, match="there is no document"):
        draft(tmp_path, Writer(), documents=[])
    draft(tmp_path / "suite", Writer(), count=1)
    with pytest.raises(SuiteError, match="holds other documents"):
        draft(tmp_path / "suite", Writer(), documents=DOCUMENTS[:1])
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        draft(tmp_path / "file", Writer())
