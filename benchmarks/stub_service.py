"""A service for benchmarks: sessions, and event streams that run as fast as they are read or at a pace.

    python benchmarks/stub_service.py PORT [KEY+CERT.pem]

It answers as little as a run needs, and puts `sent_ns` (the monotonic clock) into every event, which
tells a client on the same machine how late it is. A message `full N` has N events sent at once;
`pace PER_SECOND SECONDS` has them sent one by one. Both end with an idle session.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import resource
import ssl
import sys
import time
from typing import Any

AT = "2026-11-22T10:00:00Z"
USAGE = {
    "input_tokens": 412,
    "output_tokens": 96,
    "cache_read_input_tokens": 18_230,
    "cache_creation_input_tokens": 640,
}
TEXT = "The inbox was sorted by district, and every letter without a return address noted. " * 7
RESULT = "letter 0042: no return address, district north, handed over at 09:12. " * 30

CYCLE: tuple[dict[str, Any], ...] = (
    {"type": "span.model_request_start"},
    {"type": "agent.thinking"},
    {
        "type": "agent.tool_use",
        "name": "read",
        "input": {"file_path": "/mnt/session/uploads/inbox.txt", "view_range": [1, 40]},
        "evaluated_permission": "allow",
    },
    {"type": "agent.message", "content": [{"type": "text", "text": TEXT}]},
    {
        "type": "agent.tool_result",
        "tool_use_id": "",
        "content": [{"type": "text", "text": RESULT}],
        "is_error": False,
    },
    {"type": "span.model_request_end", "model_usage": USAGE, "is_error": False},
)
"""What a turn of an agent looks like on the wire: one call, what it says, and what it cost."""

_ids = itertools.count(1)


class Session:
    def __init__(self) -> None:
        self.id = f"sesn_{next(_ids):08d}"
        self.events: list[dict[str, Any]] = []
        self.listener: Connection | None = None
        self.call = ""

    def frame(self, event: dict[str, Any]) -> bytes:
        """The event with an id and the time, as a frame."""
        made = {"id": f"sevt_{next(_ids):010d}", "processed_at": AT, **event}
        if made["type"] == "agent.tool_use":
            self.call = made["id"]
        elif made["type"] == "agent.tool_result":
            made["tool_use_id"] = self.call
        made["sent_ns"] = time.monotonic_ns()
        data = json.dumps(made, separators=(",", ":"))
        return f"event: {made['type']}\ndata: {data}\n\n".encode()

    def emit(self, *events: dict[str, Any]) -> None:
        if self.listener is not None:
            self.listener.chunk(b"".join(self.frame(event) for event in events))

    def told(self, message: dict[str, Any]) -> None:
        text = message["content"][0]["text"]
        kind, *numbers = text.split()
        self.emit({**message, "processed_at": AT}, {"type": "session.status_running"})
        if kind == "full":
            count = int(numbers[0])
            for first in range(0, count, 60):
                some = range(first, min(first + 60, count))
                self.emit(*(CYCLE[number % len(CYCLE)] for number in some))
            self.rest()
        else:
            task = asyncio.get_running_loop().create_task(
                self.pace(float(numbers[0]), float(numbers[1]))
            )
            _tasks.add(task)
            task.add_done_callback(_tasks.discard)

    async def pace(self, per_second: float, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in range(int(per_second * seconds)):
            await asyncio.sleep(began + (number + 1) / per_second - loop.time())
            self.emit(CYCLE[number % len(CYCLE)])
        self.rest()

    def rest(self) -> None:
        self.emit({"type": "session.status_idle", "stop_reason": {"type": "end_turn"}})

    def body(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "type": "session",
            "status": "idle",
            "agent": {"id": "agent_1", "version": 1, "type": "agent"},
            "environment_id": "env_1",
            "metadata": {},
            "created_at": AT,
            "updated_at": AT,
            "usage": {},
            "stats": {},
        }


SESSIONS: dict[str, Session] = {}
_tasks: set[asyncio.Task[None]] = set()
_ONE = re.compile(r"/v1/sessions/(\w+)(/events)?(/stream)?$")


class Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            head, _, rest = self.buffer.partition(b"\r\n\r\n")
            found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            length = int(found[1]) if found else 0
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            self.answer(method, target.partition("?")[0], rest[:length])

    def answer(self, method: str, path: str, body: bytes) -> None:
        found = _ONE.match(path)
        if method == "POST" and path == "/v1/sessions":
            session = Session()
            SESSIONS[session.id] = session
            self.json(session.body())
        elif found is None or found[1] not in SESSIONS:
            self.json({"data": [], "next_page": None})
        elif found[3]:
            SESSIONS[found[1]].listener = self
            self.transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                b"transfer-encoding: chunked\r\n\r\n"
            )
        elif method == "POST" and found[2]:
            self.take(SESSIONS[found[1]], json.loads(body)["events"])
        elif found[2]:
            self.json({"data": SESSIONS[found[1]].events, "next_page": None})
        else:
            self.json(SESSIONS[found[1]].body())

    def take(self, session: Session, events: list[dict[str, Any]]) -> None:
        made = [{"id": f"sevt_{next(_ids):010d}", "processed_at": None, **item} for item in events]
        self.json({"data": made})
        for event in made:
            if event["type"] == "user.message":
                session.told(event)

    def json(self, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(data)}"
        self.transport.write(f"{head}\r\n\r\n".encode() + data)

    def chunk(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(b"%x\r\n%s\r\n" % (len(data), data))


async def serve(port: int, pem: str | None) -> None:
    context = None
    if pem is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pem)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", port, ssl=context, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 20_000), most))
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
