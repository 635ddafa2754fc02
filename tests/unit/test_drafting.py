import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from fake_llm import FakeLLM, Reply
from fakes import BagOfWords

from eval.checking import check_suite
from eval.drafting import DraftReport, draft_suite
from eval.formats import load_suite
from eval.formats.folder import load_folder
from eval.proposals import Author
from eval.screening import Dropped
from qa.errors import LLMFailedError, StoreError, SuiteError
from qa.generation.prompt import load_prompt
from qa.grounding.cross_encoder import Reading
from qa.schema import Document, Passage

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


class Writer(FakeLLM):
    """Asks when the bridge of the sentence was opened and answers, until it breaks."""

    def __init__(self, *, breaks_after: int = 1000) -> None:
        super().__init__(self._write())
        self._breaks_after = breaks_after

    def _write(self) -> Iterator[Reply]:
        for _ in range(self._breaks_after):
            found = re.search(r"Sentence: The mayor of (\w+) .* (\w+) of", self.calls[-1].text)
            assert found is not None
            yield Reply(f"When was bridge {found[2]} of {found[1]} opened?")
            year = re.search(r"\d{4}", self.calls[-1].text)
            assert year is not None
            yield Reply(year[0])
        yield Reply(error=ConnectionError("gone"))

    @property
    def asked(self) -> int:
        return len(self.calls) // 2


class Certain:
    """A reader that sees the answer in all of each sentence, and likes the first best."""

    def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
        return [
            Reading(0.5 - place / 100, 0, len(passage.text))
            for place, passage in enumerate(passages)
        ]


def draft(out: Path, llm: FakeLLM, count: int = 6, **changes: Any) -> DraftReport:
    documents = changes.pop("documents", DOCUMENTS)
    return draft_suite(
        documents,
        out,
        author=Author(llm, PROMPT, load_prompt("quote/v1")),
        reader=Certain(),
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
        assert case.type in ("when", "who", "what", "how many")
        assert case.source == f"fake, {PROMPT.label}"
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
    assert llm.asked == 4
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
    replies = ["Hm.", "When was the bridge Alpha opened?", "3000"]
    report = draft(tmp_path, FakeLLM(replies * 100), count=5)
    half = report.tried // 2
    dropped = {Dropped.REPLY.value: half, Dropped.NOT_COPIED.value: half}
    assert report == DraftReport(0, 48, dropped, exhausted=True)  # 12 sentences, 4 ways to ask
    first, second = rows(tmp_path / "proposals.jsonl")[:2]
    assert first["dropped"] == "the reply is not a question"
    assert (first["question"], first["answer"]) == ("Hm.", "")
    assert (second["question"], second["answer"]) == (replies[1], "3000")
    assert DOCUMENTS[0].text.startswith("The mayor") and second["text"].startswith("The mayor")
    with pytest.raises(SuiteError, match="holds no questions"):
        load_folder(tmp_path)


def test_all_sentences_have_their_turn_before_one_is_asked_about_again(tmp_path: Path) -> None:
    draft(tmp_path, FakeLLM(["Hm."] * 100), count=5)
    asked = [(row["doc_id"], row["start"]) for row in rows(tmp_path / "proposals.jsonl")]
    for turn in range(4):
        assert len(set(asked[12 * turn : 12 * (turn + 1)])) == 12


def test_the_search_for_sentences_ends(tmp_path: Path) -> None:
    report = draft(tmp_path, FakeLLM(["Hm."] * 20), count=1)
    assert report == DraftReport(0, 20, {Dropped.REPLY.value: 20}, exhausted=False)


def test_the_floor_is_that_of_the_cross_encoder(tmp_path: Path) -> None:
    report = draft(tmp_path, Writer(), count=1, floor=0.6)
    assert report.dropped == {Dropped.NOT_ANSWERED.value: 20}


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


def test_a_document_that_is_given_twice_is_in_the_suite_once(tmp_path: Path) -> None:
    draft(tmp_path, Writer(), documents=[*DOCUMENTS, DOCUMENTS[0]], count=1)
    assert list(load_suite(tmp_path).documents) == [document.id for document in DOCUMENTS]
