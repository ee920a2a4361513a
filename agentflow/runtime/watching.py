"""[io] One process at a time follows a run: a lock that ends with the process, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agentflow.errors import Blocked

__all__ = ["is_watched", "watch"]

_NAME = "lock"


@contextmanager
def watch(directory: Path, run_id: str) -> Iterator[None]:
    """Be the one that follows the run whose files are in `directory`, which is made if it is absent.

    Raises:
        Blocked: another process of this machine does.
    """
    directory.mkdir(parents=True, exist_ok=True)
    # A bare descriptor: a file object has buffers, and there may be thousands of runs.
    file = os.open(directory / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = os.read(file, 100).decode("ascii", "replace").strip() or "unknown"
            raise Blocked(
                f"Run {run_id} is being followed by process {who}.",
                hint=f"It goes on by itself. To end it: agentflow sessions interrupt {run_id}",
            ) from None
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode("ascii"))
        yield
    finally:
        os.close(file)


def is_watched(directory: Path) -> bool:
    """Whether a process of this machine follows the run whose files are in `directory`."""
    try:
        with (directory / _NAME).open(encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
