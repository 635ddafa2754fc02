"""Does a sentence answer another question than the one that is asked?"""

import re
from collections.abc import Sequence

from qa.grounding.kinds import leaves_unnamed
from qa.grounding.opposites import opposes
from qa.grounding.roles import names_a_namesake, names_an_owner, names_another
from qa.layout import asks, is_title
from qa.questions import asks_for_time
from qa.schema import Evidence
from qa.words import stems

_OF_QUESTIONS = re.compile(r"\b(?:ask|question|wonder|enquir|inquir)", re.IGNORECASE)
_AGREES = frozenset(stems("yes yeah yep okay ok sure right exactly indeed absolutely of course"))
"""What says nothing without what it agrees to; "no" and "not" are stopwords."""
_WORDS = re.compile(r"[^\W\d_]+")
_DATES = frozenset(
    """monday tuesday wednesday thursday friday saturday sunday january february march april may
    june july august september october november december jan feb mar apr jun jul aug sep sept oct
    nov dec mon tue wed thu fri sat sun st nd rd th of at am pm gmt utc bst cet est updated
    published posted last on""".split()
)
"""The words of a line that tells when a text was written."""
_OF_THE_TEXT = frozenset(stems("published written posted updated article text post dated date"))
_TELLS_OF_THE_TEXT = re.compile(
    r"\W*(?:this|the) (?P<text>page|article|guide|section|chapter|document|manual|post|text|report|"
    r"leaflet|booklet|list|table) (?:below |above )?(?:explains|describes|covers|shows|tells|lists|"
    r"contains|is about|deals with|gives|presents|summari[sz]es)\b",
    re.IGNORECASE,
)
"""Of 32,423 sentences that answer, in the training material, none begins so; of others three do."""
_CONDITION = re.compile(r"\b(?:if|unless|in case|provided) (?P<what>[^,?]+)", re.IGNORECASE)


def misfit(question: str, text: str, *, context: str = "") -> str | None:
    """Why ``text`` does not fit the question, in words; ``None`` if it may.

    It asks something itself, is no more than a yes, a no, the date of the text or what that is
    about, says the opposite of what the question takes for granted, has what is asked for without
    its name, tells whose something is and not who he is, or tells of a namesake or of another.

    Args:
        question: what is asked.
        text: sentences that are to answer it.
        context: these with what stands before them, if that is known.
    """
    if asks(text) and _OF_QUESTIONS.search(question) is None:
        return "the sentence that fits asks, and does not answer"
    if _AGREES.issuperset(stems(text)):
        return "the sentence that fits says nothing by itself"
    told = _TELLS_OF_THE_TEXT.match(text)
    if told is not None and set(stems(told["text"])).isdisjoint(stems(question)):
        return "the sentence that fits only says what its text is about"
    dates = is_title(text) and _DATES.issuperset(_WORDS.findall(text.lower()))
    if dates and asks_for_time(question) and _OF_THE_TEXT.isdisjoint(stems(question)):
        return "the line that fits is the date of the text"
    opposite = opposes(question, context or text)
    if opposite is not None:
        return opposite
    if leaves_unnamed(question, text):
        return "no sentence that fits gives its name"
    return (
        names_an_owner(question, text)
        or names_a_namesake(question, text)
        or names_another(question, text)
    )


def fitting(question: str, evidence: Sequence[Evidence]) -> list[Evidence]:
    """The sentences that may fit the question; all, if none does.

    Where one of them has the condition that the question makes, "if I register it", none fits that
    has nothing of it.
    """
    fit = [it for it in evidence if misfit(question, it.text) is None]
    condition = _CONDITION.search(question)
    made = set(stems(condition["what"])) if condition is not None else set()
    if made and any(made.issubset(stems(it.text)) for it in fit):
        fit = [it for it in fit if not made.isdisjoint(stems(it.text))]
    return fit or list(evidence)
