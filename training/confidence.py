"""Fit the confidence to recorded claims: ``python -m training.confidence FIT… --test TEST…``.

The files are what ``training.record`` writes. A claim counts as right if the question is
answerable and an accepted answer stands in it, or, where the accepted answers are free text, if
its proof holds a gold sentence. Prints how well each signal alone tells right from wrong, and the
weights of the logistic functions, with and without the judge, with their scores on both parts.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eval.metrics.answer import str_em
from qa.grounding.confidence import proof_score, quote_confidence
from qa.grounding.cross_encoder import CrossEncoder
from qa.odds import average, from_log_odds
from qa.schema import Evidence, Passage
from qa.words import stems
from training.scores import area_under_roc

FREE_TEXT = frozenset({"clapnq", "onestopqa", "mtrag_un", "qed"})
WITHOUT_JUDGE = ("proof",)
WITH_JUDGE = ("proof", "judged")
OTHERS = ("claim", "supports", "agrees", "focus", "coverage", "similarity")
"""Looked at and left out: beside the others they bring nothing."""
_SPLITS = 10
_RIDGE = 3.0


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fit", type=Path, nargs="+")
    parser.add_argument("--test", type=Path, nargs="*", default=[])
    parser.add_argument("--model", type=Path, required=True, help="the cross-encoder's folder")
    chosen = parser.parse_args()
    reader = CrossEncoder(chosen.model, sha256=None)
    recorded = [
        [row for file in files for row in recordings(file, reader)]
        for files in (chosen.fit, chosen.test)
    ]
    fit, test = (claims(rows, reader) for rows in recorded)
    if fit:
        for name in (*WITH_JUDGE, *OTHERS):
            areas = (_auc([r[name] for r in part], part) for part in (fit, test) if part)
            print(name, *(f"{area:.3f}" for area in areas))
        for names in (WITHOUT_JUDGE, WITH_JUDGE):
            _fit(names, fit, test)
    quoted = [quotations(rows) for rows in recorded]
    print(
        "what is quoted, of so many questions:",
        *(f"{len(kept)} of {len(rows)}" for kept, rows in zip(quoted, recorded, strict=True)),
    )
    for names in (("proof",), ("proof", "judged")):
        _fit(names, *quoted)
    # That it is this sentence: told where there is one.
    _fit(("ahead",), *([row for row in rows if row["answerable"]] for rows in quoted))
    for judged in (False, True):
        for rows in quoted:
            if rows:
                print(
                    "as shipped",
                    "judged:" if judged else "read:",
                    _scores(_sure(rows, judged), rows),
                )


def _fit(
    names: Sequence[str], fit: Sequence[dict[str, Any]], test: Sequence[dict[str, Any]]
) -> None:
    weights = logistic(_table(fit, names), _labels(fit))
    print(names, np.round(weights, 3).tolist(), f"cross-validated AUC {_validated(names, fit):.3f}")
    for part in (fit, test):
        if part:
            values = 1 / (1 + np.exp(-_table(part, names) @ weights))
            print("  ", _scores(values, part))


def _sure(rows: Sequence[dict[str, Any]], judged: bool) -> Any:
    """``quote_confidence`` of each row."""
    return np.array(
        [
            quote_confidence(
                from_log_odds(row["proof"]),
                row["ahead"],
                from_log_odds(row["judged"]) if judged else None,
            )
            for row in rows
        ]
    )


def _validated(names: Sequence[str], rows: Sequence[dict[str, Any]]) -> float:
    """Mean AUC of five-fold cross-validation, over ten splits."""
    table, labels = _table(rows, names), _labels(rows)
    areas = []
    for seed in range(_SPLITS):
        folds = np.random.default_rng(seed).permutation(len(rows)) % 5
        values = np.empty(len(rows))
        for fold in range(5):
            weights = logistic(table[folds != fold], labels[folds != fold])
            values[folds == fold] = table[folds == fold] @ weights
        areas.append(_auc(values.tolist(), rows))
    return float(np.mean(areas))


def recordings(file: Path, reader: CrossEncoder) -> list[dict[str, Any]]:
    """The recorded questions, their ranked sentences read anew by ``reader``."""
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for row in rows:
        ranked = [item for item in row["evidence"] if not item["neighbour"]]
        passages = [
            Passage(item["text"], title=item["title"], before=(item["before"] or [""])[-1])
            for item in ranked
        ]
        for item in row["evidence"]:
            item["answers"] = None
        readings = [
            reader.answers(row["question"], shown)
            for shown in (passages, [Passage(item["text"]) for item in ranked])
        ]
        for item, *both in zip(ranked, *readings, strict=True):
            item["answers"] = average(*both)
    return rows


def quotations(recorded: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What may be quoted to each recorded question; right if a gold sentence is in it."""
    rows = []
    for row in recorded:
        quotation = row["quotation"]
        if quotation is None:
            continue
        gold = [span for alternative in row["gold"] for span in alternative]
        proof = [it for it in row["evidence"] if it["sentence_id"] in quotation["proof"]]
        rows.append(
            {
                "suite": row["suite"],
                "answerable": row["answerable"],
                "right": row["answerable"] and _cites(proof, gold),
                "proof": _logit(quotation["answers"]),
                "ahead": quotation["ahead"],
                "judged": _logit(quotation["judged"]),
            }
        )
    return rows


def claims(recorded: Sequence[dict[str, Any]], reader: CrossEncoder) -> list[dict[str, Any]]:
    """The first claim that passed the checks of each recorded question, with its signals."""
    rows = []
    for row in recorded:
        claim = next((c for c in row["claims"] if c["reason"] is None), None)
        if claim is not None:
            rows.append(_signals(row, claim, reader))
    return rows


def _signals(row: dict[str, Any], claim: dict[str, Any], reader: CrossEncoder) -> dict[str, Any]:
    by_id = {item["sentence_id"]: item for item in row["evidence"]}
    proof = [by_id[name] for name in claim["proof"]]
    passages = [Passage(item["text"], title=item["title"]) for item in proof]
    readings = reader.read(row["question"], passages)
    best = max(readings, key=lambda reading: reading.answers)
    span = passages[readings.index(best)].text[best.start : best.end]
    in_span = set(stems(span))
    gold = [span for alternative in row["gold"] for span in alternative]
    right = bool(row["answerable"]) and bool(
        _cites(proof, gold)
        if row["suite"] in FREE_TEXT or not row["answers"]
        else str_em(claim["text"], row["answers"])
    )
    return {
        "suite": row["suite"],
        "answerable": row["answerable"],
        "right": right,
        "proof": _logit(
            proof_score(row["question"], [Evidence.model_validate(item) for item in proof], reader)
        ),
        "supports": _logit(
            reader.supports(claim["text"], [Passage(claim["context"], title=proof[0]["title"])])[0]
        ),
        "claim": _logit(
            reader.answers(row["question"], [Passage(claim["text"], title=proof[0]["title"])])[0]
        ),
        "agrees": len(in_span & set(stems(claim["text"]))) / max(1, len(in_span)),
        "judged": _logit(claim["answers"]),
    } | {name: claim[name] for name in ("focus", "coverage", "similarity")}


def _cites(proof: Sequence[dict[str, Any]], gold: Sequence[dict[str, Any]]) -> bool:
    return any(
        p["document_id"] == g["doc_id"] and p["start"] < g["end"] and g["start"] < p["end"]
        for p in proof
        for g in gold
    )


def logistic(table: Any, labels: Any) -> Any:
    """Ridge logistic regression by Newton's method; the first column is the constant."""
    weights = np.zeros(table.shape[1])
    ridge = _RIDGE * np.eye(table.shape[1])
    ridge[0, 0] = 0
    for _ in range(50):
        p = 1 / (1 + np.exp(-table @ weights))
        hessian = (table * (p * (1 - p))[:, None]).T @ table + ridge
        weights = weights + np.linalg.solve(hessian, table.T @ (labels - p) - ridge @ weights)
    return weights


def _table(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> Any:
    return np.array([[1.0, *(row[name] for name in names)] for row in rows])


def _labels(rows: Sequence[dict[str, Any]]) -> Any:
    return np.array([float(row["right"]) for row in rows])


def _auc(values: Sequence[float], rows: Sequence[dict[str, Any]]) -> float:
    return area_under_roc(list(values), [int(row["right"]) for row in rows])


def _scores(values: Any, rows: Sequence[dict[str, Any]]) -> str:
    shown = [f"n={len(rows)} AUC {_auc(values.tolist(), rows):.3f}"]
    labels = _labels(rows)
    edges = np.clip((values * 10).astype(int), 0, 9)
    ece = sum(
        abs(values[edges == i].mean() - labels[edges == i].mean()) * (edges == i).mean()
        for i in range(10)
        if (edges == i).any()
    )
    shown.append(f"ECE {ece:.3f}")
    for threshold in (0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8):
        kept = values >= threshold
        answerable = np.array([row["answerable"] for row in rows])
        shown.append(
            f"@{threshold}: answerable kept {kept[answerable].mean():.2f}, "
            f"right of kept {labels[kept].mean() if kept.any() else 0:.2f}, "
            f"others kept {kept[~answerable].mean() if (~answerable).any() else 0:.2f}"
        )
    return "; ".join(shown)


def _logit(probability: float) -> float:
    bounded = min(max(probability, 0.005), 0.995)
    return float(np.log(bounded / (1 - bounded)))


if __name__ == "__main__":
    main()
