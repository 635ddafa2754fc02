"""When is the language model not asked for a draft?"""

import math
import re
from dataclasses import dataclass

from qa.grounding.checks import LEAST_FOR_A_QUOTATION, Checked, Checks

_ASKS_SEVERAL = re.compile(
    r"\?.+\?|\b(?:and|or) (?:who|whom|whose|what|which|when|where|why|how)\b|\b(?:compare|differ)",
    re.IGNORECASE | re.DOTALL,
)
"""Signs of a question that one sentence hardly answers whole."""


@dataclass(frozen=True, slots=True)
class Pace:
    """When the language model is not asked for a draft.

    Attributes:
        quote_from: how sure it must be of a sentence, without the judge, to quote it instead.
        judged_from: the same of a sentence that the judge has read.
        draft_from: what the cross-encoder must say of a sentence, at least, for a draft to be worth
            its time.
    """

    quote_from: float
    judged_from: float
    draft_from: float

    def at_once(self, checks: Checks) -> Checked | None:
        """The likeliest sentence, where it is sure enough without the judge.

        Or so far from an answer that a draft would come to nothing.
        """
        quotation = checks.quote(judged=False)
        if quotation is None:
            return None
        hopeless = checks.likeliest_answers < self.draft_from
        return quotation if hopeless or _settles(quotation, checks, self.quote_from) else None

    def judged(self, checks: Checks) -> Checked | None:
        """The likeliest sentence, where it is sure enough once the judge has read it."""
        if not math.isfinite(self.judged_from):
            return None
        quotation = checks.quote(judged=True)
        if quotation is None or not _settles(quotation, checks, self.judged_from):
            return None
        return quotation


def _settles(quotation: Checked, checks: Checks, least: float) -> bool:
    """Whether a quotation is all that the question needs."""
    sure = quotation.problem is None and quotation.sure >= least
    return sure and _ASKS_SEVERAL.search(checks.question) is None


FAST = Pace(quote_from=LEAST_FOR_A_QUOTATION, judged_from=math.inf, draft_from=0.1)
BALANCED = Pace(quote_from=0.74, judged_from=0.75, draft_from=0.06)
THOROUGH = Pace(quote_from=math.inf, judged_from=math.inf, draft_from=0)
"""docs/decisions/0011-speed.md has what each costs and brings."""
