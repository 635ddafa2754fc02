"""Reads suites: our own folders and the common public formats, told apart by what is in them."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from eval.cases import Suite
from eval.formats import beir, folder
from eval.formats.beir import load_beir
from eval.formats.folder import load_folder
from eval.formats.hotpotqa import is_hotpotqa, read_hotpotqa
from eval.formats.mtrag import is_mtrag, load_mtrag
from eval.formats.rows import describe, read_bytes
from eval.formats.squad import is_squad, read_squad
from qa.errors import SuiteError

__all__ = ["load_suite"]

_READABLE = (
    "What can be read: a folder with corpus.jsonl and questions.jsonl; a BEIR folder with "
    "corpus.jsonl, queries.jsonl and qrels/; a SQuAD or HotpotQA JSON file; MTRAG's tasks as JSONL."
)


def load_suite(path: Path | str) -> Suite:
    """Read a suite.

    Args:
        path: a folder of ours, with every gold span checked against the corpus; a SQuAD or
            HotpotQA JSON file; a file of MTRAG's generation tasks; or a BEIR folder, which may
            name its split: ``scifact#test``.

    Raises:
        SuiteError: it is none of these, or a row is broken; the message names the place.
    """
    path, split = _parse(path)
    if not path.exists():
        raise SuiteError(f"there is no suite {str(path)!r}", help=_READABLE)
    if path.is_file() and not split:
        suite = _load_file(path)
        if not suite.questions:
            raise SuiteError(f"{path} holds no questions")
        return suite
    if path.is_dir():
        if (path / beir.QUERIES).is_file():
            return load_beir(path, split)
        if not split and (path / folder.QUESTIONS).is_file():
            return load_folder(path)
    held = sorted(file.name for file in path.iterdir())[:8] if path.is_dir() else [path.name]
    what = f"the split {split!r} of a suite" if split else "a suite"
    raise SuiteError(
        f"{path} is not {what}; it holds {', '.join(held) or 'nothing'}", help=_READABLE
    )


def _parse(path: Path | str) -> tuple[Path, str]:
    """Path and split; a ``#`` that belongs to the path is left there."""
    if Path(path).exists():
        return Path(path), ""
    plain, _, split = str(path).partition("#")
    return Path(plain), split


def _load_file(path: Path) -> Suite:
    content = read_bytes(path).strip()
    if is_mtrag(_parse_json(content.partition(b"\n")[0])):
        return load_mtrag(path)
    try:
        value = json.loads(content)
    except ValueError as error:
        raise SuiteError(f"{path} is not a suite: not JSON: {error}", help=_READABLE) from None
    try:
        if is_squad(value):
            return read_squad(path.stem, value)
        if is_hotpotqa(value):
            return read_hotpotqa(path.stem, value)
    except ValidationError as error:
        raise SuiteError(f"{path}: {describe(error)[0]}") from None
    except ValueError as error:
        raise SuiteError(f"{path}: {error}") from None
    raise SuiteError(f"{path} is not a suite: it is {_shape(value)}", help=_READABLE)


def _parse_json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _shape(value: Any) -> str:
    """What a JSON value is, in words."""
    if isinstance(value, list):
        return f"a list of {len(value)}" + (f", the first {_shape(value[0])}" if value else "")
    if isinstance(value, dict):
        return f"an object with the keys {', '.join(list(value)[:8]) or 'none'}"
    return f"{value!r:.40}"
