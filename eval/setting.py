"""What was asked of whom, and whether two runs agree in it."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from eval.cases import Suite
from eval.selection import Shard
from qa.schema import digest


class Setting(BaseModel, frozen=True, extra="forbid"):
    """What was asked of whom; equal settings, whenever started, make one run.

    Attributes:
        suite_digest: changes with any question and any document of the corpus.
        questions: how many are to be asked, after limit and shard.
        options: what chose the questions and how they are asked.
        answerer: the models, the prompt, the settings and the version of Footnoted.
        started: in UTC, ISO 8601.
    """

    suite: str
    suite_digest: str
    questions: int
    options: dict[str, Any]
    answerer: dict[str, Any]
    started: str

    @property
    def shard(self) -> Shard | None:
        """Which part of the questions; ``None`` for all of them."""
        text = self.options.get("shard")
        return None if text is None else Shard.parse(text)


def digest_suite(suite: Suite) -> str:
    """Changes with any question and any document of the corpus."""
    documents = sorted(document.revision for document in suite.documents.values())
    return digest(*map(repr, suite.questions), *documents)


def now() -> str:
    """The time in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def differences(before: Setting, after: Setting) -> list[str]:
    """What differs between two settings, in words; when they started does not count."""
    return list(_compare("", _comparable(before), _comparable(after)))


def _comparable(setting: Setting) -> dict[str, Any]:
    # As it is read back from the file: a tuple is a list there.
    values: dict[str, Any] = json.loads(setting.model_dump_json(exclude={"started"}))
    return values


def _compare(place: str, before: Any, after: Any) -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            inner = f"{place}.{key}" if place else str(key)
            yield from _compare(inner, before.get(key), after.get(key))
    elif before != after:
        yield f"{place} was {json.dumps(before)}, now {json.dumps(after)}"
