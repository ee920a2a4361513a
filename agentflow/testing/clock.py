"""Time that passes only while nothing else happens: tests that wait for hours take no time.

A loop of its own keeps it. Work of this process takes no time at all. When every task waits for the clock, it
jumps to the first moment that somebody waits for. While something real is going on outside of the loop
(a thread, a program, a connection), time passes as it does.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import selectors
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, TypeVarTuple

__all__ = ["HandClock", "JumpingLoop", "limited", "run_jumping", "threaded", "working"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""A Monday morning, when every test begins."""

_THREADED: ContextVar[bool] = ContextVar("threaded", default=False)

_REAL_S = 0.05
"""How long to wait for something real before looking at the loop again."""


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps over every pause."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._busy = 0
        self._limit: tuple[float, asyncio.Task[Any]] | None = None
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self._seconds

    def advance(self, seconds: float) -> None:
        self._seconds += seconds

    @property
    def is_busy(self) -> bool:
        """Something real is going on that the loop will hear of."""
        return self._busy > 0

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Let time pass as it does while this lasts: something outside of the loop is at work."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    @contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """End the work in here when it has taken so many seconds, of those that really pass.

        Raises:
            TimeoutError: it took longer.
        """
        task = asyncio.current_task()
        assert task is not None, "a task asks for a limit of its own"
        self._limit = (time.monotonic() + seconds, task)
        try:
            yield
        except asyncio.CancelledError:
            if self._limit is not None:
                raise
            task.uncancel()
            raise TimeoutError from None
        finally:
            self._limit = None

    def look_at_limit(self) -> None:
        if self._limit is not None and time.monotonic() >= self._limit[0]:
            task, self._limit = self._limit[1], None
            task.cancel()

    def run_in_executor(
        self,
        executor: concurrent.futures.Executor | None,
        func: Callable[[*Ts], T],
        *args: *Ts,
    ) -> asyncio.Future[T]:
        if not _THREADED.get():
            # Short work, such as looking at a file: a thread for it would take ten times as long.
            done: asyncio.Future[T] = self.create_future()
            try:
                done.set_result(func(*args))
            except Exception as error:
                done.set_exception(error)
            return done
        self._busy += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._rested)
        return future

    def _rested(self, _: object) -> None:
        self._busy -= 1


class _Selector(selectors.DefaultSelector):
    """Waits for real events only where there may be some."""

    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._loop.look_at_limit()
        found = super().select(0)
        if found or (timeout is not None and timeout <= 0):
            return found
        # The loop's own pipe is always there; anything else is a connection or a program.
        if timeout is None or self._loop.is_busy or len(self.get_map()) > 1:
            began = time.monotonic()
            found = super().select(_REAL_S if timeout is None else min(timeout, _REAL_S))
            self._loop.advance(time.monotonic() - began)
            return found
        self._loop.advance(timeout)
        return []


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """On a `JumpingLoop`, as its `limited`; elsewhere nothing is limited here."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, JumpingLoop):
        with loop.limited(seconds):
            yield
    else:
        yield


@contextmanager
def threaded() -> Iterator[None]:
    """Have blocking work that is begun in here run in threads on a `JumpingLoop` too: it may take long."""
    token = _THREADED.set(True)
    try:
        yield
    finally:
        _THREADED.reset(token)


@contextmanager
def working() -> Iterator[None]:
    """On a `JumpingLoop`, let time pass as it does while this lasts; on another it does so anyway."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, JumpingLoop):
        with loop.busy():
            yield
    else:
        yield


class HandClock:
    """`ports.Clock` on a `JumpingLoop`: a wait is over at once if nobody else has anything to do."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._turned = 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() + self._turned

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def advance(self, seconds: float) -> None:
        """Turn the clock by hand. Who sleeps on it goes on sleeping for as long as before."""
        self._turned += seconds


def run_jumping(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a loop whose time jumps, as `asyncio.run` does on one whose time passes."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(work)
