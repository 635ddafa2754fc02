"""Whether what an answer cites entails what it says.

Advisory, for the scores are as good as the ``entails`` that is plugged in. Source: ALCE, Gao et
al. 2023.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from qa.schema import Answer

Entails = Callable[[str, str], bool | float]
"""Takes a premise and a claim; a probability counts as yes from 0.5 on."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of an answer, without its footnote marks, and the passages that it cites."""

    text: str
    citations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AlceScores:
    """ALCE's citation recall and precision of one answer."""

    recall: float
    precision: float


def alce_scores(
    statements: Sequence[Statement], passages: Mapping[int, str], entails: Entails
) -> AlceScores | None:
    """``recall = |proved statements| / |statements|``, ``precision = |kept| / |citations|``.

    A statement is proved if all its citations together entail it; not if it cites nothing, or a
    passage that does not exist. Of a proved statement a citation is kept unless it alone does
    not entail it while the others together do; of another none is. Unlike in the published
    script, citations of a statement that cites a missing passage count as not kept.

    Args:
        statements: the sentences of one answer.
        passages: the cited texts by number.
        entails: whether a premise entails a claim; several passages are joined by newlines.

    Returns:
        ``None`` without statements; a precision of 0 without citations.
    """
    if not statements:
        return None
    proved = [each for each in statements if _is_proved(each, passages, entails)]
    citations = sum(len(each.citations) for each in statements)
    kept = sum(_count_kept(each, passages, entails) for each in proved)
    return AlceScores(
        recall=len(proved) / len(statements), precision=kept / citations if citations else 0.0
    )


def alce_scores_of(answer: Answer, entails: Entails) -> AlceScores | None:
    """The same for an answer's claims and footnotes; ``None`` for a refusal."""
    statements = [Statement(claim.text, tuple(claim.citations)) for claim in answer.claims]
    passages = {citation.number: citation.text for citation in answer.citations}
    return None if answer.status == "no_answer" else alce_scores(statements, passages, entails)


def _is_proved(statement: Statement, passages: Mapping[int, str], entails: Entails) -> bool:
    cited = statement.citations
    if not cited or any(number not in passages for number in cited):
        return False
    return _entails(cited, statement, passages, entails)


def _count_kept(statement: Statement, passages: Mapping[int, str], entails: Entails) -> int:
    cited = statement.citations
    if len(cited) == 1:
        return 1
    return sum(
        _entails([number], statement, passages, entails)
        or not _entails(cited[:place] + cited[place + 1 :], statement, passages, entails)
        for place, number in enumerate(cited)
    )


def _entails(
    cited: Sequence[int], statement: Statement, passages: Mapping[int, str], entails: Entails
) -> bool:
    return entails("\n".join(passages[number] for number in cited), statement.text) >= 0.5
