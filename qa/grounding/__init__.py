"""Checking which sentences prove which claim, and whether to answer at all."""
