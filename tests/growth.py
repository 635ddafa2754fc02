"""Whether work takes time in proportion to its size, however fast the machine is."""

import time
from collections.abc import Callable


def is_linear(work: Callable[[int], object], size: int) -> bool:
    """Whether `work(size)` takes less than twice its share of what `work(size // 4)` takes.

    Work that grows by the square takes sixteen times as long, not eight. A fifth of a second is
    let pass: what takes less is measured too roughly.
    """
    short, long = (_seconds(work, part) for part in (size // 4, size))
    return long < 8 * short + 0.2


def _seconds(work: Callable[[int], object], size: int) -> float:
    begun = time.process_time()
    work(size)
    return time.process_time() - begun
