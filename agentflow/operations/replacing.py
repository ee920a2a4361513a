"""[io] Put other content into a file that somebody owns: in one step, or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

__all__ = ["replace_file"]

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
