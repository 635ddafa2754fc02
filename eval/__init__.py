"""Checks the answers against gold sets, sentence by sentence."""
