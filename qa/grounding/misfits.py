"""Does a sentence answer another question than the one that is asked?"""

from collections.abc import Sequence

from qa.grounding.kinds import leaves_unnamed
from qa.grounding.opposites import opposes
from qa.grounding.roles import names_a_namesake, names_another
from qa.schema import Evidence


def misfit(question: str, text: str, *, context: str = "") -> str | None:
    """Why ``text`` does not fit the question, in words; ``None`` if it may.

    It says the opposite of what the question takes for granted, has what is asked for without its
    name, or tells of a namesake or of another.

    Args:
        question: what is asked.
        text: sentences that are to answer it.
        context: these with what stands before them, if that is known.
    """
    opposite = opposes(question, context or text)
    if opposite is not None:
        return opposite
    if leaves_unnamed(question, text):
        return "no sentence that fits gives its name"
    return names_a_namesake(question, text) or names_another(question, text)


def fitting(question: str, evidence: Sequence[Evidence]) -> list[Evidence]:
    """The sentences that may fit the question; all, if none does."""
    return [it for it in evidence if misfit(question, it.text) is None] or list(evidence)
