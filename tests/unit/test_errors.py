import builtins
import re
from collections.abc import Iterator
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

from qa import errors
from qa.errors import (
    FootnotedError,
    LLMError,
    StoreError,
    UsageError,
    kind_of,
    without_credentials,
)


def walk(error: type[FootnotedError] = FootnotedError) -> Iterator[type[FootnotedError]]:
    yield error
    for narrower in error.__subclasses__():
        yield from walk(narrower)


ERRORS = [error for error in walk() if error.__module__ == errors.__name__]
LEAVES = [error for error in ERRORS if not error.__subclasses__()]


def drawn() -> dict[str, str | None]:
    """Each error of the drawing with the one that it hangs from."""
    parents: dict[str, str | None] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"([│├└─ ]*)(\w+Error)\b", line):
            branch, name = found.groups()
            path[len(branch) // 4 :] = [name]
            parents[name] = path[-2] if len(path) > 1 else None
    return parents


def test_the_drawing_is_the_tree() -> None:
    actual = {error.__name__: error.__base__ for error in ERRORS}
    parents = {name: None if base is Exception else base.__name__ for name, base in actual.items()}
    assert drawn() == parents


def test_every_line_of_the_drawing_says_what_happened() -> None:
    lines = [line for line in (errors.__doc__ or "").splitlines() if "──" in line]
    assert len(lines) == len(ERRORS) - 1
    assert all(re.search(r"Error {2,}\S", line) for line in lines)


def test_no_error_is_defined_elsewhere() -> None:
    for package in ("qa", "ingest", "eval", "prompts"):
        for module in walk_packages(import_module(package).__path__, f"{package}."):
            import_module(module.name)
    ours = ("qa.", "ingest.", "eval.", "prompts.")
    assert [error for error in walk() if error.__module__.startswith(ours)] == ERRORS


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_can_be_shown_everywhere(error: type[FootnotedError]) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", error.code)
    assert 400 <= HTTPStatus(error.status) < 600
    assert error.exit_code in (1, 2)  # 3 is an abstention, 4 a failed gate
    assert isinstance(error.retryable, bool)
    assert error.help.endswith(".")
    assert error.__doc__ and not hasattr(builtins, error.__name__)


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_is_found_by_its_code(error: type[FootnotedError]) -> None:
    assert kind_of(error.code) is error


def test_a_code_of_no_error_has_another_kind() -> None:
    assert kind_of("new") is FootnotedError
    assert kind_of("new", UsageError) is UsageError


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at http://user:secret@host/a", "at http://host/a"),
        ("at http://user:p@ss@word@host:8/a", "at http://host:8/a"),
        ("at http://host/a@b", "at http://host/a@b"),
        ("http://a:b@c and https://d:e@f", "http://c and https://f"),
        ("ann@example.org", "ann@example.org"),
    ],
)
def test_no_password_of_a_url_is_shown(text: str, shown: str) -> None:
    assert without_credentials(text) == shown
    assert str(FootnotedError(text)) == shown


def test_codes_are_unique() -> None:
    assert len({error.code for error in ERRORS}) == len(ERRORS)


def test_only_what_is_not_the_clients_fault_is_worth_another_try() -> None:
    for error in ERRORS:
        if issubclass(error, UsageError):
            assert error.status < 500
            assert not error.retryable
        elif error.retryable:
            assert error.status >= 500
    assert StoreError.retryable and LLMError.retryable


@pytest.mark.parametrize("error", ERRORS)
def test_an_instance_may_carry_a_more_exact_next_step(error: type[FootnotedError]) -> None:
    general = error.help
    exact = error("it broke", help="Mend it.")
    assert str(exact) == "it broke"
    assert exact.help == "Mend it."
    assert error("it broke").help == error.help == general


@pytest.mark.parametrize("error", LEAVES)
def test_every_error_is_raised_in_some_test(error: type[FootnotedError]) -> None:
    files = set(Path(__file__).parents[1].rglob("test_*.py")) - {Path(__file__)}
    assert any(re.search(rf"\b{error.__name__}\b", file.read_text("utf-8")) for file in files)
