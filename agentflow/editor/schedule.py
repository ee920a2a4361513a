"""When something is worked out again: shortly after the last change, and not too long after the first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

__all__ = ["Schedule"]

K = TypeVar("K")


class Schedule(Generic[K]):
    """Work by key, one after the other for each. Belongs to one event loop."""

    def __init__(
        self, work: Callable[[K], Awaitable[None]], *, quiet_s: float = 0.15, longest_s: float = 1.0
    ) -> None:
        """Take the work.

        Args:
            work: is called with a key; it must not raise.
            quiet_s: how long nothing must have changed before it is.
            longest_s: how long it waits at most while changes go on.
        """
        self._work = work
        self._quiet_s = quiet_s
        self._longest_s = longest_s
        self._due: dict[K, float] = {}
        self._latest: dict[K, float] = {}
        self._tasks: dict[K, asyncio.Task[None]] = {}

    def touch(self, key: K) -> None:
        """Something has changed."""
        now = asyncio.get_running_loop().time()
        latest = self._latest.setdefault(key, now + self._longest_s)
        self._due[key] = min(now + self._quiet_s, latest)
        if key not in self._tasks:
            self._tasks[key] = asyncio.ensure_future(self._run(key))

    def drop(self, key: K) -> None:
        """What is not under way is not worked out any more."""
        self._due.pop(key, None)
        self._latest.pop(key, None)

    async def _run(self, key: K) -> None:
        loop = asyncio.get_running_loop()
        while key in self._due:
            left = self._due[key] - loop.time()
            if left > 0:
                await asyncio.sleep(left)
                continue
            self.drop(key)
            await self._work(key)
        # Right here: whatever changes from now on needs a task of its own.
        del self._tasks[key]
