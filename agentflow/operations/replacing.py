"""[io] Put content into a file: in one step, or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

__all__ = ["put_file", "replace_file"]

_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def replace_file(path: Path, content: bytes, *, allowed: Callable[[], None]) -> None:
    """Write a file: whoever reads meanwhile sees the old content or the new one.

    Owner and permissions stay.

    Args:
        path: a regular file.
        content: all of it.
        allowed: called last of all before the new content is put in place; raises if the old one is
            not what was expected.

    Raises:
        OSError: it cannot be written, or may not be.
    """
    status = path.stat()
    if not (status.st_mode & _WRITABLE and os.access(path, os.W_OK)):
        # Replacing it takes the directory's permission only.
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(PermissionError):
            os.chown(name, status.st_uid, status.st_gid)
        shutil.copymode(path, name)
        allowed()
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def put_file(path: Path, content: bytes) -> None:
    """Write a file that may be there or not: whoever reads meanwhile sees the old content or the new.

    Links are followed. What is no file, such as a pipe, is written to as it is.

    Raises:
        OSError: it cannot be written.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
