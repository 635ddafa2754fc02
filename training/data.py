"""From the training material to encoded pairs: (question, sentence) and (claim, sentences).

The material is described in its own README; it is share-alike and stays outside the project. A
row of ``answers`` holds the sentences of one paragraph, a row of ``supports`` a claim and its
premise.
"""

import gzip
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from qa.grounding.pairs import Pairs
from qa.words import stems
from training.swaps import swap

ANSWERS, SUPPORTS = 0, 1

_ANSWERS_ROWS = {
    "squad2": None,
    "squadshifts_wiki": 5000,
    "squadshifts_wiki:other-paragraph": 800,
    "nq_open_oracle": None,
    "selqa": None,
    "qed": None,
    "xquad": None,
    "nqg_squadtrain": 1500,
    "qnli_dev": 1200,
    "squadshifts_amazon": 300,
}
"""Questions drawn for one pass; ``None``: all of them."""

_SUPPORTS_ROWS = {
    "fm2": None,
    "fm2:swap": 1000,
    "fm2:other_sentences": 800,
    "fever_symmetric": None,
    "scitail_dev": 1800,
    "conjnli_dev": None,
    "wice_train_partial": None,
    "mnli_dev": 4000,
    "snli_dev": 400,
    "conjnli_adversarial": 800,
    "begin_wow": 500,
    "summedits": 1200,
    "rule_sentence": 2600,
    "rule_qa_claim": 1000,
}
"""Pairs drawn for one pass; a name stands for its subdivisions, drawn evenly by label."""

_NEGATIVES = 2
_LONGEST_PREMISE = 420


@dataclass(frozen=True, slots=True)
class Example:
    """One pair, encoded.

    Attributes:
        task: ``ANSWERS`` or ``SUPPORTS``.
        ids: word pieces.
        second: index of the first word piece of the second text.
        label: 1 if it answers, or supports.
        span: first and last word piece of the answer, where known.
    """

    task: int
    ids: list[int]
    second: int
    label: int
    span: tuple[int, int] | None = None


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a gzipped JSON Lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def answers_examples(
    rows: Sequence[dict[str, Any]], pairs: Pairs, rng: random.Random
) -> Iterator[Example]:
    """Positives and hard negatives of one pass over ``answers``."""
    by_source: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_source[row["source"]].append(row)
    for source, wanted in _ANSWERS_ROWS.items():
        drawn = by_source[source]
        for row in drawn if wanted is None else rng.sample(drawn, min(wanted, len(drawn))):
            positives = [i for i, label in enumerate(row["labels"]) if label]
            negatives = _hard_negatives(row, rng)
            for index in positives[:1] + negatives:
                yield answers_example(row, index, pairs, with_context=rng.random() < 0.6)
            if positives:
                yield from _swapped(row, positives[0], pairs, rng)


def _swapped(
    row: dict[str, Any], positive: int, pairs: Pairs, rng: random.Random
) -> Iterator[Example]:
    sentences = row["sentences"]
    others = [*sentences[:positive], *sentences[positive + 1 :]]
    question = swap(row["question"], sentences[positive], others, rng)
    if question is not None:
        changed = row | {"question": question, "labels": [0] * len(sentences)}
        yield answers_example(changed, positive, pairs, with_context=rng.random() < 0.6)


def _hard_negatives(row: dict[str, Any], rng: random.Random) -> list[int]:
    asked = set(stems(row["question"]))
    negatives = [i for i, label in enumerate(row["labels"]) if not label]
    if not negatives:
        return []
    overlap = {i: len(asked & set(stems(row["sentences"][i]))) for i in negatives}
    best = max(negatives, key=lambda i: (overlap[i], rng.random()))
    others = [i for i in negatives if i != best]
    return [best, *rng.sample(others, min(_NEGATIVES - 1, len(others)))]


def answers_example(
    row: dict[str, Any], index: int, pairs: Pairs, *, with_context: bool
) -> Example:
    """One sentence of a row of ``answers``, with or without its title and the one before."""
    sentence = row["sentences"][index]
    before = row["sentences"][index - 1] if index and with_context else ""
    encoded = pairs.answers(
        row["question"], sentence, title=row["title"] if with_context else "", before=before
    )
    label = row["labels"][index]
    span = None
    if label:
        span = next(
            (
                found
                for answer in row["answers"] or []
                if (found := _span(encoded.offsets, sentence, answer)) is not None
            ),
            None,
        )
        span = None if span is None else (span[0] + encoded.second, span[1] + encoded.second)
    return Example(ANSWERS, encoded.ids, encoded.second, label, span)


def _span(offsets: Sequence[tuple[int, int]], sentence: str, answer: str) -> tuple[int, int] | None:
    match = re.search(re.escape(answer), sentence, re.IGNORECASE)
    if match is None:
        return None
    covered = [
        i for i, (start, end) in enumerate(offsets) if start < match.end() and end > match.start()
    ]
    return (covered[0], covered[-1]) if covered else None


def supports_examples(
    rows: Sequence[dict[str, Any]], pairs: Pairs, rng: random.Random
) -> Iterator[Example]:
    """Entailed and not entailed pairs of one pass over ``supports``."""
    by_source: dict[str, dict[bool, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        source = _family(row["source"])
        if sum(map(len, row["premise"])) <= _LONGEST_PREMISE:
            by_source[source][row["label"] == "entailment"].append(row)
    for source, wanted in _SUPPORTS_ROWS.items():
        for drawn in by_source[source].values():
            share = None if wanted is None else wanted // max(1, len(by_source[source]))
            for row in drawn if share is None else rng.sample(drawn, min(share, len(drawn))):
                yield supports_example(row, pairs)


def supports_example(row: dict[str, Any], pairs: Pairs) -> Example:
    """One row of ``supports``."""
    encoded = pairs.supports(row["claim"], " ".join(row["premise"]), title=row["title"])
    return Example(SUPPORTS, encoded.ids, encoded.second, int(row["label"] == "entailment"))


def _family(source: str) -> str:
    for family in ("rule_sentence", "rule_qa_claim", "summedits"):
        if source.startswith(family):
            return family
    return source


def batches(examples: Sequence[Example], size: int, rng: random.Random) -> list[list[Example]]:
    """Batches of about one length, in random order."""
    shuffled = list(examples)
    rng.shuffle(shuffled)
    found: list[list[Example]] = []
    pool = size * 40
    for begin in range(0, len(shuffled), pool):
        part = sorted(shuffled[begin : begin + pool], key=lambda example: len(example.ids))
        found += [part[i : i + size] for i in range(0, len(part), size)]
    rng.shuffle(found)
    return found


def collate(examples: Sequence[Example]) -> dict[str, torch.Tensor]:
    """Tensors of one batch, (batch, length), padded with 0."""
    length = max(len(example.ids) for example in examples)
    ids = torch.zeros(len(examples), length, dtype=torch.long)
    mask = torch.zeros_like(ids)
    types = torch.zeros_like(ids)
    for row, example in enumerate(examples):
        n = len(example.ids)
        ids[row, :n] = torch.tensor(example.ids)
        mask[row, :n] = 1
        types[row, example.second : n] = 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}


def describe(examples: Sequence[Example]) -> str:
    """How many pairs of which task and label."""
    counts = Counter((example.task, example.label) for example in examples)
    pieces = sum(len(example.ids) for example in examples)
    return f"{len(examples)} pairs {dict(counts)}, {pieces / max(1, len(examples)):.0f} pieces each"
