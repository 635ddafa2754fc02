"""The only place where settings become objects."""

import shutil
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from qa.answerer import Answerer
from qa.collection import Collection
from qa.generation.drafter import Drafter
from qa.generation.judge import Judge
from qa.generation.llm import LLM, LOCAL, EmbeddedLLM, RemoteLLM
from qa.generation.local_llm import LocalLLM
from qa.generation.prompt import load_prompt
from qa.generation.queue import Free, Place
from qa.generation.weights import QWEN_CODER_1_5B, Progress, find_weights
from qa.grounding.cross_encoder import NAME, CrossEncoder
from qa.grounding.reranker import Reranker
from qa.keys import KeyFile
from qa.pace import BALANCED, FAST, THOROUGH
from qa.retrieval.corpus import lexical_folder
from qa.retrieval.embedder import Embedder, load_embedder
from qa.retrieval.retriever import Retriever
from qa.settings import Settings
from qa.store import Store

_PACES = {"fast": FAST, "balanced": BALANCED, "thorough": THOROUGH}


class Assembly:
    """Everything that the settings describe, each part made when it is first used.

    Args:
        settings: what to make.
        progress: told how far the weights are: what is done, bytes done, bytes in all.
    """

    def __init__(self, settings: Settings, *, progress: Progress | None = None) -> None:
        self.settings = settings
        self._progress = progress

    @property
    def models_dir(self) -> Path:
        """Where exported and assembled models are kept."""
        return self.settings.data_dir / "models"

    @property
    def _lexical_dir(self) -> Path:
        return self.settings.data_dir / "lexical"

    @cached_property
    def store(self) -> Store:
        """The collections; opening them locks the data directory."""
        return Store(self.settings.data_dir, url=self.settings.store.url)

    @cached_property
    def keys(self) -> KeyFile:
        """The API keys; managing them locks nothing that a server holds."""
        return KeyFile(self.settings.data_dir)

    @cached_property
    def embedder(self) -> Embedder:
        """The embedder."""
        chosen = self.settings.embedder
        return load_embedder(chosen.model, self.models_dir, batch_size=chosen.batch_size)

    @cached_property
    def cross_encoder(self) -> CrossEncoder | Reranker:
        """What reads a question or a claim together with a sentence."""
        chosen = self.settings.grounding.cross_encoder
        return CrossEncoder() if chosen == NAME else Reranker(chosen)

    @cached_property
    def llm(self) -> LLM:
        """The language model; nothing is loaded before its first question."""
        chosen = self.settings.llm
        if chosen.model != LOCAL:
            key = chosen.api_key
            return RemoteLLM(
                chosen.model,
                base_url=chosen.base_url,
                api_key=None if key is None else key.get_secret_value(),
                timeout_seconds=chosen.timeout_seconds,
            )
        local = LocalLLM(
            self.find_weights,
            name=QWEN_CODER_1_5B.name if chosen.weights is None else chosen.weights.stem,
            context_tokens=chosen.context_tokens,
            threads=chosen.threads,
            log_file=self.settings.data_dir / "logs" / "llm.log",
        )
        return EmbeddedLLM(local, timeout_seconds=chosen.timeout_seconds)

    @property
    def find_weights(self) -> Callable[[], Path]:
        """Finds, and if need be assembles, the embedded LLM's weights."""
        chosen = self.settings.llm
        return partial(
            find_weights,
            self.models_dir,
            explicit=chosen.weights,
            explicit_sha256=chosen.weights_sha256,
            progress=self._progress,
        )

    def open_for_writing(self, collection: str, *, maker: str = "") -> Collection:
        """A collection to ingest into; made, and ``maker`` noted, if there is none of that name."""
        embedder = self.embedder
        return self.store.create(
            collection, embedder=embedder.name, dimension=embedder.dimension, maker=maker
        )

    def delete_collection(self, collection: str) -> None:
        """Delete a collection, its documents and its lexical index.

        Raises:
            UnknownCollectionError: there is none of that name.
        """
        self.store.delete(collection)
        shutil.rmtree(lexical_folder(self._lexical_dir, collection), ignore_errors=True)

    def retriever(self, collection: str) -> Retriever:
        """The retriever of a collection.

        Raises:
            UnknownCollectionError: there is none of that name.
        """
        opened = self.store.collection(collection)
        chosen = self.settings.retrieval
        return Retriever(
            opened,
            self.embedder,
            self._lexical_dir,
            candidates=chosen.candidates,
            evidence=chosen.evidence,
            rrf_k=chosen.rrf_k,
            ranker_weight=chosen.ranker_weight,
            ranker=self.cross_encoder,
            reranked=chosen.reranked,
        )

    def answerer(
        self,
        collection: str,
        *,
        evidence_only: bool = False,
        fall_back: bool = True,
        place: Callable[[], Place] = Free,
    ) -> Answerer:
        """The answerer of a collection.

        Args:
            collection: its name.
            evidence_only: answer without a language model.
            fall_back: answer so too where the language model fails.
            place: makes a question's place in the queue before the language model.

        Raises:
            UnknownCollectionError: there is none of that name.
        """
        grounding = self.settings.grounding
        return Answerer(
            self.retriever(collection),
            self.cross_encoder,
            None if evidence_only else self.drafter,
            self.judge if self._judges and not evidence_only else None,
            min_confidence=grounding.min_confidence,
            pace=_PACES[self.settings.speed],
            place=place,
            fall_back=fall_back,
        )

    @property
    def _judges(self) -> bool:
        return self.settings.grounding.judge and not self._fast

    @property
    def _fast(self) -> bool:
        return self.settings.speed == "fast"

    @cached_property
    def drafter(self) -> Drafter:
        """The drafter on the chosen language model."""
        return Drafter(
            self.llm,
            answer=load_prompt("answer/v1"),
            quote=load_prompt("quote/v1"),
            condense=load_prompt("condense/v1"),
            max_tokens=self.settings.llm.max_tokens,
        )

    @cached_property
    def judge(self) -> Judge:
        """The judge on the chosen language model."""
        return Judge(self.llm, load_prompt("judge/v1"), max_tokens=self.settings.llm.max_tokens)

    def close(self) -> None:
        """End the language model's process and give the data directory free."""
        for name in ("drafter", "judge"):  # they hold the language model
            self.__dict__.pop(name, None)
        for name in ("llm", "store"):
            part = self.__dict__.pop(name, None)
            if part is not None:
                part.close()

    def __enter__(self) -> "Assembly":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
