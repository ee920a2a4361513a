"""[io] Send to a session without ever sending twice.

The service has no idempotency key, and a request whose answer is lost, or answered with a 5xx, may
have taken place. So before anything is repeated the history is read, and what is found there is
proof: a result or a confirmation by the call it names, a message by its text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agentflow.errors import LostAnswer, Rejected, ServiceError, Unavailable
from agentflow.ports import Clock, Sessions
from agentflow.runtime import backoff
from agentflow.runtime.events import text_of
from agentflow.runtime.session import Call, Decided, Outcome
from agentflow.runtime.transcript import Transcript

__all__ = ["Sender"]

Events = Sequence[Mapping[str, Any]]
Proof = Callable[[Events], str | None]
"""The id of the event that shows that a send took place. None: it is not in the history."""


class Sender:
    """Everything one run sends to its session.

    Every method raises a `ServiceError`; it is known then, as far as it can be, that nothing was sent.
    """

    def __init__(
        self,
        sessions: Sessions,
        session_id: str,
        *,
        transcript: Transcript,
        clock: Clock,
        draw: Callable[[], float],
        tries: int,
    ) -> None:
        """`tries`: how often one thing is tried; `draw`: numbers in [0, 1) for the backoff."""
        self._sessions = sessions
        self._session_id = session_id
        self._transcript = transcript
        self._clock = clock
        self._draw = draw
        self._tries = tries
        self._messages: set[str] = set()

    def has_sent(self, event_id: str) -> None:
        """This message is one of ours already: no proof of another with the same text."""
        self._messages.add(event_id)

    async def message(self, text: str) -> str:
        """Send a user message; the id it has in the session."""

        def proof(events: Events) -> str | None:
            return next(
                (
                    str(event["id"])
                    for event in events
                    if event.get("type") == "user.message"
                    and event.get("id") not in self._messages
                    and text_of(event.get("content")) == text
                ),
                None,
            )

        event = {"type": "user.message", "content": [{"type": "text", "text": text}]}
        id = await self._deliver([event], proof) or await self._look(proof)
        if not id:
            raise LostAnswer("The service took a message and does not show it.")
        self._messages.add(id)
        return id

    async def result(
        self, call: Call, outcome: Outcome, warning: str | None, *, again: bool = False
    ) -> None:
        """Answer a custom tool call, with a word to the agent behind it if there is one.

        `again`: it was taken before, and is sent only if the history does not show it.
        """
        event = {
            "type": "user.custom_tool_result",
            "custom_tool_use_id": call.id,
            # A block without text is refused.
            "content": [{"type": "text", "text": outcome.text or "(no output)"}],
            "is_error": outcome.is_error,
        }
        proof = _answered("user.custom_tool_result", "custom_tool_use_id", call.id)
        if again and await self._look(proof) is not None:
            return
        if warning is not None:
            note = {"type": "system.message", "content": [{"type": "text", "text": warning}]}
            try:
                await self._deliver([event, note], proof)
            except Rejected:
                # Not every model takes one; the result matters more.
                pass
            else:
                return
        await self._deliver([event], proof)

    async def confirmation(self, call: Call, decided: Decided, *, again: bool = False) -> None:
        """Allow or deny a call that asks; `again` as for a result."""
        event: dict[str, Any] = {
            "type": "user.tool_confirmation",
            "tool_use_id": call.id,
            "result": "allow" if decided.allow else "deny",
        }
        if not decided.allow and decided.message:
            event["deny_message"] = decided.message
        proof = _answered(event["type"], "tool_use_id", call.id)
        if again and await self._look(proof) is not None:
            return
        await self._deliver([event], proof)

    async def interrupt(self) -> None:
        """Sending it twice does no harm, so its proof is only that it was taken."""
        await self._deliver([{"type": "user.interrupt"}], lambda events: None)

    async def _deliver(self, events: Events, proof: Proof) -> str:
        """The id of the first event as the service stored it; empty if that is not known."""
        attempt = 0
        while True:
            try:
                stored = await self._sessions.send(self._session_id, events)
            except (LostAnswer, Unavailable, Rejected) as error:
                attempt += 1
                found = await self._after(error, proof, last=attempt >= self._tries)
                if found is not None:
                    self._record(events)
                    return found
                await self._clock.sleep(self._pause_s(error, attempt - 1))
            else:
                self._record(events)
                return str(stored[0].get("id") or "") if stored else ""

    async def _after(self, error: ServiceError, proof: Proof, *, last: bool) -> str | None:
        """What came of a send that failed: an id if it took place, None to try again.

        Raises:
            ServiceError: `error`, if it did not take place and trying again is of no use.
        """
        found = await self._look(proof)
        if found is not None:
            return found
        if isinstance(error, Rejected):
            if _says_answered(error):
                return ""
            if not _says_unknown_call(error):
                raise error
        if last:
            raise error
        return None

    async def _look(self, proof: Proof) -> str | None:
        """Search the history, for as long as it takes to get it: without it, repeating is a guess."""
        for attempt in range(self._tries):
            try:
                return proof(await self._sessions.history(self._session_id))
            except (LostAnswer, Unavailable) as error:
                await self._clock.sleep(self._pause_s(error, attempt))
        raise LostAnswer(
            "Whether something was sent cannot be found out: the history cannot be read.",
            hint="Look at the session before you start another one.",
        )

    def _pause_s(self, error: ServiceError, attempt: int) -> float:
        asked = error.retry_after_s if isinstance(error, Unavailable) else None
        return asked if asked is not None else backoff.delay_s(attempt, self._draw())

    def _record(self, events: Events) -> None:
        for event in events:
            self._transcript.sent(event)


def _answered(type: str, key: str, call_id: str) -> Proof:
    def proof(events: Events) -> str | None:
        return next(
            (
                str(event.get("id") or call_id)
                for event in events
                if event.get("type") == type and event.get(key) == call_id
            ),
            None,
        )

    return proof


def _says_answered(error: Rejected) -> bool:
    """The call has an answer already, which is what was wanted."""
    text = error.message.lower()
    return "already" in text and (
        "answer" in text
        or "result" in text
        or "resolv" in text
        or "confirm" in text
        or "respond" in text
    )


def _says_unknown_call(error: Rejected) -> bool:
    """The service does not know its own call yet, or not yet as one that waits: it soon will."""
    return "does not match any" in error.message.lower()
