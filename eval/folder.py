"""A run on disk: ``run.json``, what was asked of whom; ``records.jsonl``; then what sums it up.

A run without a summary is unfinished. Killed at any moment, it can be continued.
"""

import gc
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from eval.cases import Suite
from eval.report import Run, write_report
from eval.runner import Record
from eval.summary import Summary, Totals
from qa.disk import writing
from qa.errors import StoreError, UsageError
from qa.schema import digest

_RECORDS = "records.jsonl"
_SUMMARY = "summary.json"
_REPORT = "report.html"
_REPLACED = (_SUMMARY, _REPORT, _RECORDS)


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


def digest_suite(suite: Suite) -> str:
    """Changes with any question and any document of the corpus."""
    documents = sorted(document.revision for document in suite.documents.values())
    return digest(*map(repr, suite.questions), *documents)


def now() -> str:
    """The time in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class RunFolder:
    """The folder of one suite's run.

    Args:
        path: need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def finished(self) -> bool:
        """Whether a run was written to its end."""
        return (self.path / _SUMMARY).exists()

    def records(self) -> list[Record]:
        """What has been asked; a torn last line, of a run that was killed, is left out."""
        return _read_records(self.path / _RECORDS)

    def setting(self) -> Setting | None:
        """What was asked of whom; ``None`` if the folder does not say.

        Raises:
            UsageError: ``run.json`` is broken.
        """
        path = self.path / "run.json"
        try:
            return Setting.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise UsageError(
                f"{path} is not of a run: {_first(error)}",
                help=f"Delete {self.path} to start anew.",
            ) from None

    def kept(self, setting: Setting, *, resume: bool, overwrite: bool) -> list[Record]:
        """The records that a run of this setting goes on from; nothing is written yet.

        Args:
            setting: of the run that wants to write here.
            resume: continue the run that is here.
            overwrite: replace it although it is unfinished.

        Raises:
            UsageError: the run here is unfinished and neither was asked for, or it cannot be
                continued because it was another.
        """
        if overwrite or not (self.path / _RECORDS).exists():
            return []
        records, before = self.records(), self.setting()
        if not resume:
            if self.finished or not records:
                return []
            of = "" if before is None else f" of {before.questions}"
            raise UsageError(
                f"{self.path} holds an unfinished run, {len(records)}{of} questions",
                help="Continue it with --resume, or replace it with --overwrite.",
            )
        if before is None:
            raise UsageError(
                f"{self.path} has no run.json, so nobody knows what was asked there",
                help="Replace it with --overwrite, or choose another --out.",
            )
        if changed := differences(before, setting):
            raise UsageError(
                f"{self.path} holds another run: {'; '.join(changed)}",
                help="Repeat its options to continue it, replace it with --overwrite, "
                "or choose another --out.",
            )
        return records

    @contextmanager
    def writing(
        self, setting: Setting, kept: Sequence[Record]
    ) -> Iterator[Callable[[Record], None]]:
        """Begin the run, or go on after the records that were kept.

        Args:
            setting: what is asked of whom.
            kept: as ``kept`` returned them; without any, what is here is replaced.

        Yields:
            What puts one record on disk at once.

        Raises:
            UsageError: the folder cannot be written.
            DiskFullError: no space is left.
        """
        path = self.path / _RECORDS
        with _writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            if kept:
                _cut_torn_line(path)
            else:
                for name in _REPLACED:
                    (self.path / name).unlink(missing_ok=True)
                _write(self.path / "run.json", setting)
            file = path.open("a", encoding="utf-8", newline="\n")

        def add(record: Record) -> None:
            with _writing(self.path):
                file.write(record.model_dump_json() + "\n")
                file.flush()

        with file:
            yield add

    def report(self, runs: Sequence[Run]) -> None:
        """Write the report on the run.

        Raises:
            UsageError: the folder cannot be written.
            DiskFullError: no space is left.
        """
        with _writing(self.path):
            write_report(runs, self.path / _REPORT)

    def finish(self, summary: Summary | Totals) -> None:
        """Write the summary, which says that the run is complete.

        Raises:
            UsageError: the folder cannot be written.
            DiskFullError: no space is left.
        """
        with _writing(self.path):
            _write(self.path / _SUMMARY, summary)


def differences(before: Setting, after: Setting) -> list[str]:
    """What differs between two settings, in words; when they started does not count."""
    return list(_compare("", _comparable(before), _comparable(after)))


def read_run(path: Path) -> list[Record]:
    """All records of a run, finished or not.

    Args:
        path: an ``--out`` folder, a ``records.jsonl``, or a folder that holds such folders, which
            are then one run: several suites, or the shards of one.

    Raises:
        UsageError: there are none, a line is broken, a question was asked twice, or the shards
            are not of one run.
    """
    if path.is_file():
        files = [path]
    elif (path / _RECORDS).is_file():
        files = [path / _RECORDS]
    else:
        files = sorted(path.glob(f"*/**/{_RECORDS}"))
    _refuse_mixture([RunFolder(file.parent) for file in files])
    found: dict[tuple[str, str], Path] = {}
    records: list[Record] = []
    for file in files:
        for record in _read_records(file):
            key = (record.suite, record.case_id)
            if key in found:
                raise UsageError(
                    f"{record.suite} {record.case_id!r} is in {found[key]} and again in {file}",
                    help="Give folders of one run: of its suites, or of its shards.",
                )
            found[key] = file
            records.append(record)
    if not records:
        raise UsageError(
            f"there are no records in {str(path)!r}", help="Write them with: footnoted eval --out."
        )
    return records


def _refuse_mixture(folders: Sequence[RunFolder]) -> None:
    """Shards of one suite differ in which they are, and in nothing else."""
    first: dict[str, tuple[Path, Setting]] = {}
    for folder in folders:
        setting = folder.setting()
        if setting is None:
            continue
        options = setting.options | {"shard": None}
        setting = setting.model_copy(update={"options": options, "questions": 0})
        path, known = first.setdefault(setting.suite, (folder.path, setting))
        if changed := differences(known, setting):
            raise UsageError(
                f"{path} and {folder.path} are not of one run: {'; '.join(changed)}",
                help="Give folders of one run: of its suites, or of its shards.",
            )


def _read_records(path: Path) -> list[Record]:
    records = []
    with _without_collector():
        for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
            try:
                records.append(Record.model_validate_json(line))
            except ValidationError as error:
                raise UsageError(f"{path}, line {number}: {_first(error)}") from None
    return records


@contextmanager
def _without_collector() -> Iterator[None]:
    """Records hold no cycles; looking for some takes 4.6 of the 6.3 s for 10,000 records."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        with writing(path):
            yield
    except StoreError as error:
        raise UsageError(str(error), help="Choose another --out.") from None


def _cut_torn_line(path: Path) -> None:
    whole = path.read_bytes().rpartition(b"\n")
    os.truncate(path, len(whole[0]) + len(whole[1]))


def _write(path: Path, content: BaseModel) -> None:
    """Replace a file in one step."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(content.model_dump_json(indent=2) + "\n", encoding="utf-8")
    new.replace(path)


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


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, problem['loc'])) or 'the line'}: {problem['msg']}"
