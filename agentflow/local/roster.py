"""[io] The programs that a running service has started, written down so that none outlives it.

    shells/ID/lock         locked by the service ID for as long as it lives
    shells/ID/TOKEN.json   a program that it has started, from before its start until it has ended

The token is in the program's environment, and its descendants inherit it. Nothing is forced to the
disk: a record has to outlive this process, and a machine that stops ends the programs too.

With the first program a watcher is started, a small process that waits for the lock. It gets it when
the service is dead, however it died, and ends what is still written down (`leftovers.py`). If the
watcher is killed as well, the next service does that.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

from agentflow.errors import SandboxUnavailable
from agentflow.local import leftovers
from agentflow.local.leftovers import Mark

__all__ = ["Entry", "Roster"]


class Roster:
    """The records of one service below `folder`. Nothing is made before the first program."""

    def __init__(self, folder: Path) -> None:
        self._parent = folder
        self._folder = folder / secrets.token_hex(8)
        self._lock: IO[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None
        self._opening = threading.Lock()

    def add(self, token: str) -> Path:
        """Write down a program that is about to be started; returns its record.

        Raises:
            SandboxUnavailable: it cannot be written down.
        """
        try:
            with self._opening:
                if self._lock is None:
                    self._lock = self._open()
                    with contextlib.suppress(OSError):  # the next service does it too
                        self._watcher = _watch(self._folder)
            record = self._folder / f"{token}.json"
            record.touch(exist_ok=False)
        except OSError as error:
            raise SandboxUnavailable(
                f"A program cannot be written down in {str(self._folder)!r}: {error.strerror}.",
                hint="Make room there, and make it writable.",
            ) from error
        return record

    def _open(self) -> IO[bytes]:
        """Make the folder, which appears under its name when it is locked already."""
        hidden = self._parent / f".{self._folder.name}"
        hidden.mkdir(parents=True, mode=0o700)
        lock = leftovers.lock(hidden, wait=False)
        assert lock is not None, "nobody else knows this folder"
        hidden.rename(self._folder)
        return lock

    def close(self) -> None:
        """Forget all, after every program has ended. Calling it again does nothing."""
        with self._opening:
            if self._watcher is not None:
                self._watcher.kill()
                self._watcher.wait()
                self._watcher = None
            if self._lock is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._lock.close()
                self._lock = None


def _watch(folder: Path) -> subprocess.Popen[bytes]:
    """Start the watcher: in a session of its own, so that ^C at a terminal does not end it first."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", leftovers.__file__, str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={},
        start_new_session=True,
    )


class Entry:
    """One program: marked before it is started, written down until it has ended.

    Without a roster it is marked all the same, so that `end_all` finds what it has started.
    """

    def __init__(self, roster: Roster | None, place: Path) -> None:
        self._mark = Mark(secrets.token_hex(16), place=str(place))
        self._record = None if roster is None else roster.add(self._mark.token)

    @property
    def environment(self) -> dict[str, str]:
        """What the program gets beside its own variables."""
        return {leftovers.VARIABLE: self._mark.token}

    def started(self, pid: int, output: int) -> None:
        """Write down the process, and the pipe behind its output (our descriptor of it).

        It is the token that counts. So a machine without `/proc`, or a full disk, is no failure.
        """
        with contextlib.suppress(OSError):
            pipe = str(Path(f"/proc/self/fd/{output}").readlink())
            since = leftovers.started_at(pid)
            self._mark = self._mark._replace(pid=pid, started=since, output=pipe)
            if self._record is not None:
                known = {**self._mark._asdict(), "machine": leftovers.machine()}
                self._record.write_text(json.dumps(known), encoding="utf-8")

    def end_all(self) -> None:
        """Kill what the program has started and left, where `/proc` tells."""
        leftovers.end([self._mark])

    def ended(self) -> None:
        """Forget it. Calling it again does nothing."""
        if self._record is not None:
            self._record.unlink(missing_ok=True)
