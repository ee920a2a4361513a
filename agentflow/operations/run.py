"""[io] Give an agent a task: check, apply or look up what is applied, run, verify."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agentflow.compiler.manifest import Compiled
from agentflow.errors import AgentflowError, UsageError
from agentflow.operations.applied import Applied, check_applied, needed_part
from agentflow.operations.apply import apply_plan
from agentflow.operations.check import Report, compiled
from agentflow.operations.clock import SystemClock
from agentflow.operations.connect import Connection, connect
from agentflow.operations.forecast import forecast_from
from agentflow.operations.orders import Order, RunOptions, needed_secrets, take_order
from agentflow.operations.origin import origin_of
from agentflow.operations.plan import make_plan
from agentflow.operations.recording import recorded
from agentflow.operations.reusing import Candidates, session_for
from agentflow.operations.session_needs import session_uploads
from agentflow.operations.workspace import ledger_path, run_dir, state_dir
from agentflow.runtime.approvals import Person
from agentflow.runtime.driver import Knobs, run_session
from agentflow.runtime.forecast import in_a_line
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.notices import (
    Ended,
    Failed,
    FindingsFound,
    Note,
    Observer,
    OutputVerified,
    RunStarted,
    Stage,
)
from agentflow.runtime.recording import RecordingSessions
from agentflow.runtime.run import Reuse, RunRequest, RunResult
from agentflow.runtime.supervisor import Crew
from agentflow.state.store import StateStore

__all__ = [
    "LISTED_AT_ONCE",
    "Desk",
    "RunOptions",
    "Watch",
    "needed_secrets",
    "open_desk",
    "read_project",
    "run",
    "tell_result",
    "told_of_failure",
]

LISTED_AT_ONCE = Knobs(settle_s=0.0, settle_stopped_s=0.0)
"""For the embedded service: what it does not list was not written, so there is nothing to wait for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Who is told, and who can be asked."""

    observer: Observer
    person: Person | None
    """None: nobody is there."""
    stop: asyncio.Event
    """Set: interrupt the session and collect what is there."""

    def stage(self, label: str, text: str) -> None:
        self.observer(Stage(label=label, text=text))


def new_run_id(now: datetime) -> str:
    """Sorts by time, and is unlike any other: `20261123-101500-3fa9c1d07e`."""
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(5)}"


def _origin(
    built: Compiled, address: str, options: RunOptions, secrets: Mapping[str, str]
) -> dict[str, Any]:
    """What `resume` needs beside the record of the runtime. Of secrets only where they are."""
    root, script = options.project.root.absolute(), options.script
    if script is not None:
        script = script.absolute()
        script = script.relative_to(root) if script.is_relative_to(root) else script
    return {
        **origin_of(built, address),
        "script": None if script is None else str(script),
        "unsafe_no_sandbox": options.unsafe_no_sandbox,
        "variables": dict(options.variables),
        "settings": list(options.settings),
        "secrets": dict(secrets),
    }


def tell_result(result: RunResult, observer: Observer) -> None:
    """The last words of a run: each output, then the verdict."""
    for output in result.outputs:
        observer(OutputVerified(output=output))
    observer(Ended(result=result))


@contextmanager
def told_of_failure(observer: Observer) -> Iterator[None]:
    """Tell the observer that there is no run to hear of, and raise why."""
    try:
        yield
    except AgentflowError as error:
        observer(Failed(error=error))
        raise


class Desk:
    """Where runs of one project on one target are carried out: compiled and connected once."""

    def __init__(
        self, built: Compiled, report: Report, connection: Connection, ledger: Ledger, root: Path
    ) -> None:
        manifest = built.manifest
        self.built = built
        self.report = report
        self.connection = connection
        self.ledger = ledger
        self.crew: Crew | None = None
        """Who carries runs out. None: each is on its own."""
        self._store = StateStore(
            state_dir(root), project=manifest.project, target=manifest.target.name
        )
        self._applied: dict[tuple[str, bool], Applied] = {}
        self._applying = asyncio.Lock()

    async def run(self, order: Order, options: RunOptions, watch: Watch) -> RunResult:
        """One run, to verified outputs. Raises as the function `run`, where it is about the service."""
        applied = await self._find_applied(order.address, options, watch)
        async with session_for(
            Candidates(named=options.session, newest=options.go_on),
            order,
            applied,
            built=self.built,
            connection=self.connection,
            ledger=self.ledger,
            root=options.project.root,
        ) as (reuse, why):
            if why is not None:
                watch.stage("session", why)
            return await self._run(order, options, watch, applied, reuse)

    async def _run(
        self,
        order: Order,
        options: RunOptions,
        watch: Watch,
        applied: Applied,
        reuse: Reuse | None,
    ) -> RunResult:
        target, root = self.built.manifest.target, options.project.root
        forecast = forecast_from(self.ledger, order.address, target.name, order.policy.budget)
        if forecast is not None:
            watch.stage("forecast", in_a_line(forecast))
        run_id = new_run_id(datetime.now(UTC))
        request = RunRequest(
            run_id=run_id,
            agent=order.address,
            agent_id=applied.agent_id,
            agent_version=applied.agent_version,
            environment_id=applied.environment_id,
            policy=order.policy,
            inputs=order.values,
            out_dir=options.out or run_dir(root, run_id) / "outputs",
            project_root=root,
            sources=self.built.sources,
            title=f"{self.built.manifest.project}/{order.address}",
            secrets=order.secrets,
            detach=options.detach,
            uploads=session_uploads(self.built.manifest, order.policy, root),
            reuse=reuse,
            flow=options.flow,
            pools_of=target.name if target.service == "local" else None,
            origin=_origin(self.built, order.address, options, order.sources),
        )
        watch.observer(
            RunStarted(
                run_id=run_id,
                agent=order.address,
                agent_version=applied.agent_version,
                target=target.name,
            )
        )
        with self.connection.recorded(request, watch.observer) as observer:
            result = await self._carry_out(request, options, replace(watch, observer=observer))
            tell_result(result, observer)
        return result

    async def _carry_out(self, request: RunRequest, options: RunOptions, watch: Watch) -> RunResult:
        who: dict[str, Any] = {
            "observer": watch.observer,
            "person": watch.person,
            "stop": watch.stop,
        }
        if self.crew is not None and options.record is None:
            return await self.crew.run(request, **who)
        person = watch.person is not None
        sessions = self.connection.sessions
        with recorded(
            options.record,
            sessions,
            request,
            self.built,
            person=person,
            compressed=options.record_compressed,
        ) as told:
            result = await run_session(
                request,
                sessions=told,
                ledger=self.ledger,
                clock=SystemClock(),
                knobs=LISTED_AT_ONCE if self.connection.local else None,
                **who,
            )
        if isinstance(told, RecordingSessions) and told.omitted:
            names = ", ".join(dict.fromkeys(told.omitted))
            text = f"Not on the cassette, because they are compressed: {names}. --record-compressed keeps them."
            watch.observer(Note(level="info", text=text))
        return result

    async def _find_applied(self, address: str, options: RunOptions, watch: Watch) -> Applied:
        """Looked up once for each agent; a failure is not remembered."""
        key = (address, options.as_applied)
        async with self._applying:
            if key not in self._applied:
                self._applied[key] = await self._look_up(address, options, watch)
            return self._applied[key]

    async def _look_up(self, address: str, options: RunOptions, watch: Watch) -> Applied:
        """On the local target apply first what the run needs; elsewhere only what is applied runs."""
        manifest, resources = self.built.manifest, self.connection.resources
        if self.connection.local and not options.as_applied:
            plan = await make_plan(needed_part(manifest, address), resources, self._store)
            watch.stage("plan", plan.summary)
            # With nothing to do there is nothing to keep other runs from: they may start at once.
            if not plan.is_empty or plan.blocked:
                outcome = await apply_plan(
                    plan, resources, self._store, lambda step: watch.stage("apply", str(step))
                )
                outcome.raise_failure()
        return await check_applied(
            manifest, address, resources, self._store, as_applied=options.as_applied
        )


@asynccontextmanager
async def open_desk(built: Compiled, report: Report, options: RunOptions) -> AsyncIterator[Desk]:
    """Connect to the target and open the ledger, until the context ends.

    Raises:
        UsageError: there are no credentials, or nothing plays the model.
    """
    target, root = built.manifest.target, options.project.root
    async with connect(
        target, root, script=options.script, unsafe_no_sandbox=options.unsafe_no_sandbox
    ) as connection:
        if not connection.plays:
            raise UsageError(
                f"Nothing plays the model on target {target.name!r}.",
                hint="Name a script: --script FILE, or `driver: { script: ./FILE }` in the target.",
            )
        with Ledger.open(ledger_path(root)) as ledger:
            yield Desk(built, report, connection, ledger, root)


def read_project(options: RunOptions, observer: Observer) -> tuple[Compiled, Report]:
    """Compile and lint. Raises `ProblemsFound`: the project has errors."""
    built, report = compiled(
        options.project,
        target=options.target,
        variables=options.variables,
        settings=options.settings,
        rules=True,
    )
    observer(FindingsFound(problems=report.problems))
    return built, report


async def run(options: RunOptions, watch: Watch) -> RunResult:
    """One run, from the files to verified outputs.

    Raises:
        ProblemsFound: the project has errors; nothing was done.
        UsageError: no such agent, an input is missing, or something a run needs is not declared.
        Blocked: the target has something else applied than what the files say.
        SecretUnavailable: one that a custom tool or a session is given cannot be read.
        ServiceError: the service failed before the session started.
    """
    built, report = read_project(options, watch.observer)
    order = take_order(built, report, options)
    found = "no problems" if not report.problems else f"{len(report.problems)} to look at"
    watch.stage("lint", f"{report.specs} specs, {found}")
    watch.stage("compile", f"{order.address}, manifest {built.manifest.digest[:19]}")
    async with open_desk(built, report, options) as desk:
        return await desk.run(order, options, watch)
