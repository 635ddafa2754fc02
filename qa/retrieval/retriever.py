"""From a question to the numbered sentences that may hold its answer.

Dense search ranks chunks, BM25 ranks sentences, reciprocal rank fusion joins them sentence by
sentence, a ranker reads the best of these together with the question, and its ranking joins the
fusion. The likeliest of what that offers are read once more, each sentence by itself: what the
ranker says of both readings puts the offered sentences in order. A sentence that leans on the one
before it ("He refused.") brings that one along, and a part of a list or a table the rest of the
list, or the head. One that addresses a language model is found and flagged; it brings nothing and
takes no other's place.
"""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from qa.collection import Collection
from qa.errors import EmptyCollectionError, SnapshotGoneError
from qa.network import A_CORE
from qa.odds import average, log_odds
from qa.retrieval.context import neighbours, passage, whole
from qa.retrieval.embedder import Embedder
from qa.retrieval.fusion import reciprocal_rank_fusion
from qa.retrieval.leads import Led, find_leads, likeliest
from qa.retrieval.lexical import LexicalIndex, LexicalSearch
from qa.retrieval.overview import LONGEST_OVERVIEW, meant_documents, openings
from qa.retrieval.sentences import Place, Sentences, to_index
from qa.retrieval.titles import Titles
from qa.schema import Evidence, Found, Passage
from qa.snapshot import Snapshot, chunk_prefix
from qa.tracing import span
from qa.words import leans

if TYPE_CHECKING:
    from langchain_core.retrievers import BaseRetriever

_SEARCHED = 2.0
"""What ranking first in both searches counts beside the ranker's log odds."""

_READ_TWICE = 3
"""How many of the likeliest sentences are read once more. Where no language model is asked, reading
all six moved no measure of eight suites."""

_ATTEMPTS = 3

_FOLLOWED_CHUNKS = 6
"""How many chunks are read of the documents that the best sentences lead to."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What was found for one question.

    Attributes:
        evidence: the offered sentences, best first, numbered from 1; a neighbour stands after
            all ranked sentences. Some may be flagged.
        collection_version: the version of the collection they come from.
        found: every sentence that was considered, best first: those that the ranker read, then the
            others in the order of the fusion.
    """

    evidence: tuple[Evidence, ...]
    collection_version: str
    found: tuple[Found, ...] = ()

    @property
    def usable(self) -> tuple[Evidence, ...]:
        """The evidence without the flagged sentences: what may be shown to a model and cited."""
        return tuple(item for item in self.evidence if not item.flagged)


class Ranker(Protocol):
    """Reads each passage together with the question."""

    def answers(self, question: str, passages: Sequence[Passage]) -> list[float]:
        """Probability that each passage answers ``question``."""


def lexical_folder(index_dir: Path, collection: str) -> Path:
    """Where the lexical index of a collection is kept.

    A disk may take "Notes" and "notes" for one name; their digests differ.
    """
    return index_dir / hashlib.sha256(collection.encode()).hexdigest()[:16]


class Retriever:
    """Ranks the sentences of one collection.

    Args:
        collection: where the chunks are.
        embedder: the one the collection was made with.
        index_dir: where the lexical indexes are kept, one folder a collection.
        candidates: chunks and sentences taken from each search.
        evidence: sentences offered.
        rrf_k: constant of the fusion.
        ranker: reads the best of the two searches.
        ranker_weight: how much its ranking counts; each search counts 1.
        reranked: how many sentences it reads; at least ``evidence``.
    """

    def __init__(
        self,
        collection: Collection,
        embedder: Embedder,
        index_dir: Path,
        *,
        candidates: int,
        evidence: int,
        rrf_k: int,
        ranker: Ranker,
        ranker_weight: float,
        reranked: int,
    ) -> None:
        collection.require_embedder(embedder.name, embedder.dimension)
        self.collection = collection
        self.embedder = embedder
        self._index = LexicalIndex(lexical_folder(index_dir, collection.name))
        self._search: tuple[str, LexicalSearch, Titles] | None = None
        self._indexing = threading.Lock()
        self._candidates = candidates
        self._evidence = evidence
        self._rrf_k = rrf_k
        self._ranker = ranker
        self._weights = (1.0, 1.0, ranker_weight)
        self._reranked = max(reranked, evidence)

    @span("retrieve")
    def retrieve(self, question: str, *, documents: Sequence[str] | None = None) -> Retrieval:
        """Rank the sentences of the collection, or of the named ``documents`` alone.

        Raises:
            EmptyCollectionError: the collection has no documents.
            NotInCollectionError: a named document is not there.
        """
        return self._steadily(lambda corpus: self._retrieve(corpus, question, documents))

    @span("retrieve")
    def overview(self, what: str, *, documents: Sequence[str] | None = None) -> Retrieval | None:
        """The first sentences of the texts that a request for an overview means, in reading order.

        Args:
            what: the words for them: a title, "the article on bees", "this"; empty for all.
            documents: ids of the documents that may be meant; ``None`` for all.

        Returns:
            No evidence where more texts are meant than an overview can hold; ``None`` where none
            of them is, or none has a sentence.

        Raises:
            EmptyCollectionError: the collection has no documents.
            NotInCollectionError: a named document is not there.
        """
        return self._steadily(lambda corpus: self._overview(corpus, what, documents))

    def _steadily(self, find: Callable[["_Corpus"], T]) -> T:
        """What ``find`` finds, though documents may be replaced meanwhile."""
        for _ in range(_ATTEMPTS - 1):
            try:
                corpus = self._corpus()
                with A_CORE:
                    return find(corpus)
            except SnapshotGoneError:
                continue  # a document was replaced meanwhile; the next snapshot has the new one
        with self.collection.changes_held_off():
            return find(self._corpus())

    def _corpus(self) -> "_Corpus":
        """What is searched; who waits for its index keeps no core from other questions."""
        snapshot = self._snapshot()
        return _Corpus(snapshot, *self._indexed(snapshot))

    def _snapshot(self) -> Snapshot:
        snapshot = self.collection.snapshot()
        if not snapshot.documents:
            raise EmptyCollectionError(f"the collection {self.collection.name!r} is empty")
        return snapshot

    def _overview(
        self, corpus: "_Corpus", what: str, documents: Sequence[str] | None
    ) -> Retrieval | None:
        snapshot, lexical_search, titles = corpus
        if documents is not None:
            snapshot = snapshot.only(documents)
        sentences = Sentences(self.collection, snapshot)
        meant = meant_documents(what, titles, lexical_search, sentences, snapshot)
        if len(meant) > LONGEST_OVERVIEW:
            return Retrieval((), snapshot.version)
        evidence = tuple(
            _evidence(number, place, sentences)
            for number, place in enumerate(openings(meant, sentences), start=1)
        )
        return Retrieval(evidence, snapshot.version) if evidence else None

    def _retrieve(
        self, corpus: "_Corpus", question: str, documents: Sequence[str] | None
    ) -> Retrieval:
        snapshot, lexical_search, titles = corpus
        within = None
        if documents is not None and not documents:
            return Retrieval((), snapshot.version)
        if documents is not None:
            snapshot = snapshot.only(documents)
            within = [chunk_prefix(info) for info in snapshot.documents]
        sentences = Sentences(self.collection, snapshot)

        vector = self.embedder.embed_query(question)
        hits = self.collection.search(vector, self._candidates, snapshot)
        if not hits:  # every document has chunks: silence here would pass for "not in the sources"
            raise SnapshotGoneError("documents changed while they were read")
        dense = {
            place: rank
            for rank, hit in enumerate(hits, start=1)
            for place in sentences.add(hit.stored)
        }
        matching = [
            Place.parse(key) for key in lexical_search.search(question, self._candidates, within)
        ]
        sentences.fetch(place.chunk for place in matching)
        lexical = {place: rank for rank, place in enumerate(matching, start=1)}
        searched = reciprocal_rank_fusion([dense, lexical], k=self._rrf_k)
        fused = _different(searched, sentences)
        answers = self._read(question, self._worth_reading(fused, sentences), sentences)
        # Sorting keeps the order of the fusion among equals.
        order = sorted(answers, key=answers.__getitem__, reverse=True)
        read = {place: rank for rank, place in enumerate(order, start=1)}
        scores = reciprocal_rank_fusion(
            [dense, lexical, read], k=self._rrf_k, weights=self._weights
        )
        ranked = [place for place in scores if place in read]
        flagged = {place for place in ranked if sentences.is_flagged(place)}
        usable = [place for place in ranked if place not in flagged][: self._evidence]
        # What is flagged is shown where it ranks, and takes no other's place.
        shown = {*usable, *ranked[: self._evidence]}
        best = [place for place in ranked if place in shown]
        answers |= self._read_alone(question, usable, answers, sentences)
        first = max(searched.values())
        scores = {
            place: log_odds(answers[place]) + _SEARCHED * searched[place] / first for place in best
        }
        best.sort(key=scores.__getitem__, reverse=True)
        usable = [place for place in best if place not in flagged]
        leads = find_leads(usable, titles.named_in(question), titles, sentences, snapshot)
        led = self._follow(question, vector, leads, sentences, snapshot)
        led = likeliest(led, {place: answers[place] for place in shown})
        answers |= {place: it.answers for place, it in led.items()}
        similarity = {hit.stored.id: hit.similarity for hit in hits}
        evidence = [
            _evidence(
                number,
                place,
                sentences,
                score=scores.get(place, 0.0),
                similarity=min(1.0, max(-1.0, similarity.get(place.chunk, 0.0))),
                answers=answers[place] if place in shown or place in led else None,
                neighbour=place not in shown and place not in led,
                led_by=sentences.identity(led[place].lead) if place in led else None,
            )
            for number, place in enumerate(
                dict.fromkeys([*best, *led, *neighbours(usable, sentences)]), start=1
            )
        ]
        found = tuple(
            Found(
                document_id=sentences.document(place).id,
                start=sentences.span(place).start,
                end=sentences.span(place).end,
                answers=answers.get(place),
            )
            for place in dict.fromkeys([*best, *led, *ranked, *fused])
        )
        return Retrieval(tuple(evidence), snapshot.version, found)

    def _worth_reading(self, fused: Sequence[Place], sentences: Sentences) -> list[Place]:
        """The first that are not flagged, and of the flagged ones between as many as are shown."""
        usable, flagged = 0, 0
        read: list[Place] = []
        for place in fused:
            if usable == self._reranked:
                break
            if not sentences.is_flagged(place):
                usable += 1
            elif flagged < self._evidence:
                flagged += 1
            else:
                continue
            read.append(place)
        return read

    def _read(
        self, question: str, places: Sequence[Place], sentences: Sentences
    ) -> dict[Place, float]:
        """How likely each place answers, by the ranker, behind what stands before it."""
        sentences.fetch_before(places)
        passages = [passage(place, sentences.before(place), sentences) for place in places]
        return dict(zip(places, self._ranker.answers(question, passages), strict=True))

    def _read_alone(
        self,
        question: str,
        places: Sequence[Place],
        answers: Mapping[Place, float],
        sentences: Sentences,
    ) -> dict[Place, float]:
        """The likeliest of the places, each read once more by itself: the mean of both readings.

        What introduces a list is read together with that.
        """
        again = sorted(places, key=answers.__getitem__, reverse=True)[:_READ_TWICE]
        alone = self._ranker.answers(question, [Passage(whole(it, sentences)) for it in again])
        return {
            place: average(answers[place], rated) for place, rated in zip(again, alone, strict=True)
        }

    def _follow(
        self,
        question: str,
        vector: list[float],
        leads: Mapping[str, Place],
        sentences: Sentences,
        snapshot: Snapshot,
    ) -> dict[Place, Led]:
        """What the documents say that ``leads`` lead to, read behind what led there."""
        if not leads:
            return {}
        hits = self.collection.search(vector, _FOLLOWED_CHUNKS, snapshot.only(list(leads)))
        behind = {
            place: leads[hit.stored.document.id]
            for hit in hits
            for place in sentences.add(hit.stored)
            if not sentences.is_heading(place) and not sentences.is_flagged(place)
        }
        passages = [passage(place, lead, sentences) for place, lead in behind.items()]
        answers = dict(zip(behind, self._ranker.answers(question, passages), strict=True))
        return {
            place: Led(leads[sentences.document(place).id], rated)
            for place, rated in answers.items()
        }

    def as_langchain(self) -> "BaseRetriever":
        """This retriever as a LangChain one, for use in one's own chains."""
        from qa.retrieval.langchain import EvidenceRetriever

        return EvidenceRetriever(retriever=self)

    def prepare(self) -> None:
        """Index the collection as it is now, so that no question waits."""
        self._indexed(self.collection.snapshot())

    def _indexed(self, snapshot: Snapshot) -> tuple[LexicalSearch, Titles]:
        def read(revisions: set[str]) -> Iterator[tuple[str, str, str]]:
            missing = [info.id for info in snapshot.documents if chunk_prefix(info) in revisions]
            return to_index(self.collection.chunks(snapshot.only(missing)))

        with self._indexing:
            if self._search is None or self._search[0] != snapshot.version:
                revisions = {chunk_prefix(info) for info in snapshot.documents}
                search = self._index.bring_up_to(revisions, read)
                self._search = (snapshot.version, search, Titles(snapshot.documents))
            return self._search[1:]


def _evidence(
    number: int,
    place: Place,
    sentences: Sentences,
    *,
    score: float = 0.0,
    similarity: float = 0.0,
    answers: float | None = None,
    neighbour: bool = False,
    led_by: str | None = None,
) -> Evidence:
    info, span = sentences.document(place), sentences.span(place)
    return Evidence(
        number=number,
        sentence_id=sentences.identity(place),
        document_id=info.id,
        title=info.title,
        uri=info.uri,
        start=span.start,
        end=span.end,
        sentence=sentences.number(place),
        text=sentences.text(place),
        score=score,
        similarity=similarity,
        answers=answers,
        neighbour=neighbour,
        led_by=led_by,
        before=sentences.texts_before(place),
        flagged=sentences.is_flagged(place),
    )


def _different(places: Iterable[Place], sentences: Sentences) -> list[Place]:
    """The places but for headings and what an article that is there twice says again.

    "He refused." may be said of two.
    """
    different: dict[str | Place, Place] = {}
    for place in places:
        text = sentences.text(place)
        if not sentences.is_heading(place):
            different.setdefault(place if leans(text) else text, place)
    return list(different.values())


class _Corpus(NamedTuple):
    """A collection at one moment, with what finds sentences and documents in it."""

    snapshot: Snapshot
    lexical: LexicalSearch
    titles: Titles
