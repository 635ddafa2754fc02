"""From what was sent to documents in a collection, with word of how far that is."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial

from fastapi import Request
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.exceptions import HTTPException

from ingest.pipeline import Ingestor
from qa.errors import FootnotedError, SourceError, StoppingError
from qa.server.access import Caller
from qa.server.events import next_or_silence
from qa.server.problems import Problem
from qa.server.replies import IngestProgress, SubmissionReply, SubmittedDocument
from qa.server.service import Service
from qa.server.submissions import Read, Submission, read_submission

logger = logging.getLogger(__name__)

Report = Callable[[IngestProgress], None]


async def ingest(
    service: Service,
    submission: Submission,
    access: Caller,
    report: Report = lambda progress: None,
) -> SubmissionReply | Problem:
    """Read and store what was sent.

    Args:
        service: where to.
        submission: what was sent.
        access: who sent it, and may write there.
        report: called in the thread that ingests.

    Returns:
        What became of each document, or why there is none.

    Raises:
        HTTPException: 403, the collection is not there and the caller may not make it.
    """
    read = await service.read(partial(read_submission, submission))
    outcomes = await service.write(
        partial(_store, service, submission.collection, read, access, report)
    )
    reply = SubmissionReply(collection=submission.collection, documents=outcomes)
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    return _failure(errors, reply) if len(errors) == len(outcomes) else reply


async def ingest_with_progress(
    request: Request, service: Service, submission: Submission, access: Caller
) -> AsyncIterator[bytes]:
    """Do the same, and yield server-sent events: ``progress``, then ``result`` or ``error``.

    A client that goes away does not stop the work.
    """
    loop = asyncio.get_running_loop()
    news: asyncio.Queue[IngestProgress | SubmissionReply | Problem] = asyncio.Queue()

    def report(progress: IngestProgress) -> None:
        loop.call_soon_threadsafe(news.put_nowait, progress)

    async def work() -> None:
        try:
            news.put_nowait(await ingest(service, submission, access, report))
        except Exception as error:
            news.put_nowait(_problem(error))

    service.spawn(work())
    while True:
        try:
            item = await next_or_silence(news)
        except asyncio.CancelledError:
            # The server stops; or the client has gone, and does not hear it.
            yield _event(Problem.of(StoppingError()))
            return
        if item is None:
            yield KEEPALIVE_COMMENT
            continue
        if isinstance(item, Problem):
            request.state.problem = item.code
        yield _event(item)
        if not isinstance(item, IngestProgress):
            return


def _event(item: IngestProgress | SubmissionReply | Problem) -> bytes:
    kinds = {IngestProgress: "progress", SubmissionReply: "result", Problem: "error"}
    return format_sse_event(
        event=kinds[type(item)], data_str=item.model_dump_json(exclude_none=True)
    )


def _problem(error: Exception) -> Problem:
    if isinstance(error, FootnotedError):
        return Problem.of(error)
    if isinstance(error, HTTPException):
        return Problem.of_status(error.status_code, error.detail)
    logger.error("an ingest failed", exc_info=error)
    return Problem.of_status(500, "The server's log says more.")


def _store(
    service: Service, collection: str, read: Sequence[Read], access: Caller, report: Report
) -> list[SubmittedDocument]:
    outcomes: list[SubmittedDocument] = []
    ingestor: Ingestor | None = None
    name = ""

    def progress(done: int, total: int) -> None:
        report(IngestProgress(document=name, sentences_done=done, sentences=total))

    for item in read:
        name = item.name
        try:
            if isinstance(item.document, SourceError):
                raise item.document
            # Made here: where nothing could be read, no empty collection is left behind.
            ingestor = ingestor or _ingestor(service, collection, access, progress)
            ingested = ingestor.ingest(item.document)
            service.metrics.ingested(ingested)
            outcomes.append(SubmittedDocument.stored(name, ingested))
        except SourceError as error:
            service.metrics.not_ingested()
            outcomes.append(SubmittedDocument.failed(name, error))
    return outcomes


def _ingestor(
    service: Service, collection: str, access: Caller, progress: Callable[[int, int], None]
) -> Ingestor:
    if not access.may("admin", collection) and collection not in service.store.names():
        raise HTTPException(
            403, f"there is no collection {collection!r} yet; to make it takes the right 'admin'"
        )
    return Ingestor(
        service.open_for_writing(collection),
        service.embedder,
        chunk_tokens=service.assembly.settings.chunk.tokens,
        progress=progress,
    )


def _failure(errors: Sequence[Problem], reply: SubmissionReply) -> Problem:
    if len(errors) == 1:
        return errors[0]
    return Problem.of_status(
        422,
        f"none of the {len(errors)} documents could be read",
        code="nothing-read",
        title="None of the documents can be read",
        help="The member 'documents' says of each what is wrong with it.",
        documents=reply.model_dump(mode="json", exclude_none=True)["documents"],
    )
