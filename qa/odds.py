"""Probabilities and their log odds."""

import math

_LEAST = 1e-6


def log_odds(probability: float) -> float:
    """The logarithm of p / (1 - p); p is taken to lie in [1e-6, 1 - 1e-6]."""
    bounded = min(max(probability, _LEAST), 1 - _LEAST)
    return math.log(bounded / (1 - bounded))


def from_log_odds(value: float) -> float:
    """The probability whose log odds are ``value``."""
    return 1 / (1 + math.exp(-value))


def average(one: float, other: float) -> float:
    """Two probabilities, averaged by their log odds."""
    return from_log_odds((log_odds(one) + log_odds(other)) / 2)
