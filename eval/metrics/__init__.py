"""Scores under the literature's names: of one question each, or of a whole run.

A score is ``None`` where the question is not eligible, which is not the same as 0; a metric is
the mean over the eligible questions (``eval.stats``), or is worked out from all of them.
"""

from eval.metrics.abstention import (
    CalibrationBin,
    RiskCoverage,
    answerability_macro_f1,
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
from eval.metrics.alce import AlceScores, Entails, Statement, alce_scores, alce_scores_of
from eval.metrics.answer import (
    answer_words,
    exact_match,
    is_free_text,
    normalize,
    str_em,
    strip_footnotes,
    token_f1,
)
from eval.metrics.citation import (
    Located,
    citation_f1,
    citation_precision,
    citation_recall,
    fabricated_rate,
    matches,
    verbatim_rate,
)
from eval.metrics.retrieval import mrr, ndcg_at_k, recall_at_k
from eval.metrics.trust import trust_score

__all__ = [
    "AlceScores",
    "CalibrationBin",
    "Entails",
    "Located",
    "RiskCoverage",
    "Statement",
    "alce_scores",
    "alce_scores_of",
    "answer_words",
    "answerability_macro_f1",
    "answered_rate",
    "aurc",
    "calibration_curve",
    "citation_f1",
    "citation_precision",
    "citation_recall",
    "exact_match",
    "expected_calibration_error",
    "fabricated_rate",
    "false_answer_rate",
    "is_free_text",
    "matches",
    "mrr",
    "ndcg_at_k",
    "normalize",
    "recall_at_k",
    "refusal_f1",
    "refusal_precision",
    "refusal_recall",
    "risk_coverage_curve",
    "str_em",
    "strip_footnotes",
    "token_f1",
    "trust_score",
    "verbatim_rate",
]
