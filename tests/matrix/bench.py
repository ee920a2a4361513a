"""One service that plays every shape, and runs of the real driver against it, many at a time."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentflow.compiler.manifest import HttpPolicy
from agentflow.errors import ServiceError
from agentflow.local.drivers.base import Turn, TurnContext
from agentflow.local.drivers.script import ScriptDriver
from agentflow.local.drivers.script_file import Script
from agentflow.local.fault_plan import HEADER, FaultPlan
from agentflow.local.paths import Places
from agentflow.local.server import RunningService, ServiceConfig, start
from agentflow.local.toolset import ToolOutcome
from agentflow.ports import SessionInfo
from agentflow.remote.client import make_client
from agentflow.remote.resources import RemoteResources
from agentflow.remote.sessions import RemoteSessions
from agentflow.runtime.approvals import Person
from agentflow.runtime.driver import Knobs, run_session
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.notices import Notice, Said
from agentflow.runtime.outputs import OUTPUTS_DIR
from agentflow.runtime.run import RunRequest, RunResult
from agentflow.runtime.transcript import read_transcript
from tests.matrix.clock import PatientClock
from tests.matrix.shapes import RATE_SCHEMA, SHAPES, Shape
from tests.runtime.support import custom_policy

__all__ = [
    "AT_ONCE",
    "IDLE_LEFT_OPEN",
    "AnsweredBefore",
    "AnsweredBehind",
    "CaseSessions",
    "Frames",
    "Played",
    "Seen",
    "Stage",
    "open_stage",
]

KNOBS = Knobs(
    silence_s=1.5, give_up_s=60.0, stop_wait_s=20.0, settle_s=1.0, settle_stopped_s=0.2, tick_s=0.05
)
IDLE_LEFT_OPEN = "ignore:unclosed:ResourceWarning"
"""A filter: a request that is cancelled while the client's pool closes connections that have been idle for
too long leaves the rest of those to the garbage collector. Nothing of ours holds them."""
TOOL_TIMEOUT_S = 300.0
"""Real time, in which a busy machine may do nothing for us for long."""
AT_ONCE = 12
"""Runs at a time: most of a run is waiting, for silence above all."""


class FakeTools:
    """Built-in tools without a sandbox: `write` writes, `bash` fails if it is told to."""

    def __init__(self, root: Path) -> None:
        self._outputs = Places(root).outputs.host

    async def call(self, name: str, input: Mapping[str, Any]) -> ToolOutcome:
        command = str(input.get("command", ""))
        if name == "write":
            path = self._outputs / Path(input["file_path"]).relative_to(OUTPUTS_DIR)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(input["content"])
        return ToolOutcome(f"{name} {command}", command.startswith("fail"))

    async def close(self) -> None:
        return None


def _open_tools(root: Path, hosts: tuple[str, ...] | None, layer: Path | None) -> FakeTools:
    Places(root).create()
    return FakeTools(root)


class RateShop:
    """The custom tool: an HTTP server that counts what it was asked, by call."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/rate"
        finally:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A call that is called off may end at any byte.
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError), closing(writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            pairs = (line.split(": ", 1) for line in head[1:] if line)
            fields = {name.lower(): value for name, value in pairs}
            body = json.loads(await reader.readexactly(int(fields["content-length"])))
            self.calls[fields["idempotency-key"]] += 1
            if body["currency"] == "SLOW":
                await reader.read()
            text = json.dumps({"rate": body["currency"]})
            writer.write(
                f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(text)}"
                f"\r\nconnection: close\r\n\r\n{text}".encode()
            )
            await writer.drain()


Frames = AsyncIterator[Mapping[str, Any]]


class CaseSessions(RemoteSessions):
    """Creates its sessions with faults of their own."""

    def __init__(self, client: Any, streams: Any, plan: FaultPlan) -> None:
        super().__init__(client, streams)
        self._client = client
        self._plan = plan

    async def create(self, body: Mapping[str, Any]) -> SessionInfo:
        header = {HEADER: self._plan.model_dump_json(exclude_defaults=True)}
        # Creating it again is another request, with which nothing is meant to go wrong.
        left = [one for one in self._plan.answers if one.to != "sessions.create"]
        self._plan = self._plan.model_copy(update={"answers": left})
        return await RemoteSessions(self._client.with_options(default_headers=header)).create(body)


class AnsweredBefore(CaseSessions):
    """Somebody else answers every custom tool call right before us."""

    async def send(
        self, session_id: str, events: Sequence[Mapping[str, Any]]
    ) -> Sequence[Mapping[str, Any]]:
        if events[0]["type"] == "user.custom_tool_result":
            # To them it may happen too that an answer is lost, or that they are late themselves.
            with contextlib.suppress(ServiceError):
                await super().send(session_id, events)
        return await super().send(session_id, events)


class AnsweredBehind(CaseSessions):
    """Somebody else answers every custom tool call right behind us."""

    async def send(
        self, session_id: str, events: Sequence[Mapping[str, Any]]
    ) -> Sequence[Mapping[str, Any]]:
        stored = await super().send(session_id, events)
        if events[0]["type"] == "user.custom_tool_result":
            with contextlib.suppress(ServiceError):
                await super().send(session_id, events)
        return stored


@dataclass(kw_only=True)
class Seen:
    """What the service and the tool say about a session."""

    history: Sequence[Mapping[str, Any]]
    effects: Mapping[str, int]
    """By call, how often the custom tool was asked."""
    status: str

    def of(self, type: str) -> list[Mapping[str, Any]]:
        return [event for event in self.history if event["type"] == type]

    @property
    def has_calls(self) -> bool:
        """The service waits for answers to calls."""
        return bool(self.effects or self.of("user.tool_confirmation"))

    @property
    def model_requests(self) -> int:
        return len(self.of("span.model_request_start"))


@dataclass(kw_only=True)
class Played(Seen):
    """One run that has ended."""

    result: RunResult
    notices: list[Notice]
    frames: int
    """Events that came on streams, as queued and as processed."""
    fired: list[str]
    asked: Mapping[str, int]
    """Requests about this session, by operation."""

    @property
    def said(self) -> list[str]:
        return [notice.text for notice in self.notices if isinstance(notice, Said)]


class Repertoire:
    """The model: a script for each shape, by the name of its agent."""

    def __init__(self) -> None:
        self._scripts: dict[str, ScriptDriver] = {}

    def add(self, shape: Shape) -> None:
        script = Script.model_validate({"turns": list(shape.turns)})
        self._scripts[shape.name] = ScriptDriver(script)

    async def next_turn(self, context: TurnContext) -> Turn:
        return await self._scripts[context.agent["name"]].next_turn(context)

    def plays_team(self, agent: str) -> bool:
        return agent in self._scripts and self._scripts[agent].plays_team(agent)

    def plays_server(self, agent: str, server: str) -> bool:
        return agent in self._scripts and self._scripts[agent].plays_server(agent, server)


@dataclass
class Stage:
    service: RunningService
    root: Path
    client: Any
    streams: Any
    ledger: Ledger
    shop: RateShop
    url: str
    clock: PatientClock
    repertoire: Repertoire
    agents: dict[str, str] = field(default_factory=dict)
    environment_id: str = ""
    runs: int = 0

    async def set_up(self, shapes: Sequence[Shape]) -> None:
        resources = RemoteResources(self.client)
        place = await resources.create("environment", {"name": "desk", "config": {"type": "cloud"}})
        self.environment_id = place.id
        for shape in shapes:
            await self.cast(shape)

    async def cast(self, shape: Shape) -> None:
        """Have the model know its turns, and the service its agents."""
        resources = RemoteResources(self.client)
        self.repertoire.add(shape)
        team = [(await resources.create("agent", shape.payload(name))).id for name in shape.members]
        payload = shape.payload()
        if team:
            members = [{"type": "agent", "id": id, "version": 1} for id in team]
            payload["multiagent"] = {"type": "coordinator", "agents": members}
        self.agents[shape.name] = (await resources.create("agent", payload)).id

    def request(self, shape: Shape, run_id: str, root: Path) -> RunRequest:
        """A run of a shape, with everything that it leaves below `root`."""
        asked: dict[str, Any] = {
            "http": HttpPolicy(url=self.url, headers={}, expect=None),
            "input_schema": RATE_SCHEMA,
            "policy": "ask" if shape.custom_asks else "allow",
            "timeout_s": TOOL_TIMEOUT_S,
        }
        rate = custom_policy(None, **{**asked, **shape.rate})
        return RunRequest(
            run_id=run_id,
            agent=f"agent/{shape.name}",
            agent_id=self.agents[shape.name],
            agent_version=1,
            environment_id=self.environment_id,
            policy=shape.policy(custom={"rate": rate}),
            inputs=shape.inputs,
            out_dir=root / "out" / run_id,
            project_root=root,
        )

    async def play(
        self,
        shape: Shape,
        plan: FaultPlan,
        *,
        make: type[CaseSessions] = CaseSessions,
        knobs: Knobs = KNOBS,
        person: Person | None = None,
    ) -> Played:
        """One run of a shape, with everything going wrong that the plan says; `make` is the client."""
        self.runs += 1
        if shape.name not in self.agents:
            await self.cast(shape)
        request = self.request(shape, f"run{self.runs}", self.root)
        notices: list[Notice] = []
        sessions = make(self.client, self.streams, plan)
        result = await run_session(
            request,
            sessions=sessions,
            ledger=self.ledger,
            clock=self.clock,
            observer=lambda notice: notices.append(notice),
            person=person,
            knobs=knobs,
            draw=lambda: 0.0,
        )
        id = result.session_id or ""
        faults = self.service.faults_of(id)
        fired, asked = list(faults.fired), dict(faults.asked)
        # Looking at it afterwards is not disturbed any more.
        faults.reset()
        seen = await self.look(id)
        transcript = self.root / f".agentflow/runs/{result.run_id}/transcript.jsonl"
        return Played(
            result=result,
            notices=notices,
            history=seen.history,
            frames=sum(not line.sent for line in read_transcript(transcript)),
            fired=fired,
            asked=asked,
            effects=seen.effects,
            status=seen.status,
        )

    async def look(self, session_id: str) -> Seen:
        # What is only looked at may be asked for again, as by default.
        sessions = RemoteSessions(self.client.with_options(max_retries=5))
        history = await sessions.history(session_id)
        calls = {event["id"] for event in history if event["type"] == "agent.custom_tool_use"}
        return Seen(
            history=history,
            effects={id: self.shop.calls[id] for id in sorted(calls)},
            status=(await sessions.retrieve(session_id)).status,
        )


@asynccontextmanager
async def open_stage(root: Path, shapes: Sequence[Shape] = SHAPES) -> AsyncIterator[Stage]:
    """A service in this process that plays every shape, and what a run needs."""
    repertoire = Repertoire()
    service = await asyncio.to_thread(
        start, ServiceConfig(root=root / "service", driver=repertoire, toolbox=_open_tools)
    )
    # Nobody waits between tries: what is tested is what is done, not how patiently.
    client = make_client(service.base_url, service.token).with_options(max_retries=0)
    streams = make_client(service.base_url, service.token)
    shop = RateShop()
    try:
        with Ledger.open(root / "ledger.db") as ledger:
            clock = PatientClock()
            async with shop.open() as url, clock.running():
                stage = Stage(service, root, client, streams, ledger, shop, url, clock, repertoire)
                await stage.set_up(shapes)
                yield stage
    finally:
        await streams.close()
        await client.close()
        await asyncio.to_thread(service.stop)
