"""What is recorded of a quotation is what the checks see of it."""

from types import SimpleNamespace
from typing import Any

import pytest
from fakes import Undecided

from qa.grounding.confidence import lead
from qa.schema import Evidence
from training.confidence import quotations
from training.record import _quotation


def offered(number: int, text: str, answers: float) -> Evidence:
    return Evidence(
        number=number,
        sentence_id=f"bees:{number}",
        document_id="bees",
        title="Bees",
        uri="",
        start=10 * number,
        end=10 * number + len(text),
        sentence=number,
        text=text,
        score=0,
        similarity=0,
        answers=answers,
    )


ASSEMBLY: Any = SimpleNamespace(
    embedder=SimpleNamespace(cosines=None),
    cross_encoder=Undecided(),
    judge=SimpleNamespace(answers=lambda *_: 0.7),
)
GOLD = [[{"doc_id": "bees", "start": 20, "end": 31}]]


def row(question: str = "Who dances?", *, answerable: bool = True) -> dict[str, Any]:
    evidence = [offered(1, "It rained.", 0.2), offered(2, "Bees dance.", 0.8)]
    return {
        "suite": "bees",
        "answerable": answerable,
        "gold": GOLD if answerable else [],
        "evidence": [item.model_dump() for item in evidence],
        "quotation": _quotation(question, evidence, ASSEMBLY),
    }


def test_what_may_be_quoted_is_recorded() -> None:
    assert row()["quotation"] == {
        "proof": ["bees:2"],
        "answers": 0.8,
        "ahead": lead(0.8, 0.2),
        "judged": 0.7,
    }
    (quoted,) = quotations([row()])
    assert quoted["right"]
    assert quoted["judged"] == pytest.approx(0.847, abs=0.001)  # its log odds


def test_what_does_not_fit_is_not_recorded() -> None:
    beside = row("How many dance?")  # no sentence has a number
    assert beside["quotation"] is None
    assert quotations([beside]) == []


def test_to_a_question_without_an_answer_nothing_is_right() -> None:
    (quoted,) = quotations([row(answerable=False)])
    assert not quoted["right"]
