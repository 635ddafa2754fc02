"""The chain that one would write first, on the same language model, embedder and Chroma.

Chunks of 1,000 characters that overlap by 200, the four nearest into the prompt, one call of the
language model, and what that says is the answer. Nothing is checked and nothing is refused.
"""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import chromadb
from langchain_chroma import Chroma
from langchain_core.documents import Document as Text
from langchain_core.language_models import BaseChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnablePassthrough

from qa.retrieval.embedder import Embedder
from qa.schema import Document

CHUNK, OVERLAP = 1000, 200
NEAREST = 4
_LONGEST = 256
_PROMPT = ChatPromptTemplate.from_template(
    "Answer the question from the context below. Cite the sources by their numbers, like [1]. "
    "If the context does not hold the answer, say that you do not know.\n\n"
    "Context:\n{context}\n\nQuestion: {question}\nAnswer:"
)
_SENTENCE_END = re.compile(r"[.!?]\s")


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds from the question.

    Attributes:
        evidence: to the sentences, or chunks, that were found.
        claim: to the first claim; of the naive chain, which checks none, its first sentence.
            ``None`` where nothing was claimed.
        answer: to the end.
    """

    evidence: float
    claim: float | None
    answer: float


class NaiveChain:
    """Retrieve, stuff, generate.

    Args:
        embedder: makes the vectors.
        model: writes the answers.
        documents: what to answer from.
    """

    def __init__(
        self, embedder: Embedder, model: BaseChatModel, documents: Sequence[Document]
    ) -> None:
        self._store = Chroma(
            client=chromadb.EphemeralClient(),
            collection_name=f"naive-{id(self)}",
            embedding_function=embedder,
        )
        for document in documents:
            self.add(document)
        retriever = self._store.as_retriever(search_kwargs={"k": NEAREST})
        self._retriever = retriever
        self._chain: Runnable[str, str] = (
            {"context": retriever | _show, "question": RunnablePassthrough()}
            | _PROMPT
            | model.bind(max_tokens=_LONGEST)
            | StrOutputParser()
        )

    def add(self, document: Document) -> None:
        """Embed and write one chunk after the other."""
        for piece in pieces(document.text):
            self._store.add_documents([Text(piece, metadata={"title": document.title})])

    def ask(self, question: str) -> Timing:
        """Answer, and say how long it took."""
        began = time.perf_counter()
        self._retriever.invoke(question)
        found = time.perf_counter()
        said, claim = "", None
        for token in self._chain.stream(question):
            said += token
            if claim is None and _SENTENCE_END.search(said):
                claim = time.perf_counter() - found
        answer = time.perf_counter() - found
        return Timing(found - began, claim or answer, answer)


def pieces(text: str) -> Iterator[str]:
    """Overlapping pieces, cut at white space."""
    start = 0
    while start < len(text):
        end = min(len(text), start + CHUNK)
        if end < len(text) and (space := text.rfind(" ", start, end)) > start + OVERLAP:
            end = space
        yield text[start:end]
        if end == len(text):
            return
        start = end - OVERLAP


def _show(found: Sequence[Text]) -> str:
    return "\n\n".join(f"[{place}] {it.page_content}" for place, it in enumerate(found, start=1))
