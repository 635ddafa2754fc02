import errno
import os
from pathlib import Path

import pytest

from qa.disk import writing
from qa.errors import DiskFullError, StoreError


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_apart(number: int) -> None:
    cause = OSError(number, os.strerror(number))
    with pytest.raises(DiskFullError, match="no space left while writing to '/data/here'") as error:
        with writing(Path("/data/here")):
            raise cause
    assert error.value.__cause__ is cause
    assert "FOOTNOTED_DATA_DIR" in error.value.help


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
        (OSError(errno.EROFS, "Read-only file system"), "Read-only file system"),
        (OSError("no number"), "no number"),
    ],
)
def test_other_failures_name_the_place_and_the_reason(cause: OSError, reason: str) -> None:
    with pytest.raises(StoreError, match=f"cannot write to '/data/here': {reason}") as error:
        with writing(Path("/data/here")):
            raise cause
    assert error.value.__cause__ is cause
    assert "FOOTNOTED_DATA_DIR" in error.value.help


def test_a_real_failure_of_the_disk(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot write to"), writing(tmp_path / "file"):
        (tmp_path / "file" / "below").mkdir()


def test_what_is_not_of_the_disk_passes_through() -> None:
    with pytest.raises(ZeroDivisionError), writing(Path("here")):
        raise ZeroDivisionError
    with pytest.raises(StoreError, match="^as it was$"), writing(Path("here")):
        raise StoreError("as it was")


def test_success_passes_through(tmp_path: Path) -> None:
    with writing(tmp_path):
        (tmp_path / "file").write_text("text")
    assert (tmp_path / "file").read_text() == "text"
