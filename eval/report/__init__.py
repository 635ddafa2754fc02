"""One HTML file that shows a run: its numbers, its plots and every question with its sources."""

from eval.report.page import Run, write_report

__all__ = ["Run", "write_report"]
