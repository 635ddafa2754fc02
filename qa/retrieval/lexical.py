"""BM25 over a collection's chunks, kept on disk under the collection's version."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from qa.words import stems

_IDS = "ids.json"
_BUILDING = ".building-"


class LexicalIndex:
    """A BM25 index (bm25s, Lucene's variant) of stemmed words.

    Args:
        ids: the id of each indexed text, in the order of the index.
        engine: the bm25s index; ``None`` where no text holds a single word.
    """

    def __init__(self, ids: Sequence[str], engine: Any | None) -> None:
        self._ids = ids
        self._engine = engine

    @classmethod
    def build(cls, texts: Iterable[tuple[str, str]]) -> "LexicalIndex":
        """Index (id, text) pairs."""
        ids: list[str] = []
        tokens: list[list[str]] = []
        for identity, text in texts:
            ids.append(identity)
            tokens.append(stems(text))
        if not any(tokens):
            return cls(ids, None)
        import bm25s

        engine = bm25s.BM25(method="lucene")
        engine.index(tokens, show_progress=False)
        return cls(ids, engine)

    @classmethod
    def load(cls, folder: Path) -> "LexicalIndex | None":
        """Open a saved index by memory map, or ``None`` if there is none."""
        try:
            ids: list[str] = json.loads((folder / _IDS).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        if not (folder / "index").exists():
            return cls(ids, None)
        import bm25s

        return cls(ids, bm25s.BM25.load(folder / "index", mmap=True))

    def save(self, folder: Path) -> None:
        """Write the index whole or not at all; older versions beside it are removed."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=_BUILDING, dir=folder.parent))
        try:
            if self._engine is not None:
                self._engine.save(building / "index", show_progress=False)
            (building / _IDS).write_text(json.dumps(list(self._ids)), "utf-8")
            try:
                os.replace(building, folder)
            except OSError:
                if not folder.exists():
                    raise  # else another thread or process has saved the same version
        finally:
            shutil.rmtree(building, ignore_errors=True)
        for other in folder.parent.iterdir():
            if other != folder and not other.name.startswith(_BUILDING):
                shutil.rmtree(other, ignore_errors=True)

    def search(
        self, query: str, limit: int, within: Callable[[str], bool] | None = None
    ) -> list[str]:
        """Ids of at most ``limit`` texts that share a word with ``query``, best first.

        Args:
            query: the question.
            limit: how many at most.
            within: which ids count; ``None`` for all.
        """
        tokens = stems(query)
        if self._engine is None or not tokens:
            return []
        scores = self._engine.get_scores(tokens)
        if within is None:
            matching = _highest(scores, limit)
        else:
            matching = scores.nonzero()[0]
        order = matching[(-scores[matching]).argsort(kind="stable")]
        best = (self._ids[int(place)] for place in order)
        return list(islice((key for key in best if within is None or within(key)), limit))


def _highest(scores: Any, limit: int) -> Any:
    """Places of the ``limit`` highest scores above 0, and of all that equal the last; ascending."""
    matching = scores.nonzero()[0]
    if len(matching) <= limit:
        return matching
    last = np.partition(scores[matching], -limit)[-limit]
    return matching[scores[matching] >= last]
