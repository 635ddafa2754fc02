"""Compares settings of chunking and retrieval, each changed alone, question by question.

``python docs/decisions/0003-chunks-and-fusion.py OUT SUITE…`` scores what OUT does not hold yet, a
file a suite, and prints for each setting the mean over the suites of recall@6, nDCG@10, the recall
of what is offered and its length in tokens, each with the paired difference from the first setting
and its 95 % interval. No language model is asked. Search, fusion and reader are the product's;
vectors are compared in memory.
"""

import argparse
import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import nupunkt

from eval.cases import Case, Suite
from eval.formats import load_suite
from eval.metrics import ndcg_at_k, recall_at_k
from eval.stats import Estimate, paired_difference
from eval.summary import macro_average
from ingest.chunker import chunk
from qa.grounding.cross_encoder import CrossEncoder
from qa.retrieval.embedder import MINILM, Embedder, load_embedder
from qa.retrieval.fusion import reciprocal_rank_fusion
from qa.retrieval.lexical import LexicalIndex, LexicalSearch
from qa.schema import Document, Passage, Span
from qa.sentences import split_sentences
from qa.settings import load_settings
from qa.tokens import count_tokens
from qa.words import leans

Sentence = tuple[str, int]
"""A document's id and the sentence's place in it."""

CANDIDATES = 30
DEEPEST = 48
_HEADING = re.compile(r"#{1,6}\s")


def _by_full_stops(text: str) -> list[Span]:
    return _trimmed(
        text, [(m.start(), m.end()) for m in re.finditer(r".+?(?:[.!?]\s|$)", text, 16)]
    )


def _by_nupunkt(text: str) -> list[Span]:
    return _trimmed(text, nupunkt.sent_spans(text))


def _trimmed(text: str, bounds: Sequence[tuple[int, int]]) -> list[Span]:
    pieces = [(start, end, text[start:end]) for start, end in bounds]
    return [
        Span(end - len(piece.lstrip()), start + len(piece.rstrip()))
        for start, end, piece in pieces
        if piece.strip()
    ]


SPLITTERS: dict[str, Callable[[str], list[Span]]] = {
    "ours": split_sentences,
    "nupunkt alone": _by_nupunkt,
    "full stops": _by_full_stops,
}


@dataclass(frozen=True, slots=True)
class Setting:
    """What is compared; the values here are what the others are held against.

    Attributes:
        splitter: which of ``SPLITTERS``.
        budget: tokens of a chunk.
        context: what is embedded before a chunk: ``title``, ``before`` (the title and the sentence
            before it), or nothing.
        titled: whether BM25 sees the title with each sentence.
        dense: weight of the ranking by vectors.
        lexical: weight of the ranking by BM25.
        reader: weight of the ranking by the cross-encoder; ``inf``: it ranks alone.
        k: constant of the fusion.
        depth: how many sentences the cross-encoder reads.
        offered: how many are offered.
        neighbours: which of them bring the sentence before: ``none``, ``leaning`` or ``all``.
    """

    splitter: str = "ours"
    budget: int = 48
    context: str = "title"
    titled: bool = True
    dense: float = 1
    lexical: float = 1
    reader: float = 2
    k: int = 10
    depth: int = 24
    offered: int = 6
    neighbours: str = "leaning"


BASE = Setting()
COMPARED: dict[str, Setting] = {
    "base": BASE,
    "split by nupunkt alone": replace(BASE, splitter="nupunkt alone"),
    "split at full stops": replace(BASE, splitter="full stops"),
    "chunks of 16 tokens": replace(BASE, budget=16),
    "chunks of 96 tokens": replace(BASE, budget=96),
    "chunks of 192 tokens": replace(BASE, budget=192),
    "embedded without title": replace(BASE, context=""),
    "embedded with title and sentence before": replace(BASE, context="before"),
    "BM25 without title": replace(BASE, titled=False),
    "BM25 and reader, no vectors": replace(BASE, dense=0),
    "vectors and reader, no BM25": replace(BASE, lexical=0),
    "BM25 twice": replace(BASE, lexical=2),
    "vectors twice": replace(BASE, dense=2),
    "no reader": replace(BASE, reader=0),
    "no reader, k = 60": replace(BASE, reader=0, k=60),
    "BM25 alone": replace(BASE, reader=0, dense=0),
    "vectors alone": replace(BASE, reader=0, lexical=0),
    "reader alone": replace(BASE, reader=float("inf")),
    "reader once": replace(BASE, reader=1),
    "reader three times": replace(BASE, reader=3),
    "k = 60": replace(BASE, k=60),
    "k = 5": replace(BASE, k=5),
    "reader reads 12": replace(BASE, depth=12),
    "reader reads 48": replace(BASE, depth=48),
    "4 offered": replace(BASE, offered=4),
    "8 offered": replace(BASE, offered=8),
    "10 offered": replace(BASE, offered=10),
    "no neighbours": replace(BASE, neighbours="none"),
    "8 offered, no neighbours": replace(BASE, offered=8, neighbours="none"),
    "every neighbour": replace(BASE, neighbours="all"),
}
COLUMNS = ("recall@6", "nDCG@10", "offered", "tokens")


@dataclass(frozen=True, slots=True)
class Place:
    """A sentence as the metrics take it."""

    document_id: str
    start: int
    end: int


class Corpus:
    """A suite's documents, split, indexed and embedded as settings want; kept once made."""

    def __init__(self, suite: Suite, embedder: Embedder) -> None:
        self._documents: dict[str, Document] = dict(suite.documents)
        self._embedder = embedder
        self._scratch = tempfile.TemporaryDirectory()
        self.spans = cache(self._spans)
        self.index = cache(self._index)
        self.vectors = cache(self._vectors)

    def sentence(self, splitter: str, at: Sentence) -> str:
        """Its text."""
        span = self.spans(splitter)[at[0]][at[1]]
        return self._documents[at[0]].text[span.start : span.end]

    def before(self, splitter: str, at: Sentence) -> Sentence | None:
        """The sentence before it in its document."""
        return (at[0], at[1] - 1) if at[1] else None

    def passage(self, splitter: str, at: Sentence) -> Passage:
        """What the reader reads."""
        before = self.before(splitter, at)
        return Passage(
            self.sentence(splitter, at),
            title=self._documents[at[0]].title,
            before="" if before is None else self.sentence(splitter, before),
        )

    def place(self, splitter: str, at: Sentence) -> Place:
        """Where it stands."""
        span = self.spans(splitter)[at[0]][at[1]]
        return Place(at[0], span.start, span.end)

    def _spans(self, splitter: str) -> dict[str, list[Span]]:
        return {name: SPLITTERS[splitter](it.text) for name, it in self._documents.items()}

    def _index(self, splitter: str, titled: bool) -> LexicalSearch:
        def rows(_: set[str]) -> Iterator[tuple[str, str, str]]:
            for name, spans in self.spans(splitter).items():
                title = f"{self._documents[name].title} " if titled else ""
                for place in range(len(spans)):
                    text = title + self.sentence(splitter, (name, place))
                    yield name, json.dumps([name, place]), text

        folder = Path(self._scratch.name) / f"{splitter}-{titled}"
        return LexicalIndex(folder).bring_up_to(list(self._documents), rows)

    def _vectors(
        self, splitter: str, budget: int, context: str
    ) -> tuple[list[list[Sentence]], np.ndarray]:
        members: list[list[Sentence]] = []
        inputs: list[str] = []
        for name, document in self._documents.items():
            place = 0
            for piece in chunk(document.text, self.spans(splitter)[name], budget):
                members.append([(name, place + n) for n in range(len(piece.sentences))])
                title = f"{document.title}. " if context else ""
                leading = self.sentence(splitter, (name, place - 1)) if place else ""
                before = f"{leading} " if context == "before" else ""
                inputs.append(f"{title}{before}{piece.text}")
                place += len(piece.sentences)
        return members, np.array(self._embedder.embed_documents(inputs))


class Ranking:
    """Ranks one suite's questions under any setting."""

    def __init__(self, suite: Suite, embedder: Embedder, reader: CrossEncoder) -> None:
        self.corpus = Corpus(suite, embedder)
        self._reader = reader
        self._read: dict[tuple[str, Passage], float] = {}
        self._embedded = cache(embedder.embed_query)
        self._lexical = cache(self._search)
        self._dense = cache(self._nearest)

    def scores(self, case: Case, setting: Setting) -> dict[str, float]:
        """One number for each of ``COLUMNS``."""
        ranked = self._rank(case, setting)
        offered = list(ranked[: setting.offered])
        for at in ranked[: min(4, setting.offered)] if setting.neighbours != "none" else ():
            before = self.corpus.before(setting.splitter, at)
            text = self.corpus.sentence(setting.splitter, at)
            if before is not None and (setting.neighbours == "all" or leans(text)):
                offered.append(before)
        offered = list(dict.fromkeys(offered))
        places = [self.corpus.place(setting.splitter, at) for at in ranked]
        shown = [self.corpus.place(setting.splitter, at) for at in offered]
        texts = [self.corpus.sentence(setting.splitter, at) for at in offered]
        values = (
            recall_at_k(places, case.evidence, 6),
            ndcg_at_k(places, case.evidence, 10),
            recall_at_k(shown, case.evidence, len(shown)),
            float(sum(map(count_tokens, texts))),
        )
        return {name: value or 0.0 for name, value in zip(COLUMNS, values, strict=True)}

    def _rank(self, case: Case, setting: Setting) -> list[Sentence]:
        dense = self._dense(case.question, case.doc_ids, setting.splitter, setting.budget,
                            setting.context)  # fmt: skip
        lexical = self._lexical(case.question, case.doc_ids, setting.splitter, setting.titled)
        first = self._fuse([(dense, setting.dense), (lexical, setting.lexical)], setting.k)
        head = [
            at for at in first if not _HEADING.match(self.corpus.sentence(setting.splitter, at))
        ]
        if setting.reader == 0:
            return head
        head = head[: setting.depth]
        read = self._answers(
            case.question, [self.corpus.passage(setting.splitter, a) for a in head]
        )
        order = sorted(range(len(head)), key=lambda place: -read[place])
        third = {head[place]: rank for rank, place in enumerate(order, start=1)}
        if setting.reader == float("inf"):
            return list(third)
        rankings = [(dense, setting.dense), (lexical, setting.lexical), (third, setting.reader)]
        return [at for at in self._fuse(rankings, setting.k) if at in third]

    def _fuse(
        self, rankings: Sequence[tuple[dict[Sentence, int], float]], k: int
    ) -> dict[Sentence, float]:
        return reciprocal_rank_fusion(
            [ranking for ranking, weight in rankings if weight],
            k=k,
            weights=[weight for _, weight in rankings if weight],
        )

    def _search(
        self, question: str, names: tuple[str, ...] | None, splitter: str, titled: bool
    ) -> dict[Sentence, int]:
        keys = self.corpus.index(splitter, titled).search(question, CANDIDATES, names)
        places = [json.loads(key) for key in keys]
        return {(name, place): rank for rank, (name, place) in enumerate(places, start=1)}

    def _nearest(
        self,
        question: str,
        names: tuple[str, ...] | None,
        splitter: str,
        budget: int,
        context: str,
    ) -> dict[Sentence, int]:
        members, vectors = self.corpus.vectors(splitter, budget, context)
        order = np.argsort(-(vectors @ np.array(self._embedded(question))), kind="stable")
        inside = [at for at in order if names is None or members[at][0][0] in names]
        return {
            sentence: rank
            for rank, at in enumerate(inside[:CANDIDATES], start=1)
            for sentence in members[at]
        }

    def _answers(self, question: str, passages: Sequence[Passage]) -> list[float]:
        unread = [item for item in passages if (question, item) not in self._read]
        if unread:
            for item, value in zip(unread, self._reader.answers(question, unread), strict=True):
                self._read[question, item] = value
        return [self._read[question, item] for item in passages]


def main() -> None:
    """Score what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("suites", type=Path, nargs="+")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    embedder = load_embedder(MINILM, load_settings().data_dir / "models")
    for path in chosen.suites:
        file = chosen.out / f"{path.name}.json"
        if not file.exists():
            file.write_text(json.dumps(_score(load_suite(path), embedder)), "utf-8")
            print(f"scored {path.name}", flush=True)
    found = [
        json.loads((chosen.out / f"{path.name}.json").read_text("utf-8")) for path in chosen.suites
    ]
    for name in COMPARED:
        columns = []
        for column in COLUMNS:
            mean = np.mean([np.mean(suite[name][column]) for suite in found])
            changes = [
                paired_difference(suite["base"][column], suite[name][column], seed=0)
                for suite in found
            ]
            columns.append(f"{mean:.3f} | {_shown(macro_average(changes))}")
        print(f"| {name} | {' | '.join(columns)} |")


def _score(suite: Suite, embedder: Embedder) -> dict[str, dict[str, list[float]]]:
    ranking = Ranking(suite, embedder, CrossEncoder())
    scores: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in COMPARED}
    for name, setting in COMPARED.items():
        for case in suite.questions:
            if case.answerable and case.evidence:
                for column, value in ranking.scores(case, setting).items():
                    scores[name][column].append(value)
    return scores


def _shown(change: Estimate | None) -> str:
    assert change is not None
    return f"{change.mean:+.3f} [{change.low:+.3f}, {change.high:+.3f}]"


if __name__ == "__main__":
    main()
