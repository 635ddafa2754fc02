"""Footnoted's core: from a question to an answer whose every claim carries its footnote."""

__version__ = "0.1.0"
