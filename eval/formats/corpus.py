"""Corpora that are put together from, or read out of, other people's files."""

import json
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from qa.schema import Document


def add_document(
    documents: dict[str, Document], name: str, text: str, *, title: str = "", uri: str = ""
) -> str:
    """Put ``text`` among the documents unless it is there.

    Returns:
        Its id: ``name``, with a number behind it if that name holds another text.
    """
    for number in count(1):
        doc_id = name if number == 1 else f"{name} ({number})"
        made = Document.make(text, title=" ".join(title.split()) or name, uri=uri, doc_id=doc_id)
        if documents.setdefault(doc_id, made).text == text:
            break
    return doc_id


class LinesOnDisk(Mapping[str, Document]):
    """Documents by id that stay in their JSON Lines file until one is asked for.

    A million documents cost the memory of their ids.

    Args:
        path: the file.
        places: the byte where each document's line begins, by document id.
    """

    def __init__(self, path: Path, places: Mapping[str, int]) -> None:
        self._path = path
        self._places = places

    def __getitem__(self, doc_id: str) -> Document:
        with self._path.open("rb") as file:
            file.seek(self._places[doc_id])
            return document_of(json.loads(file.readline()))

    def __contains__(self, doc_id: object) -> bool:
        return doc_id in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def document_of(row: Mapping[str, Any]) -> Document:
    """The document of a line of BEIR's ``corpus.jsonl``; without a text, its title is the text."""
    title = " ".join(str(row.get("title") or "").split())
    text = str(row.get("text") or "")
    return Document.make(
        text if text.strip() else title, title=title or str(row["_id"]), doc_id=str(row["_id"])
    )
