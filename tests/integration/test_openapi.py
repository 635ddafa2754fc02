"""Requests made up from the OpenAPI description: none fails, and each reply is as described.

``--hypothesis-profile=thorough`` makes up several thousand.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from fake_llm import FakeLLM
from fakes import ARTICLES, BagOfWords
from fastapi import FastAPI
from hypothesis import settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ingest.pipeline import Ingestor
from qa.assembly import Assembly
from qa.server.app import create_app
from qa.settings import ServerSettings, Settings

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
THOROUGHLY = settings.get_current_profile_name() == "thorough"


UNWARMED = ServerSettings(warm_up=False)

described = schemathesis.openapi.from_asgi(
    "/openapi.json", create_app(Assembly(Settings(data_dir=Path("nowhere"), server=UNWARMED)))
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """A server with a few articles, which fetches no pages."""
    chosen = Settings(data_dir=tmp_path_factory.mktemp("data"), server=UNWARMED)
    with Assembly(chosen) as assembly:
        llm = FakeLLM(itertools.repeat("The cat sat on the mat."), sure=0.97)
        assembly.__dict__.update(embedder=BagOfWords(), llm=llm)
        ingestor = Ingestor(assembly.open_for_writing("default"), BagOfWords(), chunk_tokens=48)
        for article in ARTICLES:
            ingestor.ingest(article)
        yield create_app(assembly)


@pytest.mark.usefixtures("no_network")
@described.parametrize()
@settings(max_examples=150 if THOROUGHLY else 10)
def test_every_reply_is_as_described(case: Case, app: FastAPI) -> None:
    # Not the application that described itself, which has no articles.
    case.call_and_validate(checks=CHECKS, app=app)
