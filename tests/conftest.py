import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
from fakes import ARTICLES, BagOfWords
from hypothesis import settings

from ingest.pipeline import Ingestor
from qa.collection import Collection
from qa.retrieval.embedder import OnnxEmbedder, export_minilm
from qa.settings import PREFIX
from qa.store import Store

# Writing to a real Chroma takes as long as the disk does.
settings.register_profile("footnoted", deadline=None)
settings.register_profile("thorough", deadline=None)
settings.load_profile("footnoted")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """`footnoted serve` sets up the log of the whole process."""
    root = logging.getLogger()
    handlers = root.handlers[:]
    yield
    root.handlers[:] = handlers
    for package in ("qa", "ingest"):
        logging.getLogger(package).setLevel(logging.NOTSET)
    logging.captureWarnings(False)


@pytest.fixture
def embedder() -> BagOfWords:
    return BagOfWords()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


@pytest.fixture
def collection(store: Store, embedder: BagOfWords) -> Collection:
    """An empty collection."""
    return store.create("default", embedder=embedder.name, dimension=embedder.dimension)


@pytest.fixture
def ingested(collection: Collection, embedder: BagOfWords) -> Collection:
    """A collection with ``fakes.ARTICLES``."""
    ingestor = Ingestor(collection, embedder, chunk_tokens=48)
    for article in ARTICLES:
        ingestor.ingest(article)
    return collection


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of models with the export of the real MiniLM in it."""
    folder = tmp_path_factory.mktemp("models")
    export_minilm(folder)
    return folder


@pytest.fixture(scope="session")
def minilm(models_dir: Path) -> OnnxEmbedder:
    """The real embedder; for tests marked ``models``."""
    return OnnxEmbedder(export_minilm(models_dir))


@pytest.fixture(scope="session")
def chroma_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Chroma server."""
    folder = tmp_path_factory.mktemp("chroma-server")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("chroma")), "run"]
    command += ["--path", str(folder / "data"), "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}/api/v2/heartbeat", server, folder / "log")
        yield url
    finally:
        server.terminate()
        server.wait(timeout=10)


def _wait_for(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    patience = time.monotonic() + 60
    while time.monotonic() < patience and server.poll() is None:
        try:
            if httpx.get(url, trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail(f"the Chroma server did not start:\n{log.read_text()}")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Refuses every connection and every look-up of a name; lists those that were tried."""
    tried: list[Any] = []

    def refuse(*args: Any, **_: Any) -> NoReturn:
        tried.append(args)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    return tried
