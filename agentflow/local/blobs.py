"""[io] The bytes of files, one per file record, and how a session's outputs become files.

What a session leaves in its outputs directory was written by a program that nobody trusts: names are
flattened to their last part, links are never followed, and only regular files are copied.
"""

from __future__ import annotations

import mimetypes
import os
import shutil
import stat
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

__all__ = ["Blobs", "Delivered", "mime_type"]

MAX_FILE_BYTES = 500 * 1024 * 1024
"""The service's limit of one file."""
_MAX_OUTPUTS = 1000
_MAX_LEVELS = 32
"""Folders below the outputs directory that are entered; each level takes a descriptor."""
_TYPES = {".md": "text/markdown", ".yaml": "application/yaml", ".yml": "application/yaml"}


def mime_type(filename: str) -> str:
    suffix = Path(filename).suffix.lower()
    return _TYPES.get(suffix) or mimetypes.guess_type(filename)[0] or "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Delivered:
    """A file in the outputs directory, with its bytes kept apart at `blob`."""

    path: str
    """Below the outputs directory."""
    stamp: str
    """Changes when the file does."""
    size_bytes: int
    blob: Path


class Blobs:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        for part in directory.glob("*.part"):  # of a service that was killed
            part.unlink()

    def path(self, file_id: str) -> Path:
        return self._directory / file_id

    def keep(self, file_id: str, source: BinaryIO) -> None:
        """Write a blob, whole or not at all."""
        part = self._directory / f"{file_id}.part"
        with part.open("wb") as target:
            shutil.copyfileobj(source, target)
        part.replace(self.path(file_id))

    def copy(self, file_id: str, to: Path) -> None:
        """Make a read-only copy; the folders above `to` are made."""
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.path(file_id), to)
        to.chmod(0o444)

    def share(self, file_id: str, as_id: str) -> None:
        """The same bytes under another id."""
        try:
            self.path(as_id).hardlink_to(self.path(file_id))
        except OSError:  # a file system without hard links
            shutil.copyfile(self.path(file_id), self.path(as_id))

    def drop(self, file_id: str) -> None:
        self.path(file_id).unlink(missing_ok=True)

    def deliveries(self, outputs: Path, known: Mapping[str, str]) -> list[Delivered]:
        """Copy what is new or changed below `outputs`. `known`: path -> stamp of what is kept.

        Blocking: for a thread.
        """
        found = []
        for path, file, status in _regular_files(outputs):
            with file:
                stamp = f"{status.st_size}:{status.st_mtime_ns}:{status.st_ino}"
                if known.get(path) == stamp:
                    continue
                blob = self._directory / f"{uuid.uuid4().hex}.part"
                with blob.open("wb") as target:
                    shutil.copyfileobj(file, target)
                found.append(Delivered(path, stamp, blob.stat().st_size, blob))
        return found


def _regular_files(root: Path) -> Iterator[tuple[str, BinaryIO, os.stat_result]]:
    """Each regular file below `root`, open, sorted by path. Nothing is opened through a link."""
    count = 0
    try:
        top = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        for folder, folders, names, descriptor in os.fwalk(".", dir_fd=top):
            # `folder` is "." or "./a/b". A program can nest folders deeper than a walk can follow.
            folders[:] = sorted(folders) if folder.count("/") < _MAX_LEVELS else []
            for name in sorted(names):
                opened = _open_regular(name, descriptor)
                if opened is None:
                    continue
                yield os.path.normpath(f"{folder}/{name}"), *opened
                count += 1
                if count >= _MAX_OUTPUTS:
                    return
    finally:
        os.close(top)


def _open_regular(name: str, folder: int) -> tuple[BinaryIO, os.stat_result] | None:
    """None: a link, a pipe, a device, unreadable or too large."""
    # Not blocking: opening a pipe would wait for a writer for ever.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(name, flags, dir_fd=folder)
    except OSError:
        return None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES:
        os.close(descriptor)
        return None
    return os.fdopen(descriptor, "rb"), status
