"""Tells supported claims of WiCE from others by the cross-encoder; no language model.

``python docs/decisions/0006-supports.py WICE_FOLDER`` reads for each claim the sixteen sentences of
its document that BM25 finds best, each alone and the best of them together, and takes the highest
score. Prints the area under the ROC curve and, the threshold chosen by five-fold cross-validation,
precision, recall and F1 of "supported", with 95 % bootstrap intervals.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eval.cases import Case, Suite
from eval.formats import load_suite
from eval.stats import bootstrap_statistic
from qa.grounding.cross_encoder import CrossEncoder
from qa.retrieval.lexical import LexicalIndex
from qa.schema import Passage
from qa.sentences import split_sentences

READ = 16
TOGETHER = (2, 3, 4)
FOLDS = 5


def score(case: Case, suite: Suite, reader: CrossEncoder) -> float:
    """How likely the document proves the claim."""
    document = suite.documents[(case.doc_ids or ())[0]]
    texts = [document.text[span.start : span.end] for span in split_sentences(document.text)]
    rows = [(document.id, str(place), text) for place, text in enumerate(texts)]
    with tempfile.TemporaryDirectory() as folder:
        index = LexicalIndex(Path(folder)).bring_up_to([document.id], lambda _: rows)
        found = [int(key) for key in index.search(case.question, READ)]

    def supports(sets: Sequence[Sequence[int]]) -> list[float]:
        passages = [
            Passage(" ".join(texts[place] for place in sorted(chosen)), title=document.title)
            for chosen in sets
        ]
        return reader.supports(case.question, passages)

    alone = supports([[place] for place in found])
    best = [found[at] for at in np.argsort(-np.array(alone))]
    sets = [best[:count] for count in TOGETHER]
    sets += [best[:1] + [best[0] - 1]] if best and best[0] else []
    sets += [found[:count] for count in TOGETHER[:2]]
    return max([*alone, *(supports(sets) if found else []), 0.0])


def f1(rows: np.ndarray) -> float | None:
    """Of predicted and true labels, one row a claim."""
    predicted, true = rows[:, 0] == 1, rows[:, 1] == 1
    total = predicted.sum() + true.sum()
    return float(2 * (predicted & true).sum() / total) if total else None


def predict(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Labels of each fold by the threshold that is best on the others."""
    predicted = np.zeros(len(scores), dtype=bool)
    fold = np.random.default_rng(0).permutation(len(scores)) % FOLDS
    for held in range(FOLDS):
        rest = fold != held
        candidates = np.unique(scores[rest])
        values = [f1(np.stack([scores[rest] >= it, labels[rest]], axis=1)) for it in candidates]
        predicted[~rest] = scores[~rest] >= candidates[int(np.argmax(values))]
    return predicted


def main() -> None:
    """Print the numbers."""
    suite, reader = load_suite(Path(sys.argv[1])), CrossEncoder()
    scores = np.array([score(case, suite, reader) for case in suite.questions])
    labels = np.array([case.answers[0] == "supported" for case in suite.questions])
    above = scores[labels][:, None] - scores[~labels][None, :]
    print(f"AUC {((above > 0) + (above == 0) / 2).mean():.3f}")
    predicted = predict(scores, labels)
    both = (predicted & labels).sum()
    print(f"precision {both / predicted.sum():.3f}, recall {both / labels.sum():.3f}")
    found = bootstrap_statistic(list(zip(predicted, labels, strict=True)), f1, seed=0)
    print(f"F1 {found.mean:.3f} [{found.low:.2f}, {found.high:.2f}], {labels.sum()} of {found.n}")


if __name__ == "__main__":
    main()
