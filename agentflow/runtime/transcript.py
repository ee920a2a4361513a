"""[io] Everything that was seen and sent in a run, one JSON object per line, appended and never changed.

A line is `{"at": "2026-11-22T10:00:00+00:00", "in": {…}}` for an event of the service, as it came,
or the same with `"out"` for what was sent; known secrets in it are masked. A crash can cut only the last line, which a reader skips.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from agentflow.ports import Clock
from agentflow.secret import mask

__all__ = ["Line", "Transcript", "read_transcript"]


class Line(NamedTuple):
    at: str
    sent: bool
    """False: it came from the service."""
    event: Mapping[str, Any]


class Transcript:
    def __init__(self, path: Path, clock: Clock) -> None:
        """Append to the file at `path`, making it and its directory if they are absent."""
        path.parent.mkdir(parents=True, exist_ok=True)
        # Half a character, which has no UTF-8, is written as its escape, which is JSON too.
        self._file = path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
        self._clock = clock
        if self._file.tell() and not _ends_with_newline(path):
            # A crash has cut the last line, which must not swallow the next one.
            self._file.write("\n")
        self._path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def keys(self) -> set[tuple[str, bool]]:
        """Of the events received so far: the id, and whether it was seen processed."""
        return {
            (str(line.event["id"]), line.event.get("processed_at") is not None)
            for line in read_transcript(self._path)
            if not line.sent and line.event.get("id")
        }

    def received(self, event: Mapping[str, Any]) -> None:
        self._write("in", event)

    def sent(self, event: Mapping[str, Any]) -> None:
        self._write("out", event)

    def close(self) -> None:
        self._file.close()

    def _write(self, way: str, event: Mapping[str, Any]) -> None:
        line = {"at": self._clock.now().isoformat(), way: event}
        self._file.write(mask(json.dumps(line, ensure_ascii=False, default=str)) + "\n")


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"


def read_transcript(path: Path) -> Iterator[Line]:
    """The lines of a transcript in order, leaving out what is not one."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for text in file:
            try:
                line = json.loads(text)
                sent = "out" in line
                event = line["out" if sent else "in"]
                at = str(line["at"])
            except (ValueError, KeyError, TypeError):
                continue
            if isinstance(event, dict):
                yield Line(at, sent, event)
