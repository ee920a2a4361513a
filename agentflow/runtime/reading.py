"""[io] Keep the event stream of a session open, and look up what it missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from agentflow.errors import LostAnswer, NotFound, ServiceError, StreamLost, Unavailable
from agentflow.ports import Clock, Sessions
from agentflow.runtime import backoff
from agentflow.runtime.events import parse_event
from agentflow.runtime.notices import Note, Observer, Received, Reconnecting
from agentflow.runtime.session import ConnectionLost, History, Input, SessionGone, Started
from agentflow.runtime.transcript import Transcript

__all__ = ["Reader"]


class Reader:
    """Puts events, and facts about the connection, into the run's inbox."""

    def __init__(
        self,
        sessions: Sessions,
        session_id: str,
        *,
        put: Callable[[Input], None],
        tell: Observer,
        transcript: Transcript,
        clock: Clock,
        draw: Callable[[], float],
        silence_s: float,
        give_up_s: float,
        first: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """A stream silent for `silence_s` is opened again; without any for `give_up_s` it ends.

        `first`: what is done once the first stream is open. None: the machine is told to start.
        """
        self.reconnects = 0
        self._sessions = sessions
        self._session_id = session_id
        self._put = put
        self._tell = tell
        self._transcript = transcript
        self._clock = clock
        self._draw = draw
        self._silence_s = silence_s
        self._give_up_s = give_up_s
        self._first = first
        self._started = False
        self._attempt = 0
        self._down_since: float | None = None
        self._heard_at = clock.monotonic()
        self._scope: asyncio.Timeout | None = None
        self._recorded = transcript.keys()

    async def run(self) -> None:
        """Read until cancelled, or until there is nothing to be had any more."""
        while True:
            try:
                reason = await self._connection()
            except (StreamLost, LostAnswer, Unavailable) as error:
                reason = error.message
            except NotFound:
                self._put(SessionGone("deleted"))
                return
            except ServiceError as error:
                self._put(ConnectionLost(error.message))
                return
            if reason is None:
                continue
            now = self._clock.monotonic()
            self._down_since = now if self._down_since is None else self._down_since
            if now - self._down_since >= self._give_up_s:
                self._put(ConnectionLost(reason))
                return
            await self._pause(reason)

    async def _pause(self, reason: str) -> None:
        delay_s = backoff.delay_s(self._attempt, self._draw())
        self._attempt += 1
        self.reconnects += 1
        self._tell(Reconnecting(attempt=self._attempt, delay_s=delay_s, reason=reason))
        await self._clock.sleep(delay_s)

    async def _connection(self) -> str | None:
        """One connection from its opening to its end; why it ended. None: it was silent too long.

        Raises:
            StreamLost: it broke.
            ServiceError: it could not be opened, or the history not be read.
        """
        async with AsyncExitStack() as stack:
            frames = await self._open(stack)
            if self._down_since is not None:
                text = "Connected again: what took place meanwhile is read now."
                self._tell(Note(level="info", text=text))
            if self._started:
                # The new stream collects meanwhile; nothing can fall between it and the history.
                await self.read_history()
            else:
                await self._begin()
                self._started = True
            self._down_since = None
            self._heard_at = self._clock.monotonic()
            try:
                async with asyncio.timeout(None) as self._scope:
                    async for raw in frames:
                        self._heard(raw)
            except TimeoutError:
                return None
            finally:
                self._scope = None
        return "The service closed the stream."

    async def _begin(self) -> None:
        if self._first is None:
            self._put(Started())
        else:
            await self._first()

    async def _open(self, stack: AsyncExitStack) -> AsyncIterator[Mapping[str, Any]]:
        """Silence before the stream is open is not normal, and ends as a lost connection."""
        self._heard_at = self._clock.monotonic()
        try:
            async with asyncio.timeout(None) as self._scope:
                return await stack.enter_async_context(self._sessions.stream(self._session_id))
        except TimeoutError:
            raise StreamLost("The stream was not opened: the service does not answer.") from None
        finally:
            self._scope = None

    def _heard(self, raw: Mapping[str, Any]) -> None:
        self._attempt = 0
        self._heard_at = self._clock.monotonic()
        self._record(raw)
        self._put(parse_event(raw))

    def reopen_if_silent(self) -> None:
        """End a connection that said nothing for too long. Silence is normal, so nobody is told."""
        silent_s = self._clock.monotonic() - self._heard_at
        if self._scope is not None and silent_s >= self._silence_s:
            scope, self._scope = self._scope, None
            scope.reschedule(asyncio.get_running_loop().time())

    async def read_history(self) -> None:
        """Put all events of the session into the inbox.

        Raises:
            ServiceError: they cannot be read.
        """
        events = await self.history()
        self._put(History(tuple(parse_event(raw) for raw in events)))

    async def history(self) -> Sequence[Mapping[str, Any]]:
        """All events of the session, as they came. Raises as `read_history`."""
        events = await self._sessions.history(self._session_id)
        for raw in events:
            self._record(raw)
        return events

    def _record(self, raw: Mapping[str, Any]) -> None:
        """Each event is written down once, and once more when it is processed."""
        key = (str(raw.get("id") or ""), raw.get("processed_at") is not None)
        if key not in self._recorded:
            self._tell(Received(event=self._transcript.received(raw)))
            if key[0]:
                self._recorded.add(key)
