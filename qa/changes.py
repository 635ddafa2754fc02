"""What this process changes in its collections."""

import threading


class Changes:
    """Counts what this process changes. An embedded Chroma is changed by no other: what was read at
    one count is true as long as that stands.

    Attributes:
        count: how many changes there were.
        held_off: held by who changes the heads or deletes chunks, and by who must not meet that.
    """

    def __init__(self) -> None:
        self.count = 0
        self.held_off = threading.RLock()
        self._lock = threading.Lock()

    def add(self) -> None:
        """Count one, which may have failed half-way."""
        with self._lock:
            self.count += 1
