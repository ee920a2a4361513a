"""[io] Everything that was seen and sent in a run, one JSON object per line, appended and never changed.

A line is `{"at": "2026-11-22T10:00:00+00:00", "in": {…}}` for an event of the service, as it came,
or the same with `"out"` for what was sent; known secrets in it are masked. A crash can cut only the last line, which a reader skips.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from pydantic_core import to_json

from agentflow.ports import Clock
from agentflow.runtime.events import decoded
from agentflow.secret import mask

__all__ = ["Line", "Transcript", "read_transcript"]


class Line(NamedTuple):
    at: str
    sent: bool
    """False: it came from the service."""
    event: Mapping[str, Any]


class Transcript:
    """What is received is written at the next turn of the event loop, together; what is sent, at once.

    A crash loses the events of that turn, which the history of the session still has.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        """Append to the file at `path`, making it and its directory if they are absent."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        self._clock = clock
        self._path = path
        self._lines: list[bytes] = []
        self._at = ""
        """When the first of the lines came that wait; those that come in the same turn came then too."""
        self._failure: OSError | None = None
        if path.stat().st_size and not _ends_with_newline(path):
            # A crash has cut the last line, which must not swallow the next one.
            self._lines.append(b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def keys(self) -> set[tuple[str, bool]]:
        """Of the events received so far: the id, and whether it was seen processed."""
        self.flush()
        return {
            (str(line.event["id"]), line.event.get("processed_at") is not None)
            for line in read_transcript(self._path)
            if not line.sent and line.event.get("id")
        }

    def received(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write down an event, and give it back as it may be shown: without known secrets."""
        text = _json(event)
        shown = mask(text)
        if not self._lines:
            self._flush_soon()
            self._at = self._clock.now().isoformat()
        self._lines.append(_line(self._at, "in", shown))
        if shown is text:
            return event
        masked: Mapping[str, Any] = json.loads(shown)
        return masked

    def sent(self, event: Mapping[str, Any]) -> None:
        at = self._clock.now().isoformat()
        self._lines.append(_line(at, "out", mask(_json(event))))
        self.flush()

    def flush(self) -> None:
        """Write what waits. Raises `OSError`, also for an earlier failure that nobody heard of."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        while self._lines:
            data = b"".join(self._lines)
            rest = data[os.write(self._file, data) :]
            self._lines = [rest] if rest else []

    def close(self) -> None:
        try:
            self.flush()
        finally:
            os.close(self._file)
            self._file = -1

    def _flush_soon(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # nothing else happens before `close`
        loop.call_soon(self._flush_quietly)

    def _flush_quietly(self) -> None:
        if self._file == -1:
            return
        try:
            self.flush()
        except OSError as error:
            self._failure = error


def _line(at: str, way: str, text: str) -> bytes:
    return f'{{"at":"{at}","{way}":{text}}}\n'.encode()


def _json(event: Mapping[str, Any]) -> str:
    """One line. What has no UTF-8, which no event of the service has, is written as its escape."""
    try:
        return to_json(event, fallback=str).decode()
    except ValueError:
        return json.dumps(event, default=str)


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"


def read_transcript(path: Path) -> Iterator[Line]:
    """The lines of a transcript in order, leaving out what is not one."""
    with path.open("rb") as file:
        for text in file:
            try:
                line = decoded(text)
                sent = "out" in line
                event = line["out" if sent else "in"]
                at = str(line["at"])
            except (ValueError, KeyError, TypeError):
                continue
            if isinstance(event, dict):
                yield Line(at, sent, event)
