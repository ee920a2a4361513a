"""Runs from Python: `run`, `run_async`, and `resume` for what `agentflow run` does on the command line.

A run answers with a `RunResult`, whatever its verdict: that outputs are missing, a limit was reached or
the model refused is data. Exceptions say that there was no run: `ProblemsFound` (the project has
errors), `UsageError`, `Blocked`, `ServiceError` and the rest of `agentflow.errors`.

`on_event` is called with every notice of `agentflow.runtime.notices`, in order, while the run goes on.
It is called by the event loop, so it has to be quick.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Unpack

from agentflow.errors import UsageError
from agentflow.operations.asked import Resuming, Running, options_of, resuming_of, watch_of
from agentflow.operations.resume import resume as resume_run
from agentflow.operations.run import run as run_once
from agentflow.operations.run import told_of_failure
from agentflow.operations.supervisor import Started, Supervisor
from agentflow.runtime.run import RunResult

__all__ = ["Started", "Supervisor", "resume", "resume_async", "run", "run_async"]


def run(agent: str | None = None, **how: Unpack[Running]) -> RunResult:
    """Run one task to its verdict.

    Args:
        agent: its name. None: the only one of the project.
        how: as `Running`.

    Raises:
        AgentflowError: there was no run.
    """
    return _wait_for(run_async(agent, **how))


async def run_async(agent: str | None = None, **how: Unpack[Running]) -> RunResult:
    """As `run`, in an event loop that runs already. Cancelling it interrupts the session."""
    watch = watch_of(how)
    with told_of_failure(watch.observer):
        return await run_once(options_of(agent, how), watch)


def resume(run: str = "last", **how: Unpack[Resuming]) -> RunResult:
    """Go on with a run whose process died, or that waits for a person.

    Args:
        run: its id, the end of it, the id of its session, or `last`.
        how: as `Resuming`.

    Raises:
        AgentflowError: there is no such run, or nothing to go on with.
    """
    return _wait_for(resume_async(run, **how))


async def resume_async(run: str = "last", **how: Unpack[Resuming]) -> RunResult:
    """As `resume`, in an event loop that runs already."""
    watch = watch_of(how)
    with told_of_failure(watch.observer):
        return await resume_run(resuming_of(run, how), watch)


def _wait_for(work: Coroutine[Any, Any, RunResult]) -> RunResult:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    work.close()
    raise UsageError(
        "An event loop runs already, and would stand still for the whole run.",
        hint="Use `await agentflow.run_async(...)`, or `resume_async`.",
    )
