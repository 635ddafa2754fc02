"""Asks a suite's questions one by one and scores each answer.

The caller decides what answers: ``ask`` may be Footnoted itself, a server or a rival.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from eval import metrics
from eval.cases import Case, Suite
from eval.selection import Shard, select
from qa.errors import NotInCollectionError
from qa.schema import Answer, Claim, Evidence, Found, Turn

logger = logging.getLogger(__name__)

RECALL_DEPTHS = (1, 3, 5, 8, 20)


@dataclass(frozen=True, slots=True)
class AskOutcome:
    """What came back for one question.

    Attributes:
        evidence: the sentences offered as evidence; a drafter may be shown a part of them.
        seconds: wall time of the question, as the caller measured it.
        found: all sentences that the search considered, best first.
        claims: all claims of the draft with their verdicts, the dropped ones included.
    """

    answer: Answer
    evidence: Sequence[Evidence]
    seconds: float
    found: Sequence[Found] = ()
    claims: Sequence[Claim] = ()


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Failure(_Frozen):
    """The exception that took the place of an answer."""

    type: str
    message: str


class Record(_Frozen):
    """One question, what came back and how good it is; one line of ``records.jsonl``."""

    suite: str
    case_id: str
    question: str
    type: str
    history: tuple[Turn, ...] = ()
    answerable: bool
    answers: tuple[str, ...]
    answer: Answer | None
    evidence: tuple[Evidence, ...]
    found: tuple[Found, ...]
    claims: tuple[Claim, ...]
    seconds: float | None
    error: Failure | None
    scores: dict[str, float | None]

    @property
    def answered(self) -> bool:
        """Whether it was answered, in whole or in part."""
        return self.answer is not None and _is_answered(self.answer)


Ask = Callable[[Case], AskOutcome]
SourceText = Callable[[str], str]
Progress = Callable[[int, int], None]


def run(
    suite: Suite,
    ask: Ask,
    *,
    source_text: SourceText,
    limit: int | None = None,
    seed: int = 0,
    shard: Shard | None = None,
    skip: Collection[str] = (),
    on_progress: Progress | None = None,
) -> Iterator[Record]:
    """Ask the questions in the suite's order; each record is yielded as soon as it is scored.

    Args:
        suite: the questions.
        ask: answers one; whatever it raises becomes the record's ``error``, and the run goes on.
        source_text: a document's text by its id, to check the footnotes against.
        limit: ask only so many, drawn with ``seed`` and stratified by ``answerable``.
        seed: of the draw.
        shard: ask only this part of them.
        skip: ids of questions that have been asked; they count as done.
        on_progress: called after each question with the number done and the number in all.

    Raises:
        ValueError: ``limit`` is below 1.
    """
    cases = select(suite.questions, limit=limit, seed=seed, shard=shard)
    left = [case for case in cases if case.id not in skip]
    return _run(suite.name, left, len(cases), ask, source_text, on_progress)


def score(
    case: Case, outcome: AskOutcome | None, source_text: SourceText
) -> dict[str, float | None]:
    """All scores of one question; ``None`` where it is not eligible.

    ``correct`` is whether an answer is right, for the confidence to be held against: it contains
    an accepted answer; where these are free text or missing, it cites all the gold sentences;
    where the question cannot be answered, never.

    Without an outcome, because asking failed, an answerable question counts as not answered; an
    unanswerable one has no score, for a crash is neither a rightful refusal nor a false answer.
    """
    answer = outcome.answer if outcome else None
    answered = answer is not None and _is_answered(answer)
    text = metrics.strip_footnotes(answer.answer) if answer and answered else None
    accepted = case.answers if case.answerable else ()
    gold = case.evidence if case.answerable else ()
    footnotes = answer.citations if answer else []
    cited = footnotes if answered else []
    offered = sorted(outcome.evidence, key=lambda item: item.number) if outcome else []
    # A system that does not tell what else it considered is ranked by what it offered.
    found: Sequence[metrics.Located] = outcome.found or offered if outcome else []

    def of_words(metric: Callable[[str, Sequence[str]], float | None]) -> float | None:
        if text is None:
            return 0.0 if accepted else None
        return metric(text, accepted)

    def of_refusal(metric: Callable[..., float | None]) -> float | None:
        told = outcome is not None or case.answerable
        return metric(answered, answerable=case.answerable) if told else None

    str_em = of_words(metrics.str_em)
    citation_recall = metrics.citation_recall(cited, gold)
    return {
        "str_em": str_em,
        "exact_match": of_words(metrics.exact_match),
        "token_f1": of_words(metrics.token_f1),
        "correct": _correct(case, str_em, citation_recall) if answered else None,
        "answer_words": None if text is None else float(metrics.answer_words(text)),
        "citation_precision": metrics.citation_precision(cited, gold) if answered else None,
        "citation_recall": citation_recall,
        "citation_f1": metrics.citation_f1(cited, gold),
        "answered_rate": metrics.answered_rate(answered, answerable=case.answerable),
        "false_answer_rate": of_refusal(metrics.false_answer_rate),
        "refusal_precision": of_refusal(metrics.refusal_precision),
        "refusal_recall": of_refusal(metrics.refusal_recall),
        "verbatim_rate": metrics.verbatim_rate(footnotes, _or_none(source_text)),
        "fabricated_rate": metrics.fabricated_rate(footnotes, offered),
        "evidence_recall_at_8": metrics.recall_at_k(offered, gold, 8),
        "mrr": metrics.mrr(found, gold),
        "ndcg_at_10": metrics.ndcg_at_k(found, gold, 10),
        **{f"retrieval_recall_at_{k}": metrics.recall_at_k(found, gold, k) for k in RECALL_DEPTHS},
    }


def _run(
    name: str,
    left: Sequence[Case],
    total: int,
    ask: Ask,
    source_text: SourceText,
    on_progress: Progress | None,
) -> Iterator[Record]:
    for done, case in enumerate(left, start=total - len(left) + 1):
        record = _record(name, case, ask, source_text)
        if on_progress:
            on_progress(done, total)
        yield record


def _record(name: str, case: Case, ask: Ask, source_text: SourceText) -> Record:
    outcome, failure = None, None
    try:
        outcome = ask(case)
        scores = score(case, outcome, source_text)
    except Exception as error:
        logger.debug("question %s failed", case.id, exc_info=True)
        outcome, failure = None, Failure(type=type(error).__name__, message=str(error))
        scores = score(case, None, source_text)
    return Record(
        suite=name,
        case_id=case.id,
        question=case.question,
        type=case.type,
        history=case.history,
        answerable=case.answerable,
        answers=case.answers,
        answer=outcome.answer if outcome else None,
        evidence=tuple(outcome.evidence) if outcome else (),
        found=tuple(outcome.found) if outcome else (),
        claims=tuple(outcome.claims) if outcome else (),
        seconds=outcome.seconds if outcome else None,
        error=failure,
        scores=scores,
    )


def _is_answered(answer: Answer) -> bool:
    return answer.status != "no_answer"


def _or_none(source_text: SourceText) -> Callable[[str], str | None]:
    def find(document_id: str) -> str | None:
        try:
            return source_text(document_id)
        except (LookupError, NotInCollectionError):
            return None

    return find


def _correct(case: Case, str_em: float | None, citation_recall: float | None) -> float | None:
    if not case.answerable:
        return 0.0
    if not all(map(metrics.is_free_text, case.answers)):
        return str_em
    return None if citation_recall is None else float(citation_recall == 1)
