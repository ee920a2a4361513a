"""[io] Generated files in a folder that belongs to somebody: written whole, cleaned up after, never more.

What was written is noted in the folder, with digests. A file that is not noted there, or that somebody
changed since, is never replaced and never deleted.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from agentflow.errors import UsageError
from agentflow.operations.project import INDEX
from agentflow.records import record

__all__ = ["Written", "parse_index", "write_folder"]

_FORMAT = 1


@record
class Written:
    """Paths relative to the folder, sorted."""

    written: tuple[str, ...]
    """New, or with other content than before."""
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    """Written earlier, and no longer made."""
    kept: tuple[str, ...]
    """The same, but left alone because somebody changed them."""


def write_folder(folder: Path, files: Mapping[str, str | bytes]) -> Written:
    """Make a folder hold these files, beside what others put there.

    Each file is replaced in one step. Whatever stops it halfway, the next call goes on from there.

    Args:
        folder: created if it does not exist.
        files: text or bytes by path, with forward slashes.

    Raises:
        UsageError: it is no folder, or a file that is not ours stands where one has to be written.
        OSError: the system refused.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{str(folder)!r} is a file.", hint="--out takes a directory.")
    before = _read_index(folder)
    contents = {path: x if isinstance(x, bytes) else x.encode() for path, x in files.items()}
    digests = {path: _digest(content) for path, content in contents.items()}
    current = {path: _digest_of(folder, path) for path in {*files, *before}}
    for path in sorted(files):
        _refuse_foreign(folder, path, before.get(path), current[path], digests[path])
    gone = sorted(path for path in before.keys() - files.keys() if current[path] is not None)
    removed = [path for path in gone if current[path] == before[path]]
    changed = sorted(path for path in files if current[path] != digests[path])
    folder.mkdir(parents=True, exist_ok=True)
    # Noted before it is written, so that nothing of ours is ever taken for somebody else's.
    _write_index(folder, {**before, **digests})
    for path in changed:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target, contents[path])
    for path in removed:
        _remove(folder, path)
    _write_index(folder, digests)
    return Written(
        written=tuple(changed),
        unchanged=tuple(sorted(files.keys() - set(changed))),
        removed=tuple(removed),
        kept=tuple(path for path in gone if path not in removed),
    )


def _read_index(folder: Path) -> dict[str, str]:
    try:
        return parse_index((folder / INDEX).read_bytes())
    except FileNotFoundError:
        return {}


def parse_index(data: bytes) -> dict[str, str]:
    """What an index lists: path -> SHA-256. Empty if it cannot be understood: then nothing is ours."""
    import json

    try:
        index: Any = json.loads(data)
        entries = index["files"].items() if index["format"] == _FORMAT else ()
        return {path: str(digest) for path, digest in entries if _is_inside(path)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _is_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and ".." not in parts and not path.startswith("/")


def _write_index(folder: Path, digests: Mapping[str, str]) -> None:
    import json

    text = json.dumps({"format": _FORMAT, "files": digests}, indent=2, sort_keys=True) + "\n"
    _replace(folder / INDEX, text.encode())


def _refuse_foreign(
    folder: Path, path: str, noted: str | None, current: str | None, wanted: str
) -> None:
    for parent in PurePosixPath(path).parents:
        if (folder / parent).is_symlink() and str(parent) != ".":
            raise UsageError(
                f"{str(folder / parent)!r} is a link, so files below it would land elsewhere.",
                hint="Choose a directory of its own for --out.",
            )
        if (folder / parent).exists() and not (folder / parent).is_dir():
            raise UsageError(
                f"{str(folder / parent)!r} is a file, and a directory has to be there.",
                hint="Choose a directory of its own for --out.",
            )
    taken = current is not None or (folder / path).is_symlink() or (folder / path).is_dir()
    if not taken or current == wanted:
        return
    if noted is None or current != noted:
        why = "was changed since it was written" if noted is not None else "was not written by it"
        raise UsageError(
            f"{str(folder / path)!r} {why}, so it is not replaced.",
            hint="Move it away, or choose another directory for --out.",
        )


def _digest(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def _digest_of(folder: Path, path: str) -> str | None:
    """Of a regular file. None: there is none."""
    file = folder / path
    if file.is_symlink() or not file.is_file():
        return None
    return _digest(file.read_bytes())


def _replace(path: Path, content: bytes) -> None:
    """Write a file in one step: whoever reads meanwhile sees the old content or the new one."""
    import tempfile

    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _remove(folder: Path, path: str) -> None:
    """Delete a file, and the directories that are empty without it."""
    (folder / path).unlink()
    for parent in PurePosixPath(path).parents:
        if str(parent) != ".":
            with suppress(OSError):  # somebody else has something there
                (folder / parent).rmdir()
