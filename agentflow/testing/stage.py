"""One run on an embedded service of its own, in this process: what a loop test plays.

Everything that decides is the real thing: the compiled payloads, the service's application, its harness and
permissions, the driver of runs, its budgets, approvals and checks. What is replaced is what takes time: the
network (`wire`), waiting (`clock`), and the model (a script).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agentflow.compiler.manifest import (
    AgentPolicy,
    Compiled,
    canonical_json,
)
from agentflow.local.drivers.base import ModelDriver
from agentflow.local.fault_plan import FaultPlan
from agentflow.local.toolset import ToolOutcome
from agentflow.operations.applied import needed_part
from agentflow.operations.orders import check_runnable
from agentflow.operations.recording import recorded
from agentflow.operations.session_needs import session_uploads
from agentflow.ports import Sessions
from agentflow.runtime.approvals import Person
from agentflow.runtime.driver import Knobs, resume_session, run_session
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.notices import Notice, Observer
from agentflow.runtime.pool import CallFailed
from agentflow.runtime.record import read_record
from agentflow.runtime.run import RunRequest, RunResult
from agentflow.secret import SecretText
from agentflow.testing.clock import HandClock
from agentflow.testing.faults import Misfortune
from agentflow.testing.offline import offline, offline_payload, played
from agentflow.testing.service import TestService, open_service
from agentflow.testing.tools import Crashes, Stub
from agentflow.testing.watched import WatchedSessions
from agentflow.testing.workers import Programs, TestPool

__all__ = ["KNOBS", "RUN_ID", "Played", "Scene", "play"]

KNOBS = Knobs(settle_s=0.0, settle_stopped_s=0.0, tick_s=1.0)
"""What is not listed at once was not written; and time is looked at by the second."""

RUN_ID = "test"
_NOWHERE = "environment/none"
"""Where an agent runs that names no environment. No spec can have this address and be needed."""
_EMPTY = {"name": "none", "config": {"type": "cloud", "networking": {"type": "limited"}}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is played."""

    root: Path
    """The project's directory: its code is found there."""
    compiled: Compiled
    agent: str
    """Address."""
    model: ModelDriver
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """As `operations.inputs` makes them."""
    task: str | None = None
    """Instead of the agent's own."""
    record: Path | None = None
    """Where a cassette of it is written. None: nowhere."""
    record_compressed: bool = False
    """It keeps contents of files also where no secret could be found in them."""
    plan: FaultPlan | None = None
    misfortune: Misfortune = field(default_factory=Misfortune)
    stubs: Mapping[str, Callable[[Mapping[str, Any]], Any]] = field(default_factory=dict)
    """By tool, what answers instead of it: JSON data or text; it may raise `CallFailed`."""
    person: Person | None = None
    """None: nobody is there."""
    secrets: Mapping[str, SecretText] = field(default_factory=dict, repr=False)
    unsafe_no_sandbox: bool = False


@dataclass(slots=True, kw_only=True)
class Played:
    """A run that has ended, and all that is known of it."""

    result: RunResult
    history: Sequence[Mapping[str, Any]]
    """Events of the session, in list order."""
    notices: Sequence[Notice]
    approvals: Sequence[tuple[str, str, bool, str]]
    """Call, tool, whether it was allowed, and by whom."""
    fired: Sequence[str]
    """Faults that took place."""
    kills: int = 0


async def play(
    scene: Scene, directory: Path, programs: Programs, *, observer: Observer | None = None
) -> Played:
    """Play a scene to its end. All files of it are below `directory`, which is the caller's.

    Raises:
        UsageError: the agent cannot be run, or needs what the embedded service does not have.
        ServiceError: the service refuses what was compiled.
    """
    policy = _runnable(scene)
    crashes = Crashes(dict(scene.misfortune.crashes))
    async with open_service(
        directory / "service",
        scene.model,
        plan=scene.plan,
        stubs={name: _as_tool(answer) for name, answer in scene.stubs.items()},
        crashes=crashes,
        unsafe_no_sandbox=scene.unsafe_no_sandbox,
    ) as service:
        request = await _request(scene, policy, service, directory)
        run = _Play(scene, request, service, programs, crashes, directory, observer)
        person = scene.person is not None
        with recorded(
            scene.record,
            run.sessions,
            request,
            scene.compiled,
            person=person,
            clock=run.clock,
            compressed=scene.record_compressed,
        ) as sessions:
            return await run.to_the_end(sessions)


def _runnable(scene: Scene) -> AgentPolicy:
    """The policy of the agent as it is played.

    Raises:
        UsageError: it has no task.
    """
    policy = scene.compiled.manifest.agents[scene.agent]
    policy = replace(
        policy,
        task=scene.task or policy.task,
        environment=policy.environment or _NOWHERE,
    )
    check_runnable(scene.agent, policy)
    return offline(policy, scene.stubs.keys())


def _as_tool(answer: Callable[[Mapping[str, Any]], Any]) -> Stub:
    def call(input: Mapping[str, Any]) -> ToolOutcome:
        try:
            value = answer(input)
        except CallFailed as error:
            return ToolOutcome(str(error), True)
        return ToolOutcome(value if isinstance(value, str) else canonical_json(value))

    return call


async def _request(
    scene: Scene, policy: AgentPolicy, service: TestService, directory: Path
) -> RunRequest:
    """The run of a scene, with all that it needs on the service."""
    manifest = scene.compiled.manifest
    ids = await _create_all(scene, service)
    environment = policy.environment or ""
    return RunRequest(
        run_id=RUN_ID,
        agent=scene.agent,
        agent_id=ids[scene.agent],
        agent_version=1,
        environment_id=ids.get(environment, environment.removeprefix("id:")),
        policy=policy,
        inputs=scene.inputs,
        out_dir=directory / "outputs",
        project_root=scene.root,
        sources=scene.compiled.sources,
        title=f"{manifest.project}/{scene.agent}",
        secrets=scene.secrets,
        uploads=session_uploads(manifest, policy, scene.root),
        records=directory / "records",
    )


async def _create_all(scene: Scene, service: TestService) -> dict[str, str]:
    """Create what an agent needs; ids by address."""
    ids = {_NOWHERE: await service.create("environment", _EMPTY)}
    plays = getattr(scene.model, "plays_team", None)
    for resource in played(needed_part(scene.compiled.manifest, scene.agent).resources):
        if resource.kind == "file":
            continue  # uploaded by the run
        team = bool(plays is not None and plays(resource.payload.get("name")))
        payload = offline_payload(resource, team=team, ids=ids)
        ids[resource.address] = await service.create(resource.kind, payload)
    return ids


class _Play:
    """The run of one scene, also through deaths of its client."""

    def __init__(
        self,
        scene: Scene,
        request: RunRequest,
        service: TestService,
        programs: Programs,
        crashes: Crashes,
        directory: Path,
        observer: Observer | None,
    ) -> None:
        self.scene = scene
        self.request = request
        self.service = service
        self.programs = programs
        self.crashes = crashes
        self.directory = directory
        self.clock = HandClock()
        self.sessions = WatchedSessions(service.wire, self.clock, scene.misfortune)
        self.told: Sessions = self.sessions
        """What the client is given: the same, or what records it."""
        self.notices: list[Notice] = []
        self.observer = observer
        self.kills = 0

    def tell(self, notice: Notice) -> None:
        self.notices.append(notice)
        if self.observer is not None:
            self.observer(notice)

    async def to_the_end(self, sessions: Sessions) -> Played:
        self.told = sessions
        ledger = Ledger.open(Path(":memory:"))
        try:
            while True:
                result, copy = await self._live(ledger)
                if result is not None:
                    return await self._played(result, ledger)
                ledger.close()
                assert copy is not None, "a client that is killed leaves its ledger behind"
                ledger = Ledger.open(copy)
        finally:
            ledger.close()

    async def _live(self, ledger: Ledger) -> tuple[RunResult | None, Path | None]:
        """One life of the client: the result, or the ledger as it was when it was killed."""
        pool = TestPool(self.scene.root, self.programs, answer=self._answer, crashes=self._crash)
        copy = self.directory / f"ledger-{self.kills}.db"
        task = asyncio.ensure_future(self._run(ledger, pool))

        def die() -> None:
            self.kills += 1
            # What a killed process leaves is what it had written by then, and not a word more.
            ledger.rows("VACUUM INTO ?", str(copy))
            task.cancel()

        self.sessions.die = die
        try:
            return await task, None
        except asyncio.CancelledError:
            if not self.sessions.is_dead:
                raise
            self.sessions.is_dead = False
            return None, copy
        finally:
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await pool.close()

    async def _run(self, ledger: Ledger, pool: TestPool) -> RunResult:
        record = ledger.record(RUN_ID) if ledger.run(RUN_ID) else None
        if record is None:
            return await run_session(self.request, ledger=ledger, **self._around(pool))
        recorded = read_record(RUN_ID, record, root=self.scene.root, secrets=self.scene.secrets)
        request = replace(recorded.request, records=self.request.records)
        recorded = recorded._replace(request=request)
        return await resume_session(recorded, ledger=ledger, **self._around(pool))

    def _around(self, pool: TestPool) -> dict[str, Any]:
        return {
            "sessions": self.told,
            "clock": self.clock,
            "observer": self.tell,
            "person": self.scene.person,
            "knobs": KNOBS,
            "draw": lambda: 0.5,
            "pool": pool,
        }

    def _answer(self, name: str, input: Mapping[str, Any]) -> Any:
        stub = self.scene.stubs.get(name)
        if stub is None:
            raise CallFailed("Tests send nothing over the network: say what it answers in `stubs`.")
        return stub(input)

    def _crash(self, request: Mapping[str, Any]) -> bool:
        tools = self.request.policy.custom.items()
        wanted = {"run": request.get("run"), "command": request.get("command")}
        name = next(
            (n for n, t in tools if (t.run, _list(t.command)) == tuple(wanted.values())), None
        )
        return name is not None and self.crashes.strikes(name)

    async def _played(self, result: RunResult, ledger: Ledger) -> Played:
        fired = list(self.service.faults.fired)
        # Looking at it afterwards is not disturbed any more.
        self.service.faults.reset()
        history: Sequence[Mapping[str, Any]] = ()
        if result.session_id is not None:
            history = await self.service.sessions.history(result.session_id)
        return Played(
            result=result,
            history=history,
            notices=tuple(self.notices),
            approvals=tuple(ledger.approvals(RUN_ID)),
            fired=tuple(fired),
            kills=self.kills,
        )


def _list(command: tuple[str, ...] | None) -> list[str] | None:
    return None if command is None else list(command)
