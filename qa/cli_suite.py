"""``footnoted eval check`` and ``footnoted eval draft``: suites, before they are run."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qa.terminal import Progress, printable

if TYPE_CHECKING:
    from qa.schema import Document


def check(
    suites: Annotated[
        list[str],
        typer.Argument(metavar="SUITE", help="What to check; several share no question."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say all that is wrong with suites. Exit code 1 if there is an error."""
    from eval.checking import check_suite
    from eval.plan import listed

    findings = check_suite(*listed(suites))
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        for finding in findings:
            print(printable(str(finding)))
    errors = sum(finding.severity == "error" for finding in findings)
    print(f"errors: {errors}, warnings: {len(findings) - errors}", file=sys.stderr)
    if errors:
        raise typer.Exit(1)


def draft(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH", help="Articles, as 'ingest' takes them.")
    ],
    out: Annotated[Path, typer.Option(help="The suite's folder; a stopped run goes on there.")],
    questions: Annotated[int, typer.Option(min=1, help="How many are wanted in all.")] = 20,
    seed: Annotated[int, typer.Option(help="Draws the sentences to ask about.")] = 0,
) -> None:
    """Propose questions with gold sentences about your articles, for you to read and mend."""
    from eval.drafting import draft_suite
    from eval.progress import RunProgress
    from eval.proposals import Author
    from qa.assembly import Assembly
    from qa.generation.prompt import load_prompt
    from qa.settings import load_settings

    documents = list(_read(paths))
    with Assembly(load_settings(), progress=Progress()) as assembly, RunProgress() as progress:
        report = draft_suite(
            documents,
            out,
            author=Author(assembly.llm, load_prompt("draft_question/v1"), load_prompt("quote/v1")),
            reader=assembly.cross_encoder,
            similar=assembly.embedder.cosines,
            count=questions,
            seed=seed,
            on_progress=lambda done, _: progress("drafting", done, questions),
        )
    print(printable(f"{out}: {report.questions} questions, of {report.tried} proposals"))
    for reason, count in report.dropped.items():
        print(f"  {count} not kept: {reason}")
    if report.exhausted:
        print("There is nothing left to ask about.")
    print(
        f"Read {out / 'questions.jsonl'}: mend or delete each question, take out its "
        f'"draft": true,\nand add questions that the articles do not answer. Then: '
        f"footnoted eval check {out}"
    )


def _read(paths: Sequence[str]) -> "Iterator[Document]":
    from ingest.readers import read_documents
    from ingest.sources import find_sources

    for path in paths:
        for source in find_sources(path):
            yield from read_documents(source)
