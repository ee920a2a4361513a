"""[io] The state file on disk: read, written whole or not at all, and locked while it changes.

.agentflow/state/<target>.json          the state
.agentflow/state/<target>.json.backup   as it was before the last command that wrote it
.agentflow/state/<target>.lock          held by the process that applies
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from agentflow.errors import StateError
from agentflow.state.migrate import NewerFormat, migrate
from agentflow.state.model import State

__all__ = ["StateStore", "Stored"]


class Stored(NamedTuple):
    state: State
    damage: str | None
    """Why the file could not be used; the state is then an empty one. None: it is fine, or absent."""


class StateStore:
    """The state of one target of one project."""

    def __init__(self, directory: Path, *, project: str, target: str) -> None:
        """`directory` is `.agentflow/state` of the project; it is made when something is written."""
        self.path = directory / f"{target}.json"
        self._lock_path = directory / f"{target}.lock"
        self._project = project
        self._target = target
        self._backed_up = False

    def read(self) -> Stored:
        """The state, or an empty one where there is no file or none that can be used.

        A damaged file is not fatal, because the service knows what belongs to the project.

        Raises:
            StateError: the file is of a newer format, or cannot be read at all.
        """
        empty = State(project=self._project, target=self._target)
        try:
            text = self.path.read_text("utf-8")
        except FileNotFoundError:
            return Stored(empty, None)
        except UnicodeDecodeError:
            return Stored(empty, "it is not UTF-8 text.")
        except OSError as error:
            raise StateError(f"{self.path} cannot be read: {error.strerror}.") from error
        try:
            state = State.from_json(migrate(json.loads(text)))
        except NewerFormat as error:
            raise StateError(f"{self.path}: {error.message}", hint=error.hint) from error
        except StateError as error:
            return Stored(empty, error.message)
        except (ValueError, RecursionError):
            return Stored(empty, "it is not JSON.")
        if (state.project, state.target) != (self._project, self._target):
            return Stored(empty, f"it belongs to {state.project!r}, target {state.target!r}.")
        return Stored(state, None)

    def write(self, state: State) -> State:
        """Write the next serial of `state`, and return it. The first write keeps a backup.

        Raises:
            StateError: the directory is not writable, the disk is full.
        """
        following = replace(state, serial=state.serial + 1)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not self._backed_up and self.path.exists():
                backup = self.path.with_name(self.path.name + ".backup")
                _write_whole(backup, self.path.read_bytes())
            self._backed_up = True
            _write_whole(self.path, following.to_text().encode())
        except OSError as error:
            raise StateError(
                f"{self.path} cannot be written: {error.strerror}.",
                hint="Nothing is lost: the next apply finds on the service what this one did.",
            ) from error
        return following

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from applying to this target.

        The kernel holds the lock and drops it with the process, however that ends, so a lock file
        left behind by one that was killed stops nobody.

        Raises:
            StateError: another process has it.
        """
        try:
            self._lock_path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StateError(f"{self._lock_path} cannot be opened: {error.strerror}.") from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
                who = f"process {holder}" if holder.isdigit() else "another process"
                raise StateError(
                    f"Target {self._target!r} is being applied by {who}.",
                    hint="Wait until it is done; it lets go when it ends, also when it is killed.",
                ) from error
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(handle)


def _write_whole(path: Path, content: bytes) -> None:
    """Replace `path` in one step, and only once the bytes are on the disk.

    After a power cut it is the old file or the new one; which of the two does not matter, so the
    directory is not synced.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
