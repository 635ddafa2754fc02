import json
import sys
from pathlib import Path

import pytest
from fake_llm import FakeLLM, Reply
from fakes import BagOfWords

from qa import cli
from qa.assembly import Assembly


@pytest.fixture
def llm() -> FakeLLM:
    """Its judge knows that the article about the bridge says nothing of Apple."""
    return FakeLLM(sure=lambda call: 0.03 if "Apple" in call.text else 0.97)


ARTICLE = (
    "# The bridge\n\nThe old bridge was closed in March. Mayor Ada Lund opened the new bridge on "
    "12 June. It cost 4 million euros. In a vote called by the council, the town chose green."
)
SENTENCE = "Mayor Ada Lund opened the new bridge on 12 June."


@pytest.fixture
def suite(tmp_path) -> Path:
    """Two questions about the bridge: one that the article answers, one that it does not."""
    folder = tmp_path / "suite"
    folder.mkdir()
    corpus = {"doc_id": "bridge", "title": "The bridge", "text": ARTICLE}
    (folder / "corpus.jsonl").write_text(json.dumps(corpus) + "\n", "utf-8")
    start = ARTICLE.index(SENTENCE)
    gold = {"doc_id": "bridge", "start": start, "end": start + len(SENTENCE), "text": SENTENCE}
    rows = [
        {"id": "1", "question": "Who opened the new bridge?", "answers": ["Ada Lund"]}
        | {"answerable": True, "evidence": [gold]},
        {"id": "2", "question": "Who is the chief executive of Apple?", "answers": []}
        | {"answerable": False, "evidence": []},
    ]
    (folder / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return folder


@pytest.fixture
def replies() -> list[Reply]:
    """What a good model says to the suite: a proved claim, then one without proof."""
    return [
        Reply("Mayor Ada Lund opened the new bridge."),
        Reply("Tim Cook is the chief executive of Apple."),
    ]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys, llm):
    """Runs the command line in this process; returns (exit code, stdout, stderr)."""
    monkeypatch.setenv("FOOTNOTED_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("FOOTNOTED_SPEED", "thorough")  # drafts are what is tested
    monkeypatch.setattr("qa.assembly.load_embedder", lambda *_, **__: BagOfWords())
    monkeypatch.setattr(Assembly, "llm", property(lambda _: llm))

    def call(*arguments: str, stdin: str | None = None) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["footnoted", *arguments])
        if stdin is not None:
            path = tmp_path / "stdin"
            path.write_text(stdin, "utf-8")
            monkeypatch.setattr(sys, "stdin", path.open(encoding="utf-8"))
        try:
            cli.main()
            code = 0
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        if stdin is not None:
            sys.stdin.close()
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
