"""The embedded service without a connection: its whole application, called in this process.

What a client would send is handed to the application as HTTP, and what it answers is read as HTTP. So routes,
checks, error envelopes, event frames and every fault on purpose are those of the service; what is left out
is the network, and the SDK with its two seconds of import. Errors are told apart as `remote.errors` does.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from agentflow.errors import (
    Conflict,
    LostAnswer,
    NotFound,
    Rejected,
    ServiceError,
    StreamLost,
    Unavailable,
)
from agentflow.ports import RemoteFile, SessionInfo
from agentflow.testing.clock import working

__all__ = ["Answer", "Wire", "WireSessions"]

BETA = "managed-agents-2026-04-01"
_BOUNDARY = "agentflow-part"
_BY_STATUS: dict[int, type[ServiceError]] = {404: NotFound, 409: Conflict}


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body of a success.

        Raises:
            ServiceError: it is none; of the type that the status means.
        """
        data = json.loads(self.body)
        if self.status < 400:
            return data
        error = data.get("error", {})
        message = str(error.get("message", ""))
        more = {"status": self.status, "type": error.get("type")}
        if self.status in (408, 429) or self.status >= 500:
            after = self.headers.get("retry-after")
            raise Unavailable(
                message, retry_after_s=None if after is None else float(after), **more
            )
        raise _BY_STATUS.get(self.status, Rejected)(message, **more)


class _Exchange:
    """One request on its way through the application."""

    def __init__(self, app: Any, scope: Mapping[str, Any], body: bytes) -> None:
        self._sent: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()
        self._gone = asyncio.Event()
        self._body: bytes | None = body
        self.broken = False
        self._task = asyncio.get_running_loop().create_task(self._run(app, scope))

    async def _run(self, app: Any, scope: Mapping[str, Any]) -> None:
        try:
            await app(scope, self._receive, self._sent.put)
        except Exception:
            # What leaves the application breaks the connection, as a server would.
            self.broken = True
        finally:
            self._sent.put_nowait(None)

    async def _receive(self) -> Mapping[str, Any]:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def next(self) -> Mapping[str, Any] | None:
        """The next message of the application. None: there are no more."""
        return await self._sent.get()

    async def close(self) -> None:
        """Hang up, and let the application notice."""
        self._gone.set()
        if not self._task.done():
            done, _ = await asyncio.wait([self._task], timeout=1.0)
            if not done:
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)


class Wire:
    """Requests to one application."""

    def __init__(self, app: Any, token: str, headers: Mapping[str, str] | None = None) -> None:
        """`headers` go with every request."""
        self._app = app
        self._headers = {"host": "localhost", "x-api-key": token, "anthropic-beta": BETA}
        self._headers |= headers or {}

    def _scope(
        self, method: str, path: str, query: Mapping[str, Any], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        lines = {**self._headers, **headers}
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": urlencode(query, doseq=True).encode(),
            "headers": [(name.encode(), value.encode()) for name, value in lines.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "extensions": {"http.response.pathsend": {}},
        }

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        data: Any = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request and its whole answer. `data` is sent as JSON, `body` as it is.

        Raises:
            LostAnswer: the connection broke.
        """
        if data is not None:
            body = json.dumps(data, ensure_ascii=False).encode()
        exchange = _Exchange(self._app, self._scope(method, path, query or {}, headers or {}), body)
        head: Mapping[str, Any] = {}
        parts: list[bytes] = []
        # The application reads files in threads of its own.
        with working():
            try:
                while (message := await exchange.next()) is not None:
                    if message["type"] == "http.response.start":
                        head = message
                    elif message["type"] == "http.response.body":
                        parts.append(message.get("body", b""))
                    elif message["type"] == "http.response.pathsend":
                        parts.append(await asyncio.to_thread(Path(message["path"]).read_bytes))
            finally:
                await exchange.close()
        if exchange.broken or not head:
            raise LostAnswer(f"The connection broke before the answer to {method} {path}.")
        return Answer(int(head["status"]), _texts(head), b"".join(parts))

    @asynccontextmanager
    async def stream(self, path: str) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        """Entering waits for the head of the answer; then its body comes piece by piece.

        Raises:
            ServiceError: it is refused.
        """
        exchange = _Exchange(self._app, self._scope("GET", path, {}, {}), b"")
        try:
            head = await exchange.next()
            if head is None:
                raise LostAnswer(f"The connection broke before the answer to GET {path}.")
            if int(head["status"]) >= 400:
                body = await exchange.next() or {}
                Answer(int(head["status"]), _texts(head), body.get("body", b"")).json()
            async with aclosing(_pieces(exchange)) as pieces:
                yield pieces
        finally:
            await exchange.close()


def _texts(head: Mapping[str, Any]) -> dict[str, str]:
    return {name.decode().lower(): value.decode() for name, value in head.get("headers", ())}


async def _pieces(exchange: _Exchange) -> AsyncGenerator[bytes, None]:
    while (message := await exchange.next()) is not None:
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return
    if exchange.broken:
        raise StreamLost("The stream broke.")


_Items = list[Mapping[str, Any]]


class WireSessions:
    """`ports.Sessions` of an application in this process."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def _call(self, method: str, path: str, **how: Any) -> Any:
        return (await self._wire.request(method, path, **how)).json()

    async def create(self, body: Mapping[str, Any]) -> SessionInfo:
        return _info(await self._call("POST", "/v1/sessions", data=body))

    async def retrieve(self, session_id: str) -> SessionInfo:
        return _info(await self._call("GET", f"/v1/sessions/{session_id}"))

    async def update(self, session_id: str, body: Mapping[str, Any]) -> SessionInfo:
        return _info(await self._call("POST", f"/v1/sessions/{session_id}", data=body))

    async def add_resource(self, session_id: str, body: Mapping[str, Any]) -> None:
        await self._call("POST", f"/v1/sessions/{session_id}/resources", data=body)

    async def list(self, *, statuses: Sequence[str] = ()) -> Sequence[SessionInfo]:
        query = {"limit": 100, "statuses[]": [*statuses]}
        return [_info(item) for item in await self._pages("/v1/sessions", query)]

    @asynccontextmanager
    async def stream(self, session_id: str) -> AsyncIterator[AsyncIterator[Mapping[str, Any]]]:
        async with (
            self._wire.stream(f"/v1/sessions/{session_id}/events/stream") as pieces,
            aclosing(_events(pieces)) as events,
        ):
            yield events

    async def history(self, session_id: str) -> Sequence[Mapping[str, Any]]:
        return await self._pages(f"/v1/sessions/{session_id}/events", {})

    async def send(
        self, session_id: str, events: Sequence[Mapping[str, Any]]
    ) -> Sequence[Mapping[str, Any]]:
        path = f"/v1/sessions/{session_id}/events"
        kept: Sequence[Mapping[str, Any]] = (
            await self._call("POST", path, data={"events": [*events]})
        )["data"]
        return kept

    async def archive(self, session_id: str) -> None:
        await self._call("POST", f"/v1/sessions/{session_id}/archive", data={})

    async def upload(self, path: Path, *, filename: str) -> RemoteFile:
        head = (
            f'--{_BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="{filename}"\r\n'
            "content-type: application/octet-stream\r\n\r\n"
        )
        data = await asyncio.to_thread(path.read_bytes)
        body = head.encode() + data + f"\r\n--{_BOUNDARY}--\r\n".encode()
        headers = {"content-type": f"multipart/form-data; boundary={_BOUNDARY}"}
        return _file(await self._call("POST", "/v1/files", body=body, headers=headers))

    async def files(self, session_id: str) -> Sequence[RemoteFile]:
        found = await self._pages("/v1/files", {"scope_id": session_id})
        return [_file(item) for item in found]

    async def download(self, file_id: str, to: Path) -> None:
        answer = await self._wire.request("GET", f"/v1/files/{file_id}/content")
        if answer.status >= 400:
            answer.json()
        part = to.with_name(f".{to.name}.part")
        part.write_bytes(answer.body)
        part.replace(to)

    async def _pages(self, path: str, query: Mapping[str, Any]) -> _Items:
        items: _Items = []
        cursor: dict[str, str] = {}
        while True:
            page = await self._call("GET", path, query={**query, **cursor})
            items += page["data"]
            if not page.get("next_page"):
                return items
            cursor = {"page": page["next_page"]}


async def _events(pieces: AsyncIterator[bytes]) -> AsyncGenerator[Mapping[str, Any], None]:
    """The events of a stream's frames.

    Raises:
        StreamLost: it broke, or the service said that it breaks off.
    """
    rest = b""
    async for piece in pieces:
        rest += piece
        while b"\n\n" in rest:
            frame, rest = rest.split(b"\n\n", 1)
            lines = frame.decode().split("\n")
            data = "".join(line[6:] for line in lines if line.startswith("data: "))
            if "event: error" in lines:
                raise StreamLost(f"The service broke off the stream: {data}")
            if data:
                yield json.loads(data)


def _info(body: Mapping[str, Any]) -> SessionInfo:
    return SessionInfo(
        id=body["id"],
        status=body["status"],
        agent_id=body["agent"]["id"],
        agent_version=body["agent"]["version"],
        environment_id=body["environment_id"],
        usage=body["usage"],
        stats=body["stats"],
        metadata=body["metadata"],
        created_at=body["created_at"],
        archived=body["archived_at"] is not None,
        title=body["title"] or "",
        budget=body["budget"],
        resources=body["resources"],
        agent_name=body["agent"]["name"],
        model=body["agent"]["model"]["id"],
    )


def _file(body: Mapping[str, Any]) -> RemoteFile:
    return RemoteFile(
        id=body["id"],
        filename=body["filename"],
        size_bytes=body["size_bytes"],
        mime_type=body["mime_type"],
        downloadable=body["downloadable"],
        created_at=body["created_at"],
    )
