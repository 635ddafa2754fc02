from io import StringIO

import pytest
from rich.console import Console
from runs import record

from eval.progress import RunProgress


def test_elsewhere_than_on_a_terminal_it_is_a_line_a_tenth() -> None:
    out = StringIO()
    with RunProgress(Console(file=out, width=40)) as progress:
        for done in range(1, 41):
            progress("small: asking", done, 40)
    lines = out.getvalue().splitlines()
    assert len(lines) == 11
    assert lines[0] == "small: asking: 1 of 40"
    assert lines[-1] == "small: asking: 40 of 40"


def test_on_a_terminal_it_is_a_bar_with_the_time_left() -> None:
    out = StringIO()
    with RunProgress(Console(file=out, width=120, force_terminal=True)) as progress:
        progress("[small]: asking", 3, 40)
        progress("[small]: asking", 4, 40)
    assert "[small]: asking" in out.getvalue()
    assert "4/40" in out.getvalue()
    assert "left" in out.getvalue()


def test_the_time_left_follows_from_what_has_been_asked_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, clock = StringIO(), [0.0]
    progress = RunProgress(Console(file=out, width=80))
    monkeypatch.setattr(progress._bars, "get_time", lambda: clock[0])
    with progress:
        for done in range(20, 31):  # 19 had been asked before
            clock[0] += 6
            progress("small: asking", done, 40)
    assert "small: asking: 28 of 40, 0:01:12 left" in out.getvalue().splitlines()


def test_a_failure_is_one_line_that_commands_nothing() -> None:
    out = StringIO()
    broken = record("q[1]", text=None)
    assert broken.error is not None
    error = broken.error.model_copy(update={"message": "it\nstopped \x1b[31m" + "x" * 60})
    with RunProgress(Console(file=out, width=40)) as progress:
        progress.failed(broken.model_copy(update={"error": error}))
        progress.failed(record())
    assert out.getvalue() == (
        "small q[1] failed: LLMFailedError: it stopped  [31m" + "x" * 60 + "\n"
    )
