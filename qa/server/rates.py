"""How many requests each client may send."""

import time
from collections import OrderedDict
from collections.abc import Callable

MAX_BUCKETS = 10_000
"""Clients that are remembered, a few hundred bytes each. The one that has been quiet for longest is
forgotten first, which fills its bucket: less harm than memory without a bound."""


class Rates:
    """A token bucket for each client: a minute's worth at once, then as it fills again.

    Args:
        per_minute: requests that fill a bucket, and that flow in within a minute; 0 for no limit.
        clock: seconds that never go back.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = per_minute
        self._per_second = per_minute / 60
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Count a request of ``client``; the seconds that it has to wait first, 0 for none."""
        if not self._size:
            return 0
        now = self._clock()
        tokens, since = self._buckets.pop(client, (self._size, now))
        tokens = min(self._size, tokens + (now - since) * self._per_second)
        wait = max(0, (1 - tokens) / self._per_second)
        self._buckets[client] = (tokens if wait else tokens - 1, now)
        if len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)
        return wait
