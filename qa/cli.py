"""The command line. Answers and JSON go to standard output, all else to standard error."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import partial
from io import TextIOWrapper
from typing import TYPE_CHECKING, Annotated

import typer

from qa.cli_eval import evaluation
from qa.cli_keys import keys
from qa.cli_sources import (
    AsJson,
    Collection,
    Library,
    LocalLibrary,
    assembled,
    find_id,
    ingest,
    ingested,
    running_server,
    sources,
)
from qa.errors import FootnotedError, QuestionError, UnknownCollectionError, UsageError, kind_of
from qa.terminal import (
    Progress,
    format_answer,
    format_error,
    format_evidence,
    printable,
)

if TYPE_CHECKING:
    from qa.answerer import Answerer
    from qa.client import RemoteAnswerer
    from qa.schema import Answer, Turn, UnsupportedPolicy

ABSTAINED = 3

app = typer.Typer(
    name="footnoted",
    help="Answers questions from your own articles and footnotes every claim with the exact "
    "sentence that proves it. What it cannot prove, it does not say.",
    epilog="Start with: footnoted ingest ARTICLE, then: footnoted ask 'Who arranged the call?'",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog="Examples: footnoted ingest notes/ 'reports/*.pdf' https://example.org/page")(
    ingest
)
app.add_typer(sources, name="sources", rich_help_panel=None)
app.add_typer(evaluation, name="eval", rich_help_panel=None)
app.add_typer(keys, name="keys", rich_help_panel=None)

EvidenceOnly = Annotated[
    bool, typer.Option("--evidence-only", help="Answer with the best sentence, without an LLM.")
]
OnlyDocuments = Annotated[
    list[str] | None,
    typer.Option("--document", "-d", help="Answer from this document alone; repeatable."),
]
Mark = Annotated[
    bool, typer.Option("--mark", help="Show unproved claims, struck through, instead of dropping.")
]


@app.command(
    epilog="Examples: footnoted ask 'How long was the call?'  |  echo 'Who?' | footnoted ask -"
)
def ask(
    question: Annotated[
        list[str] | None,
        typer.Argument(help="The question, in quotes or not; '-' or a pipe reads it."),
    ] = None,
    collection: Collection = "default",
    as_json: AsJson = False,
    evidence_only: EvidenceOnly = False,
    document: OnlyDocuments = None,
    mark: Mark = False,
    sample: Annotated[
        bool, typer.Option("--sample", help="Ingest the sample article if there is nothing yet.")
    ] = False,
) -> None:
    """Answer one question. Exit code 3 if the sources do not hold the answer."""
    asked = " ".join(question or ["-"])
    if asked == "-":
        asked = _from_stdin("the question")
    with _answerer(collection, evidence_only=evidence_only, sample=sample) as opened:
        answerer, library, progress = opened
        documents = [find_id(library, name) for name in document] if document else None
        answer = _ask(answerer, asked, [], progress, documents=documents, mark=mark)
        print(answer.model_dump_json(indent=2) if as_json else format_answer(answer))
    if answer.status == "no_answer":
        raise typer.Exit(ABSTAINED)


@app.command(epilog="End with Ctrl-D or an empty line.")
def chat(collection: Collection = "default", evidence_only: EvidenceOnly = False) -> None:
    """Ask one question after the other; follow-ups such as "And when?" are understood."""
    from qa.client import RemoteAnswerer
    from qa.schema import Turn

    history: list[Turn] = []
    questions = _questions()
    again = True
    while again:
        again = False
        with _answerer(collection, evidence_only=evidence_only) as (answerer, _, progress):
            for question in questions:
                try:
                    answer = _ask(answerer, question, history, progress)
                except FootnotedError as error:
                    progress.say(format_error(error))
                    again = isinstance(answerer, RemoteAnswerer)
                    if again:  # the server may have gone, or another one have come
                        break
                    continue
                print(format_answer(answer) + "\n", flush=True)
                history += [
                    Turn(role="user", content=answer.standalone_question),
                    Turn(role="assistant", content=answer.answer),
                ]


@app.command(epilog="Example: footnoted serve --port 0")
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="0 picks a free port and prints it.")
    ] = None,
) -> None:
    """Answer over HTTP; the interface is described at /docs."""
    from qa.server.app import serve as run_server
    from qa.server.logs import is_json, write_log

    with assembled() as (assembly, progress):
        chosen = assembly.settings.server
        write_log(chosen.log_format)
        if is_json(chosen.log_format):
            progress.log()
        run_server(
            assembly,
            host=chosen.host if host is None else host,
            port=chosen.port if port is None else port,
            announce=lambda url: print(url, flush=True),
        )


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what is installed, what is wrong and how to mend it."""
    from qa.client import readiness
    from qa.doctor import examine
    from qa.settings import load_settings

    server = running_server(load_settings())
    ask_server = None if server is None else partial(readiness, server)
    with assembled() as (assembly, _):
        findings = list(examine(assembly, ask_server=ask_server))
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        for finding in findings:
            print(printable(f"{'ok ' if finding.ok else 'BAD'}  {finding.name}: {finding.detail}"))
            if not finding.ok:
                print(f"       {finding.help}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def main() -> None:
    """Run the command line; a user's mistake ends in a line or two, never in a traceback."""
    _show_all_signs()
    try:
        app(standalone_mode=True)
    except FootnotedError as error:
        print(format_error(error), file=sys.stderr)
        sys.exit(error.exit_code)
    finally:
        _flush()


def _show_all_signs() -> None:
    """Escape the signs that a terminal without UTF-8 cannot show: the work would be lost."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _flush() -> None:
    """Write what is buffered, or fail in silence where its reader has gone, as ``head`` does."""
    try:
        print(end="", flush=True)
    except BrokenPipeError:
        # The interpreter writes once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


# ── what the commands share ─────────────────────────────────────────────────────────────────


@contextmanager
def _answerer(
    collection: str, *, evidence_only: bool, sample: bool = False
) -> "Iterator[tuple[Answerer | RemoteAnswerer, Library, Progress]]":
    """What answers, and from what: the server with the data directory, or else this process."""
    from qa.settings import load_settings

    server = running_server(load_settings())
    if server is not None:
        from qa.client import RemoteAnswerer, RemoteLibrary

        progress = Progress()
        progress.say(f"asking the server that runs at {server.url}")
        theirs = RemoteLibrary(server, collection)
        if sample:
            _ingest_sample_if_empty(theirs, progress)
        yield RemoteAnswerer(server, collection, evidence_only=evidence_only), theirs, progress
        return
    with assembled() as (assembly, progress):
        if not evidence_only:
            assembly.llm.start_in_background()
        own = LocalLibrary(assembly, collection)
        if sample:
            _ingest_sample_if_empty(own, progress)
        yield assembly.answerer(collection, evidence_only=evidence_only), own, progress


def _ask(
    answerer: "Answerer | RemoteAnswerer",
    question: str,
    history: "list[Turn]",
    progress: Progress,
    *,
    documents: list[str] | None = None,
    mark: bool = False,
) -> "Answer":
    """Ask, show the evidence as soon as it is there, and return the answer."""
    from qa.schema import AnswerEvent, ErrorEvent, EvidenceEvent

    policy: UnsupportedPolicy = "mark" if mark else "drop"
    events = answerer.stream(question, history, documents=documents, unsupported=policy)
    shown = None
    for event in events:
        if isinstance(event, EvidenceEvent):
            if shown is None and event.standalone_question != question.strip():
                progress.say(printable(f"understood as: {event.standalone_question}"))
            if shown != len(event.evidence):
                progress.say(f"looked at:\n{format_evidence(event.evidence[shown or 0 :])}\n")
            shown = len(event.evidence)
        elif isinstance(event, ErrorEvent):
            kind = kind_of(event.code)
            raise kind(event.message, help=event.help)
        elif isinstance(event, AnswerEvent):
            if event.answer.reason is not None:
                progress.say(printable(f"why: {event.answer.reason}"))
            return event.answer
    raise FootnotedError("the answer was cut off")


def _ingest_sample_if_empty(library: Library, progress: Progress) -> None:
    with suppress(UnknownCollectionError):
        if library.documents():
            return
    progress.say("ingesting the sample article")
    for item in ingested(library, [], sample=True, say=progress.say):
        if isinstance(item, FootnotedError):
            raise item


def _from_stdin(what: str) -> str:
    if sys.stdin.isatty():
        raise UsageError(f"{what} is missing", help="Try: footnoted ask 'Who arranged the call?'")
    return _read(sys.stdin.read)


def _questions() -> Iterator[str]:
    """Lines from the terminal or the pipe, until an empty one or the end."""
    while True:
        if sys.stdin.isatty():
            print("> ", end="", file=sys.stderr, flush=True)
        line = _read(sys.stdin.readline)
        if not line.strip():
            return
        yield line.strip()


def _read(read: Callable[[], str]) -> str:
    try:
        return read()
    except UnicodeDecodeError as error:
        raise QuestionError(f"the question is not text in {error.encoding}") from None
