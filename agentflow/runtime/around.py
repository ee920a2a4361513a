"""What a run works with, and how patient it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from agentflow.ports import Clock, Sessions
from agentflow.runtime import budget
from agentflow.runtime.approvals import Person
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.notices import Observer
from agentflow.runtime.pool import WorkerPool
from agentflow.runtime.pools import Purse
from agentflow.runtime.pulse import Pulse
from agentflow.runtime.resuming import Earlier
from agentflow.runtime.run import RunRequest

__all__ = ["Around", "Knobs", "limits_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """Patience, in seconds unless it says otherwise."""

    silence_s: float = 30.0
    """A stream without an event for so long is opened again: it may be dead without knowing."""
    give_up_s: float = 300.0
    """No connection for so long, and the run ends without knowing how the session did."""
    stop_wait_s: float = 30.0
    """What an interrupted session has to come to rest."""
    settle_s: float = 8.0
    """How long an output that is missing may still be on its way to the list of files."""
    settle_stopped_s: float = 2.0
    """The same for a run that was stopped, where a missing output is no surprise."""
    tick_s: float = 0.25
    """Between looks at the clock."""
    tries: int = 8
    """How often one request is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a run works with; as the arguments of `run_session`."""

    sessions: Sessions
    ledger: Ledger
    clock: Clock
    observer: Observer
    person: Person | None
    stop: asyncio.Event | None
    knobs: Knobs
    draw: Callable[[], float]
    began: float
    purse: Purse
    pool: WorkerPool | None = None
    pulse: Pulse | None = None
    earlier: Earlier | None = None
    """What another process did before. None: this is a new run."""


def limits_of(request: RunRequest) -> budget.Limits:
    return budget.Limits(
        agent=request.agent,
        model=request.policy.model,
        budget=request.policy.budget,
        sources=request.sources,
    )
