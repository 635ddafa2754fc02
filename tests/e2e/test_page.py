"""The page in a real Chromium, served by the real application; only the language model is fake."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from fake_llm import FakeLLM, Reply
from fakes import BagOfWords
from fastapi.responses import StreamingResponse
from playwright.sync_api import Browser, Page, expect, sync_playwright

from qa.assembly import Assembly
from qa.schema import Turn
from qa.server.app import create_app
from qa.server.service import Service
from qa.settings import GroundingSettings, Settings

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def install_stub(app):
    @app.post("/v1/chat")
    def chat(body: dict[str, Any]) -> StreamingResponse:
        service: Service = app.state.service
        *before, last = [Turn(**m) for m in body["messages"]]
        answerer = service.answerer(body["collection"], evidence_only=False)
        stream = answerer.stream(last.content, before, unsupported=body["unsupported"])
        first = next(stream)

        def lines() -> Iterator[str]:
            yield f"event: {first.type}\ndata: {first.model_dump_json()}\n\n"
            for event in stream:
                yield ": heartbeat\n\n"
                yield f"event: {event.type}\ndata: {event.model_dump_json()}\n\n"

        return StreamingResponse(lines(), media_type="text/event-stream")

    @app.middleware("http")
    async def policy(request, call_next):
        reply = await call_next(request)
        reply.headers["Content-Security-Policy"] = POLICY
        return reply


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable,
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
        )
        yield browser
        browser.close()


@dataclass
class Served:
    """A running server.

    Attributes:
        url: where.
        llm: what it drafts with.
    """

    url: str
    llm: FakeLLM


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    llm = FakeLLM(sure=lambda call: 0.03 if "Apple" in call.text else 0.97)
    settings = Settings(data_dir=tmp_path / "data", grounding=GroundingSettings(min_confidence=0))
    with Assembly(settings) as assembly:
        assembly.__dict__.update(embedder=BagOfWords(), llm=llm)
        app = create_app(assembly)
        install_stub(app)
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Served(f"http://127.0.0.1:{port}", llm)
        server.should_exit = True
        thread.join()
