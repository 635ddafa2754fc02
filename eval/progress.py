"""How far a run is, on standard error: a bar with the time it still needs, or lines elsewhere."""

from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from eval.runner import Record

_WINDOW_SECONDS = 600  # a question takes seconds, so the speed is that of many


class RunProgress:
    """Bars on a terminal; elsewhere a line at every tenth. Each failure is a line.

    Args:
        console: where to; standard error unless told otherwise.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = Console(stderr=True) if console is None else console
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            speed_estimate_period=_WINDOW_SECONDS,
            disable=not self._console.is_terminal and not self._console.is_jupyter,
        )
        self._tasks: dict[str, TaskID] = {}
        self._tenths: dict[str, int] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        """So many of ``total`` are done."""
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=total, completed=max(0, done - 1))
        task = self._tasks[what]
        self._bars.update(task, completed=done)
        tenth = done * 10 // total
        if self._bars.disable and self._tenths.get(what) != tenth:
            self._tenths[what] = tenth
            left = self._bars.tasks[task].time_remaining
            rest = f", {timedelta(seconds=int(left))} left" if left else ""
            self.say(f"{what}: {done} of {total}{rest}")

    def failed(self, record: Record) -> None:
        """One line on a question that brought no answer."""
        if record.error is not None:
            error = f"{record.error.type}: {record.error.message}"
            self.say(f"{record.suite} {record.case_id} failed: {error}")

    def say(self, text: str) -> None:
        """One line, without the signs that could command a terminal."""
        line = "".join(sign if sign.isprintable() else " " for sign in text)
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def __enter__(self) -> "RunProgress":
        self._bars.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._bars.stop()
