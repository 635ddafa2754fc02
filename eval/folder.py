"""A run on disk: ``run.json``, what was asked of whom; ``records.jsonl``; then what sums it up.

Of several suites each has a folder of its own, and ``suites.json`` above them names them. A run
without a summary is unfinished. Killed at any moment, it can be continued.
"""

import gc
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from eval.judge import JUDGED, JUDGED_SUMMARY
from eval.report import Run, write_report
from eval.runner import Record
from eval.selection import Shard
from eval.setting import Setting, differences
from eval.summary import Summary, Totals
from qa.disk import writing
from qa.errors import StoreError, UsageError

ModelT = TypeVar("ModelT", bound=BaseModel)

_RUN = "run.json"
_SUITES = "suites.json"
_RECORDS = "records.jsonl"
_SUMMARY = "summary.json"
_REPORT = "report.html"
_REPLACED = (_SUMMARY, _REPORT, JUDGED_SUMMARY, JUDGED, _SUITES, _RECORDS, _RUN)


class Suites(BaseModel, frozen=True, extra="forbid"):
    """Which suites a run has, and how many questions of each; the content of ``suites.json``."""

    questions: dict[str, int]


class RunFolder:
    """The folder of one suite's run, or of what several have in common.

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
        return _read_model(Setting, self.path / _RUN)

    def suites(self) -> Suites | None:
        """Which suites have a folder here; ``None`` if the folder does not say.

        Raises:
            UsageError: ``suites.json`` is broken.
        """
        return _read_model(Suites, self.path / _SUITES)

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

    def clear(self) -> None:
        """Remove what an earlier run has left here; folders of suites stay.

        Raises:
            UsageError: the folder cannot be written.
            DiskFullError: no space is left.
        """
        with _writing(self.path):
            for name in _REPLACED:
                (self.path / name).unlink(missing_ok=True)

    def begin(self, suites: Suites) -> None:
        """Say which suites are going to have folders here, in place of what was here.

        Raises:
            UsageError: the folder cannot be written.
            DiskFullError: no space is left.
        """
        self.clear()
        with _writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            _write(self.path / _SUITES, suites)

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
        if not kept:
            self.clear()
        with _writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            if kept:
                _cut_torn_line(path)
            else:
                _write(self.path / _RUN, setting)
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


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as it was found on disk.

    Attributes:
        records: of all its suites and shards.
        missing: what it lacks, in words; none if it is whole, as far as its folders say.
    """

    records: list[Record]
    missing: tuple[str, ...]


def read_run(path: Path) -> list[Record]:
    """All records of a run, finished or not; as ``read_stored``."""
    return read_stored(path).records


def read_stored(path: Path) -> StoredRun:
    """A run, finished or not.

    Args:
        path: an ``--out`` folder, a ``records.jsonl``, or a folder that holds such folders, which
            are then one run: several suites, or the shards of one.

    Raises:
        UsageError: there are no records, a line is broken, a question was asked twice, or the
            shards are not of one run.
    """
    files, missing = _find(path)
    settings = {file: RunFolder(file.parent).setting() for file in files}
    _refuse_mixture(settings)
    found: dict[tuple[str, str], Path] = {}
    records: list[Record] = []
    for file, setting in settings.items():
        asked = _read_records(file)
        for record in asked:
            key = (record.suite, record.case_id)
            if key in found:
                raise UsageError(
                    f"{record.suite} {record.case_id!r} is in {found[key]} and again in {file}",
                    help="Give folders of one run: of its suites, or of its shards.",
                )
            found[key] = file
        records += asked
        if setting is not None and len(asked) < setting.questions:
            missing.append(f"{len(asked)} of {setting.questions} questions of {_name(setting)}")
    if not records:
        raise UsageError(
            f"there are no records in {str(path)!r}", help="Write them with: footnoted eval --out."
        )
    missing += _missing_shards(setting for setting in settings.values() if setting is not None)
    return StoredRun(records, tuple(missing))


def _find(path: Path) -> tuple[list[Path], list[str]]:
    """Files of records, and in words the suites that have none although the run names them."""
    if path.is_file():
        return [path], []
    if (path / _RECORDS).is_file():
        return [path / _RECORDS], []
    files = set(path.glob(f"*/**/{_RECORDS}"))
    missing: list[str] = []
    for above in sorted(file.parent for file in path.glob(f"**/{_SUITES}")):
        suites = RunFolder(above).suites()
        named = suites.questions if suites is not None else {}
        wanted = {above / name / _RECORDS: name for name in named}
        missing += [
            f"0 of {named[name]} questions of {name}"
            for file, name in wanted.items()
            if file not in files
        ]
        files = {file for file in files if file.parent.parent != above or file in wanted}
    return sorted(files), missing


def _name(setting: Setting) -> str:
    return setting.suite if setting.shard is None else f"{setting.suite} {setting.shard}"


def _missing_shards(settings: Iterable[Setting]) -> list[str]:
    found: dict[tuple[str, int], set[Shard]] = {}
    for setting in settings:
        if setting.shard is not None:
            found.setdefault((setting.suite, setting.shard.count), set()).add(setting.shard)
    return [
        f"{len(shards)} of {count} shards of {suite}"
        for (suite, count), shards in found.items()
        if len(shards) < count
    ]


def _refuse_mixture(settings: Mapping[Path, Setting | None]) -> None:
    """Shards of one suite differ in which they are, and in nothing else."""
    first: dict[str, tuple[Path, Setting]] = {}
    for file, setting in settings.items():
        if setting is None:
            continue
        options = setting.options | {"shard": None}
        setting = setting.model_copy(update={"options": options, "questions": 0})
        path, known = first.setdefault(setting.suite, (file.parent, setting))
        if changed := differences(known, setting):
            raise UsageError(
                f"{path} and {file.parent} are not of one run: {'; '.join(changed)}",
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


def _read_model(model: type[ModelT], path: Path) -> ModelT | None:
    try:
        return model.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise UsageError(
            f"{path} is not of a run: {_first(error)}",
            help=f"Delete {path.parent} to start anew.",
        ) from None


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


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, problem['loc'])) or 'the line'}: {problem['msg']}"
