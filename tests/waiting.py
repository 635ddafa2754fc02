"""Waiting for what another thread does."""

import time
from collections.abc import Callable


def until(holds: Callable[[], object], *, seconds: float = 10) -> bool:
    """Whether it holds within so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.005)
    return False
