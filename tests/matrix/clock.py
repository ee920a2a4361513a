"""A clock that a busy machine cannot hurry: what the loop had no time for does not count as waiting."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

__all__ = ["PatientClock"]

STEP_S = 0.01
MOST_S = 0.02
"""Of the time between two steps, what counts at most."""


class PatientClock:
    """`ports.Clock` for many runs in one loop. Deadlines stay real where nothing else is going on."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return self._now_s

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now_s + seconds, next(self._order), woken))
        await woken

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        ticking = asyncio.create_task(self._tick())
        try:
            yield
        finally:
            ticking.cancel()

    async def _tick(self) -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(STEP_S)
            now = time.monotonic()
            self._now_s += min(now - last, MOST_S)
            last = now
            while self._sleepers and self._sleepers[0][0] <= self._now_s:
                woken = heapq.heappop(self._sleepers)[2]
                if not woken.done():
                    woken.set_result(None)
