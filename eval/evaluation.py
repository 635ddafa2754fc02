"""Runs planned suites against Footnoted: ingests, asks, and writes as it goes."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval import report
from eval.asking import ask_with, ingest_corpus
from eval.cases import Suite
from eval.folder import RunFolder, Suites, read_stored
from eval.plan import Planned
from eval.progress import RunProgress
from eval.runner import Record, run
from eval.selection import select
from eval.setting import Setting, digest_suite, now
from eval.summary import Summary, Totals, summarize, total
from eval.tables import format_summary
from qa import __version__
from qa.assembly import Assembly
from qa.errors import UsageError, without_credentials

if TYPE_CHECKING:
    from pandas import DataFrame

_ELSEWHERE = {"data_dir", "store", "server"}
"""Settings that no answer depends on."""


@dataclass(frozen=True, slots=True, repr=False)
class Run:
    """What came out; shown as the table of its metrics.

    Attributes:
        summary: every metric with its interval; of several suites, each and their average.
        records: each question, what came back and how good it is.
        missing: what an unfinished run lacks, in words.
    """

    summary: Summary | Totals
    records: list[Record]
    missing: tuple[str, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """One row a question, with all its scores; ``None`` where it is not eligible."""
        return [_row(record) for record in self.records]

    def to_pandas(self) -> "DataFrame":
        """The rows as a data frame.

        Raises:
            UsageError: pandas is not installed.
        """
        try:
            from pandas import DataFrame
        except ModuleNotFoundError as error:
            if error.name != "pandas":
                raise
            raise UsageError(
                "pandas is not installed", help="pip install pandas, or use rows() without it."
            ) from None
        return DataFrame(self.rows())

    def __repr__(self) -> str:
        return format_summary(self.summary)


def evaluate_plan(
    assembly: Assembly,
    planned: Sequence[Planned],
    *,
    progress: RunProgress,
    out: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Run:
    """Ask all questions of all suites.

    Args:
        assembly: what answers.
        planned: the suites.
        progress: told how far it is and what failed.
        out: where the run is written; each of several suites has a folder of its own there.
        resume: go on with the unfinished run that is there.
        overwrite: replace it.

    Raises:
        UsageError: ``out`` holds a run that was not to be continued or cannot be, or cannot be
            written; nothing has been asked then.
    """
    jobs = [
        _prepare(assembly, each, _folder(out, each, len(planned)), resume, overwrite)
        for each in planned
    ]
    if out is not None:
        _begin(jobs, out)
    if any(job.left and not job.planned.options.evidence_only for job in jobs):
        assembly.llm.start_in_background()
    summaries: list[Summary] = []
    records: list[Record] = []
    shown: list[report.Run] = []
    for job in jobs:
        asked = _run(assembly, job, progress)
        summaries.append(summarize(asked, seed=job.planned.options.seed))
        records += asked
        if job.folder is not None:
            shown.append(_show(job.planned.suite, asked, summaries[-1]))
            job.folder.report(shown[-1:])
            job.folder.finish(summaries[-1])
    done = _sum_up(summaries, records)
    if out is not None and len(jobs) > 1:
        RunFolder(out).report(shown)
        RunFolder(out).finish(done.summary)
    return done


def read(path: Path, *, seed: int = 0) -> Run:
    """Sum up a run that is on disk, finished or not.

    Args:
        path: as ``read_stored`` takes it.
        seed: of the intervals.

    Raises:
        UsageError: as of ``read_stored``.
    """
    stored = read_stored(path)
    suites: dict[str, list[Record]] = {}
    for record in stored.records:
        suites.setdefault(record.suite, []).append(record)
    summaries = [summarize(asked, seed=seed) for asked in suites.values()]
    return _sum_up(summaries, stored.records, stored.missing)


@dataclass(frozen=True, slots=True)
class _Job:
    planned: Planned
    setting: Setting
    folder: RunFolder | None
    kept: list[Record]

    @property
    def left(self) -> int:
        return self.setting.questions - len(self.kept)


def _folder(out: Path | None, planned: Planned, suites: int) -> RunFolder | None:
    if out is None:
        return None
    if suites == 1:
        return RunFolder(out)
    if (out / "records.jsonl").exists():
        raise UsageError(f"{out} holds the run of one suite", help="Choose another --out.")
    return RunFolder(out / planned.suite.name)


def _prepare(
    assembly: Assembly, planned: Planned, folder: RunFolder | None, resume: bool, overwrite: bool
) -> _Job:
    setting = describe(assembly, planned)
    kept = folder.kept(setting, resume=resume, overwrite=overwrite) if folder else []
    return _Job(planned, setting, folder, kept)


def describe(assembly: Assembly, planned: Planned) -> Setting:
    """What is going to be asked of whom."""
    suite, options = planned.suite, planned.options
    chosen = select(suite.questions, limit=options.limit, seed=options.seed, shard=options.shard)
    drafter = None if options.evidence_only else assembly.drafter
    shard = None if options.shard is None else str(options.shard)
    return Setting(
        suite=suite.name,
        suite_digest=digest_suite(suite),
        questions=len(chosen),
        options=asdict(options) | {"shard": shard},
        answerer={
            "footnoted": __version__,
            "llm": "none" if drafter is None else drafter.llm.name,
            "prompts": [] if drafter is None else [*drafter.prompts, assembly.judge.prompt.label],
            "embedder": assembly.embedder.name,
            "settings": _without_passwords(
                assembly.settings.model_dump(mode="json", exclude=_ELSEWHERE)
            ),
        },
        started=now(),
    )


def _without_passwords(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings as they may be passed on: an address may hold a password."""
    address = settings["llm"]["base_url"]
    if address is not None:
        settings["llm"]["base_url"] = without_credentials(address)
    return settings


def _begin(jobs: Sequence[_Job], out: Path) -> None:
    """Remove what is going to be replaced, so that a stop leaves nothing of an earlier run."""
    if len(jobs) > 1:
        suites = Suites(questions={job.setting.suite: job.setting.questions for job in jobs})
        if any(job.left for job in jobs) or RunFolder(out).suites() != suites:
            RunFolder(out).begin(suites)
    for job in jobs:
        if job.folder is not None and not job.kept:
            job.folder.clear()


def _sum_up(
    summaries: Sequence[Summary], records: list[Record], missing: tuple[str, ...] = ()
) -> Run:
    return Run(summaries[0] if len(summaries) == 1 else total(summaries), records, missing)


def _run(assembly: Assembly, job: _Job, progress: RunProgress) -> list[Record]:
    if job.folder is None:
        return list(_ask(assembly, job, progress))
    records = list(job.kept)
    with job.folder.writing(job.setting, job.kept) as write:
        for record in _ask(assembly, job, progress):
            write(record)
            records.append(record)
    return records


def _show(suite: Suite, records: Sequence[Record], summary: Summary) -> report.Run:
    """The run with the gold and the documents that its report shows."""
    asked = {record.case_id for record in records}
    gold = {case.id: case.evidence for case in suite.questions if case.id in asked}
    shown = {span.doc_id for each in gold.values() for spans in each for span in spans}
    shown |= {
        cite.document_id for record in records if record.answer for cite in record.answer.citations
    }
    texts = {doc_id: suite.text(doc_id) for doc_id in shown if doc_id in suite.documents}
    return report.Run(records, summary, gold, texts)


def _ask(assembly: Assembly, job: _Job, progress: RunProgress) -> Iterator[Record]:
    if not job.left:
        return
    suite, options = job.planned.suite, job.planned.options
    collection = ingest_corpus(
        suite,
        assembly,
        on_progress=lambda done: progress(f"{suite.name}: ingesting", done, len(suite.documents)),
    )
    answerer = assembly.answerer(collection, evidence_only=options.evidence_only, fall_back=False)
    for record in run(
        suite,
        ask_with(answerer, open_corpus=options.open_corpus),
        source_text=suite.text,
        limit=options.limit,
        seed=options.seed,
        shard=options.shard,
        skip={record.case_id for record in job.kept},
        on_progress=lambda done, total: progress(f"{suite.name}: asking", done, total),
    ):
        progress.failed(record)
        yield record


def _row(record: Record) -> dict[str, Any]:
    answer = record.answer
    return {
        "suite": record.suite,
        "case_id": record.case_id,
        "type": record.type,
        "question": record.question,
        "answerable": record.answerable,
        "answered": record.answered,
        "answer": None if answer is None else answer.answer,
        "citations": None if answer is None else len(answer.citations),
        "confidence": None if answer is None else answer.confidence,
        "seconds": record.seconds,
        "error": None if record.error is None else f"{record.error.type}: {record.error.message}",
        **record.scores,
    }
