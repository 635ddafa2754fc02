"""Which suites are run, and how each: from their names, or from a TOML file that lists them.

[[suite]]
path = "stargate"       # from the folder of the TOML file
name = "article"        # else the suite's own
limit = 20              # else what the command says, as for the other options
open_corpus = true
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from eval.cases import Suite
from eval.formats import load_suite
from eval.selection import Shard
from qa.errors import SuiteError

_HELP = 'A list of suites is a TOML file of tables such as: [[suite]] path = "my-suite".'


@dataclass(frozen=True, slots=True)
class Options:
    """How the questions of a suite are chosen and asked.

    Attributes:
        limit: ask only so many, drawn with ``seed``.
        seed: of the draw and of the intervals.
        shard: ask only this part of them.
        open_corpus: search the whole corpus even where a question names its documents.
        evidence_only: answer with the best sentence, without a language model.
    """

    limit: int | None = None
    seed: int = 0
    shard: Shard | None = None
    open_corpus: bool = False
    evidence_only: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """A suite and how it is run."""

    suite: Suite
    options: Options


def plan(suites: Sequence[str | Path], options: Options) -> tuple[Planned, ...]:
    """Load the suites to run.

    Args:
        suites: as ``load_suite`` takes them, or ``.toml`` files that list them.
        options: of each suite for which its file says nothing else.

    Raises:
        SuiteError: a file or a suite cannot be read, or two suites have the same name.
    """
    planned: list[Planned] = []
    for suite in suites:
        if Path(suite).suffix == ".toml":
            path = Path(suite)
            planned += [_plan(path.parent, entry, options) for entry in _entries(path)]
        else:
            planned.append(Planned(load_suite(suite), options))
    names = [each.suite.name for each in planned]
    for name in names:
        if names.count(name) > 1:
            raise SuiteError(
                f"two suites are called {name!r}",
                help="List them in a TOML file and give each a name.",
            )
    return tuple(planned)


def listed(suites: Sequence[str | Path]) -> list[str]:
    """Each suite once, as ``load_suite`` takes it; lists are replaced by what they name.

    Raises:
        SuiteError: a list cannot be read.
    """
    found: list[str] = []
    for suite in suites:
        path = Path(suite)
        if path.suffix == ".toml":
            found += [str(path.parent / entry.path) for entry in _entries(path)]
        else:
            found.append(str(suite))
    return list(dict.fromkeys(found))


class _Entry(BaseModel, extra="forbid", strict=True):
    path: str = Field(min_length=1)
    name: str | None = Field(default=None, pattern=r"^\w[\w .-]*$")
    limit: int | None = Field(default=None, ge=1)
    seed: int | None = None
    open_corpus: bool | None = None
    evidence_only: bool | None = None


class _File(BaseModel, extra="forbid", strict=True):
    suite: list[_Entry] = Field(min_length=1)


def _entries(path: Path) -> list[_Entry]:
    try:
        return _File.model_validate(tomllib.loads(path.read_text("utf-8"))).suite
    except OSError as error:
        raise SuiteError(f"{path} cannot be read: {error.strerror}", help=_HELP) from None
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(map(str, problem["loc"]))
        raise SuiteError(f"{path}: {place}: {problem['msg']}", help=_HELP) from None
    except ValueError as error:
        raise SuiteError(f"{path} is not TOML: {error}", help=_HELP) from None


def _plan(folder: Path, entry: _Entry, options: Options) -> Planned:
    suite = load_suite(str(folder / entry.path))
    if entry.name is not None:
        suite = replace(suite, name=entry.name)
    return Planned(
        suite, replace(options, **entry.model_dump(exclude={"path", "name"}, exclude_none=True))
    )
