"""A small cross-encoder of our own: does this sentence answer, do these sentences prove?

MiniLM's six layers with a head for each question and one for the answer's place in the sentence,
trained by ``training/``, in 8-bit weights on onnxruntime. ``model/README.md`` is its model card.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qa.errors import WeightsCorruptError, WeightsNotFoundError
from qa.grounding.pairs import Pair, Pairs
from qa.network import Network
from qa.schema import Passage

NAME = "footnoted-cross-encoder-3"
FOLDER = Path(__file__).parent / "model"
SHA256 = "7132867fa32590f5fedde7dd3d95b65f796077a825697d5bf97e11a8843f9e07"
_AGAIN = "Install footnoted again: the file is a part of it."


@dataclass(frozen=True, slots=True)
class Reading:
    """What the cross-encoder sees in one passage.

    Attributes:
        answers: probability that it answers the question, in (0, 1).
        start: where the answer begins in the passage's text, a character offset.
        end: where it ends; the span is the most likely one even where ``answers`` is low.
    """

    answers: float
    start: int
    end: int


class CrossEncoder:
    """Reads a question or a claim together with a sentence.

    Args:
        folder: holds ``model.onnx`` and ``tokenizer.json``.
        sha256: what ``model.onnx`` must hash to; ``None``: it is taken as it is.

    Raises:
        WeightsError: there is no such file, or it is another.
    """

    name = NAME

    def __init__(self, folder: Path = FOLDER, *, sha256: str | None = SHA256) -> None:
        file = folder / "model.onnx"
        if not file.exists():
            raise WeightsNotFoundError(f"the cross-encoder {str(file)!r} is missing", help=_AGAIN)
        weights = file.read_bytes()
        if sha256 is not None and (found := hashlib.sha256(weights).hexdigest()) != sha256:
            raise WeightsCorruptError(
                f"{str(file)!r} has SHA-256 {found}, not {sha256}", help=_AGAIN
            )
        self._network = Network(weights)
        self._pairs = Pairs(folder / "tokenizer.json")

    def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
        """Rate passages as answers to ``question``, each by itself."""
        found = []
        pairs = self._question_pairs(question, passages)
        for pair, (answers, _, span) in zip(pairs, self._run(pairs), strict=True):
            first, last = _best_span(span[pair.second : pair.second + len(pair.offsets)])
            start, end = (pair.offsets[first][0], pair.offsets[last][1]) if pair.offsets else (0, 0)
            found.append(Reading(_sigmoid(answers), start, end))
        return found

    def answers(self, question: str, passages: Sequence[Passage]) -> list[float]:
        """Probability in (0, 1) that a passage answers ``question``, for each of them."""
        outputs = self._run(self._question_pairs(question, passages))
        return [_sigmoid(answers) for answers, _, _ in outputs]

    def supports(self, claim: str, passages: Sequence[Passage]) -> list[float]:
        """Probability in (0, 1) that a passage proves ``claim``, for each of them.

        A passage's ``text`` may be several sentences.
        """
        pairs = [
            self._pairs.supports(claim, f"{item.before} {item.text}".strip(), title=item.title)
            for item in passages
        ]
        return [_sigmoid(supports) for _, supports, _ in self._run(pairs)]

    def _question_pairs(self, question: str, passages: Sequence[Passage]) -> list[Pair]:
        return [
            self._pairs.answers(question, item.text, title=item.title, before=item.before)
            for item in passages
        ]

    def _run(self, pairs: Sequence[Pair]) -> Iterator[tuple[float, float, Any]]:
        """The logits of each pair."""
        for answers, supports, span in self._network.run([_input(pair) for pair in pairs]):
            yield float(answers[0]), float(supports[0]), span[0]


def _input(pair: Pair) -> dict[str, Any]:
    ids = np.array([pair.ids], dtype=np.int64)
    types = np.ones_like(ids)
    types[:, : pair.second] = 0
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": types}


_LONGEST_SPAN = 24


def _best_span(logits: Any) -> tuple[int, int]:
    """First and last word piece of the most likely span; ``logits`` is (pieces, 2)."""
    if not len(logits):
        return 0, 0
    joint = logits[:, :1] + logits[:, 1][None, :]
    allowed = np.triu(np.ones_like(joint)) - np.triu(np.ones_like(joint), k=_LONGEST_SPAN)
    first, last = np.unravel_index(np.argmax(np.where(allowed > 0, joint, -np.inf)), joint.shape)
    return int(first), int(last)


def _sigmoid(logit: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(logit, -30, 30))))
