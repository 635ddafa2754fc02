"""Failures of the disk, told apart."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qa.errors import DiskFullError, StoreError

_FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what goes wrong while writing under ``path`` into errors with a way out.

    Raises:
        DiskFullError: no space left, or over the quota.
        StoreError: the place cannot be written, for example for want of permission.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFullError(f"no space left while writing to {str(path)!r}") from error
        raise StoreError(
            f"cannot write to {str(path)!r}: {error.strerror or error}",
            help="Point FOOTNOTED_DATA_DIR at a directory that you may write to.",
        ) from error
