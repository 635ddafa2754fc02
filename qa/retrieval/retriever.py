"""From a question to the numbered sentences that may hold its answer.

Dense search ranks chunks, BM25 ranks sentences, reciprocal rank fusion joins them sentence by
sentence, a ranker reads the best of these together with the question, and its ranking joins the
fusion. The likeliest of what that offers are read once more, each sentence by itself: what the
ranker says of both readings puts the offered sentences in order. A sentence that leans on the one
before it ("He refused.") brings that one along, and a part of a list or a table the rest of the
list, or the head. A question that the text asks hands its rank on to its replies. A sentence that
addresses a language model is found and flagged; it brings nothing and takes no other's place.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qa.collection import Collection
from qa.errors import SnapshotGoneError
from qa.odds import log_odds
from qa.retrieval.context import neighbours
from qa.retrieval.corpus import Corpora, Corpus
from qa.retrieval.embedder import Embedder
from qa.retrieval.evidence import Retrieval, evidence_at, found_at
from qa.retrieval.fusion import reciprocal_rank_fusion
from qa.retrieval.leads import Led, find_leads, likeliest
from qa.retrieval.overview import LONGEST_OVERVIEW, meant_documents, openings
from qa.retrieval.rating import Ranker, Rating
from qa.retrieval.sentences import Place, Sentences
from qa.snapshot import Snapshot, chunk_prefix
from qa.tracing import span
from qa.words import leans

if TYPE_CHECKING:
    from langchain_core.retrievers import BaseRetriever

_SEARCHED = 2.0
"""What ranking first in both searches counts beside the ranker's log odds."""

_FOLLOWED_CHUNKS = 6
"""How many chunks are read of the documents that the best sentences lead to."""


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
        self._corpora = Corpora(collection, index_dir)
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
        return self._corpora.steadily(
            lambda corpus: self._retrieve(corpus.only(documents), question, documents)
        )

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
        return self._corpora.steadily(lambda corpus: self._overview(corpus.only(documents), what))

    def _overview(self, corpus: Corpus, what: str) -> Retrieval | None:
        snapshot, lexical_search, titles = corpus
        sentences = Sentences(self.collection, snapshot)
        meant = meant_documents(what, titles, lexical_search, sentences, snapshot)
        if len(meant) > LONGEST_OVERVIEW:
            return Retrieval((), snapshot.version)
        evidence = tuple(
            evidence_at(number, place, sentences)
            for number, place in enumerate(openings(meant, sentences), start=1)
        )
        return Retrieval(evidence, snapshot.version) if evidence else None

    def _retrieve(
        self, corpus: Corpus, question: str, documents: Sequence[str] | None
    ) -> Retrieval:
        snapshot, _, titles = corpus
        if not snapshot.documents:  # none is to be searched
            return Retrieval((), snapshot.version)
        within = None if documents is None else [chunk_prefix(it) for it in snapshot.documents]
        sentences = Sentences(self.collection, snapshot)
        rating = Rating(question, sentences, self._ranker)

        searched = self._search(question, corpus, within, sentences)
        fused = _different(searched.scores, sentences)
        answers = rating.in_context(self._worth_reading(fused, sentences))
        ranked = self._rank(searched, answers)
        shown = self._shown(ranked, sentences)
        answers |= rating.again([it for it in shown if not sentences.is_flagged(it)], answers)
        scores = {it: log_odds(answers[it]) + _SEARCHED * searched.share(it) for it in shown}
        best = sorted(shown, key=scores.__getitem__, reverse=True)
        usable = [place for place in best if not sentences.is_flagged(place)]
        leads = find_leads(usable, titles.named_in(question), titles, sentences, snapshot)
        led = self._follow(leads, searched.vector, rating, snapshot)
        led = likeliest(led, {place: answers[place] for place in shown})
        answers |= {place: it.answers for place, it in led.items()}
        offered = dict.fromkeys([*best, *led, *neighbours(question, usable, sentences)])
        evidence = tuple(
            evidence_at(
                number,
                place,
                sentences,
                score=scores.get(place, 0.0),
                similarity=searched.similarity(place),
                answers=answers[place] if place in scores or place in led else None,
                neighbour=place not in scores and place not in led,
                led_by=sentences.identity(led[place].lead) if place in led else None,
            )
            for number, place in enumerate(offered, start=1)
        )
        found = tuple(
            found_at(place, sentences, answers.get(place))
            for place in dict.fromkeys([*best, *led, *ranked, *fused])
        )
        return Retrieval(evidence, snapshot.version, found)

    def _search(
        self, question: str, corpus: Corpus, within: Sequence[str] | None, sentences: Sentences
    ) -> "_Searched":
        """Both searches, over all chunks of ``corpus`` or those whose ids begin as ``within``."""
        snapshot, lexical_search, _ = corpus
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
        rankings = [_handed_on(dense, sentences), _handed_on(lexical, sentences)]
        return _Searched(
            vector,
            rankings,
            reciprocal_rank_fusion(rankings, k=self._rrf_k),
            {hit.stored.id: hit.similarity for hit in hits},
        )

    def _rank(self, searched: "_Searched", answers: Mapping[Place, float]) -> list[Place]:
        """What the ranker has read, by the fusion of both searches and of its own ranking."""
        # Sorting keeps the order of the fusion among equals.
        order = sorted(answers, key=answers.__getitem__, reverse=True)
        read = {place: rank for rank, place in enumerate(order, start=1)}
        scores = reciprocal_rank_fusion(
            [*searched.rankings, read], k=self._rrf_k, weights=self._weights
        )
        return [place for place in scores if place in read]

    def _shown(self, ranked: Sequence[Place], sentences: Sentences) -> list[Place]:
        """The first; what is flagged is shown where it ranks, and takes no other's place."""
        usable = [place for place in ranked if not sentences.is_flagged(place)][: self._evidence]
        shown = {*usable, *ranked[: self._evidence]}
        return [place for place in ranked if place in shown]

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

    def _follow(
        self, leads: Mapping[str, Place], vector: list[float], rating: Rating, snapshot: Snapshot
    ) -> dict[Place, Led]:
        """What the documents say that ``leads`` lead to, read behind what led there."""
        if not leads:
            return {}
        hits = self.collection.search(vector, _FOLLOWED_CHUNKS, snapshot.only(list(leads)))
        behind = {
            place: leads[hit.stored.document.id]
            for hit in hits
            for place in rating.sentences.add(hit.stored)
            if not rating.sentences.is_heading(place) and not rating.sentences.is_flagged(place)
        }
        return {place: Led(behind[place], rated) for place, rated in rating.behind(behind).items()}

    def as_langchain(self) -> "BaseRetriever":
        """This retriever as a LangChain one, for use in one's own chains."""
        from qa.retrieval.langchain import EvidenceRetriever

        return EvidenceRetriever(retriever=self)

    def prepare(self) -> None:
        """Index the collection as it is now, so that no question waits."""
        self._corpora.prepare()


@dataclass(frozen=True, slots=True)
class _Searched:
    """What both searches found.

    Attributes:
        vector: of the question.
        rankings: ranks by the dense and by the lexical search, from 1.
        scores: their fusion, best first.
        similarities: cosine of each chunk that the dense search found, by its id.
    """

    vector: list[float]
    rankings: list[dict[Place, int]]
    scores: dict[Place, float]
    similarities: dict[str, float]

    def share(self, place: Place) -> float:
        """The fused score of a sentence, as a share of the best one's."""
        return self.scores[place] / max(self.scores.values())

    def similarity(self, place: Place) -> float:
        """Cosine of a sentence's chunk with the question, in [-1, 1]; 0 where it was not found."""
        return min(1.0, max(-1.0, self.similarities.get(place.chunk, 0.0)))


def _handed_on(ranks: Mapping[Place, int], sentences: Sentences) -> dict[Place, int]:
    """The ranks, those of questions handed on to their replies, which share few of their words."""
    sentences.fetch_after(ranks)
    handed: dict[Place, int] = {}
    for place, rank in ranks.items():
        for at in (*sentences.replies(place), place):
            handed.setdefault(at, rank)
    return handed


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
