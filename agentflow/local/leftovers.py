"""[io] Programs that a dead service left running: find them, and end them and nothing else.

A service that is killed outright cannot end what its tools had started. So it writes down each program
before it starts it (`roster.py`), and whoever comes next ends what is written down: the watcher that
the service had started, which is this file run as a program, or the next service of the same root.

What is taken for a program of the dead service:

* What has the token of a record in its environment. Tokens are random, and made for one shell.
* The shell itself, if its process id still means the process that was started at that time.
* What was started without the environment, but still writes to the shell's output, and either is of
  its process group or works in the session's directory.
* What descends from those, and what is in a session or process group that one of those leads or that
  the shell led until it died.

Never this process or one that it descends from, and only processes of the same user. Signals go to
process descriptors, so that a process id that is given to another process meanwhile harms nobody.
What cleared its environment, left the group, closed the output and lost its parent is not found.

Nothing but the standard library may be imported here, and nothing of agentflow: see `__main__` below.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

__all__ = ["LOCK", "VARIABLE", "Mark", "clear", "end", "lock", "machine", "started_at"]

VARIABLE = "AGENTFLOW_SHELL"
"""The variable that holds the token in the environment of every program."""
LOCK = "lock"
"""The file of a folder of records that its service holds locked."""

_END_S = 5.0
_POLL_S = 0.005


class Mark(NamedTuple):
    """How the programs of one shell are told from all others."""

    token: str
    pid: int | None = None
    """Of the shell; it leads a process group. None: not known."""
    started: int | None = None
    """When the shell was started, in clock ticks since the machine was."""
    output: str | None = None
    """What the shell writes to, as `/proc/PID/fd` names it."""
    place: str | None = None
    """The session's directory."""


class _Process(NamedTuple):
    pid: int
    parent: int
    group: int
    session: int
    started: int


class _Same(NamedTuple):
    """A process for its whole life; a process id alone is used again."""

    pid: int
    started: int


def machine() -> str:
    """The boot and the namespace within which process ids mean something."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot} {Path('/proc/self/ns/pid').readlink()}"


def started_at(pid: int) -> int | None:
    """When a process was started, in clock ticks since boot. None: there is no such process."""
    process = _process(pid)
    return None if process is None else process.started


def end(marks: Sequence[Mark], *, limit_s: float = _END_S) -> bool:
    """Kill every process that the marks tell. False: some are still there after `limit_s`."""
    deadline = time.monotonic() + limit_s
    held: set[_Same] = set()
    while found := {_Same(process.pid, process.started) for process in _found(marks)}:
        if time.monotonic() > deadline:
            return False
        if found <= held:  # nothing was started while we looked
            for process in found:
                _send(process, signal.SIGKILL)
            time.sleep(_POLL_S)
        for process in found - held:
            _send(process, signal.SIGSTOP)
        held |= found
    return True


def _send(process: _Same, number: signal.Signals) -> None:
    """Signal a process if it is still the same; it may be gone at any moment."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        descriptor = os.pidfd_open(process.pid)
        try:
            if started_at(process.pid) == process.started:
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)


def _found(marks: Sequence[Mark]) -> list[_Process]:
    """Every living process that the marks tell, once."""
    if not marks:
        return []
    table = {process.pid: process for process in _processes()}
    # The number of a dead leader is not used again while its group or session has a member.
    dead = {mark.pid for mark in marks} - table.keys()
    for pid in _lineage(table):
        del table[pid]
    ours = {process.pid for process in table.values() if _is_marked(process, marks)}
    while True:
        groups = ours | {table[pid].group for pid in ours} & dead
        sessions = ours | {table[pid].session for pid in ours} & dead
        more = {
            process.pid
            for process in table.values()
            if process.parent in ours or process.group in groups or process.session in sessions
        }
        if more <= ours:
            return [table[pid] for pid in sorted(ours) if _is_own(pid)]
        ours |= more


def _lineage(table: dict[int, _Process]) -> list[int]:
    """This process and those that it descends from."""
    lineage = []
    pid = os.getpid()
    while pid in table and pid not in lineage:
        lineage.append(pid)
        pid = table[pid].parent
    return lineage


def _is_marked(process: _Process, marks: Sequence[Mark]) -> bool:
    entries: list[bytes] = []
    with contextlib.suppress(OSError):
        entries = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
    return any(
        f"{VARIABLE}={mark.token}".encode() in entries
        or (mark.pid, mark.started) == (process.pid, process.started)
        or _is_stray(process, mark)
        for mark in marks
    )


def _is_stray(process: _Process, mark: Mark) -> bool:
    """Whether it has lost the token, but shares two other things with the shell."""
    if mark.output is None or mark.place is None:
        return False
    folder = Path(f"/proc/{process.pid}")
    try:
        return (
            process.group == mark.pid or (folder / "cwd").readlink().is_relative_to(mark.place)
        ) and any(str(entry.readlink()) == mark.output for entry in (folder / "fd").iterdir())
    except OSError:
        return False


def _is_own(pid: int) -> bool:
    """Whether the real user of a process is ours."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
        return int(status.partition("\nUid:")[2].split()[0]) == os.getuid()
    return False


def _processes() -> Iterator[_Process]:
    """Every living process; none on a machine without `/proc`."""
    if not Path("/proc/self/stat").exists():
        return
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (process := _process(int(folder.name))) is not None:
            yield process


def _process(pid: int) -> _Process | None:
    """A process that lives; None for one that is gone or only waits to be forgotten."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The name of the program, in parentheses, may hold anything. The rest counts from field 3.
    state, *fields = stat.rpartition(b")")[2].split()
    if state in (b"Z", b"X"):
        return None
    parent, group, session = map(int, fields[:3])
    return _Process(pid, parent, group, session, int(fields[18]))


# The records of dead services


def clear(folder: Path) -> None:
    """End what services that are dead have left, by the folders of records below `folder`.

    The folder of a service that lives is locked by it, and left alone.
    """
    if not folder.is_dir():
        return
    for records in sorted(folder.iterdir()):
        if not records.name.startswith("."):
            with contextlib.suppress(OSError):
                _clear_one(records, wait=False)


def lock(folder: Path, *, wait: bool) -> IO[bytes] | None:
    """The open lock file of a folder of records, or None if its service lives.

    Raises:
        OSError: there is no such folder, or it cannot be locked.
    """
    file = (folder / LOCK).open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _clear_one(records: Path, *, wait: bool) -> None:
    held = lock(records, wait=wait)
    if held is None:
        return
    with held:
        # What would not die stays written down, for the next service to try.
        if end([_read(path) for path in sorted(records.glob("*.json"))]):
            shutil.rmtree(records, ignore_errors=True)


def _read(path: Path) -> Mark:
    """A record; of one that was cut off while it was written, the token is left, which is its name."""
    token = path.name.removesuffix(".json")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["machine"] != machine():
            return Mark(token)
        return Mark(token, found["pid"], found["started"], found["output"], found["place"])
    except (OSError, ValueError, KeyError, TypeError):
        return Mark(token)


if __name__ == "__main__":  # the watcher: wait until the service is dead, however it dies
    _clear_one(Path(sys.argv[1]), wait=True)
