"""[io] Where an output may be that was not delivered: what the agent wrote elsewhere, under its name.

The service delivers what lies below the outputs directory and nothing else, and a file that was written
to another place is gone with the session. Told where it is, the agent can move it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from agentflow.runtime.transcript import read_transcript

__all__ = ["elsewhere", "near_miss", "written_elsewhere"]

_WRITERS = ("write", "edit")
_MOST = 3
"""Places that are named."""


def written_elsewhere(transcript: Path, outputs_dir: str) -> list[str]:
    """Absolute paths outside of `outputs_dir` that tools of the agent have written, or name, in order.

    Calls that are known to have failed are left out. A transcript that cannot be read has none.
    """
    found: dict[str, list[str]] = {}
    try:
        for line in read_transcript(transcript):
            event = line.event
            if event.get("type") == "agent.tool_use":
                found[str(event.get("id"))] = list(_paths(event))
            elif event.get("type") == "agent.tool_result" and event.get("is_error"):
                found.pop(str(event.get("tool_use_id")), None)
    except OSError:
        return []
    paths = (posixpath.normpath(path) for paths in found.values() for path in paths)
    below = outputs_dir.rstrip("/") + "/"
    return list(dict.fromkeys(path for path in paths if not path.startswith(below)))


def _paths(event: Mapping[str, Any]) -> Iterator[str]:
    input = event.get("input")
    if not isinstance(input, Mapping):
        return
    if event.get("name") in _WRITERS:
        path = input.get("file_path")
        if isinstance(path, str) and path.startswith("/"):
            yield path
    elif event.get("name") == "bash":
        yield from re.findall(r"(?<![\w./~:-])/[\w./~+-]*\w", str(input.get("command", "")))


def elsewhere(filename: str, paths: Iterable[str]) -> str:
    """A sentence about the paths that end in a file name, or nothing."""
    found = [path for path in paths if posixpath.basename(path) == filename][:_MOST]
    if not found:
        return ""
    return f" A file of that name may be at {' or '.join(found)}: only what is in the outputs directory is delivered."


def near_miss(filename: str, delivered: Iterable[str]) -> str:
    """A sentence about a file that was delivered under nearly that name, or nothing."""
    for name in delivered:
        if name != filename and name.casefold() == filename.casefold():
            return f" There is {name}: the names differ in case."
    return ""
