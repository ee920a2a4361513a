"""[io] Do the same to many things in several processes, copies of this one, that share nothing but the list.

Each copy takes the next that nobody has taken, writes down what came of it, and is gone when nothing is
left; so does this process. Nothing waits for an answer, so nothing can wait for ever: what a copy did
not write down, because it was killed or gave up, is missing, and whoever asked does it alone.

Only on Linux, and only from a process without threads: elsewhere a copy of a running process may not work.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import NamedTuple, NoReturn

__all__ = ["Done", "Work", "jobs_here", "spread"]

_MOST = 8
"""Processes, unless somebody asks for more: beyond, what has to be done before takes most of the time."""

_NUMBER = 4
"""Bytes of one number of the list."""

_LISTED = 8192
"""So many fit into a pipe that nobody reads yet. What is beyond is missing."""


class Done(NamedTuple):
    """What came of one."""

    data: bytes
    is_enough: bool = False
    """Nobody need take another."""


Work = Callable[[int, bool], Done]
"""Takes a number, and whether this is a copy."""


def jobs_here() -> int:
    """How many processes can run at once here, and are worth it."""
    if not hasattr(os, "sched_getaffinity"):
        return 1
    return min(len(os.sched_getaffinity(0)), _MOST)


def spread(number: int, work: Work, *, jobs: int) -> Mapping[int, bytes]:
    """What `work` says of 0, 1, 2 … below `number`, as far as it was written down.

    Args:
        number: how many there are.
        work: may fail in a copy, or end it: then its answer is missing.
        jobs: so many processes with this one.

    Raises:
        BaseException: what `work` raises in this process. No copy is left then.
    """
    if not _can_copy():
        return {}
    with ExitStack() as opened:
        try:
            reading = _listed(min(number, _LISTED), opened)
            notes = [_note(opened) for _ in range(jobs - 1)]
        except OSError:  # as many files as may be are open
            return {}
        own: dict[int, bytes] = {}
        with _copies(reading, notes, work):
            for item in _taken(reading):
                done = work(item, False)
                own[item] = done.data
                if done.is_enough:
                    _take_rest(reading)
        for note in notes:
            own |= _written(note)
        return own


def _listed(number: int, opened: ExitStack) -> int:
    """A pipe that holds the numbers below this one, and ends behind them."""
    reading, writing = os.pipe()
    opened.callback(os.close, reading)
    try:
        os.write(writing, b"".join(item.to_bytes(_NUMBER, sys.byteorder) for item in range(number)))
    finally:
        os.close(writing)
    return reading


def _note(opened: ExitStack) -> int:
    """A file without a name, in memory, for what a copy finds."""
    note = os.memfd_create("agentflow")
    opened.callback(os.close, note)
    return note


def _can_copy() -> bool:
    """Linux, and nothing but this thread runs."""
    try:
        with os.scandir("/proc/self/task") as threads:
            return hasattr(os, "memfd_create") and sum(1 for _ in threads) == 1
    except OSError:
        return False


@contextmanager
def _copies(reading: int, notes: list[int], work: Work) -> Iterator[None]:
    """Copies of this process at work, one for each note. They end before this does, well or not."""
    import signal

    parent = os.getpid()
    # Until the copy has left what this process does when it is interrupted.
    held = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    running: list[int] = []
    try:
        for note in notes:
            try:
                pid = os.fork()
            except OSError:  # no more processes: those that there are do it
                break
            if not pid:
                _work_as_copy(parent, reading, note, work)
            running.append(pid)
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
        yield
        while running:
            os.waitpid(running[-1], 0)
            running.pop()
    finally:
        for pid in running:
            os.kill(pid, signal.SIGKILL)
        for pid in running:
            os.waitpid(pid, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _work_as_copy(parent: int, reading: int, note: int, work: Work) -> NoReturn:
    """Take, do and write down, and end the process: nothing of what called us goes on in it."""
    import signal

    code = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
        for item in _taken(reading):
            if os.getppid() != parent:
                break
            done = work(item, True)
            _write(note, item, done.data)
            if done.is_enough:
                _take_rest(reading)
        code = 0
    finally:
        os._exit(code)


def _taken(reading: int) -> Iterator[int]:
    """Numbers that nobody else takes. Reads of a pipe do not mix: each gets a whole number."""
    while data := os.read(reading, _NUMBER):
        yield int.from_bytes(data, sys.byteorder)


def _take_rest(reading: int) -> None:
    while os.read(reading, _NUMBER * _LISTED):
        pass


def _write(note: int, item: int, done: bytes) -> None:
    """Number, length and answer. Cut off, it is none."""
    data = memoryview(b"%d %d\n%b" % (item, len(done), done))
    while data:
        data = data[os.write(note, data) :]


def _written(note: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    with open(os.dup(note), "rb") as file:  # noqa: PTH123 - it has no path
        file.seek(0)
        while line := file.readline():
            try:
                item, length = map(int, line.split())
            except ValueError:
                break
            done = file.read(length)
            if len(done) < length:
                break
            found[item] = done
    return found
