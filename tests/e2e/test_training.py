"""The cross-encoder can be made again: a few steps on made-up rows, then the export."""

import gzip
import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from qa.grounding.cross_encoder import FOLDER, CrossEncoder
from qa.grounding.pairs import Pairs
from qa.retrieval.embedder import packaged_minilm
from qa.schema import Passage
from training import train
from training.data import ANSWERS, Example, collate
from training.network import CrossEncoder as CrossEncoderNetwork
from training.network import load_exported

ROOT = Path(__file__).parents[2]
PLACES = ("Oslo", "Bergen", "Turku", "Vaasa", "Malmo", "Lund", "Odense", "Aarhus")


def write(path: Path, rows: list[dict[str, object]]) -> None:
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def material(tmp_path: Path) -> Path:
    answers = [
        {
            "question": f"Where does keeper number {number} live?",
            "title": "Keepers",
            "sentences": [f"Keeper number {number} lives in {place}.", "Goats graze there."],
            "labels": [1, 0],
            "answerable": True,
            "answers": [place],
            "source": "squad2",
        }
        for number, place in enumerate(PLACES)
    ]
    supports = [
        {
            "premise": [f"Keeper number {number} lives in {place}."],
            "claim": f"A keeper lives in {claimed}.",
            "label": "entailment" if claimed == place else "not_entailment",
            "source": "fm2",
            "synthetic": False,
            "title": "Keepers",
        }
        for number, place in enumerate(PLACES)
        for claimed in (place, "Paris")
    ]
    unanswerable = [row | {"answerable": False, "labels": [0, 0]} for row in answers[:2]]
    for part in ("", "_dev"):
        write(tmp_path / f"answers{part}.jsonl.gz", answers + unanswerable)
        write(tmp_path / f"supports{part}.jsonl.gz", supports)
    return tmp_path


def started(module: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )


def run(module: str, *arguments: object) -> str:
    done = started(module, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(module: str, *arguments: object) -> str:
    done = started(module, *arguments)
    assert done.returncode == 1
    return done.stderr


def interrupted_at_the_second(loss: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    calls = itertools.count(1)

    def interrupted(*arguments: Any) -> torch.Tensor:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return loss(*arguments)

    return interrupted


@pytest.mark.models
def test_it_is_trained_resumed_and_exported(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder, out = packaged_minilm(), tmp_path / "out"
    arguments = ("--data", material, "--encoder", encoder, "--out", out, "--checkpoint-steps", 1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(sys, "argv", ["training.train", *map(str, (*arguments, "--passes", 2))])
        patch.setattr(train, "batch_loss", interrupted_at_the_second(train.batch_loss))
        train.main()
    assert "other arguments" in refused("training.train", *arguments)
    assert "resumed after step 1" in run("training.train", *arguments, "--passes", 2)
    assert {file.name for file in out.iterdir()} == {"weights.pt"}
    begun = run("training.train", *arguments, "--steps", 1)
    assert "resumed" not in begun
    assert "answers_p_at_1" in begun
    model = tmp_path / "model"
    exported = run(
        *("training.export", "--trained", out, "--encoder", encoder, "--data", material),
        *("--out", model),
    )
    assert "SHA-256" in exported
    (rated,) = CrossEncoder(model, sha256=None).answers("Where?", [Passage("In Oslo.")])
    assert 0 < rated < 1
    arguments = (*arguments[:4], "--out", tmp_path / "again", "--start", model / "model.onnx")
    assert "answers_p_at_1" in run("training.train", *arguments, "--steps", 1)


def test_what_was_exported_answers_as_before() -> None:
    network = CrossEncoderNetwork(str(packaged_minilm()))
    load_exported(network, FOLDER / "model.onnx")
    pairs = Pairs(FOLDER / "tokenizer.json")
    asked, passages = "Where does Ada live?", ("Ada lives in Oslo.", "Bob swims.", "Oslo is cold.")
    encoded = [pairs.answers(asked, text, title="", before="") for text in passages]
    batch = collate([Example(ANSWERS, it.ids, it.second, 0) for it in encoded])
    with torch.inference_mode():
        found = torch.sigmoid(network.eval()(**batch)[0]).tolist()
    expected = CrossEncoder().answers(asked, [Passage(text) for text in passages])
    assert found == pytest.approx(expected, abs=0.1)
    assert found[0] > 0.5 > max(found[1:])
