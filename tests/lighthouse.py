"""A run that holds every diagnosis once, made without a language model."""

from collections.abc import Mapping, Sequence

from runs import PROVENANCE

from eval.cases import Alternatives, Case, GoldSpan, Suite
from eval.diagnosis import Diagnosis
from eval.report import Run
from eval.runner import AskOutcome, Record, run
from eval.summary import summarize
from qa.errors import LLMFailedError
from qa.schema import NO_ANSWER, Answer, Citation, Claim, Evidence, Found, Timings

SENTENCES = (
    "The lighthouse was built in 1874.",
    "Its keeper was Ada Moen.",
    "She kept a herd of goats.",
    "A storm took the roof in 1902.",
    "The village paid for a new one.",
    "It was made of copper.",
    "Ada Moen left the island in 1911.",
    "Her brother took her place.",
    "He painted the tower red.",
    "Today it is a museum.",
)
TEXT = "# The lighthouse\n\n" + " ".join(SENTENCES)


def span(number: int, text: str = TEXT) -> dict[str, int]:
    """Where sentence ``number`` of ``SENTENCES`` stands."""
    start = text.index(SENTENCES[number])
    return {"start": start, "end": start + len(SENTENCES[number])}


def gold(*alternatives: Sequence[int]) -> Alternatives:
    """Alternatives of gold by the numbers of their sentences."""
    return tuple(
        tuple(GoldSpan("d", **span(number), text=SENTENCES[number]) for number in numbers)
        for numbers in alternatives
    )


def footnote(number: int, sentence: int) -> Citation:
    """A footnote that quotes a sentence."""
    bounds = span(sentence)
    return Citation(
        number=number,
        sentence_id=f"d:{bounds['start']}-{bounds['end']}",
        document_id="d",
        title="The lighthouse",
        uri="",
        sentence=sentence + 2,
        text=SENTENCES[sentence],
        **bounds,
    )


def outcome(
    text: str,
    *cited: int,
    offered: Sequence[int] = (),
    found: Sequence[int] = (),
    dropped: Sequence[str] = (),
    confidence: float = 0.8,
    seconds: float = 2.0,
) -> AskOutcome:
    """An answer from the article, with its footnotes in the order of ``cited``.

    Args:
        text: of the answer, with its footnote marks; ``NO_ANSWER`` refuses.
        offered: sentences offered.
        found: sentences found, the offered ones aside.
        dropped: texts of the claims that were not released.
    """
    refused = text == NO_ANSWER
    numbers = list(range(1, len(cited) + 1))
    released = (
        [] if refused else [Claim(text=text, citations=numbers, support=0.8, verdict="supported")]
    )
    unproved = [
        Claim(text=claim, citations=[], support=0.2, verdict="unsupported") for claim in dropped
    ]
    answer = Answer(
        question="?",
        standalone_question="?",
        status="no_answer" if refused else "partial" if dropped else "answered",
        answer=text,
        claims=released,
        citations=[footnote(*pair) for pair in zip(numbers, cited, strict=True)],
        confidence=0.0 if refused else confidence,
        reason="no sentence says so" if dropped else None,
        timings_ms=Timings(retrieve=20, first_token=700, first_claim=None if refused else 1500),
        provenance=PROVENANCE,
    )
    return AskOutcome(
        answer,
        [
            Evidence(**footnote(number, sentence).model_dump(), score=1, answers=0.5)
            for number, sentence in enumerate(offered, start=1)
        ],
        seconds,
        found=[Found(document_id="d", **span(sentence)) for sentence in (*offered, *found)],
        claims=[*released, *unproved],
    )


def case(name: str, question: str, answer: str | None, evidence: Alternatives = ()) -> Case:
    """A case; without an answer it is unanswerable."""
    return Case(
        id=name,
        question=question,
        answers=() if answer is None else (answer,),
        answerable=answer is not None,
        evidence=evidence,
        type="unanswerable" if answer is None else "who" if answer == "Ada Moen" else "what",
    )


EVERY: Mapping[Diagnosis, tuple[Case, AskOutcome | None]] = {
    Diagnosis.RIGHT: (
        case("right", "Who was the keeper?", "Ada Moen", gold([1], [6])),
        outcome("Ada Moen was the keeper. [1]", 1, offered=(1, 6, 2), confidence=0.9),
    ),
    Diagnosis.RIGHTLY_REFUSED: (
        case("refused", "Who was the baker?", None),
        outcome(NO_ANSWER, offered=(1,), dropped=["Ada Moen was the baker."]),
    ),
    Diagnosis.NOT_RETRIEVED: (
        case("not-retrieved", "What was the new roof made of?", "copper", gold([4, 5])),
        outcome(NO_ANSWER, offered=(3,), found=(4,), seconds=4.0),
    ),
    Diagnosis.NOT_RANKED: (
        case("not-ranked", "What colour is the tower?", "red", gold([8])),
        outcome("The tower is made of copper. [1]", 5, offered=(5,), found=(2, 8)),
    ),
    Diagnosis.DRAFTED_WRONG: (
        case("drafted-wrong", "When did the keeper leave?", "1911", gold([6])),
        outcome("The keeper left in 1902. [1]", 3, offered=(3, 6), confidence=0.4),
    ),
    Diagnosis.WRONGLY_DROPPED: (
        case("wrongly-dropped", "Which animals were there?", "goats", gold([2])),
        outcome(NO_ANSWER, offered=(2,), dropped=["There were goats."]),
    ),
    Diagnosis.WRONGLY_SUPPORTED: (
        case("wrongly-supported", "Who left the island?", "Ada Moen", gold([6])),
        outcome("Ada Moen left. [1]", 1, offered=(1, 6), confidence=0.6, seconds=30.0),
    ),
    Diagnosis.SHOULD_HAVE_ABSTAINED: (
        case("should-have-abstained", "Who was the museum's director?", None),
        outcome("Ada Moen was. [1][2]", 1, 9, offered=(9, 1), confidence=0.5),
    ),
    Diagnosis.FAILED: (case("failed", "What is it today?", "a museum", gold([9])), None),
}


def record_of(asked: Case, result: AskOutcome | None, texts: Mapping[str, str]) -> Record:
    """The record of one question; without a result it fails."""

    def ask(_: Case) -> AskOutcome:
        if result is None:
            raise LLMFailedError("it stopped in the middle")
        return result

    (record,) = run(Suite("lighthouse", {}, (asked,)), ask, source_text=texts.__getitem__)
    return record


def every_diagnosis(name: str = "") -> Run:
    """One question for each diagnosis, in the order of ``Diagnosis``."""
    texts = {"d": TEXT}
    records = [record_of(*EVERY[diagnosis], texts) for diagnosis in Diagnosis]
    return Run(
        records,
        summarize(records),
        gold={asked.id: asked.evidence for asked, _ in EVERY.values()},
        texts=texts,
        name=name,
    )
