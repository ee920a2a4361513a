"""A service in memory, for what a real one is too quick, too slow or too reliable for: timing and failure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agentflow.errors import NotFound
from agentflow.ports import RemoteFile, SessionInfo

Raw = dict[str, Any]
AT = "2026-11-22T10:00:00Z"


class Desk:
    """`ports.Sessions` with one session. `react` says which events follow one that was sent."""

    def __init__(
        self, react: Callable[[Mapping[str, Any]], Sequence[Raw]] = lambda event: ()
    ) -> None:
        self.react = react
        self.events: list[Raw] = []
        self.sent: list[Mapping[str, Any]] = []
        self.status = "idle"
        self.opened = 0
        self.send_faults: list[tuple[str, Exception]] = []
        """`before` or `after` the effect, and what is raised; one for each send."""
        self.stream_faults: list[Exception | None] = []
        """Raised when a stream is opened; one for each opening."""
        self.create_faults: list[Exception] = []
        self.history_faults: list[Exception] = []
        self.deaf: set[int] = set()
        """Streams, counted from 1, that stay silent."""
        self.bodies: list[Mapping[str, Any]] = []
        self.stored: list[tuple[RemoteFile, bytes]] = []
        self.uploads: list[str] = []
        self.updates: list[Mapping[str, Any]] = []
        self.mounted: list[Mapping[str, Any]] = []
        self._listeners: list[asyncio.Queue[Raw | None]] = []

    def emit(self, *events: Raw) -> None:
        for event in events:
            event.setdefault("id", f"sevt_{len(self.events) + 1}")
            event.setdefault("processed_at", AT)
            self.events.append(event)
            if event["type"].startswith("session.status_"):
                self.status = event["type"].removeprefix("session.status_")
            for listener in self._listeners:
                listener.put_nowait(event)

    def cut(self) -> None:
        """End every open stream."""
        for listener in self._listeners:
            listener.put_nowait(None)

    async def create(self, body: Mapping[str, Any]) -> SessionInfo:
        self.bodies.append(body)
        if self.create_faults:
            raise self.create_faults.pop(0)
        return self._info()

    def _info(self) -> SessionInfo:
        return SessionInfo(
            id="sesn_1",
            status=self.status,
            agent_id="agent_1",
            agent_version=1,
            environment_id="env_1",
            usage={},
            stats={},
        )

    async def retrieve(self, session_id: str) -> SessionInfo:
        if self.status == "deleted":
            raise NotFound("There is no such session.", status=404)
        return self._info()

    async def update(self, session_id: str, body: Mapping[str, Any]) -> SessionInfo:
        self.updates.append(body)
        return self._info()

    async def add_resource(self, session_id: str, body: Mapping[str, Any]) -> None:
        self.mounted.append(body)

    async def list(self, *, statuses: Sequence[str] = ()) -> Sequence[SessionInfo]:
        return [] if statuses and self.status not in statuses else [self._info()]

    @asynccontextmanager
    async def stream(self, session_id: str) -> AsyncIterator[AsyncIterator[Mapping[str, Any]]]:
        self.opened += 1
        fault = self.stream_faults.pop(0) if self.stream_faults else None
        if fault is not None:
            raise fault
        queue: asyncio.Queue[Raw | None] = asyncio.Queue()
        if self.opened not in self.deaf:
            self._listeners.append(queue)

        async def frames() -> AsyncIterator[Mapping[str, Any]]:
            while (event := await queue.get()) is not None:
                yield event

        try:
            yield frames()
        finally:
            if queue in self._listeners:
                self._listeners.remove(queue)

    async def history(self, session_id: str) -> Sequence[Mapping[str, Any]]:
        if self.history_faults:
            raise self.history_faults.pop(0)
        return list(self.events)

    async def send(
        self, session_id: str, events: Sequence[Mapping[str, Any]]
    ) -> Sequence[Mapping[str, Any]]:
        when, fault = self.send_faults.pop(0) if self.send_faults else ("", None)
        if when == "before" and fault is not None:
            raise fault
        stored: list[Raw] = []
        for event in events:
            self.sent.append(event)
            stored.append(dict(event))
            self.emit(stored[-1])
            self.emit(*self.react(event))
        if fault is not None:
            raise fault
        return stored

    async def archive(self, session_id: str) -> None:
        self.status = "terminated"

    async def upload(self, path: Path, *, filename: str) -> RemoteFile:
        self.uploads.append(filename)
        return remote_file(f"file_{len(self.uploads)}", filename)

    async def files(self, session_id: str) -> Sequence[RemoteFile]:
        return [file for file, _ in self.stored]

    async def download(self, file_id: str, to: Path) -> None:
        data = next(data for file, data in self.stored if file.id == file_id)
        await asyncio.to_thread(to.write_bytes, data)


def remote_file(id: str, name: str) -> RemoteFile:
    return RemoteFile(
        id=id,
        filename=name,
        size_bytes=1,
        mime_type="text/plain",
        downloadable=True,
        created_at="1",
    )


def running() -> Raw:
    return {"type": "session.status_running"}


def idle(reason: str = "end_turn", **fields: Any) -> Raw:
    return {"type": "session.status_idle", "stop_reason": {"type": reason, **fields}}


def custom_use(id: str, name: str = "rate", **input: Any) -> Raw:
    return {"type": "agent.custom_tool_use", "id": id, "name": name, "input": input}
