"""Says what is installed, which weights, which directory, what is wrong and how to mend it."""

import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from qa import __version__
from qa.assembly import Assembly
from qa.errors import FootnotedError, without_credentials
from qa.generation.llm import LOCAL

_PACKAGES = ("langchain", "chromadb", "sentence-transformers", "torch", "onnxruntime", "tiktoken")
_ROOM = 3_000_000_000
"""Bytes that weights, exports and a first collection may take."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        ok: whether it works.
        help: the next step where it does not.
    """

    name: str
    ok: bool
    detail: str
    help: str = ""


def examine(
    assembly: Assembly, *, ask_server: Callable[[], str] | None = None
) -> Iterator[Finding]:
    """Look at everything that answering needs, without loading the language model.

    Args:
        assembly: what would answer in this process.
        ask_server: asks the server that has the collections for itself; ``None``: there is none.
    """
    yield Finding("footnoted", True, f"{__version__} on Python {platform.python_version()}")
    for name in _PACKAGES:
        yield _package(name, "Install the project again: pip install footnoted.")
    chosen = assembly.settings.llm
    if chosen.model == LOCAL:
        yield _package("xllamacpp", "pip install 'footnoted[local]'")
        yield _attempt("weights", lambda: str(assembly.find_weights()))
    else:
        address = without_credentials(chosen.base_url or "")
        yield Finding("language model", True, f"{chosen.model} {address}".strip())
    directory = assembly.settings.data_dir
    yield _attempt("data directory", lambda: _room(assembly))
    yield _attempt("API keys", lambda: str(len(assembly.keys.keys())))
    yield _attempt(
        "embedder", lambda: f"{assembly.embedder.name}, {assembly.embedder.dimension} dimensions"
    )
    yield _attempt("cross-encoder", lambda: assembly.cross_encoder.name)
    if ask_server is not None:
        yield _attempt("server", ask_server)
        return
    yield _attempt(
        "collections",
        lambda: (
            ", ".join(assembly.store.names())
            or f"none yet in {str(directory)!r}: footnoted ingest PATH"
        ),
    )


def _package(name: str, help: str) -> Finding:  # noqa: A002 - the field's name
    try:
        return Finding(name, True, version(name))
    except PackageNotFoundError:
        return Finding(name, False, "not installed", help)


def _attempt(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, look())
    except FootnotedError as error:
        return Finding(name, False, str(error), error.help)


def _room(assembly: Assembly) -> str:
    directory = assembly.settings.data_dir
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < _ROOM and not assembly.models_dir.exists():
        raise FootnotedError(
            f"{str(directory)!r} has {free / 1e9:.1f} GB free; a first start needs about "
            f"{_ROOM / 1e9:.0f} GB",
            help="Free some space, or point FOOTNOTED_DATA_DIR at another disk.",
        )
    return f"{directory} ({free / 1e9:.0f} GB free)"
