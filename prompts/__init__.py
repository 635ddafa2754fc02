"""Prompt templates, as data: one folder a prompt, one folder in it a released version."""
