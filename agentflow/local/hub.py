"""Live event streams: who listens to which session, and what they have not read yet.

A stream carries what is emitted after it was opened; nothing is replayed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

__all__ = ["Hub", "Listener"]

Listener = asyncio.Queue[Mapping[str, Any] | None]
"""Events as they come; None: the service closes the stream."""


class Hub:
    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = {}
        self._closed = False

    @contextmanager
    def listen(self, session_id: str) -> Iterator[Listener]:
        listener: Listener = asyncio.Queue()
        if self._closed:
            listener.put_nowait(None)
        listeners = self._listeners.setdefault(session_id, [])
        listeners.append(listener)
        try:
            yield listener
        finally:
            listeners.remove(listener)
            if not listeners:
                self._listeners.pop(session_id, None)

    def publish(self, session_id: str, event: Mapping[str, Any]) -> None:
        for listener in self._listeners.get(session_id, ()):
            listener.put_nowait(event)

    def close(self, session_id: str) -> None:
        """End every stream of one session, after what was published."""
        for listener in self._listeners.get(session_id, ()):
            listener.put_nowait(None)

    def close_all(self) -> None:
        self._closed = True
        for session_id in list(self._listeners):
            self.close(session_id)
