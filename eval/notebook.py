"""Evaluation from Python, such as in a notebook.

from eval.notebook import evaluate

run = evaluate("my-suite", limit=20)
run.to_pandas()
"""

from pathlib import Path

from eval.evaluation import Run, evaluate_plan
from eval.plan import Options, plan
from eval.progress import RunProgress
from qa.assembly import Assembly
from qa.settings import load_settings


def evaluate(
    suite: str | Path,
    *more: str | Path,
    out: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    limit: int | None = None,
    seed: int = 0,
    open_corpus: bool = False,
    evidence_only: bool = False,
) -> Run:
    """Check the answers against suites' gold sentences; settings come from the environment.

    Args:
        suite: a suite, or a TOML file that lists suites.
        more: of these.
        out: write the run there as it goes.
        resume: continue the unfinished run that is there.
        overwrite: replace it.
        limit: ask only so many questions of each suite, drawn with ``seed``.
        seed: of the draw and of the intervals.
        open_corpus: search the whole corpus even where a question names its documents.
        evidence_only: answer with the best sentence, without a language model.

    Raises:
        FootnotedError: the suite, the settings or ``out`` do not allow it. A question that fails
            is no error: its record says why.
    """
    options = Options(limit=limit, seed=seed, open_corpus=open_corpus, evidence_only=evidence_only)
    planned = plan([suite, *more], options)
    with Assembly(load_settings()) as assembly, RunProgress() as progress:
        return evaluate_plan(
            assembly,
            planned,
            progress=progress,
            out=None if out is None else Path(out),
            resume=resume,
            overwrite=overwrite,
        )
