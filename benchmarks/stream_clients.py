"""One client of the stub service, as a process of its own: prints what it took as a line of JSON.

    python benchmarks/stream_clients.py CLIENT URL STREAMS MESSAGE [ask]

CLIENT is `sdk` (the SDK's typed loop), `raw` (bytes of the response and orjson), or `agentflow` (the
driver with machine, transcript and ledger). Every stream gets MESSAGE, all at the same moment, and is
read to its end. With `ask` a request is made in between, on the client that also sends messages.
"""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

BATCH, GAP_S = 20, 0.015
"""How streams are opened, for every client alike: a burst would measure the listen queue."""

ASK = "ask" in sys.argv[5:]


PROJECT = """\
apiVersion: agentflow/v1
kind: Project
name: post
---
kind: Environment
name: desk
network: {{}}
---
kind: Agent
name: clerk
model: claude-opus-5-5
environment: desk
prompt: You sort letters.
task: {}
tools: {{ read: allow }}
budget: {{ usd: 1000, turns: 100000, tool_calls: 100000, wall: 10h }}
"""


class Meter:
    """Counts events, how late each was, and the CPU of all but the first and the last tenth.

    Those have sends and the work at the end of a run in them, which are no matter of events.
    """

    def __init__(self, expected: int) -> None:
        self.events = 0
        self.late_ns: list[int] = []
        self._marks = {expected // 10: 0.0, expected - expected // 10: 0.0}

    def heard(self, sent_ns: int) -> None:
        self.events += 1
        if self.events in self._marks:
            self._marks[self.events] = time.process_time()
        self.late_ns.append(time.monotonic_ns() - sent_ns)

    @property
    def us_per_event(self) -> float:
        (first, began), (last, ended) = self._marks.items()
        return (ended - began) * 1e6 / (last - first)


def resident_kib() -> int:
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise AssertionError


def client(url: str) -> Any:
    import anthropic

    return anthropic.AsyncAnthropic(api_key="k", base_url=url)


def message(text: str) -> dict[str, Any]:
    return {"type": "user.message", "content": [{"type": "text", "text": text}]}


class Clocked:
    """What happened when."""

    def __init__(self, streams: int) -> None:
        self.streams = streams
        self.opened = 0
        self.all_open = asyncio.Event()
        self.before_kib = resident_kib()
        self.opening = (time.perf_counter(), time.process_time())
        self.asked = "not tried"

    def one_open(self) -> None:
        self.opened += 1
        if self.opened == self.streams:
            self.open_s = time.perf_counter() - self.opening[0]
            self.open_cpu_s = time.process_time() - self.opening[1]
            self.first_send_ms = self.open_s * 1000
            self.open_kib = self.resident_kib = resident_kib()
            self.began = time.process_time()
            self.all_open.set()

    async def ask(self, api: Any, session: str) -> None:
        """One request while all streams are open."""
        import anthropic

        await self.all_open.wait()
        await asyncio.sleep(3)
        self.resident_kib = resident_kib()
        try:
            await api.retrieve(session)
            self.asked = "answered"
        except anthropic.APIError as error:
            self.asked = type(error.__cause__ or error).__name__


async def ramp(number: int) -> None:
    await asyncio.sleep(number // BATCH * GAP_S)


async def with_sdk(url: str, streams: int, text: str, meter: Meter, clocked: Clocked) -> None:
    """What one writes with the SDK: its typed loop, on one client."""
    whole = client(url)
    api = whole.beta.sessions
    # Sends come from a client of their own where the pool would not have room for them.
    sends = api if streams < 900 else client(url).beta.sessions
    asking: list[asyncio.Task[None]] = []
    if ASK:
        quick = whole.with_options(timeout=2.0, max_retries=0).beta.sessions
        asking.append(asyncio.create_task(clocked.ask(quick, "sesn_00000001")))

    few = asyncio.Semaphore(24)

    async def one(number: int) -> None:
        await ramp(number)
        async with few:
            session = await sends.create(agent="agent_1", environment_id="env_1")
            opened = await api.events.stream(session.id)
        async with opened as stream:
            clocked.one_open()
            await clocked.all_open.wait()
            async with few:
                await sends.events.send(session.id, events=[message(text)])
            async for event in stream:
                meter.heard(event.sent_ns)
                if event.type == "session.status_idle":
                    break

    await asyncio.gather(*(one(number) for number in range(streams)))
    await asyncio.gather(*asking)


async def with_bytes(url: str, streams: int, text: str, meter: Meter, clocked: Clocked) -> None:
    """The least a client can do on sockets of asyncio: split the lines, and parse with orjson."""
    import orjson

    host, _, port = url.rpartition("//")[2].partition(":")

    async def request(
        method: str, path: str, body: object = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 20)
        data = b"" if body is None else orjson.dumps(body)
        head = f"{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {len(data)}\r\n\r\n"
        writer.write(head.encode() + data)
        await reader.readuntil(b"\r\n\r\n")
        return reader, writer

    async def one(number: int) -> None:
        await ramp(number)
        reader, made = await request("POST", "/v1/sessions", {})
        session = orjson.loads(await reader.read(1 << 16))["id"]
        made.close()
        reader, writer = await request("GET", f"/v1/sessions/{session}/events/stream")
        clocked.one_open()
        await clocked.all_open.wait()
        _, sent = await request(
            "POST", f"/v1/sessions/{session}/events", {"events": [message(text)]}
        )
        sent.close()
        tail, done = b"", False
        while not done:
            *lines, tail = (tail + await reader.read(1 << 18)).split(b"\n")
            for line in lines:
                if line.startswith(b"data:"):
                    event = orjson.loads(line[5:])
                    meter.heard(event["sent_ns"])
                    done = done or event["type"] == "session.status_idle"
        writer.close()

    await asyncio.gather(*(one(number) for number in range(streams)))


async def with_agentflow(url: str, count: int, text: str, meter: Meter, clocked: Clocked) -> None:
    """What `agentflow.Supervisor` has under it: the driver, its machine, transcripts and the ledger."""
    from agentflow.operations.check import compiled, open_project
    from agentflow.operations.clock import SystemClock
    from agentflow.remote.client import StreamClients
    from agentflow.remote.sessions import RemoteSessions
    from agentflow.runtime.ledger import Ledger
    from agentflow.runtime.notices import Notice, Received
    from agentflow.runtime.run import RunRequest
    from agentflow.runtime.supervisor import Crew

    few = asyncio.Semaphore(24)

    class Together(RemoteSessions):
        """Sends nothing before all streams are open."""

        async def send(self, session_id: str, events: Any) -> Any:
            clocked.one_open()
            await clocked.all_open.wait()
            async with few:
                return await super().send(session_id, events)

    def tell(notice: Notice) -> None:
        if isinstance(notice, Received):
            meter.heard(notice.event["sent_ns"])

    with tempfile.TemporaryDirectory() as folder, Ledger.open(Path(folder) / "ledger.db") as ledger:
        (Path(folder) / "agentflow.yaml").write_text(PROJECT.format(text), encoding="utf-8")
        built, _ = compiled(open_project(Path(folder)), target="local")
        policy = built.manifest.agents["agent/clerk"]
        clients = StreamClients(lambda: client(url))
        control = client(url)
        sessions = Together(control, clients)
        asking: list[asyncio.Task[None]] = []
        if ASK:
            quick = control.with_options(timeout=2.0, max_retries=0).beta.sessions
            asking.append(asyncio.create_task(clocked.ask(quick, "sesn_00000001")))
        async with Crew(
            Path(folder), sessions=sessions, ledger=ledger, clock=SystemClock()
        ) as crew:

            async def one(number: int) -> None:
                request = RunRequest(
                    run_id=f"run-{number:06d}",
                    agent="agent/clerk",
                    agent_id="agent_1",
                    agent_version=1,
                    environment_id="env_1",
                    policy=policy,
                    inputs={},
                    out_dir=Path(folder) / f"out-{number}",
                    project_root=Path(folder),
                )
                async with crew.place():
                    result = await crew.run(request, observer=tell)
                assert result.verdict == "completed", result

            await asyncio.gather(*(one(number) for number in range(count)))
        await asyncio.gather(*asking)
        await clients.close()


CLIENTS: dict[str, Callable[[str, int, str, Meter, Clocked], Awaitable[None]]] = {
    "sdk": with_sdk,
    "raw": with_bytes,
    "agentflow": with_agentflow,
}


def main() -> None:
    kind, url, streams, text = sys.argv[1:5]
    shape, *numbers = text.split()
    each = int(numbers[0]) if shape == "full" else int(float(numbers[0]) * float(numbers[1]))
    meter = Meter(int(streams) * (each + 3))

    async def measured() -> Clocked:
        # Imports and the first connection are not what is measured.
        first = Clocked(1)
        await CLIENTS[kind](url, 1, "full 60", Meter(63), first)
        assert first.opened == 1
        second = Clocked(int(streams))
        await CLIENTS[kind](url, int(streams), text, meter, second)
        return second

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 20_000)), hard))
    clocked = asyncio.run(measured())
    late_ms = sorted(ns / 1e6 for ns in meter.late_ns)
    print(
        json.dumps(
            {
                "events": meter.events,
                "us_per_event": meter.us_per_event,
                "us_with_ends": (time.process_time() - clocked.began) * 1e6 / meter.events,
                "p50_ms": statistics.median(late_ms),
                "p99_ms": late_ms[int(len(late_ms) * 0.99)],
                "open_s": clocked.open_s,
                "first_send_ms": clocked.first_send_ms,
                "asked": clocked.asked,
                "resident_mib": clocked.resident_kib / 1024,
                "open_cpu_ms": clocked.open_cpu_s * 1000 / clocked.streams,
                "before_mib": clocked.before_kib / 1024,
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "kib_per_stream": (clocked.resident_kib - clocked.before_kib) / clocked.streams,
            }
        )
    )


if __name__ == "__main__":
    main()
