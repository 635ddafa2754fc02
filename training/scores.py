"""How well the cross-encoder ranks, tells answerable from not, and tells supported from not."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from qa.grounding.pairs import Pairs
from training.data import Example, answers_example, collate, supports_example
from training.network import CrossEncoder

_BATCH = 64


def area_under_roc(scores: Sequence[float], labels: Sequence[int]) -> float:
    """Probability that a positive scores above a negative; ties count half."""
    order = np.argsort(scores, kind="stable")
    ranks = np.empty(len(scores))
    values = np.asarray(scores)[order]
    _, first, counts = np.unique(values, return_index=True, return_counts=True)
    ranks[order] = np.repeat(first + (counts + 1) / 2, counts)
    positive = np.asarray(labels, dtype=bool)
    n, m = positive.sum(), (~positive).sum()
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * m))


def logits(network: CrossEncoder, examples: Sequence[Example]) -> list[tuple[float, float]]:
    """``answers`` and ``supports`` of each."""
    network.eval()
    order = sorted(range(len(examples)), key=lambda i: len(examples[i].ids))
    found: list[tuple[float, float]] = [(0.0, 0.0)] * len(examples)
    with torch.inference_mode():
        for begin in range(0, len(order), _BATCH):
            part = order[begin : begin + _BATCH]
            answers, supports, _ = network(**collate([examples[i] for i in part]))
            for i, a, s in zip(part, answers.tolist(), supports.tolist(), strict=True):
                found[i] = (a, s)
    return found


def score_answers(
    network: CrossEncoder, pairs: Pairs, rows: Sequence[dict[str, Any]]
) -> dict[str, float]:
    """Precision at 1 on answerable rows, AUC of the best sentence's score for answerable."""
    examples = [
        answers_example(row, i, pairs, with_context=True)
        for row in rows
        for i in range(len(row["sentences"]))
    ]
    scores = iter([a for a, _ in logits(network, examples)])
    right, best, answerable, hard, hard_answerable = [], [], [], [], []
    for row in rows:
        values = [next(scores) for _ in row["sentences"]]
        if row["answerable"] and len(values) > 1:
            right.append(row["labels"][int(np.argmax(values))])
        best.append(max(values))
        answerable.append(int(row["answerable"]))
        if row["source"] == "squad2":
            hard.append(max(values))
            hard_answerable.append(int(row["answerable"]))
    return {
        "answers_p_at_1": float(np.mean(right)),
        "answers_auc": area_under_roc(best, answerable),
        "answers_auc_squad2": area_under_roc(hard, hard_answerable),
    }


def score_supports(
    network: CrossEncoder, pairs: Pairs, rows: Sequence[dict[str, Any]]
) -> dict[str, float]:
    """AUC and accuracy at 0.5 of ``supports``, over all pairs and over people's alone."""
    examples = [supports_example(row, pairs) for row in rows]
    scores = [s for _, s in logits(network, examples)]
    labels = [example.label for example in examples]
    people = [i for i, row in enumerate(rows) if not row["synthetic"]]
    return {
        "supports_auc": area_under_roc(scores, labels),
        "supports_accuracy": float(
            np.mean([(s > 0) == bool(y) for s, y in zip(scores, labels, strict=True)])
        ),
        "supports_auc_people": area_under_roc(
            [scores[i] for i in people], [labels[i] for i in people]
        ),
    }
