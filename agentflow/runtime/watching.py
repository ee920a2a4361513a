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
    with (directory / _NAME).open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Blocked(
                f"Run {run_id} is being followed by process {file.read().strip() or 'unknown'}.",
                hint=f"It goes on by itself. To end it: agentflow sessions interrupt {run_id}",
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


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
