"""[io] Sessions of a service, over the SDK.

Events stay the JSON that came: the SDK's own models turn an event type they do not know into a user
message, and cost twenty times as much. The SDK does the request, authentication and errors.

Nothing here is repeated. Requests with effects are sent once, and whether one took place is for the
caller to look up.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from agentflow.errors import ServiceError, StreamLost
from agentflow.ports import RemoteFile, SessionInfo
from agentflow.remote.client import StreamClients
from agentflow.remote.errors import cleaned, translate
from agentflow.remote.frames import FrameReader
from agentflow.runtime.events import decoded

if TYPE_CHECKING:
    import httpx2
    from anthropic import AsyncAnthropic

__all__ = ["RemoteSessions"]

_TIMEOUT_S = 60.0
_UPLOAD_TIMEOUT_S = 600.0
_OPENING_AT_ONCE = 24
"""Streams and sessions: a burst of handshakes takes longer in all, until the last of them time out."""

_FILES_BETA = "managed-agents-2026-04-01"
"""Files are generally available, but listing those of a session is not."""


class RemoteSessions:
    """`ports.Sessions` of one service. The clients stay the caller's, who closes them."""

    def __init__(
        self, client: AsyncAnthropic, streams: AsyncAnthropic | StreamClients | None = None
    ) -> None:
        """`streams` have connections of their own, so that they never hold up a request."""
        self._reads: Any = client.with_options(timeout=_TIMEOUT_S)
        self._writes: Any = client.with_options(timeout=_TIMEOUT_S, max_retries=0)
        self._uploads: Any = client.with_options(timeout=_UPLOAD_TIMEOUT_S, max_retries=0)
        self._opening = asyncio.Semaphore(_OPENING_AT_ONCE)
        own = streams or client
        self._streams = own if isinstance(own, StreamClients) else own.with_options(max_retries=0)

    async def create(self, body: Mapping[str, Any]) -> SessionInfo:
        required = {key: body[key] for key in ("agent", "environment_id")}
        raw = self._writes.beta.sessions.with_raw_response
        async with self._opening:
            return _info(await _answer(partial(raw.create, **required, extra_body=dict(body))))

    async def retrieve(self, session_id: str) -> SessionInfo:
        raw = self._reads.beta.sessions.with_raw_response
        return _info(await _answer(partial(raw.retrieve, session_id)))

    async def update(self, session_id: str, body: Mapping[str, Any]) -> SessionInfo:
        raw = self._writes.beta.sessions.with_raw_response
        return _info(await _answer(partial(raw.update, session_id, extra_body=dict(body))))

    async def add_resource(self, session_id: str, body: Mapping[str, Any]) -> None:
        raw = self._writes.beta.sessions.resources.with_raw_response
        required = {key: body[key] for key in ("type", "file_id")}
        await _answer(partial(raw.add, session_id, **required, extra_body=dict(body)))

    async def list(self, *, statuses: Sequence[str] = ()) -> Sequence[SessionInfo]:
        raw = self._reads.beta.sessions.with_raw_response
        only = {"statuses": list(statuses)} if statuses else {}
        return [_info(item) for item in await _all_pages(partial(raw.list, limit=100, **only))]

    @asynccontextmanager
    async def stream(self, session_id: str) -> AsyncIterator[AsyncIterator[Mapping[str, Any]]]:
        """Entering opens the connection: events emitted from then on are delivered."""
        import httpx2

        async with AsyncExitStack() as stack:
            client: Any = self._streams
            if isinstance(client, StreamClients):
                client = stack.enter_context(client.place())
            events = client.beta.sessions.events.with_streaming_response
            # Silence is normal, and watched by who reads; a limit on each read is a timer for each.
            opening = events.stream(session_id, timeout=httpx2.Timeout(_TIMEOUT_S, read=None))
            try:
                async with self._opening:
                    response = await stack.enter_async_context(opening)
            except Exception as error:
                raise translate(error) from error
            frames = _frames(response.http_response)
            yield await stack.enter_async_context(contextlib.aclosing(frames))

    async def history(self, session_id: str) -> Sequence[Mapping[str, Any]]:
        raw = self._reads.beta.sessions.events.with_raw_response
        return await _all_pages(partial(raw.list, session_id))

    async def send(
        self, session_id: str, events: Sequence[Mapping[str, Any]]
    ) -> Sequence[Mapping[str, Any]]:
        raw = self._writes.beta.sessions.events.with_raw_response
        body = {"events": [dict(event) for event in events]}
        answer = await _answer(partial(raw.send, session_id, events=[], extra_body=body))
        return [event for event in answer.get("data") or [] if isinstance(event, dict)]

    async def archive(self, session_id: str) -> None:
        raw = self._writes.beta.sessions.with_raw_response
        await _answer(partial(raw.archive, session_id))

    async def upload(self, path: Path, *, filename: str) -> RemoteFile:
        raw = self._uploads.beta.files.with_raw_response
        with path.open("rb") as file:
            return _file(await _answer(partial(raw.upload, file=(filename, file))))

    async def files(self, session_id: str) -> Sequence[RemoteFile]:
        raw = self._reads.beta.files.with_raw_response
        pages = partial(raw.list, scope_id=session_id, betas=[_FILES_BETA])
        return [_file(item) for item in await _all_pages(pages)]

    async def download(self, file_id: str, to: Path) -> None:
        """Write the bytes to `to`, whole or not at all."""
        api = self._reads.beta.files.with_streaming_response
        with _whole_file(to) as file:
            try:
                async with api.download(file_id) as response:
                    async for chunk in response.iter_bytes():
                        await asyncio.to_thread(file.write, chunk)
            except Exception as error:
                raise translate(error) from error


@contextlib.contextmanager
def _whole_file(to: Path) -> Iterator[IO[bytes]]:
    """A file that appears as `to` once it is complete, and not at all after an exception."""
    descriptor, name = tempfile.mkstemp(prefix=".download-", dir=to.parent)
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)


def _bytes(response: httpx2.Response) -> AsyncIterator[bytes]:
    """What is read as it is read. Without an encoding there is nothing to decode, or to put together."""
    if "content-encoding" in response.headers or not isinstance(response.stream, AsyncIterable):
        return response.aiter_bytes()
    return aiter(response.stream)


async def _frames(response: httpx2.Response) -> AsyncGenerator[Mapping[str, Any], None]:
    """The events of a stream as they come. It ends when the service closes it.

    Raises:
        StreamLost: the connection broke or went silent, or the service reported an error.
    """
    import httpx2

    reader = FrameReader()
    try:
        async for chunk in _bytes(response):
            for kind, data in reader.feed(chunk):
                if kind == "error":
                    text = data[:500].decode("utf-8", "replace")
                    raise StreamLost(f"The service broke off the stream: {cleaned(text)}")
                if kind == "ping":
                    continue
                event = decoded(data)
                if isinstance(event, dict):
                    yield event
    except httpx2.HTTPError as error:
        text = cleaned(str(error)) or type(error).__name__
        raise StreamLost(f"The stream broke: {text}") from error
    except ValueError as error:
        raise StreamLost(f"The stream carried something that is not JSON: {error}") from error


async def _answer(request: Callable[[], Awaitable[Any]]) -> Mapping[str, Any]:
    """The JSON object of one answer.

    Raises:
        ServiceError: as `translate` says.
    """
    try:
        response = await request()
        body = decoded(await response.read())
    except ValueError as error:  # a body that is not JSON
        raise ServiceError("The service sent an answer that is not JSON.") from error
    except Exception as error:
        raise translate(error) from error
    if not isinstance(body, dict):
        raise ServiceError("The service sent an answer that is not a JSON object.")
    return body


async def _all_pages(request: Callable[..., Awaitable[Any]]) -> list[Mapping[str, Any]]:
    items: list[Mapping[str, Any]] = []
    seen: set[str] = set()
    cursor: dict[str, str] = {}
    while True:
        page = await _answer(partial(request, **cursor))
        items += [item for item in page.get("data") or [] if isinstance(item, dict)]
        following = page.get("next_page")
        if not following:
            return items
        if following in seen:
            raise ServiceError("A list of the service does not end.")
        seen.add(following)
        cursor = {"page": following}


def _info(body: Mapping[str, Any]) -> SessionInfo:
    agent = body.get("agent") or {}
    if not isinstance(body.get("id"), str):
        raise ServiceError("The service sent a session without an id.")
    return SessionInfo(
        id=body["id"],
        status=str(body.get("status") or ""),
        agent_id=str(agent.get("id") or ""),
        agent_version=int(agent.get("version") or 0),
        environment_id=str(body.get("environment_id") or ""),
        usage=body.get("usage") or {},
        stats=body.get("stats") or {},
        metadata=body.get("metadata") or {},
        created_at=str(body.get("created_at") or ""),
        archived=body.get("archived_at") is not None,
        title=str(body.get("title") or ""),
        budget=body.get("budget"),
        resources=body.get("resources") or (),
        agent_name=str(agent.get("name") or ""),
        model=_model(agent.get("model")),
    )


def _model(given: object) -> str:
    """The id of a model: an object with more about it, or the id itself."""
    found = given.get("id") if isinstance(given, dict) else given
    return found if isinstance(found, str) else ""


def _file(body: Mapping[str, Any]) -> RemoteFile:
    if not isinstance(body.get("id"), str):
        raise ServiceError("The service sent a file without an id.")
    return RemoteFile(
        id=body["id"],
        filename=str(body.get("filename") or body["id"]),
        size_bytes=int(body.get("size_bytes") or 0),
        mime_type=str(body.get("mime_type") or ""),
        downloadable=body.get("downloadable") is True,
        created_at=str(body.get("created_at") or ""),
    )
