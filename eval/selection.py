"""Which questions of a suite are asked: a draw of them, a part of the draw, or all."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from eval.cases import Case
from qa.errors import UsageError
from qa.schema import digest


@dataclass(frozen=True, slots=True)
class Shard:
    """One of ``count`` parts of a run that have no question in common and lack none together.

    Attributes:
        index: which of them, from 1.
    """

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read ``2/4``.

        Raises:
            UsageError: it is not of that form.
        """
        found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
        index, count = map(int, found.groups()) if found else (0, 0)
        if not 1 <= index <= count:
            raise UsageError(
                f"{text!r} is not a shard", help="Write INDEX/COUNT, the first of four being 1/4."
            )
        return cls(index, count)

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


def select(
    cases: Sequence[Case], *, limit: int | None = None, seed: int = 0, shard: Shard | None = None
) -> tuple[Case, ...]:
    """The questions to ask, in the suite's order.

    Args:
        cases: all there are.
        limit: as in ``draw``; ``None`` for all.
        seed: as in ``draw``.
        shard: which part of those; the parts differ in size by one at most.

    Raises:
        ValueError: ``limit`` is below 1.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit!r}")
    drawn = tuple(cases) if limit is None else draw(cases, limit, seed)
    return drawn if shard is None else drawn[shard.index - 1 :: shard.count]


def draw(cases: Sequence[Case], limit: int, seed: int) -> tuple[Case, ...]:
    """Draw ``limit`` cases, answerable and not in the proportion that they have in ``cases``.

    Each kind that exists is drawn at least once if ``limit`` allows. The draw depends on seed
    and ids alone, not on their order in the file.
    """
    if limit >= len(cases):
        return tuple(cases)
    shuffled = sorted(cases, key=lambda case: digest(str(seed), case.id))
    yes = [case for case in shuffled if case.answerable]
    no = [case for case in shuffled if not case.answerable]
    wanted = round(limit * len(yes) / len(cases))
    if yes and no and limit > 1:
        wanted = min(max(wanted, 1), limit - 1)
    chosen = {case.id for case in yes[:wanted] + no[: limit - wanted]}
    return tuple(case for case in cases if case.id in chosen)
