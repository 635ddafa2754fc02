"""Scores of one question each, under the literature's names.

A score is ``None`` where the question is not eligible, which is not the same as 0; a metric is
the mean over the eligible questions (``eval.stats``).
"""

from eval.metrics.abstention import (
    CalibrationBin,
    RiskCoverage,
    answered_rate,
    aurc,
    calibration_curve,
    expected_calibration_error,
    false_answer_rate,
    refusal_f1,
    refusal_precision,
    refusal_recall,
    risk_coverage_curve,
)
from eval.metrics.answer import exact_match, normalize, str_em, strip_footnotes, token_f1
from eval.metrics.citation import (
    citation_f1,
    citation_precision,
    citation_recall,
    fabricated_rate,
    matches,
    verbatim_rate,
)
from eval.metrics.retrieval import mrr, ndcg_at_k, recall_at_k

__all__ = [
    "RiskCoverage",
    "CalibrationBin",
    "aurc",
    "calibration_curve",
    "expected_calibration_error",
    "risk_coverage_curve",
    "answered_rate",
    "citation_f1",
    "citation_precision",
    "citation_recall",
    "exact_match",
    "fabricated_rate",
    "false_answer_rate",
    "matches",
    "mrr",
    "ndcg_at_k",
    "normalize",
    "recall_at_k",
    "refusal_f1",
    "refusal_precision",
    "refusal_recall",
    "str_em",
    "strip_footnotes",
    "token_f1",
    "verbatim_rate",
]
