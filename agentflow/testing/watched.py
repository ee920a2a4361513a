"""What befalls a client on its way: events that are late, and its own death."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from agentflow.errors import Unavailable
from agentflow.testing.clock import HandClock
from agentflow.testing.faults import Misfortune
from agentflow.testing.wire import Wire, WireSessions

__all__ = ["WatchedSessions"]


class WatchedSessions(WireSessions):
    """What befalls the client while it listens."""

    def __init__(self, wire: Wire, clock: HandClock, misfortune: Misfortune) -> None:
        super().__init__(wire)
        self._clock = clock
        self._delays = dict(misfortune.delays)
        self._kills = list(misfortune.kills)
        self._frames = 0
        self.die: Callable[[], None] = lambda: None
        self.is_dead = False

    @asynccontextmanager
    async def stream(self, session_id: str) -> AsyncIterator[AsyncIterator[Mapping[str, Any]]]:
        async with super().stream(session_id) as events:
            yield self._watched(events)

    async def _watched(
        self, events: AsyncIterator[Mapping[str, Any]]
    ) -> AsyncIterator[Mapping[str, Any]]:
        async for event in events:
            if self._kills and self._frames >= self._kills[0]:
                self._kills.pop(0)
                await self._end_of_client()
            self._frames += 1
            delay_s = self._delays.pop(self._frames, None)
            if delay_s is not None:
                await self._clock.sleep(delay_s)
            yield event

    async def _end_of_client(self) -> None:
        self.is_dead = True
        self.die()
        # Nobody hears of this event: a dead client does nothing at all.
        await asyncio.Event().wait()

    async def _call(self, method: str, path: str, **how: Any) -> Any:
        if self.is_dead:
            raise Unavailable("The client is dead.")
        return await super()._call(method, path, **how)
