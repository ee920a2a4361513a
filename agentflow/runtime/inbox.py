"""What a run is told, taken in one at a time and in order, by whoever brings it.

A queue with a task of its own that empties it would wake up for every event. Here the one who puts
something in takes it in too, unless somebody is at it already, who then takes in all there is.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from agentflow.runtime.session import Input

__all__ = ["Inbox"]


class Inbox:
    def __init__(self, take: Callable[[Input], None]) -> None:
        """`take` takes one input in. What it raises is raised by `ended`, not to whoever put it in."""
        self._take = take
        self._waiting: deque[Input] = deque()
        self._busy = False
        self._closed = asyncio.Event()
        self._failure: BaseException | None = None

    def put_nowait(self, given: Input) -> None:
        """Have an input taken in. After the end nothing is any more."""
        self._waiting.append(given)
        if self._busy:
            return
        self._busy = True
        try:
            while self._waiting and not self._closed.is_set():
                self._take(self._waiting.popleft())
        except BaseException as error:
            self._failure = error
            self.close()
        finally:
            self._busy = False

    def close(self) -> None:
        self._closed.set()

    async def ended(self) -> None:
        """Wait for the end. Raises what `take` has raised."""
        await self._closed.wait()
        if self._failure is not None:
            raise self._failure
