"""BEIR folders: retrieval alone, where the gold of a query is whole documents.

``corpus.jsonl``, ``queries.jsonl`` and ``qrels/SPLIT.tsv``. Every judgement above 0 is relevant,
and the relevant documents are one alternative, so that recall is BEIR's.
Source: Thakur et al. 2021.
"""

import json
import logging
from pathlib import Path
from typing import Any

from pydantic import Field

from eval.cases import Case, GoldSpan, Suite
from eval.formats.corpus import LinesOnDisk, document_of
from eval.formats.rows import Row, read_bytes, read_rows
from ingest.decoding import UNNAMEABLE
from qa.errors import SuiteError

logger = logging.getLogger(__name__)

CORPUS, QUERIES, QRELS = "corpus.jsonl", "queries.jsonl", "qrels"
_SPLITS = ("test", "dev", "train")


class _Query(Row):
    id: str = Field(alias="_id", min_length=1)
    text: str


def load_beir(folder: Path, split: str = "") -> Suite:
    """Read one split; the corpus stays on disk.

    Args:
        folder: the dataset.
        split: a file's name in ``qrels``; without it ``test``, else ``dev``, else ``train``.

    Raises:
        SuiteError: a file is missing or a row is broken; the message names file and line.
    """
    qrels = _qrels(folder, split)
    documents = _index(folder / CORPUS)
    queries = {row.id: row.text.strip() for _, row in read_rows(folder / QUERIES, _Query)}
    relevant: dict[str, list[GoldSpan]] = {}
    blank = 0
    for number, (query, doc_id) in _judgements(qrels):
        if query not in queries:
            raise SuiteError(f"{qrels}, line {number}: {QUERIES} has no query {query!r}")
        if doc_id in documents:
            text = documents[doc_id].text
            relevant.setdefault(query, []).append(GoldSpan(doc_id, 0, len(text), text))
        else:
            blank += 1
    if blank:
        logger.warning("%s: %d relevant documents are not in the corpus or empty", qrels, blank)
    if not relevant:
        raise SuiteError(f"{qrels} names no relevant document that is in {folder / CORPUS}")
    cases = [
        Case(
            id=query,
            question=queries[query],
            answers=(),
            answerable=True,
            evidence=(tuple(dict.fromkeys(spans)),),
            type="retrieval",
            source="beir",
        )
        for query, spans in relevant.items()
    ]
    return Suite(folder.resolve().name, documents, tuple(cases))


def _qrels(folder: Path, split: str) -> Path:
    found = sorted(path.stem for path in (folder / QRELS).glob("*.tsv"))
    chosen = [split] if split else [name for name in (*_SPLITS, *found) if name in found][:1]
    if not chosen or chosen[0] not in found:
        missing = f"no split {split!r}" if split else "no .tsv file"
        raise SuiteError(
            f"{folder / QRELS} holds {missing}",
            help=f"Choose one of: {', '.join(found) or 'none'}; as in {folder.name}#test.",
        )
    return folder / QRELS / f"{chosen[0]}.tsv"


def _index(path: Path) -> LinesOnDisk:
    """Where each document stands; those without any text are left out."""
    places: dict[str, int] = {}
    begin = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    doc_id = _document_id(path, number, line)
                    if doc_id in places:
                        raise SuiteError(f"{path}, line {number}: the _id {doc_id!r} occurs twice")
                    if doc_id:
                        places[doc_id] = begin
                begin += len(line)
    except OSError as error:
        raise SuiteError(f"{path} cannot be read: {error.strerror}") from None
    return LinesOnDisk(path, places)


def _document_id(path: Path, number: int, line: bytes) -> str:
    """The document's id; empty where it holds no text."""
    try:
        row: Any = json.loads(line)
        document = document_of(row)
    except (ValueError, KeyError, AttributeError) as error:
        raise SuiteError(
            f"{path}, line {number}: not a document with an _id and a text: {error}"
        ) from None
    if UNNAMEABLE.search(document.id):
        raise SuiteError(f"{path}, line {number}: the _id {document.id!r} holds control characters")
    return document.id if document.text.strip() else ""


def _judgements(path: Path) -> "list[tuple[int, tuple[str, str]]]":
    """Query and document of every line whose score is above 0, with the line's number."""
    found: list[tuple[int, tuple[str, str]]] = []
    for number, line in enumerate(read_bytes(path).decode("utf-8", "replace").splitlines(), 1):
        fields = line.split("\t")
        if not line.strip() or (number == 1 and not fields[-1].strip().isdigit()):
            continue
        try:
            query, doc_id, score = fields
            relevant = float(score) > 0
        except ValueError:
            raise SuiteError(
                f"{path}, line {number}: not a query, a document and a score: {line!r:.80}"
            ) from None
        if relevant:
            found.append((number, (query, doc_id)))
    return found
