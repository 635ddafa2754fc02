"""Drafting an answer with a language model."""
