"""The queue before the language model: first come, first served, and never without bound."""

import asyncio

from qa.errors import BusyError


class Generations:
    """Lets some answers be generated and some questions wait, and turns the rest away.

    Args:
        at_once: answers generated at the same time.
        max_waiting: questions that wait, at most.
        max_wait_seconds: how long one waits, at most.

    Attributes:
        running: answers being generated now.
        waiting: questions waiting now.
    """

    def __init__(self, at_once: int, *, max_waiting: int, max_wait_seconds: float) -> None:
        self.running = 0
        self.waiting = 0
        self._max_waiting = max_waiting
        self._max_wait_seconds = max_wait_seconds
        self._turns = asyncio.Semaphore(at_once)

    async def enter(self) -> None:
        """Wait for a turn; whoever gets one calls ``leave`` after it.

        Raises:
            BusyError: too many wait already, or it took too long.
        """
        if self._turns.locked() and self.waiting >= self._max_waiting:
            raise BusyError(
                f"{self.running} answers are being generated and {self.waiting} questions wait"
            )
        self.waiting += 1
        try:
            async with asyncio.timeout(self._max_wait_seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise BusyError(
                f"the question waited {self._max_wait_seconds:g} s for {self.running} answers "
                "that are being generated"
            ) from None
        finally:
            self.waiting -= 1
        self.running += 1

    def leave(self) -> None:
        """Give the turn to whoever waits longest."""
        self.running -= 1
        self._turns.release()
