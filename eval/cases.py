"""What a suite is once it has been read, from whichever format."""

from collections.abc import Mapping
from dataclasses import dataclass

from qa.schema import Document, Turn


@dataclass(frozen=True, slots=True)
class GoldSpan:
    """A piece of a document that proves an answer: ``text == document[start:end]``."""

    doc_id: str
    start: int
    end: int
    text: str


Alternatives = tuple[tuple[GoldSpan, ...], ...]
"""Each inner tuple is enough, and needed as a whole; empty: no gold is known."""


@dataclass(frozen=True, slots=True)
class Case:
    """One gold question.

    Attributes:
        answers: accepted answers; empty where the suite has none.
        evidence: the gold sentences, as alternatives.
        doc_ids: the documents to answer from; ``None`` for the whole corpus.
        history: the conversation before the question.
    """

    id: str
    question: str
    answers: tuple[str, ...]
    answerable: bool
    evidence: Alternatives = ()
    doc_ids: tuple[str, ...] | None = None
    type: str = ""
    source: str = ""
    history: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class Suite:
    """Gold questions and the corpus to answer them from.

    Attributes:
        documents: the corpus, by document id; a large one is read from disk piece by piece.
    """

    name: str
    documents: Mapping[str, Document]
    questions: tuple[Case, ...]

    def text(self, document_id: str) -> str:
        """A document's text, to check footnotes against.

        Raises:
            KeyError: the corpus has no such document.
        """
        return self.documents[document_id].text
