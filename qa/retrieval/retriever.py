"""From a question to the numbered sentences that may hold its answer.

Dense search ranks chunks, BM25 ranks sentences, reciprocal rank fusion joins them sentence by
sentence, a ranker reads the best of these together with the question, and its ranking joins the
fusion. The likeliest of what that offers are read once more, each sentence by itself: what the
ranker says of both readings puts the offered sentences in order. A sentence that leans on the one
before it ("He refused.") brings that one along. One that addresses a language model is found and
flagged; it brings nothing and takes no other's place.
"""

import hashlib
import itertools
import re
import threading
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from qa.errors import EmptyCollectionError, SnapshotGoneError
from qa.injection import addresses_model
from qa.network import A_CORE
from qa.odds import average, log_odds
from qa.retrieval.embedder import Embedder
from qa.retrieval.fusion import reciprocal_rank_fusion
from qa.retrieval.lexical import LexicalIndex, LexicalSearch
from qa.retrieval.titles import Titles
from qa.schema import Evidence, Found, Passage, sentence_id
from qa.store import Collection, Snapshot, StoredChunk, chunk_id, chunk_prefix
from qa.tracing import span
from qa.words import leans

if TYPE_CHECKING:
    from langchain_core.retrievers import BaseRetriever

_HEADING = re.compile(r"#{1,6}\s")
"""A heading in Markdown says what follows is about, and is read before it; it proves nothing and is
not offered."""

_SEARCHED = 2.0
"""What ranking first in both searches counts beside the ranker's log odds."""

_READ_TWICE = 3
"""How many of the likeliest sentences are read once more. Where no language model is asked, reading
all six moved no measure of eight suites."""

_ATTEMPTS = 3

_REACH = 2
"""How many sentences back an antecedent may stand."""

_LEANING = 4
"""How many of the best sentences may bring a neighbour; each costs the LLM a second to read."""

_LEADING = 3
"""How many of the best sentences may lead to other documents."""

_FOLLOWED = 4
"""To how many documents they lead, at most."""

_FOLLOWED_CHUNKS = 6
"""How many chunks of these are read."""

_LED = 2
"""How many sentences of theirs are offered."""


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
        for _ in range(_ATTEMPTS - 1):
            try:
                with A_CORE:
                    return self._retrieve(question, documents)
            except SnapshotGoneError:
                continue  # a document was replaced meanwhile; the next snapshot has the new one
        with self.collection.changes_held_off():
            return self._retrieve(question, documents)

    def _retrieve(self, question: str, documents: Sequence[str] | None) -> Retrieval:
        snapshot = self.collection.snapshot()
        if not snapshot.documents:
            raise EmptyCollectionError(f"the collection {self.collection.name!r} is empty")
        lexical_search, titles = self._indexed(snapshot)
        within = None
        if documents is not None and not documents:
            return Retrieval((), snapshot.version)
        if documents is not None:
            snapshot = snapshot.only(documents)
            within = [chunk_prefix(info) for info in snapshot.documents]

        vector = self.embedder.embed_query(question)
        hits = self.collection.search(vector, self._candidates, snapshot)
        if not hits:  # every document has chunks: silence here would pass for "not in the sources"
            raise SnapshotGoneError("documents changed while they were read")
        chunks = {hit.stored.id: hit.stored for hit in hits}
        dense = {
            _Place(hit.stored.id, offset): rank
            for rank, hit in enumerate(hits, start=1)
            for offset in range(len(hit.stored.chunk.sentences))
        }
        matching = [
            _Place.parse(key) for key in lexical_search.search(question, self._candidates, within)
        ]
        self._fetch(chunks, {place.chunk for place in matching}, snapshot)
        lexical = {place: rank for rank, place in enumerate(matching, start=1)}
        searched = reciprocal_rank_fusion([dense, lexical], k=self._rrf_k)
        # Of an article that is there twice, a sentence is offered once; "He refused." may be two.
        different: dict[str | _Place, _Place] = {}
        for place in searched:
            text = _sentence(chunks[place.chunk], place.offset)
            if not _HEADING.match(text):
                different.setdefault(place if leans(text) else text, place)
        fused = list(different.values())
        answers = self._read(question, self._worth_reading(fused, chunks), chunks, snapshot)
        # Sorting keeps the order of the fusion among equals.
        order = sorted(answers, key=answers.__getitem__, reverse=True)
        read = {place: rank for rank, place in enumerate(order, start=1)}
        scores = reciprocal_rank_fusion(
            [dense, lexical, read], k=self._rrf_k, weights=self._weights
        )
        ranked = [place for place in scores if place in read]
        flagged = {place for place in ranked if _is_flagged(chunks, place)}
        usable = [place for place in ranked if place not in flagged][: self._evidence]
        # What is flagged is shown where it ranks, and takes no other's place.
        shown = {*usable, *ranked[: self._evidence]}
        best = [place for place in ranked if place in shown]
        again = sorted(usable, key=answers.__getitem__, reverse=True)[:_READ_TWICE]
        alone = self._ranker.answers(
            question, [Passage(_sentence(chunks[place.chunk], place.offset)) for place in again]
        )
        answers |= {
            place: average(answers[place], rated) for place, rated in zip(again, alone, strict=True)
        }
        first = max(searched.values())
        scores = {
            place: log_odds(answers[place]) + _SEARCHED * searched[place] / first for place in best
        }
        best.sort(key=scores.__getitem__, reverse=True)
        usable = [place for place in best if place not in flagged]
        neighbours = [
            before
            for place in usable[:_LEANING]
            if leans(_sentence(chunks[place.chunk], place.offset))
            and (before := self._before(place, chunks, snapshot)) is not None
            and not _is_flagged(chunks, before)
            and not _HEADING.match(_sentence(chunks[before.chunk], before.offset))
        ]
        leads = self._leads(usable[:_LEADING], titles.named_in(question), titles, chunks, snapshot)
        rated = {place: answers[place] for place in shown}
        led = self._follow(question, vector, leads, rated, chunks, snapshot)
        answers |= {place: it.answers for place, it in led.items()}
        similarity = {hit.stored.id: hit.similarity for hit in hits}
        offered = list(dict.fromkeys([*best, *led, *neighbours]))
        evidence = [
            _evidence(
                number,
                chunks[place.chunk],
                place.offset,
                score=scores.get(place, 0.0),
                similarity=similarity.get(place.chunk, 0.0),
                answers=answers[place] if place in shown or place in led else None,
                neighbour=place not in shown and place not in led,
                led_by=led[place].sentence_id if place in led else None,
                before=self._read_before(place, chunks, snapshot),
                flagged=place in flagged,
            )
            for number, place in enumerate(offered, start=1)
        ]
        found = tuple(
            _found(chunks[place.chunk], place.offset, answers.get(place))
            for place in dict.fromkeys([*best, *led, *ranked, *fused])
        )
        return Retrieval(tuple(evidence), snapshot.version, found)

    def _leads(
        self,
        places: Sequence["_Place"],
        asked: Container[tuple[str, ...]],
        titles: Titles,
        chunks: dict[str, StoredChunk],
        snapshot: Snapshot,
    ) -> dict[str, "_Place"]:
        """The documents that ``places`` name and the question does not, each with its place."""
        leads: dict[str, _Place] = {}
        for place in places:
            stored = chunks[place.chunk]
            for title, named in titles.named_in(_sentence(stored, place.offset)).items():
                if title not in asked:
                    leads |= {
                        document: place
                        for document in named
                        if document not in leads
                        and document != stored.document.id
                        and snapshot.document(document) is not None
                    }
        return dict(itertools.islice(leads.items(), _FOLLOWED))

    def _follow(
        self,
        question: str,
        vector: list[float],
        leads: Mapping[str, "_Place"],
        rated: Mapping["_Place", float],
        chunks: dict[str, StoredChunk],
        snapshot: Snapshot,
    ) -> dict["_Place", "_Led"]:
        """The sentences of other documents that answer best, behind those that led to them.

        One that is offered anyway, ``rated`` so, is among them if it answers better there.
        """
        if not leads:
            return {}
        hits = self.collection.search(vector, _FOLLOWED_CHUNKS, snapshot.only(list(leads)))
        chunks |= {hit.stored.id: hit.stored for hit in hits}
        places = [
            place
            for hit in hits
            for offset in range(len(hit.stored.chunk.sentences))
            if not _HEADING.match(_sentence(hit.stored, offset))
            and not _is_flagged(chunks, place := _Place(hit.stored.id, offset))
        ]
        leading = [leads[chunks[place.chunk].document.id] for place in places]
        passages = [
            Passage(
                _sentence(chunks[place.chunk], place.offset),
                title=chunks[place.chunk].document.title,
                before=_sentence(chunks[lead.chunk], lead.offset),
            )
            for place, lead in zip(places, leading, strict=True)
        ]
        answers = self._ranker.answers(question, passages)
        led = {
            place: _Led(_sentence_id(chunks, lead), likely)
            for place, lead, likely in zip(places, leading, answers, strict=True)
            if likely > rated.get(place, 0.0)
        }
        best = sorted(led, key=lambda place: led[place].answers, reverse=True)[:_LED]
        return {place: led[place] for place in best}

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
            return _sentences(self.collection.chunks(snapshot.only(missing)))

        with self._indexing:
            if self._search is None or self._search[0] != snapshot.version:
                revisions = {chunk_prefix(info) for info in snapshot.documents}
                search = self._index.bring_up_to(revisions, read)
                self._search = (snapshot.version, search, Titles(snapshot.documents))
            return self._search[1:]

    def _fetch(self, chunks: dict[str, StoredChunk], wanted: set[str], snapshot: Snapshot) -> None:
        """Add the wanted chunks to ``chunks``."""
        chunks |= self.collection.get(sorted(wanted - chunks.keys()), snapshot)
        if wanted - chunks.keys():
            raise SnapshotGoneError("documents changed while they were read")

    def _worth_reading(
        self, fused: Sequence["_Place"], chunks: dict[str, StoredChunk]
    ) -> list["_Place"]:
        """The first that are not flagged, and of the flagged ones between as many as are shown."""
        usable, flagged = 0, 0
        read: list[_Place] = []
        for place in fused:
            if usable == self._reranked:
                break
            if not _is_flagged(chunks, place):
                usable += 1
            elif flagged < self._evidence:
                flagged += 1
            else:
                continue
            read.append(place)
        return read

    def _read(
        self,
        question: str,
        places: Sequence["_Place"],
        chunks: dict[str, StoredChunk],
        snapshot: Snapshot,
    ) -> dict["_Place", float]:
        """How likely each place answers, by the ranker."""
        # At once what stands before them, here and for the antecedents of those that are offered.
        preceding = {
            chunk_id(chunks[place.chunk].document, index)
            for place in places
            if place.offset < _REACH
            for index in _chunks_before(chunks[place.chunk].chunk.index)
        }
        self._fetch(chunks, preceding, snapshot)
        passages = []
        for place in places:
            before = self._before(place, chunks, snapshot)
            context = "" if before is None else _sentence(chunks[before.chunk], before.offset)
            passages.append(
                Passage(
                    _sentence(chunks[place.chunk], place.offset),
                    title=chunks[place.chunk].document.title,
                    before="" if addresses_model(context) else context,
                )
            )
        return dict(zip(places, self._ranker.answers(question, passages), strict=True))

    def _before(
        self, place: "_Place", chunks: dict[str, StoredChunk], snapshot: Snapshot
    ) -> "_Place | None":
        """The sentence before ``place``, if there is one; its chunk is added to ``chunks``."""
        stored = chunks[place.chunk]
        if place.offset > 0:
            return _Place(place.chunk, place.offset - 1)
        if stored.chunk.index == 0:
            return None
        previous = chunk_id(stored.document, stored.chunk.index - 1)
        self._fetch(chunks, {previous}, snapshot)
        return _Place(previous, len(chunks[previous].chunk.sentences) - 1)

    def _read_before(
        self, place: "_Place", chunks: dict[str, StoredChunk], snapshot: Snapshot
    ) -> tuple[str, ...]:
        """The sentences before ``place`` that its antecedents may stand in, in reading order."""
        texts: list[str] = []
        previous = self._before(place, chunks, snapshot)
        while previous is not None and len(texts) < _REACH:
            texts.append(_sentence(chunks[previous.chunk], previous.offset))
            previous = self._before(previous, chunks, snapshot)
        return tuple(text for text in reversed(texts) if not addresses_model(text))


def _chunks_before(index: int) -> range:
    """The chunks that can hold the sentences before one at the beginning of chunk ``index``."""
    return range(max(0, index - _REACH), index)


class _Led(NamedTuple):
    """A sentence that another one led to.

    Attributes:
        sentence_id: the other one.
        answers: how likely it answers, read behind the other one.
    """

    sentence_id: str
    answers: float


class _Place(NamedTuple):
    """A sentence by its chunk's id and its place among the chunk's sentences."""

    chunk: str
    offset: int

    def key(self) -> str:
        return f"{self.chunk}#{self.offset}"

    @classmethod
    def parse(cls, key: str) -> "_Place":
        chunk, _, offset = key.rpartition("#")
        return cls(chunk, int(offset))


def _sentence(stored: StoredChunk, offset: int) -> str:
    chunk = stored.chunk
    span = chunk.sentences[offset]
    return chunk.text[span.start - chunk.start : span.end - chunk.start]


def _sentence_id(chunks: Mapping[str, StoredChunk], place: _Place) -> str:
    stored = chunks[place.chunk]
    return sentence_id(stored.document.id, stored.chunk.sentences[place.offset])


def _is_flagged(chunks: dict[str, StoredChunk], place: _Place) -> bool:
    return addresses_model(_sentence(chunks[place.chunk], place.offset))


def _sentences(chunks: Iterable[StoredChunk]) -> Iterator[tuple[str, str, str]]:
    for stored in chunks:
        revision = chunk_prefix(stored.document)
        for offset in range(len(stored.chunk.sentences)):
            text = f"{stored.document.title} {_sentence(stored, offset)}"
            yield revision, _Place(stored.id, offset).key(), text


def _found(stored: StoredChunk, offset: int, answers: float | None) -> Found:
    span = stored.chunk.sentences[offset]
    return Found(document_id=stored.document.id, start=span.start, end=span.end, answers=answers)


def _evidence(
    number: int,
    stored: StoredChunk,
    offset: int,
    *,
    score: float,
    similarity: float,
    answers: float | None,
    neighbour: bool,
    led_by: str | None,
    before: tuple[str, ...],
    flagged: bool,
) -> Evidence:
    span = stored.chunk.sentences[offset]
    return Evidence(
        number=number,
        sentence_id=sentence_id(stored.document.id, span),
        document_id=stored.document.id,
        title=stored.document.title,
        uri=stored.document.uri,
        start=span.start,
        end=span.end,
        sentence=stored.chunk.first_sentence + offset + 1,
        text=_sentence(stored, offset),
        score=score,
        similarity=min(1.0, max(-1.0, similarity)),
        answers=answers,
        neighbour=neighbour,
        led_by=led_by,
        before=before,
        flagged=flagged,
    )
