"""What another ``grounding.min_confidence`` would release, of answers that are recorded.

``python docs/decisions/0018-threshold.py RUN_FOLDER…`` takes folders that ``footnoted eval --out``
wrote and prints for each, threshold by threshold, which share of the answerable questions would be
answered, how many of these rightly, and which share of the others. A claim below the threshold of
the run is in its record too, so that lower thresholds are seen as well; what would be quoted for
want of a claim is not.
"""

import sys
from pathlib import Path

from eval.folder import read_run
from eval.runner import Record

THRESHOLDS = (0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.8)


def confidence(record: Record) -> float:
    """That of the surest claim; 0 if none has passed the checks without a model."""
    return max((claim.support for claim in record.claims), default=0.0)


def main() -> None:
    """Read and print."""
    for folder in map(Path, sys.argv[1:]):
        records = [record for record in read_run(folder) if record.answer is not None]
        answerable = [record for record in records if record.answerable]
        others = [record for record in records if not record.answerable]
        for threshold in THRESHOLDS:
            kept = [record for record in answerable if confidence(record) >= threshold]
            right = [record.scores.get("correct") or 0.0 for record in kept]
            false = [record for record in others if confidence(record) >= threshold]
            cells = [
                f"{len(kept) / max(1, len(answerable)):.2f}",
                f"{sum(right) / max(1, len(right)):.2f}",
                f"{len(false) / len(others):.2f}" if others else "–",
            ]
            print(f"| {folder.name} | {threshold} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
