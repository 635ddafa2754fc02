"""A language model's opinion on the answers, beside the deterministic numbers.

It is kept apart from them, in files of its own, with the model and the prompt that judged: another
model, or the same one next year, may judge otherwise.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, cast

from pydantic import BaseModel, ConfigDict

from eval.metrics import strip_footnotes
from eval.runner import Failure, Progress, Record
from eval.stats import Estimate, bootstrap_interval
from qa.errors import LLMFailedError
from qa.generation.llm import LLM, stream_chat
from qa.generation.prompt import Prompt, load_prompt

logger = logging.getLogger(__name__)

Verdict = Literal["correct", "incorrect", "undecided"]

JUDGED = "judged.jsonl"
JUDGED_SUMMARY = "judged.json"

_VERDICT = re.compile(r"[\W_]*(correct|incorrect|undecided)[\W_]*", re.IGNORECASE)
_REPLY_TOKENS = 16


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class JudgedRecord(_Frozen):
    """What the judge said of one answer; one line of ``judged.jsonl``.

    Attributes:
        reply: its words; ``None`` if it failed.
        verdict: ``None`` if it failed or its reply is none of the three words.
        llm: the judge's name, as the user pinned it.
        prompt: name, version and digest.
    """

    suite: str
    case_id: str
    reply: str | None
    verdict: Verdict | None
    error: Failure | None
    llm: str
    prompt: str

    @property
    def score(self) -> float | None:
        """1 for correct, 0 for incorrect, else none."""
        return {"correct": 1.0, "incorrect": 0.0}.get(self.verdict or "")


class JudgedSummary(_Frozen):
    """The opinions in numbers; the content of ``judged.json``.

    Attributes:
        questions: how many answers were put to the judge.
        verdicts: how many it gave of each; ``unreadable`` are the replies that were none.
        errors: how often it failed, by the exception's type.
        judged_correct: ``None`` if there is no verdict of correct or incorrect.
        llms: every distinct one, as are the prompts; more than one means that something changed.
    """

    suite: str
    questions: int
    verdicts: dict[str, int]
    errors: dict[str, int]
    judged_correct: Estimate | None
    llms: tuple[str, ...]
    prompts: tuple[str, ...]
    seed: int


def judge_records(
    records: Sequence[Record],
    llm: LLM,
    *,
    prompt: str = "grade/v1",
    on_progress: Progress | None = None,
) -> Iterator[JudgedRecord]:
    """Ask of each answer whether it agrees with an accepted one; each is yielded when judged.

    Refusals, failures, and questions without accepted answers are not put to the judge.

    Args:
        records: of any run.
        llm: the judge.
        prompt: which of ``prompts/judge``.
        on_progress: called after each answer with the number done and the number in all.

    Raises:
        LLMUnavailableError: the judge cannot be started or set up. Where it breaks off, the
            record has an ``error``, and the others are judged.
        WeightsError: the embedded LLM's weights are missing or wrong.
    """
    loaded = load_prompt(prompt)
    eligible = [
        record for record in records if record.answered and record.answerable and record.answers
    ]
    for done, record in enumerate(eligible, start=1):
        judged = _judge(record, llm, loaded)
        if on_progress:
            on_progress(done, len(eligible))
        yield judged


def summarize_judged(judged: Sequence[JudgedRecord], *, seed: int = 0) -> JudgedSummary:
    """Sum the verdicts up; ``seed`` is that of the bootstrap."""
    scores = [record.score for record in judged if record.score is not None]
    replies = [record.verdict or "unreadable" for record in judged if record.error is None]
    return JudgedSummary(
        suite=", ".join(sorted({record.suite for record in judged})),
        questions=len(judged),
        verdicts=dict(Counter(replies)),
        errors=dict(Counter(record.error.type for record in judged if record.error)),
        judged_correct=bootstrap_interval(scores, seed=seed) if scores else None,
        llms=tuple(dict.fromkeys(record.llm for record in judged)),
        prompts=tuple(dict.fromkeys(record.prompt for record in judged)),
        seed=seed,
    )


def write_judged(judged: Iterable[JudgedRecord], out: Path, *, seed: int = 0) -> JudgedSummary:
    """Write ``judged.jsonl`` line by line as the judge goes, then ``judged.json``."""
    out.mkdir(parents=True, exist_ok=True)
    summary_path = out / JUDGED_SUMMARY
    summary_path.unlink(missing_ok=True)
    written: list[JudgedRecord] = []
    with (out / JUDGED).open("w", encoding="utf-8", newline="\n") as file:
        for record in judged:
            file.write(record.model_dump_json() + "\n")
            file.flush()
            written.append(record)
    summary = summarize_judged(written, seed=seed)
    summary_path.write_text(summary.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return summary


def _judge(record: Record, llm: LLM, prompt: Prompt) -> JudgedRecord:
    reply, failure = None, None
    try:
        reply = _ask(record, llm, prompt)
    except LLMFailedError as error:
        logger.warning("question %s was not judged: %r", record.case_id, error)
        failure = Failure(type=type(error).__name__, message=str(error))
    return JudgedRecord(
        suite=record.suite,
        case_id=record.case_id,
        reply=reply,
        verdict=None if reply is None else _read(reply),
        error=failure,
        llm=llm.name,
        prompt=prompt.label,
    )


def _ask(record: Record, llm: LLM, prompt: Prompt) -> str:
    messages = prompt.messages(
        question=_asked(record),
        answers="\n".join(f"- {answer}" for answer in record.answers),
        answer=strip_footnotes(record.answer.answer) if record.answer else "",
    )
    return "".join(chunk.text for chunk in stream_chat(llm, messages, max_tokens=_REPLY_TOKENS))


def _asked(record: Record) -> str:
    """The question, a follow-up with the conversation before it."""
    if not record.history:
        return record.question
    turns = [f"{turn.role.capitalize()}: {turn.content}" for turn in record.history]
    return "\n".join(["after this conversation:", *turns, f"User: {record.question}"])


def _read(reply: str) -> Verdict | None:
    """The reply as a verdict, if it is that word and no other."""
    found = _VERDICT.fullmatch(reply)
    return cast(Verdict, found[1].casefold()) if found else None
