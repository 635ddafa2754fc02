import hashlib
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.errors import FootnotedError
from qa.grounding.cross_encoder import FOLDER, SHA256, CrossEncoder, _best_span
from qa.grounding.pairs import Pairs
from qa.schema import Passage

QUESTION = "When was the lighthouse built?"
BUILT = "The lighthouse was built in 1874 by a Dutch engineer."
OTHERS = (
    "Visitors reach the island by ferry.",
    "The keeper kept goats.",
    "Its lamp could be seen for twenty miles.",
)


@pytest.fixture(scope="module")
def reader() -> CrossEncoder:
    return CrossEncoder()


def passages(*texts: str) -> list[Passage]:
    return [Passage(text, title="The lighthouse") for text in texts]


# What it sees


def test_the_sentence_that_answers_is_rated_highest(reader: CrossEncoder) -> None:
    first, *others = reader.answers(QUESTION, passages(BUILT, *OTHERS))
    assert first > 0.5 > max(others)


def test_the_span_is_the_answer(reader: CrossEncoder) -> None:
    (reading,) = reader.read(QUESTION, passages(BUILT))
    assert "1874" in BUILT[reading.start : reading.end]
    assert len(BUILT[reading.start : reading.end].split()) <= 4


def test_the_sentence_before_tells_who_is_meant(reader: CrossEncoder) -> None:
    claim = "Ann Berg was born in Oslo."
    alone, known = reader.supports(
        claim, [Passage("She was born in Oslo."), Passage("Ann Berg was born in Oslo.")]
    )
    assert known > 0.5
    assert known > alone


def test_a_changed_number_is_less_supported(reader: CrossEncoder) -> None:
    right, wrong = (
        reader.supports(f"The lighthouse was built in {year}.", passages(BUILT))[0]
        for year in (1874, 1921)
    )
    assert right > 0.5 > wrong


# How it is asked


def test_answers_and_read_say_the_same(reader: CrossEncoder) -> None:
    read = reader.read(QUESTION, passages(BUILT, *OTHERS))
    assert [it.answers for it in read] == reader.answers(QUESTION, passages(BUILT, *OTHERS))


def test_a_passage_is_rated_by_itself(reader: CrossEncoder) -> None:
    """What stands in the same batch makes no difference beyond the rounding of 8 bits."""
    together = reader.answers(
        QUESTION, passages(BUILT, *OTHERS, *(f"{it} Truly." for it in OTHERS))
    )
    alone = [reader.answers(QUESTION, [passage])[0] for passage in passages(BUILT, *OTHERS)]
    assert together[:4] == pytest.approx(alone, abs=0.1)


def test_nothing_is_read_of_nothing(reader: CrossEncoder) -> None:
    assert reader.read(QUESTION, []) == []
    assert reader.answers(QUESTION, []) == []
    assert reader.supports(BUILT, []) == []


@pytest.mark.parametrize("text", ["", " ", "\x00", "🚀", "a" * 5000, "word " * 2000])
def test_odd_texts_are_read(reader: CrossEncoder, text: str) -> None:
    (reading,) = reader.read(text or "?", [Passage(text, title=text, before=text)])
    assert 0 < reading.answers < 1
    assert 0 <= reading.start <= reading.end <= len(text)
    assert 0 < reader.supports(text, [Passage(text, title=text)])[0] < 1


def test_it_needs_no_torch() -> None:
    import subprocess

    code = (
        "import sys; from qa.grounding.cross_encoder import CrossEncoder; from qa.schema import "
        "Passage; CrossEncoder().answers('a?', [Passage('b')]); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# The file


def test_the_weights_are_those_of_the_card() -> None:
    assert hashlib.sha256((FOLDER / "model.onnx").read_bytes()).hexdigest() == SHA256
    assert (FOLDER / "model.onnx").stat().st_size <= 30_000_000
    assert SHA256 in (FOLDER / "README.md").read_text()


def test_other_weights_are_refused(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    weights = tmp_path / "model.onnx"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    with pytest.raises(FootnotedError, match="SHA-256"):
        CrossEncoder(tmp_path)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(FootnotedError, match="model.onnx' is missing"):
        CrossEncoder(tmp_path)


# Pairs


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    return Pairs(FOLDER / "tokenizer.json")


@given(st.text(max_size=300), st.text(max_size=600), st.text(max_size=100), st.text(max_size=300))
@settings(max_examples=50)
def test_a_pair_fits_and_its_offsets_are_the_sentence_s(
    question: str, sentence: str, title: str, before: str
) -> None:
    pair = Pairs(FOLDER / "tokenizer.json").answers(question, sentence, title=title, before=before)
    assert len(pair.ids) <= 256
    assert len(pair.offsets) == len(pair.ids) - pair.second - 1
    for start, end in pair.offsets:
        assert 0 <= start <= end <= len(sentence)


def test_the_context_stands_between_and_is_cut(pairs: Pairs) -> None:
    plain = pairs.answers("Who?", "Ann did.", title="", before="")
    known = pairs.answers("Who?", "Ann did.", title="T", before="Bob came.")
    long = pairs.answers("Who?", "Ann did.", title="T " * 99, before="Bob came. " * 99)
    assert plain.ids[plain.second :] == known.ids[known.second :] == long.ids[long.second :]
    assert plain.second < known.second < long.second <= 48


@pytest.mark.parametrize(
    ("first", "last", "span"),
    [([9, 0, 0], [0, 0, 9], (0, 2)), ([0, 1, 9], [9, 0, 2], (2, 2)), ([1], [1], (0, 0))],
)
def test_the_span_begins_before_it_ends(
    first: list[float], last: list[float], span: tuple[int, int]
) -> None:
    assert _best_span(np.array([first, last], dtype=float).T) == span


def test_no_pieces_no_span() -> None:
    assert _best_span(np.zeros((0, 2))) == (0, 0)
