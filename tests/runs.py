"""Small suites, and records of runs over them, without anything having been asked."""

from collections.abc import Sequence

from eval.cases import Case, Suite
from eval.runner import AskOutcome, Failure, Record
from qa.schema import NO_ANSWER, Answer, Citation, Document, Evidence, Provenance

TEXT = "Ada wrote it. Bob read it."
PROVENANCE = Provenance(
    llm="fake", embedder="words", prompt="answer/v1@0", collection="c", collection_version="0"
)


def small_suite(questions: int = 5, name: str = "small") -> Suite:
    """Questions q0, q1, … about one document; every third has no answer."""
    cases = tuple(
        Case(
            id=f"q{number}",
            question=f"Who wrote {number}?",
            answers=("Ada",) if number % 3 else (),
            answerable=bool(number % 3),
        )
        for number in range(questions)
    )
    return Suite(name, {"d": Document.make(TEXT, title="D", doc_id="d")}, cases)


def quotation() -> dict[str, object]:
    """The first sentence."""
    place = {"document_id": "d", "title": "D", "uri": "", "start": 0, "end": 13, "sentence": 1}
    return {"number": 1, "sentence_id": "d:0-13", "text": TEXT[:13], **place}


def answer(text: str = "Ada wrote it. [1]") -> Answer:
    """An answer with one footnote, or the refusal."""
    refused = text == NO_ANSWER
    return Answer(
        question="Who?",
        standalone_question="Who?",
        status="no_answer" if refused else "answered",
        answer=text,
        claims=[],
        citations=[] if refused else [Citation(**quotation())],
        confidence=0.5,
        provenance=PROVENANCE,
    )


def ask(_: Case) -> AskOutcome:
    """Answers everything alike."""
    return AskOutcome(answer(), [Evidence(**quotation(), score=1.0)], 2.0)


def record(
    case_id: str = "q1",
    *,
    suite: str = "small",
    question: str = "Who?",
    text: str | None = "Ada wrote it. [1]",
    answers: Sequence[str] = ("Ada",),
    answerable: bool = True,
    seconds: float | None = 2.0,
    **scores: float | None,
) -> Record:
    """A question with these scores; without a text it failed."""
    return Record(
        suite=suite,
        case_id=case_id,
        question=question,
        type="who",
        answerable=answerable,
        answers=tuple(answers),
        answer=None if text is None else answer(text),
        evidence=(),
        found=(),
        claims=(),
        seconds=None if text is None else seconds,
        error=Failure(type="LLMFailedError", message="it stopped") if text is None else None,
        scores=scores,
    )
