import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]

expect.set_options(timeout=30_000)  # a busy machine takes its time


# Not for the session: as long as Playwright is open, an event loop runs in this thread, and the
# unit tests that run one of their own would fail.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A real browser, of which each test opens a context of its own."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("chromium is not installed")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=executable, args=ARGUMENTS) as browser,
    ):
        yield browser
