"""What is recorded of the likeliest sentence counts for that sentence alone."""

from types import SimpleNamespace
from typing import Any

import pytest

from eval.cases import Case, GoldSpan
from qa.schema import Evidence
from training.confidence import quotations
from training.record import _record


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


@pytest.fixture
def row() -> dict[str, Any]:
    evidence = [offered(1, "It rained.", 0.2), offered(2, "Bees dance.", 0.8)]
    case = Case("1", "Who dances?", ("bees",), True, ((GoldSpan("bees", 20, 31, "Bees dance."),),))
    retriever = SimpleNamespace(retrieve=lambda *_, **__: SimpleNamespace(usable=evidence))
    assembly: Any = SimpleNamespace(
        embedder=SimpleNamespace(cosines=None),
        drafter=SimpleNamespace(stream=lambda *_: []),
        judge=SimpleNamespace(answers=lambda *_: 0.7),
    )
    return _record(case, None, retriever, assembly)


def test_the_judged_sentence_is_recorded(row: dict[str, Any]) -> None:
    assert (row["quoted"], row["quoted_sentence"]) == (0.7, "bees:2")
    (quoted,) = quotations([row])
    assert quoted["right"]
    assert quoted["judged"] == pytest.approx(0.847, abs=0.001)  # its log odds


def test_what_the_judge_said_of_another_sentence_does_not_count(row: dict[str, Any]) -> None:
    row["evidence"][0]["answers"] = 0.9
    assert quotations([row]) == []


def test_without_the_sentence_nobody_knows_what_was_judged(row: dict[str, Any]) -> None:
    del row["quoted_sentence"]
    assert quotations([row]) == []
