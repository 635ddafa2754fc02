"""What does a follow-up ask, outside its conversation?"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qa.errors import LLMError
from qa.generation.drafter import Drafter, Rewriting
from qa.questions import MAX_CHARACTERS
from qa.schema import Turn
from qa.words import terms, words

_REFERS = re.compile(
    r"\b(?:it|he|she|they|him|her|them|his|hers|its|their|theirs|this|that|these|those|there|"
    r"one|ones|same|former|latter|else)\b|"
    r"^\W*(?:and|but|or|so|what about|how about|why|how come)\W",
    re.IGNORECASE,
)
"""Signs that a question leans on what was said before."""

_FEW_WORDS = 3
"""A follow-up with fewer content words than this, none of them a name, may lean on what was said
before, which the language model knows."""

_VERB = re.compile(
    r"\b(?:is|are|was|were|do|does|did|has|have|had|will|would|can|could|may|might|must|should|shall)\b",
    re.IGNORECASE,
)
"""What a question has that is whole: "Who is the landlord?", unlike "What colour?"."""


@dataclass(frozen=True, slots=True)
class Standalone:
    """A question as it would be asked outside its conversation.

    Attributes:
        question: itself, where it leans on nothing.
        rewriting: what the language model made of it, heeded or not.
        error: why the model made nothing of it; it is joined to the question before it then.
    """

    question: str
    rewriting: Rewriting | None = None
    error: LLMError | None = None


def stand_alone(
    question: str, history: Sequence[Turn], drafter: Drafter | None, wait: Callable[[], None]
) -> Standalone:
    """Understand a question from what was said before it.

    Args:
        question: what is asked.
        history: earlier messages of the conversation, oldest first.
        drafter: rewrites it; ``None``: it is joined to the question before it, where it refers to
            that or is no whole question.
        wait: called before the language model is asked.
    """
    asked = [turn.content for turn in history if turn.role == "user"]
    leans = _REFERS.search(question) is not None or _is_torn(question)
    if not asked or not (leans or _says_little(question)):
        return Standalone(question)
    joined = f"{question} {asked[-1].strip()}" if leans else question
    if len(joined) > MAX_CHARACTERS:
        joined = question
    if drafter is None:
        return Standalone(joined)
    wait()
    try:
        rewriting = drafter.condense(question, history)
    except LLMError as error:
        return Standalone(joined, error=error)
    # The rewriting is a draft too: it has to ask, and may use no word that nobody has said.
    heard = {word for turn in history for word in words(turn.content)} | set(words(question))
    added = {term.stem for term in terms(rewriting.text)} - {
        term.stem for text in heard for term in terms(text)
    }
    if not added and rewriting.text.endswith(("?", "？")):
        return Standalone(rewriting.text, rewriting)
    return Standalone(joined, rewriting)


def _is_torn(question: str) -> bool:
    """Whether it has a content word at most, and no verb that makes a question whole."""
    return len(terms(question)) < _FEW_WORDS - 1 and _VERB.search(question) is None


def _says_little(question: str) -> bool:
    content = terms(question)
    return len(content) < _FEW_WORDS and all(term.kind != "name" for term in content)
