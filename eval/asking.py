"""Puts a suite's questions to Footnoted itself."""

import re
import time
from collections.abc import Callable

from eval.cases import Case, Suite
from eval.runner import AskOutcome
from ingest.pipeline import Ingestor
from qa.answerer import Answerer
from qa.assembly import Assembly
from qa.collection import Collection
from qa.errors import FootnotedError, UsageError, kind_of
from qa.schema import (
    AnswerEvent,
    Claim,
    ClaimEvent,
    ErrorEvent,
    Evidence,
    EvidenceEvent,
    Found,
    digest,
)

Ask = Callable[[Case], AskOutcome]

_MAKER = "footnoted eval"
"""Noted in the collections that are made here, which nobody else's documents belong into."""
_LONGEST_NAME = 50
"""With the prefix and a digest it is as long as a collection's name may be."""


def collection_name(suite: Suite) -> str:
    """The collection that holds a suite's corpus.

    The suite's name, if a collection can be called so; else what is left of it, and a digest that
    keeps it apart from others of which the same is left.
    """
    plain = re.sub(r"[^a-z0-9_-]", "-", suite.name.lower())[:_LONGEST_NAME]
    return f"eval-{plain}" if plain == suite.name else f"eval-{plain}-{digest(suite.name)[:8]}"


def ingest_corpus(
    suite: Suite, assembly: Assembly, *, on_progress: Callable[[int], None] | None = None
) -> str:
    """Ingest a suite's corpus into a collection of its own.

    What is unchanged is left alone, and what the corpus does not hold any more is removed.

    Returns:
        The collection's name.

    Raises:
        UsageError: a user made that collection, and something of theirs would go.
    """
    name = collection_name(suite)
    collection = assembly.open_for_writing(name, maker=_MAKER)
    if collection.maker != _MAKER:
        _require_nothing_else(collection, suite)
    ingestor = Ingestor(collection, assembly.embedder, chunk_tokens=assembly.settings.chunk.tokens)
    for done, document in enumerate(suite.documents.values(), start=1):
        ingestor.ingest(document)
        if on_progress is not None:
            on_progress(done)
    for info in collection.snapshot().documents:
        if info.id not in suite.documents:
            collection.remove(info.id)
    return name


def _require_nothing_else(collection: Collection, suite: Suite) -> None:
    """Refuse a collection with documents that are not the suite's as they are there."""
    for info in collection.snapshot().documents:
        document = suite.documents.get(info.id)
        if document is None or document.revision != info.revision:
            name = collection.name
            raise UsageError(
                f"the collection {name!r} was not made by 'footnoted eval', which would remove or "
                f"replace {info.id!r} there",
                help="Call the suite's folder or file otherwise; or remove what is in the "
                f"collection: footnoted sources remove ID --collection {name}",
            )


def ask_with(answerer: Answerer, *, open_corpus: bool = False) -> Ask:
    """A function that answers cases.

    Args:
        answerer: of the collection that holds the suite's corpus.
        open_corpus: search the whole corpus even where a case names its documents.
    """

    def ask(case: Case) -> AskOutcome:
        started = time.perf_counter()
        documents = None if open_corpus else case.doc_ids
        evidence: list[Evidence] = []
        found: list[Found] = []
        claims: list[Claim] = []
        for event in answerer.stream(case.question, case.history, documents=documents):
            if isinstance(event, EvidenceEvent):
                evidence, found = event.evidence, found or event.found
            elif isinstance(event, ClaimEvent):
                claims.append(event.claim)
            elif isinstance(event, ErrorEvent):
                kind = kind_of(event.code)
                raise kind(event.message, help=event.help)
            elif isinstance(event, AnswerEvent):
                seconds = time.perf_counter() - started
                return AskOutcome(event.answer, evidence, seconds, found=found, claims=claims)
        raise FootnotedError("the stream ended without an answer")

    return ask
