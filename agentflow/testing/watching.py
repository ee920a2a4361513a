"""[io] When a file of a project changes, for those who run its tests again and again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from agentflow.operations.project import SKIPPED_DIRECTORIES

__all__ = ["changes", "stamps"]

EVERY_S = 0.4


def stamps(root: Path) -> dict[str, tuple[int, int]]:
    """Time and size of every file of a project, hidden ones and caches left out."""
    found: dict[str, tuple[int, int]] = {}
    for directory, folders, names in os.walk(root):
        folders[:] = [f for f in folders if not f.startswith(".") and f not in SKIPPED_DIRECTORIES]
        for name in names:
            path = Path(directory, name)
            try:
                status = path.stat()
            except OSError:
                continue  # it went while we looked
            found[str(path.relative_to(root))] = (status.st_mtime_ns, status.st_size)
    return found


def changes(
    root: Path,
    *,
    look: Callable[[Path], Mapping[str, tuple[int, int]]] = stamps,
    pause: Callable[[], None] = lambda: time.sleep(EVERY_S),
) -> Iterator[list[str]]:
    """Nothing at first, then the names of what has changed, whenever something has.

    What is written while a round is at work belongs to that round: goldens would start the next one.
    """
    changed: list[str] = []
    while True:
        yield sorted(changed)
        known = look(root)
        while (now := look(root)) == known:
            pause()
        changed = [name for name in {*known, *now} if known.get(name) != now.get(name)]
