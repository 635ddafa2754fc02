"""The page at /docs in a real Chromium: it works, whole from here, and under the strict policy."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_llm import FakeLLM
from fakes import BagOfWords
from playwright.sync_api import Browser, Page, expect
from serving import serving

from qa.assembly import Assembly
from qa.keys import ALL
from qa.server.app import create_app
from qa.settings import Settings


@pytest.fixture
def assembly(tmp_path: Path) -> Iterator[Assembly]:
    with Assembly(Settings(data_dir=tmp_path)) as made:
        made.__dict__.update(embedder=BagOfWords(), llm=FakeLLM())
        yield made


@pytest.fixture
def page(chromium: Browser, assembly: Assembly) -> Iterator[Page]:
    """A page of the browser, at the server, which asks for keys."""
    assembly.keys.create("first", {ALL: "read"})
    with (
        serving(create_app(assembly)) as address,
        chromium.new_context(base_url=address) as context,
    ):
        yield context.new_page()


def test_a_request_is_tried_out_with_a_key(page: Page, assembly: Assembly) -> None:
    complaints: list[str] = []
    hosts: set[str] = set()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))

    page.goto("/docs")
    page.get_by_role("button", name="Authorize").first.click()
    page.get_by_label("auth-bearer-value").fill(assembly.keys.create("a", {ALL: "read"}))
    page.get_by_role("button", name="Apply credentials").click()
    page.get_by_role("button", name="Close").last.click()
    operation = page.locator("#operations-documents-list_collections_v1_collections_get")
    operation.locator("button.opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text('"collections": []')

    assert complaints == []
    assert len(hosts) == 1
