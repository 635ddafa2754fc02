"""Asks a suite's questions one by one, scores each answer and sums the scores up.

The caller decides what answers: ``ask`` may be Footnoted itself, a server or a rival.
"""

import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from eval import metrics
from eval.cases import Case, Suite
from eval.stats import Estimate, Statistic, bootstrap_interval, bootstrap_statistic
from qa.errors import NotInCollectionError
from qa.schema import Answer, Claim, Evidence, Found, Provenance, digest

logger = logging.getLogger(__name__)

FREE_TEXT_WORDS = 12
"""An accepted answer of more words cannot be expected to be contained in an answer."""

RECALL_DEPTHS = (1, 3, 5, 8, 20)


@dataclass(frozen=True, slots=True)
class AskOutcome:
    """What came back for one question.

    Attributes:
        evidence: the sentences offered to the language model.
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


class Summary(_Frozen):
    """A run in numbers, with what produced them; the content of ``summary.json``.

    Attributes:
        errors: how many questions failed, by the exception's type.
        metrics: ``None`` where no question was eligible.
        provenance: every distinct one; more than one means that something changed on the way.
    """

    suite: str
    questions: int
    answerable: int
    answered: int
    errors: dict[str, int]
    metrics: dict[str, Estimate | None]
    seconds_median: float | None
    seconds_p95: float | None
    seed: int
    provenance: tuple[Provenance, ...]


Ask = Callable[[Case], AskOutcome]
SourceText = Callable[[str], str]
Progress = Callable[[int, int], None]
_Row = tuple[float, ...]


def run(
    suite: Suite,
    ask: Ask,
    *,
    source_text: SourceText,
    limit: int | None = None,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Iterator[Record]:
    """Ask the questions in the suite's order; each record is yielded as soon as it is scored.

    Args:
        suite: the questions.
        ask: answers one; whatever it raises becomes the record's ``error``, and the run goes on.
        source_text: a document's text by its id, to check the footnotes against.
        limit: ask only so many, drawn with ``seed`` and stratified by ``answerable``.
        seed: of the draw.
        on_progress: called after each question with the number done and the number in all.

    Raises:
        ValueError: ``limit`` is below 1.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit!r}")
    cases = suite.questions if limit is None else draw(suite.questions, limit, seed)
    return _run(suite.name, cases, ask, source_text, on_progress)


def draw(cases: Sequence[Case], limit: int, seed: int) -> tuple[Case, ...]:
    """Draw ``limit`` cases, answerable and not in the proportion that they have in ``cases``.

    Each kind that exists is drawn at least once if ``limit`` allows. The draw depends on seed
    and ids alone, not on their order in the file.
    """
    if limit >= len(cases):
        return tuple(cases)
    shuffled = sorted(cases, key=lambda case: digest(str(seed), case.id))
    yes = [case for case in shuffled if case.answerable]
    no = [case for case in shuffled if not case.answerable]
    wanted = round(limit * len(yes) / len(cases))
    if yes and no and limit > 1:
        wanted = min(max(wanted, 1), limit - 1)
    chosen = {case.id for case in yes[:wanted] + no[: limit - wanted]}
    return tuple(case for case in cases if case.id in chosen)


def score(
    case: Case, outcome: AskOutcome | None, source_text: SourceText
) -> dict[str, float | None]:
    """All scores of one question; ``None`` where it is not eligible.

    ``correct`` is whether an answer is right, for the confidence to be held against: it contains
    an accepted answer; where these are free text or missing, it cites all the gold sentences;
    where the question cannot be answered, never.

    Without an outcome, because asking failed, an answerable question counts as not answered; an
    unanswerable one has no score, for a crash is neither a refusal nor a false answer.
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
        return metric(answered, answerable=case.answerable) if outcome else None

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


def summarize(records: Sequence[Record], *, seed: int = 0) -> Summary:
    """Sum the scores up; ``seed`` is that of the bootstrap."""
    estimates: dict[str, Estimate | None] = {}
    for name in dict.fromkeys(name for record in records for name in record.scores):
        values = [value for record in records if (value := record.scores.get(name)) is not None]
        estimates[name] = bootstrap_interval(values, seed=seed) if values else None
    estimates |= {
        name: _estimate(rows, statistic, seed)
        for name, (rows, statistic) in _statistics(records).items()
    }
    seconds = [record.seconds for record in records if record.seconds is not None]
    answers = [record.answer for record in records if record.answer is not None]
    return Summary(
        suite=", ".join(sorted({record.suite for record in records})),
        questions=len(records),
        answerable=sum(record.answerable for record in records),
        answered=sum(record.answered for record in records),
        errors=dict(Counter(record.error.type for record in records if record.error)),
        metrics=estimates,
        seconds_median=float(np.quantile(seconds, 0.5)) if seconds else None,
        seconds_p95=float(np.quantile(seconds, 0.95)) if seconds else None,
        seed=seed,
        provenance=tuple(dict.fromkeys(answer.provenance for answer in answers)),
    )


def write_records(records: Iterable[Record], out: Path, *, seed: int = 0) -> Summary:
    """Write ``records.jsonl`` line by line as the run goes, then ``summary.json``.

    What an earlier run left there is replaced; a run cut short leaves records, but no summary.
    """
    out.mkdir(parents=True, exist_ok=True)
    summary_path = out / "summary.json"
    summary_path.unlink(missing_ok=True)
    written: list[Record] = []
    with (out / "records.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        for record in records:
            file.write(record.model_dump_json() + "\n")
            file.flush()
            written.append(record)
    summary = summarize(written, seed=seed)
    summary_path.write_text(summary.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return summary


def format_summary(summary: Summary) -> str:
    """The summary as plain text, in columns: name, value, 95 % interval, number of questions."""
    rows = [
        (name, f"{it.mean:.3f}", f"[{it.low:.3f}, {it.high:.3f}]", str(it.n))
        if it
        else (name, "–", "", "0")
        for name, it in summary.metrics.items()
    ]
    for name in ("seconds_median", "seconds_p95"):
        seconds: float | None = getattr(summary, name)
        rows.append((name, "–" if seconds is None else f"{seconds:.3f}", "", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        f"{name:<{widths[0]}}  {value:>{widths[1]}}  {interval:<{widths[2]}}  {n:>{widths[3]}}"
        for name, value, interval, n in rows
    ]
    failed = ", ".join(f"{count} {kind}" for kind, count in summary.errors.items())
    head = (
        f"{summary.suite}: {summary.questions} questions, {summary.answerable} answerable, "
        f"{summary.answered} answered; errors: {failed or 'none'}"
    )
    return "\n".join([head, *(line.rstrip() for line in lines)])


def _run(
    name: str,
    cases: Sequence[Case],
    ask: Ask,
    source_text: SourceText,
    on_progress: Progress | None,
) -> Iterator[Record]:
    for done, case in enumerate(cases, start=1):
        record = _record(name, case, ask, source_text)
        if on_progress:
            on_progress(done, len(cases))
        yield record


def _record(name: str, case: Case, ask: Ask, source_text: SourceText) -> Record:
    outcome, failure = None, None
    try:
        outcome = ask(case)
        scores = score(case, outcome, source_text)
    except Exception as error:
        logger.warning("question %s failed: %r", case.id, error)
        logger.debug("question %s failed", case.id, exc_info=True)
        outcome, failure = None, Failure(type=type(error).__name__, message=str(error))
        scores = score(case, None, source_text)
    return Record(
        suite=name,
        case_id=case.id,
        question=case.question,
        type=case.type,
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
    if any(metrics.answer_words(answer) <= FREE_TEXT_WORDS for answer in case.answers):
        return str_em
    return None if citation_recall is None else float(citation_recall == 1)


def _statistics(records: Sequence[Record]) -> dict[str, tuple[list[_Row], Statistic]]:
    """The metrics that are no mean of single questions: rows, and what is worked out from them."""
    told = [record for record in records if record.error is None]
    refusing: list[_Row] = [(float(record.answered), float(record.answerable)) for record in told]
    trusting: list[_Row] = [
        (*row, *(_or_nan(record.scores.get(name)) for name in ("str_em", "citation_f1")))
        for row, record in zip(refusing, told, strict=True)
    ]
    judged: list[_Row] = [
        (record.answer.confidence, correct)
        for record in records
        if record.answer and (correct := record.scores.get("correct")) is not None
    ]
    return {
        "refusal_f1": (refusing, _of_columns(metrics.refusal_f1)),
        "answerability_macro_f1": (refusing, _of_columns(metrics.answerability_macro_f1)),
        "trust_score": (trusting, _of_columns(metrics.trust_score)),
        "aurc": (judged, _of_columns(metrics.aurc)),
        "expected_calibration_error": (judged, _of_columns(metrics.expected_calibration_error)),
    }


def _of_columns(metric: Callable[..., float | None]) -> Statistic:
    return lambda rows: metric(*rows.T)


def _or_nan(score: float | None) -> float:
    return math.nan if score is None else score


def _estimate(rows: Sequence[_Row], statistic: Statistic, seed: int) -> Estimate | None:
    if not rows or statistic(np.asarray(rows)) is None:
        return None
    return bootstrap_statistic(rows, statistic, seed=seed)
