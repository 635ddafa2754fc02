"""What is asked, outside its conversation, and what is found for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from qa.generation.drafter import Drafter
from qa.generation.followups import Standalone, stand_alone
from qa.questions import asks_for_overview, points_back
from qa.retrieval.evidence import Retrieval
from qa.retrieval.retriever import Retriever
from qa.schema import Turn


@dataclass(frozen=True, slots=True)
class Understood:
    """A question and what was found for it.

    Attributes:
        alone: the question, outside its conversation.
        retrieval: what was found.
        is_overview: whether that is how the texts begin that an overview is asked of.
    """

    alone: Standalone
    retrieval: Retrieval
    is_overview: bool = False

    @property
    def question(self) -> str:
        """What is asked."""
        return self.alone.question


@dataclass(frozen=True, slots=True)
class Understanding:
    """Understands a question, or the parts of one.

    Attributes:
        retriever: finds the evidence.
        drafter: rewrites follow-ups; ``None`` to do without a language model.
        documents: ids of the documents to answer from; ``None`` for all.
        wait: called before the language model is asked.
        fall_back: whether a follow-up that the model fails to rewrite is understood without it.
    """

    retriever: Retriever
    drafter: Drafter | None
    documents: Sequence[str] | None
    wait: Callable[[], None]
    fall_back: bool

    def understand(self, question: str, history: Sequence[Turn]) -> Understood:
        """The question as it would be asked outside the conversation, and what is found for it.

        Args:
            question: what is asked.
            history: earlier messages of the conversation, oldest first.

        Raises:
            LLMError: the language model failed, and there is no falling back.
        """
        leans = history and points_back(asks_for_overview(question) or "")
        overview = None if leans else self._overview(question)
        if overview is not None:
            return overview
        alone = stand_alone(question, history, self.drafter, self.wait)
        if alone.error is not None and not self.fall_back:
            raise alone.error
        if leans or alone.question != question:
            overview = self._overview(alone.question)
        if overview is not None:
            return replace(overview, alone=alone)
        retrieval = self.retriever.retrieve(alone.question, documents=self.documents)
        return Understood(alone, retrieval)

    def _overview(self, question: str) -> Understood | None:
        """How the texts begin that a question asks an overview of; ``None`` if it asks for none."""
        what = asks_for_overview(question)
        found = None if what is None else self.retriever.overview(what, documents=self.documents)
        return None if found is None else Understood(Standalone(question), found, is_overview=True)
