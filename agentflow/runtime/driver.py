"""[io] One run of one task in one session: its books are opened, its session found, and both closed whatever happens."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from agentflow.compiler.template import render_task
from agentflow.errors import AgentflowError, NotFound, StateError, UsageError
from agentflow.ports import Clock, SessionInfo, Sessions
from agentflow.runtime.approvals import Person
from agentflow.runtime.around import Around, Knobs, limits_of
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.loop import Loop
from agentflow.runtime.notices import Observer
from agentflow.runtime.opening import find_session, open_session, raise_budget
from agentflow.runtime.pool import WorkerPool
from agentflow.runtime.pools import Purse
from agentflow.runtime.pulse import Pulse
from agentflow.runtime.questions import close_questions
from agentflow.runtime.record import Recorded, write_record
from agentflow.runtime.remarks import close_remarks
from agentflow.runtime.resuming import Earlier
from agentflow.runtime.run import STILL_OPEN, RunRequest, RunResult, Verdict
from agentflow.runtime.tool_log import ToolLog
from agentflow.runtime.transcript import Transcript
from agentflow.runtime.watching import watch

__all__ = ["Knobs", "resume_session", "run_session"]


async def run_session(
    request: RunRequest,
    *,
    sessions: Sessions,
    ledger: Ledger,
    clock: Clock,
    observer: Observer,
    person: Person | None,
    stop: asyncio.Event | None = None,
    knobs: Knobs | None = None,
    draw: Callable[[], float] = random.random,
    pool: WorkerPool | None = None,
    pulse: Pulse | None = None,
) -> RunResult:
    """Run one task in one new session, to a verdict.

    Args:
        request: what to do.
        sessions: the service.
        ledger: where the run, its tool calls and its approvals are written.
        clock: time, and the way to wait.
        observer: told what happens, while it happens.
        person: asked where a rule says so. None: nobody is there.
        stop: once set, the session is interrupted and what is there is collected. Cancelling the
            task interrupts the session too, but then there is no result.
        knobs: patience. None: the defaults.
        draw: numbers in [0, 1) for the backoff.
        pool: where custom tools and checks run; it stays the caller's, who closes it. None: one for
            this run alone.
        pulse: looks at the clock for many runs. None: the run does so itself.

    Raises:
        ServiceError: the session could not be created.
        UsageError: the inputs do not fit the task.
        StateError: the ledger cannot be used.
    """
    if request.policy.task is None:
        raise UsageError(f"{request.agent} has no task.", hint="Add `task: …` to the agent.")
    task = render_task(request.policy.task, request.inputs)
    around = Around(
        sessions=sessions,
        ledger=ledger,
        clock=clock,
        observer=observer,
        person=person,
        stop=stop,
        knobs=knobs or Knobs(),
        draw=draw,
        began=clock.monotonic(),
        pool=pool,
        pulse=pulse,
        purse=_purse(request, ledger, clock),
    )
    # What is refused here leaves nothing behind.
    around.purse.open(detached=request.detach)
    with watch(request.directory, request.run_id):
        ledger.begin_run(
            request.run_id,
            agent=request.agent,
            agent_id=request.agent_id,
            agent_version=request.agent_version,
            at=clock.now().isoformat(),
            record=write_record(request, task),
        )
        return await _to_the_end(request, task, around)


async def resume_session(
    recorded: Recorded,
    *,
    sessions: Sessions,
    ledger: Ledger,
    clock: Clock,
    observer: Observer,
    person: Person | None,
    stop: asyncio.Event | None = None,
    knobs: Knobs | None = None,
    draw: Callable[[], float] = random.random,
    pool: WorkerPool | None = None,
) -> RunResult:
    """Go on with a run that another process has begun, from where its ledger and session are.

    The arguments are those of `run_session`; `recorded` is what `read_record` made of the ledger.

    Raises:
        Blocked: a process follows the run.
        NotFound: its session does not exist any more.
        ServiceError: its session cannot be read, or was never created and cannot be now.
        StateError: the ledger cannot be used, or knows no such run.
    """
    request, task = recorded
    began = clock.monotonic()
    with watch(request.directory, request.run_id):
        entry = ledger.run(request.run_id)
        if entry is None:
            raise StateError(f"The ledger knows no run {request.run_id}.")
        around = Around(
            sessions=sessions,
            ledger=ledger,
            clock=clock,
            observer=observer,
            person=person,
            stop=stop,
            knobs=knobs or Knobs(),
            draw=draw,
            began=began,
            pool=pool,
            earlier=Earlier(
                session_id=entry.session_id,
                started_at=datetime.fromisoformat(entry.started_at),
                wall_s=entry.wall_s,
                messages=tuple(ledger.messages(request.run_id)),
                stopped=entry.verdict == Verdict.BUDGET,
            ),
            purse=_purse(request, ledger, clock),
        )
        around.purse.open()
        ledger.resume_run(request.run_id, at=clock.now().isoformat())
        return await _to_the_end(request, task, around)


async def _to_the_end(request: RunRequest, task: str, around: Around) -> RunResult:
    """Find or create the session, follow it, and close the books whatever happens."""
    ledger, clock = around.ledger, around.clock
    try:
        info = await _session(request, around)
    except BaseException as error:
        cancelled = isinstance(error, asyncio.CancelledError)
        verdict = Verdict.INTERRUPTED if cancelled else Verdict.FAILED
        reason = error.message if isinstance(error, AgentflowError) else _why(error)
        around.purse.close()
        if around.earlier is None or isinstance(error, NotFound):
            _close_books(ledger, request, clock, verdict, reason, {})
        raise
    ledger.set_session(request.run_id, info.id)
    directory = request.directory
    with Transcript(directory / "transcript.jsonl", clock) as transcript:
        try:
            async with _workers(request, around.pool) as pool:
                run = Loop(request, info, task, around, transcript, pool)
                result = await run.to_the_end()
        except BaseException as error:
            around.purse.close()
            _close_books(ledger, request, clock, Verdict.INTERRUPTED, _why(error), {})
            raise
    around.purse.close(run.state.usage, keep=result.verdict is Verdict.DETACHED)
    cost = None if result.cost_usd is None else str(result.cost_usd)
    usage = {
        "tokens": result.tokens.total,
        "cost_usd": cost,
        "turns": result.turns,
        "tool_calls": result.tool_calls,
        "active_s": result.active_s,
    }
    ledger.alive(request.run_id, wall_s=result.wall_s, at=clock.now().isoformat())
    _close_books(ledger, request, clock, result.verdict, result.reason, usage)
    return result


@asynccontextmanager
async def _workers(request: RunRequest, shared: WorkerPool | None) -> AsyncIterator[WorkerPool]:
    """Those of many runs, or some of our own, with a log of what they print."""
    if shared is not None:
        yield shared
        return
    with ToolLog(request.directory / "tools.log") as log:
        pool = WorkerPool(request.project_root, log=log.descriptor)
        try:
            yield pool
        finally:
            await pool.close()


async def _session(request: RunRequest, around: Around) -> SessionInfo:
    """The session of the run: the one it has or goes on in, or a new one.

    Raises:
        NotFound: the one it had is gone.
        ServiceError: it cannot be read, or not be created.
    """
    knobs, earlier, reuse = around.knobs, around.earlier, request.reuse
    found = None
    if earlier is not None or reuse is not None:
        own = None if earlier is None else earlier.session_id
        found = await find_session(
            request.run_id,
            own or (reuse.session_id if reuse else None),
            around.sessions,
            around.clock,
            tries=knobs.tries,
            draw=around.draw,
        )
    if found is not None:
        if earlier is not None:
            await raise_budget(request, found, around.sessions, around.purse.cap_usd)
        return found
    return await open_session(
        request,
        around.sessions,
        around.clock,
        tries=knobs.tries,
        draw=around.draw,
        cap_usd=around.purse.cap_usd,
    )


def _why(error: BaseException) -> str:
    return "cancelled" if isinstance(error, asyncio.CancelledError) else repr(error)


def _close_books(
    ledger: Ledger,
    request: RunRequest,
    clock: Clock,
    verdict: Verdict,
    reason: str,
    usage: Mapping[str, Any],
) -> None:
    at = clock.now().isoformat()
    if verdict not in STILL_OPEN:
        close_questions(ledger, request.run_id, at=at)
        close_remarks(ledger, request.run_id, f"The run ended: {verdict}.", at=at)
    ledger.end_run(request.run_id, verdict=verdict, reason=reason, usage=usage, at=at)


def _purse(request: RunRequest, ledger: Ledger, clock: Clock) -> Purse:
    return Purse(
        ledger,
        limits_of(request),
        run_id=request.run_id,
        flow=request.flow,
        clock=clock,
        pools_of=request.pools_of,
    )
