"""Event streams on the wire, and the ways a connection goes wrong on purpose.

Every frame has an `event:` line, since the SDK drops those without, and no `id:`: the service has no
replay. A comment line is sent when nothing was for a while.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agentflow.local.faults import Faults
from agentflow.local.hub import Hub, Listener

__all__ = ["Broken", "EventStream"]


def _frame(event: Mapping[str, Any]) -> bytes:
    data = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return f"event: {event['type']}\ndata: {data}\n\n".encode()


_ERROR_FRAME = (
    b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error",'
    b'"message":"A fault that was asked for."}}\n\n'
)


class ConnectionCut(Exception):
    """Leaves the application without ending the answer, so that the server breaks the connection."""


class Broken(Response):
    """An answer that breaks off before its first byte of content."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Once the head is out, no layer above can turn the break into an answer of its own.
        head = [(b"content-type", b"application/json"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        raise ConnectionCut


class EventStream(Response):
    media_type = "text/event-stream"

    def __init__(self, hub: Hub, session_id: str, faults: Faults, *, heartbeat_s: float) -> None:
        super().__init__(headers={"cache-control": "no-store"})
        del self.headers["content-length"]
        self._hub = hub
        self._session_id = session_id
        self._faults = faults
        self._heartbeat_s = heartbeat_s
        self._frames = 0
        self._silent = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._hub.listen(self._session_id) as listener:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            # Clients wait for the head of the answer: from here on no event escapes them.
            await self._write(send, b": open\n\n")
            gone = asyncio.ensure_future(_disconnected(receive))
            try:
                await self._forward(listener, send, gone)
            finally:
                gone.cancel()

    async def _forward(self, listener: Listener, send: Send, gone: asyncio.Future[None]) -> None:
        if self._strike("cut_stream_after"):
            raise ConnectionCut
        self._silent = self._strike("silent_after")
        if await self._ends(send):
            return
        while True:
            reading = asyncio.ensure_future(listener.get())
            pending: set[asyncio.Future[Any]] = {reading, gone}
            await asyncio.wait(
                pending, timeout=self._heartbeat_s, return_when=asyncio.FIRST_COMPLETED
            )
            if gone.done():
                reading.cancel()
                return
            if not reading.done():
                # Not lost: `get` is cancelled before it takes an event off the queue.
                reading.cancel()
                if not self._silent:
                    await self._write(send, b": heartbeat\n\n")
                continue
            event = reading.result()
            if event is None:
                await self._end(send)
                return
            if await self._deliver(event, send):
                return

    async def _deliver(self, event: Mapping[str, Any], send: Send) -> bool:
        """Write one event. True: the stream ends here."""
        if self._silent:
            return False
        frame = _frame(event)
        self._frames += 1
        if self._strike("cut_stream_before"):
            raise ConnectionCut
        if self._strike("cut_stream_within"):
            await self._write(send, frame[: len(frame) // 2])
            raise ConnectionCut
        if self._frames == self._faults.plan.duplicate_event:
            self._faults.fired.append("duplicate_event")
            frame += frame
        await self._write(send, frame)
        if self._strike("cut_stream_after"):
            raise ConnectionCut
        self._silent = self._strike("silent_after")
        return await self._ends(send)

    async def _ends(self, send: Send) -> bool:
        """End the stream if a fault says so here."""
        broken = self._strike("error_frame_after")
        if broken:
            await self._write(send, _ERROR_FRAME)
        if broken or self._strike("clean_end_after"):
            await self._end(send)
            return True
        return False

    async def _end(self, send: Send) -> None:
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _strike(self, name: str) -> bool:
        return self._faults.hits_stream(name, self._frames)

    async def _write(self, send: Send, data: bytes) -> None:
        await send({"type": "http.response.body", "body": data, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
