"""[io] Many runs in one process: started a few at a time, with one ledger and one set of workers.

Runs are independent: each is a task of its own, and what one raises is its own result. What they share
is bounded, so that a thousand runs need a thousand streams, but not a thousand of anything else.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

from agentflow.ports import Clock, Sessions
from agentflow.runtime.approvals import Person
from agentflow.runtime.driver import Knobs, run_session
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.notices import Observer
from agentflow.runtime.pool import WorkerPool
from agentflow.runtime.pulse import Pulse
from agentflow.runtime.run import RunRequest, RunResult

__all__ = ["Crew", "Ramp", "SharedPool"]


class Ramp:
    """Lets a few through at a time: a burst of connections costs more than it gains.

    Opening a stream takes about 2 ms of CPU, and a listen queue holds a few hundred.
    """

    def __init__(self, clock: Clock, *, batch: int = 20, gap_s: float = 0.015) -> None:
        """`batch` at once, and `gap_s` seconds after them the next."""
        self._clock = clock
        self._batch = batch
        self._gap_s = gap_s
        self._opens_s = float("-inf")
        self._left = 0

    async def turn(self) -> None:
        """Wait for a place in a batch."""
        now = self._clock.monotonic()
        if self._left == 0 or now > self._opens_s + self._gap_s:
            self._opens_s = max(now, self._opens_s + self._gap_s)
            self._left = self._batch
        self._left -= 1
        if self._opens_s > now:
            await self._clock.sleep(self._opens_s - now)


class SharedPool(WorkerPool):
    """Workers for the tools and checks of many runs. A call waits for a worker; its time limit does not."""

    def __init__(self, root: Path, *, log: IO[bytes] | int | None = None, most: int) -> None:
        super().__init__(root, log=log)
        self._places = asyncio.Semaphore(most)

    async def call(self, request: Mapping[str, Any], *, timeout_s: float) -> Any:
        async with self._places:
            return await super().call(request, timeout_s=timeout_s)


class Crew:
    """Carries out runs, at most so many at once. Use it as a context manager: leaving ends the workers."""

    def __init__(
        self,
        root: Path,
        *,
        sessions: Sessions,
        ledger: Ledger,
        clock: Clock,
        knobs: Knobs | None = None,
        at_once: int = 1000,
        workers: int = 16,
        log: int | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """`workers`: processes for the tools and checks of all runs; what they print goes to `log`.

        That is a descriptor; None: nowhere.
        """
        self._sessions = sessions
        self._ledger = ledger
        self._clock = clock
        self._knobs = knobs
        self._draw = draw
        self._places = asyncio.Semaphore(at_once)
        self._ramp = Ramp(clock)
        self._pool = SharedPool(root, log=log, most=workers)
        self._pulse = Pulse(clock, ledger)
        self._beating: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Crew:
        self._beating = asyncio.create_task(self._pulse.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait([self._beating])
        await self._pool.close()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place among those that run at once, and for a turn to start; keep it for a run."""
        async with self._places:
            await self._ramp.turn()
            yield

    async def run(
        self,
        request: RunRequest,
        *,
        observer: Observer,
        person: Person | None = None,
        stop: asyncio.Event | None = None,
    ) -> RunResult:
        """One run, by somebody who has a `place`. The arguments, and what is raised, as `run_session`."""
        return await run_session(
            request,
            sessions=self._sessions,
            ledger=self._ledger,
            clock=self._clock,
            observer=observer,
            person=person,
            stop=stop,
            knobs=self._knobs,
            draw=self._draw,
            pool=self._pool,
            pulse=self._pulse,
        )
