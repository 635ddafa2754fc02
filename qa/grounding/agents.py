"""Who did it, where a sentence says "done by"?"""

import re
from collections.abc import Sequence

from qa.schema import Evidence
from qa.words import CAPITAL, share, stems

_WHO_DID = re.compile(r"\W*(?:and |so |but )?who\s+(?P<deed>\w+)\s+(?P<rest>.+)", re.IGNORECASE)
_DONE_BY = re.compile(
    r"\b(?P<deed>\w+) by (?P<agent>(?:(?:an?|the|his|her|their|its|one|two) )?"
    r"(?:[“\"][^”\"]{1,60}[”\"]"
    rf"|[{CAPITAL}][\w’'.-]*(?: (?:(?:of|the|de|van|von|and) )?[{CAPITAL}][\w’'-]*)*"
    r"|[\w’'-]+(?: (?!and\b|in\b|on\b|at\b|to\b|for\b|with\b|who\b)[\w’'-]+){0,2}))",
)
"""A passive and its agent: "arranged by a mutual friend"."""


def find_agent(question: str, evidence: Sequence[Evidence]) -> str | None:
    """Who did it, where the question asks "who did" and a sentence says "done by".

    The embedded LLM names the subject for the agent: asked who arranged the call, it reads
    "In a call arranged by a friend, Ann spoke with Bob" and says "Ann".
    """
    asking = _WHO_DID.match(question)
    if asking is None:
        return None
    deed = set(stems(asking["deed"]))
    asked = stems(question)
    for item in evidence:
        if share(asked, frozenset(stems(item.text))) <= 0.5:
            continue
        for match in _DONE_BY.finditer(item.text):
            if deed & set(stems(match["deed"])):
                return re.sub(r"[,.](?=[”\"])", "", match["agent"])
    return None


def tells_of_deed(question: str, claim: str) -> bool:
    """Whether a claim speaks of what the question asks who did."""
    asking = _WHO_DID.match(question)
    return asking is not None and not set(stems(asking["deed"])).isdisjoint(stems(claim))
