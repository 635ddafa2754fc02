"""Metrics that are no mean of single questions: they are worked out from a whole run."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval import metrics
from eval.runner import Record

Row = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Pooled:
    """How such a metric is worked out.

    Attributes:
        row: what it takes from a question, no NaN first; ``None`` if the question is not eligible.
        of_columns: takes the columns of all rows; ``None`` where it is undefined.
    """

    row: Callable[[Record], Row | None]
    of_columns: Callable[..., float | None]

    def rows(self, records: Sequence[Record]) -> list[Row]:
        """A row for each eligible question."""
        return [row for record in records if (row := self.row(record)) is not None]

    def paired_rows(self, pairs: Sequence[tuple[Record, Record]]) -> list[Row]:
        """Both runs' rows of each question in one, NaN where it is eligible in the other alone."""
        paired: list[Row] = []
        for pair in pairs:
            a, b = (self.row(record) for record in pair)
            if a is not None or b is not None:
                missing = (math.nan,) * len(a or b or ())
                paired.append((a or missing) + (b or missing))
        return paired

    def value(self, rows: NDArray[np.float64]) -> float | None:
        """The metric; rows of NaN do not count.

        Args:
            rows: shape (questions, columns).
        """
        return self.of_columns(*rows[~np.isnan(rows[:, 0])].T)

    def difference(self, paired: NDArray[np.float64]) -> float | None:
        """The second run's value less the first's; ``None`` where either is undefined.

        Args:
            paired: shape (questions, 2 * columns).
        """
        a, b = (self.value(rows) for rows in np.hsplit(paired, 2))
        return None if a is None or b is None else b - a


def _refusing(record: Record) -> Row | None:
    """Whether it was answered and could be.

    A failure leaves an answerable question unanswered. To refuse an unanswerable one by failing is
    no merit, and no false answer either.
    """
    if record.error is not None and not record.answerable:
        return None
    return float(record.answered), float(record.answerable)


def _trusting(record: Record) -> Row | None:
    row = _refusing(record)
    scores = (record.scores.get(name) for name in ("str_em", "citation_f1"))
    return row and (*row, *(math.nan if score is None else score for score in scores))


def _judged(record: Record) -> Row | None:
    """How sure an answer is, and whether it is right."""
    correct = record.scores.get("correct")
    return None if record.answer is None or correct is None else (record.answer.confidence, correct)


POOLED: Mapping[str, Pooled] = {
    "refusal_f1": Pooled(_refusing, metrics.refusal_f1),
    "answerability_macro_f1": Pooled(_refusing, metrics.answerability_macro_f1),
    "trust_score": Pooled(_trusting, metrics.trust_score),
    "aurc": Pooled(_judged, metrics.aurc),
    "expected_calibration_error": Pooled(_judged, metrics.expected_calibration_error),
}
