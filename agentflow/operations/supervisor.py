"""[io] Many runs of one project in one process: `agentflow.Supervisor`."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Generator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Self, Unpack, cast

from agentflow.errors import UsageError
from agentflow.operations.asked import (
    Approve,
    Placing,
    Running,
    Starting,
    options_of,
    watch_of,
)
from agentflow.operations.clock import SystemClock
from agentflow.operations.orders import take_order
from agentflow.operations.run import (
    LISTED_AT_ONCE,
    Desk,
    Watch,
    open_desk,
    read_project,
    told_of_failure,
)
from agentflow.operations.workspace import run_dir
from agentflow.runtime.approvals import Person
from agentflow.runtime.notices import Notice, RunStarted
from agentflow.runtime.run import RunResult
from agentflow.runtime.supervisor import Crew
from agentflow.runtime.tool_log import ToolLog

__all__ = ["Started", "Supervising", "Supervisor"]

FILES_OF_A_RUN = 5
"""What it has open: its stream, a request, its transcript, its lock, and one to spare."""


class Started:
    """A run that was asked for. Awaiting it gives its `RunResult`, or raises why there is none."""

    def __init__(self, agent: str | None) -> None:
        self.agent = agent
        self.run_id: str | None = None
        """None: it waits for its turn, or was refused."""
        self._stop = asyncio.Event()
        self._task: asyncio.Task[RunResult] | None = None

    def __await__(self) -> Generator[Any, None, RunResult]:
        assert self._task is not None
        # Whoever stops waiting does not stop the run.
        return asyncio.shield(self._task).__await__()

    @property
    def done(self) -> bool:
        return self._task is not None and self._task.done()

    def stop(self) -> None:
        """Interrupt its session, and collect what is there."""
        self._stop.set()


class Supervising(Placing, total=False):
    """Where runs take place, and how many at once."""

    at_once: int
    """Left out: 1,000, or what the system's limit of open files allows."""
    workers: int
    """Processes for the tools and checks of all runs. Left out: 16."""
    on_event: Callable[[Started, Notice], None]
    person: Person | Approve | None
    """Asked where a rule says `ask: person`. Left out: nobody is there."""


class Supervisor:
    """Runs tasks of one project side by side. An async context manager.

    The project is read, and the service connected to, once. Leaving the context waits for every run;
    leaving it by an exception, as Ctrl-C does, interrupts them all. A run that fails is nobody else's
    problem: awaiting it raises, and `on_event` is told.
    """

    def __init__(self, **how: Unpack[Supervising]) -> None:
        """`how`: as `Supervising`. Nothing is read or connected to yet."""
        self._how = how
        self._runs: dict[Started, None] = {}
        self._stack = AsyncExitStack()
        self._desk: Desk | None = None

    async def __aenter__(self) -> Self:
        """Read the project and connect.

        Raises:
            ProblemsFound: the project has errors.
            AgentflowError: the target cannot be used.
        """
        at_once = _room_for(self._how.get("at_once", 1000))
        async with AsyncExitStack() as stack:
            options = self._options = options_of(None, cast(Running, self._placing()))
            self._built, self._report = read_project(options, lambda notice: None)
            desk = await stack.enter_async_context(open_desk(self._built, self._report, options))
            runs = run_dir(options.project.root, "")
            runs.mkdir(parents=True, exist_ok=True)
            log = stack.enter_context(ToolLog(runs / "tools.log"))
            desk.crew = await stack.enter_async_context(
                Crew(
                    options.project.root,
                    sessions=desk.connection.sessions,
                    ledger=desk.ledger,
                    clock=SystemClock(),
                    knobs=LISTED_AT_ONCE if desk.connection.local else None,
                    at_once=at_once,
                    workers=self._how.get("workers", 16),
                    log=log.descriptor,
                )
            )
            self._desk, self._stack = desk, stack.pop_all()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is not None:
                self._cancel()
            await self._all_ended()
        finally:
            await self._stack.aclose()
            self._desk = None

    def start(self, agent: str | None = None, **what: Unpack[Starting]) -> Started:
        """Ask for one run; it starts when there is room for it.

        Args:
            agent: its name. None: the only one of the project.
            what: as `Starting`.

        Raises:
            UsageError: outside of `async with`.
        """
        desk = self._desk
        if desk is None:
            raise UsageError("A supervisor starts runs within `async with` alone.")
        started = Started(agent)
        watch = replace(
            watch_of({"person": self._how.get("person"), "stop": started._stop}),
            observer=self._observer(started),
        )
        started._task = asyncio.create_task(self._carry_out(desk, agent, what, watch))
        self._runs[started] = None
        started._task.add_done_callback(lambda _: self._runs.pop(started, None))
        return started

    def stop(self) -> None:
        """Interrupt the sessions of all runs that were started so far, and collect what is there."""
        for started in self._runs:
            started.stop()

    async def _carry_out(
        self, desk: Desk, agent: str | None, what: Starting, watch: Watch
    ) -> RunResult:
        with told_of_failure(watch.observer):
            options = options_of(agent, cast(Running, {**self._placing(), **what}))
            order = take_order(self._built, self._report, options)
            assert desk.crew is not None
            async with desk.crew.place():
                return await desk.run(order, options, watch)

    def _placing(self) -> dict[str, Any]:
        names = Placing.__annotations__
        return {name: value for name, value in self._how.items() if name in names}

    def _observer(self, started: Started) -> Callable[[Notice], None]:
        told = self._how.get("on_event")

        def tell(notice: Notice) -> None:
            if isinstance(notice, RunStarted):
                started.run_id = notice.run_id
            if told is not None:
                told(started, notice)

        return tell

    def _cancel(self) -> None:
        for started in self._runs:
            assert started._task is not None
            started._task.cancel()

    async def _all_ended(self) -> None:
        """Wait until no run is left, also if somebody gets impatient: then they are interrupted."""
        while tasks := [started._task for started in self._runs if started._task is not None]:
            try:
                await asyncio.wait(tasks)
            except asyncio.CancelledError:
                self._cancel()
                await asyncio.wait(tasks)
                raise


def _room_for(at_once: int) -> int:
    """How many runs can be open at once; the limit of open files of this process is raised for them."""
    if at_once < 1:
        raise UsageError(f"at_once is {at_once}, and no run could start.")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 200 + FILES_OF_A_RUN * at_once
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(1, min(at_once, (soft - 200) // FILES_OF_A_RUN))
    return at_once
