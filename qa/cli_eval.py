"""``footnoted eval``: runs suites, shows and compares runs, and says whether one is good enough."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from qa.cli_suite import check, draft
from qa.errors import UsageError
from qa.terminal import Progress, printable

if TYPE_CHECKING:
    from eval.compare import Comparison
    from eval.evaluation import Run
    from eval.gate import Gate

GATE_FAILED = 4
_RUN = "run"


class _RunByDefault(TyperGroup):
    """What follows 'eval' is a subcommand or, if there is none of that name, the suites to run."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put 'run' before what is no subcommand."""
        first = args[0] if args else ""
        if first not in self.commands and first not in ctx.help_option_names:
            args = [_RUN, *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The options of 'run', then the subcommands."""
        self.commands[_RUN].format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


evaluation = typer.Typer(
    cls=_RunByDefault,
    subcommand_metavar="SUITE... | COMMAND [ARGS]...",
    help="Check the answers against gold sentences; compare runs; gate them.\n\n"
    "A suite is a folder with corpus.jsonl and questions.jsonl, a file of another format, or a "
    "TOML file that lists suites. One that is called like a command is given as ./compare. "
    "Exit codes: 0 done, 1 a question failed, 2 usage, 4 a gate failed.",
    epilog="\b\nExamples:\n"
    "  footnoted eval eval/suites/stargate --limit 20\n"
    "  footnoted eval suites.toml --out results --resume\n"
    "  footnoted eval my-suite --fail-under citation_f1=0.8 --junit junit.xml\n"
    "  footnoted eval my-suite --out new --baseline old --no-regress\n"
    "  footnoted eval compare old new\n"
    "  footnoted eval draft article.pdf --out my-suite",
)
evaluation.command(epilog="Example: footnoted eval check my-suite")(check)
evaluation.command(
    epilog="Example: footnoted eval draft notes/ report.pdf --out my-suite --questions 20"
)(draft)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Seed = Annotated[int, typer.Option(help="Draws the questions and the intervals.")]
FailUnder = Annotated[
    list[str] | None,
    typer.Option(metavar="METRIC=NUMBER", help="Fail if the metric is lower; repeatable."),
]
FailOver = Annotated[
    list[str] | None,
    typer.Option(metavar="METRIC=NUMBER", help="Fail if the metric is higher; repeatable."),
]
Baseline = Annotated[
    Path | None, typer.Option(help="An earlier --out folder or records.jsonl to compare with.")
]
NoRegress = Annotated[
    bool,
    typer.Option("--no-regress", help="Fail if a metric is worse than --baseline beyond chance."),
]
JUnit = Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML there.")]
Markdown = Annotated[Path | None, typer.Option(help="Write a Markdown summary there.")]
JudgeModel = Annotated[
    str | None,
    typer.Option("--judge", metavar="MODEL", help="Let this LLM judge the answers, apart."),
]


@evaluation.command(
    _RUN, epilog="Example: footnoted eval eval/suites/stargate --limit 20 --out results"
)
def run(
    suites: Annotated[list[str], typer.Argument(metavar="SUITE", help="What to run.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Write records there as it goes, then what sums it up."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the unfinished run in --out.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the unfinished run in --out.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Only this many questions.")] = None,
    seed: Seed = 0,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Only this part of the questions: 1/4.")
    ] = None,
    open_corpus: Annotated[
        bool, typer.Option("--open-corpus", help="Search all documents for every question.")
    ] = False,
    evidence_only: Annotated[
        bool,
        typer.Option("--evidence-only", help="Answer with the best sentence, without an LLM."),
    ] = False,
    judge: JudgeModel = None,
    fail_under: FailUnder = None,
    fail_over: FailOver = None,
    baseline: Baseline = None,
    no_regress: NoRegress = False,
    junit: JUnit = None,
    markdown: Markdown = None,
    as_json: AsJson = False,
) -> None:
    """Ask suites' questions; 'run' may be left out."""
    from eval.evaluation import evaluate_plan
    from eval.plan import Options, plan
    from eval.progress import RunProgress
    from eval.selection import Shard
    from qa.assembly import Assembly
    from qa.settings import load_settings

    if (resume or overwrite or judge is not None) and out is None:
        raise UsageError(
            "--resume, --overwrite and --judge need --out", help="Name the run's folder."
        )
    verdict = _Verdict(fail_under, fail_over, baseline, no_regress, junit, markdown)
    options = Options(
        limit=limit,
        seed=seed,
        shard=None if shard is None else Shard.parse(shard),
        open_corpus=open_corpus,
        evidence_only=evidence_only,
    )
    planned = plan(suites, options)
    if judge is not None:
        _set_up_judge(judge)
    settings = load_settings(all_heeded=judge is None)  # the judge may be all that they are for
    with Assembly(settings, progress=Progress()) as assembly, RunProgress() as progress:
        try:
            done = evaluate_plan(
                assembly, planned, progress=progress, out=out, resume=resume, overwrite=overwrite
            )
        except KeyboardInterrupt:
            if out is not None:
                progress.say("stopped; --resume goes on from here")
            raise
    code = verdict.give(done, str(out or "this run"), seed, as_json=as_json)
    if judge is not None and out is not None:
        _judge(done, judge, out, seed)
    raise typer.Exit(code)


@evaluation.command(epilog="Example: footnoted eval show results --fail-under citation_f1=0.8")
def show(
    folder: Annotated[Path, typer.Argument(help="An --out folder, or one that holds several.")],
    seed: Seed = 0,
    fail_under: FailUnder = None,
    fail_over: FailOver = None,
    baseline: Baseline = None,
    no_regress: NoRegress = False,
    junit: JUnit = None,
    markdown: Markdown = None,
    as_json: AsJson = False,
) -> None:
    """Sum up a run, or all its shards, once more."""
    from eval.evaluation import read

    verdict = _Verdict(fail_under, fail_over, baseline, no_regress, junit, markdown)
    raise typer.Exit(verdict.give(read(folder, seed=seed), str(folder), seed, as_json=as_json))


@evaluation.command(
    epilog="\b\nExamples:\n"
    "  footnoted eval compare before after\n"
    "  footnoted eval compare before after --metric citation_f1 --markdown changes.md"
)
def compare(
    a: Annotated[Path, typer.Argument(help="An --out folder or a records.jsonl.")],
    b: Annotated[Path, typer.Argument(help="Another, compared with the first.")],
    metric: Annotated[
        list[str] | None, typer.Option(help="Compare only this metric; repeatable.")
    ] = None,
    show: Annotated[
        int, typer.Option(min=0, help="So many changed questions; JSON and Markdown hold all.")
    ] = 20,
    seed: Seed = 0,
    markdown: Markdown = None,
    as_json: AsJson = False,
) -> None:
    """Compare two runs question by question."""
    from eval.compare import compare as compare_runs
    from eval.folder import read_run
    from eval.markdown import comparison_markdown
    from eval.tables import format_comparison

    compared = compare_runs(
        read_run(a), read_run(b), names=(str(a), str(b)), metrics=metric or (), seed=seed
    )
    if markdown is not None:
        _write(markdown, comparison_markdown(compared))
    text = compared.model_dump_json(indent=2) if as_json else format_comparison(compared, show=show)
    print(text if as_json else printable(text))


class _Verdict:
    """Prints and writes what came out of a run, and finds its exit code.

    Raises:
        UsageError: a bound, the baseline or a combination of options makes no sense; made before
            the run, so that nothing is asked in vain.
    """

    def __init__(
        self,
        fail_under: Sequence[str] | None,
        fail_over: Sequence[str] | None,
        baseline: Path | None,
        no_regress: bool,
        junit: Path | None,
        markdown: Path | None,
    ) -> None:
        from eval.folder import StoredRun, read_stored
        from eval.gate import Bound

        if no_regress and baseline is None:
            raise UsageError("--no-regress needs --baseline", help="Name an earlier --out folder.")
        self._bounds = [Bound.parse(text, least=True) for text in fail_under or ()]
        self._bounds += [Bound.parse(text, least=False) for text in fail_over or ()]
        self._baseline = baseline
        self._before = StoredRun([], ()) if baseline is None else read_stored(baseline)
        self._no_regress = no_regress
        self._junit, self._markdown = junit, markdown

    def give(self, done: "Run", name: str, seed: int, *, as_json: bool) -> int:
        """The exit code: 4 if a gate failed, else 1 if a question did, else 0."""
        from eval.compare import compare as compare_runs
        from eval.gate import check_bounds, check_regressions
        from eval.junit import format_junit
        from eval.markdown import run_markdown
        from eval.tables import format_comparison, format_gate, format_summary, unfinished

        gates = check_bounds(done.summary, self._bounds)
        compared: Comparison | None = None
        if self._baseline is not None:
            names = (str(self._baseline), name)
            compared = compare_runs(self._before.records, done.records, names=names, seed=seed)
        if compared is not None and self._no_regress:
            gates += check_regressions(compared)
        gates += self._check_whole(done, name, compared)
        if self._junit is not None:
            _write(self._junit, format_junit(done.records, gates))
        if self._markdown is not None:
            numbers = run_markdown(
                done.summary, done.records, gates, compared, missing=done.missing
            )
            _write(self._markdown, numbers)
        if done.missing:
            print(printable(unfinished(done.missing)), file=sys.stderr if as_json else sys.stdout)
        if as_json:
            print(done.summary.model_dump_json(indent=2))
        else:
            print(printable(format_summary(done.summary)))
            if compared is not None:
                print("\n" + printable(format_comparison(compared)))
        for gate in gates:
            print(printable(format_gate(gate)), file=sys.stderr)
        if not all(gate.passed for gate in gates):
            return GATE_FAILED
        return int(any(record.error for record in done.records))

    def _check_whole(self, done: "Run", name: str, compared: "Comparison | None") -> "list[Gate]":
        """Where there are gates, one that fails for each run that they judge by a part of it.

        A baseline that is a part has all that is needed if it has every question of the run.
        """
        from eval.gate import check_whole

        judged = {name: done.missing} if self._bounds or self._no_regress else {}
        if self._no_regress and compared is not None and compared.only_b:
            judged[str(self._baseline)] = self._before.missing
        return check_whole(judged)


def _set_up_judge(model: str) -> None:
    """So that a judge that cannot be had is known of before anything is asked."""
    from qa.assembly import Assembly
    from qa.settings import load_settings

    with Assembly(load_settings(llm={"model": model}), progress=Progress()) as assembly:
        assembly.llm.connect()


def _judge(done: "Run", model: str, out: Path, seed: int) -> None:
    """Put the answers to a language model; what it says decides nothing."""
    from eval.judge import judge_records, write_judged
    from eval.progress import RunProgress
    from eval.tables import format_judged
    from qa.assembly import Assembly
    from qa.settings import load_settings

    settings = load_settings(llm={"model": model})
    with Assembly(settings, progress=Progress()) as assembly, RunProgress() as progress:
        judged = judge_records(
            done.records,
            assembly.llm,
            on_progress=lambda count, total: progress("judging", count, total),
        )
        summary = write_judged(judged, out, seed=seed)
    print(printable(format_judged(summary)), file=sys.stderr)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write {str(path)!r}: {error.strerror}", help="Name another file."
        ) from None
