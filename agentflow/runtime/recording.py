"""[io] Sessions that are recorded on the way: whatever a client does with them gets onto a cassette."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from agentflow.errors import AgentflowError, ServiceError, StreamLost
from agentflow.ports import RemoteFile, SessionInfo, Sessions
from agentflow.runtime.cassette import CassetteWriter
from agentflow.runtime.file_bodies import file_body

__all__ = ["RecordingSessions", "error_of", "plain", "reported"]

T = TypeVar("T")
_Items = list[Mapping[str, Any]]


def plain(value: SessionInfo | RemoteFile) -> dict[str, Any]:
    return asdict(value)


def reported(info: SessionInfo) -> dict[str, Any]:
    """What the head of a cassette says of its session."""
    return {
        "id": info.id,
        "agent_id": info.agent_id,
        "agent": info.agent_name or None,
        "version": info.agent_version or None,
        "model": info.model or None,
    }


def error_of(error: AgentflowError) -> dict[str, Any]:
    """An exception as a cassette has it."""
    found: dict[str, Any] = {"type": type(error).__name__, "message": error.message}
    for name in ("status", "retry_after_s"):
        value = getattr(error, name, None)
        if value is not None:
            found[name] = value
    return found


class RecordingSessions:
    """`ports.Sessions` that writes down what another one is asked and answers."""

    def __init__(
        self, inner: Sessions, writer: CassetteWriter, *, compressed: bool = False
    ) -> None:
        """`compressed`: keep contents of files also where no secret could be found in them."""
        self._inner = inner
        self._writer = writer
        self._compressed = compressed
        self._names: dict[str, str] = {}
        self.omitted: list[str] = []
        """Names of files whose contents are left out, because no secret could be found in them."""

    async def _wrote(self, op: str, given: Any, request: Awaitable[T]) -> T:
        """The answer to a request with an effect; it stands where it was made, before what it caused."""
        slot = self._writer.reserve()
        try:
            answer = await request
        except ServiceError as error:
            self._writer.fill(slot, op, **{"in": given}, error=error_of(error))
            raise
        except BaseException:
            self._writer.drop(slot)
            raise
        self._meet(answer)
        self._writer.fill(slot, op, **{"in": given}, out=_shown(answer))
        return answer

    async def _read(self, op: str, request: Awaitable[T]) -> T:
        """The answer to a request without one; it stands where it came."""
        try:
            answer = await request
        except ServiceError as error:
            self._writer.add(op, error=error_of(error))
            raise
        self._meet(answer)
        self._writer.add(op, out=_shown(answer))
        return answer

    def _meet(self, answer: object) -> None:
        if isinstance(answer, SessionInfo):
            self._writer.knows(session=reported(answer))

    async def create(self, body: Mapping[str, Any]) -> SessionInfo:
        return await self._wrote("create", dict(body), self._inner.create(body))

    async def retrieve(self, session_id: str) -> SessionInfo:
        return await self._read("retrieve", self._inner.retrieve(session_id))

    async def update(self, session_id: str, body: Mapping[str, Any]) -> SessionInfo:
        return await self._wrote("update", dict(body), self._inner.update(session_id, body))

    async def add_resource(self, session_id: str, body: Mapping[str, Any]) -> None:
        await self._wrote("add_resource", dict(body), self._inner.add_resource(session_id, body))

    async def list(self, *, statuses: Sequence[str] = ()) -> Sequence[SessionInfo]:
        # About other sessions too, which are no part of this one.
        return await self._inner.list(statuses=statuses)

    @asynccontextmanager
    async def stream(self, session_id: str) -> AsyncIterator[AsyncIterator[Mapping[str, Any]]]:
        try:
            async with self._inner.stream(session_id) as events:
                self._writer.add("stream")
                yield self._heard(events)
        except (ServiceError, StreamLost) as error:
            self._writer.add("stream_end", error=error_of(error))
            raise

    async def _heard(
        self, events: AsyncIterator[Mapping[str, Any]]
    ) -> AsyncIterator[Mapping[str, Any]]:
        async for event in events:
            self._writer.add("event", out=dict(event))
            yield event
        self._writer.add("stream_end")

    async def history(self, session_id: str) -> Sequence[Mapping[str, Any]]:
        return await self._read("history", self._inner.history(session_id))

    async def send(
        self, session_id: str, events: Sequence[Mapping[str, Any]]
    ) -> Sequence[Mapping[str, Any]]:
        sent: _Items = [dict(event) for event in events]
        return await self._wrote("send", sent, self._inner.send(session_id, events))

    async def archive(self, session_id: str) -> None:
        await self._wrote("archive", None, self._inner.archive(session_id))

    async def upload(self, path: Path, *, filename: str) -> RemoteFile:
        body = file_body(await asyncio.to_thread(path.read_bytes))
        given = {"filename": filename, "sha256": body["sha256"]}
        return await self._wrote("upload", given, self._inner.upload(path, filename=filename))

    async def files(self, session_id: str) -> Sequence[RemoteFile]:
        listed = await self._read("files", self._inner.files(session_id))
        self._names.update((file.id, file.filename) for file in listed)
        return listed

    async def download(self, file_id: str, to: Path) -> None:
        try:
            await self._inner.download(file_id, to)
        except ServiceError as error:
            self._writer.add("download", **{"in": file_id}, error=error_of(error))
            raise
        data = await asyncio.to_thread(to.read_bytes)
        body = file_body(data, compressed=self._compressed)
        if "omitted" in body:
            self.omitted.append(self._names.get(file_id, file_id))
        self._writer.add("download", **{"in": file_id}, out=body)


def _shown(answer: Any) -> Any:
    if isinstance(answer, (SessionInfo, RemoteFile)):
        return plain(answer)
    if isinstance(answer, (list, tuple)):
        return [_shown(item) for item in answer]
    return answer
