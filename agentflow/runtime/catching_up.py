"""[io] What a run tells its machine first, in a session that has a history already.

There are two kinds of such a history: what an earlier process did for this run, and what earlier runs did
in its session. The stream is open by then, so nothing falls between the history and the stream.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentflow.ports import Clock
from agentflow.runtime import backoff
from agentflow.runtime.events import parse_event
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.notices import Note, Observer
from agentflow.runtime.reading import Reader
from agentflow.runtime.remarks import find_sent, last_of
from agentflow.runtime.resuming import Earlier, placed, resumed
from agentflow.runtime.reuse import refuse_company, split
from agentflow.runtime.run import Reuse, RunRequest
from agentflow.runtime.sending import Sender
from agentflow.runtime.session import Input, Reused, Started

__all__ = ["catch_up"]

SETTLE_TRIES = 6
SETTLE_DRAW = 0.5
"""Half of the longest pause each time: about eight seconds in all."""


async def catch_up(
    request: RunRequest,
    earlier: Earlier | None,
    *,
    reader: Reader,
    ledger: Ledger,
    sender: Sender,
    clock: Clock,
    tell: Observer,
) -> list[Input]:
    """Read the history; what the machine is told of it, in order.

    Raises:
        Blocked: somebody else has begun something in the session.
        StateError: the history is not the one that the run was begun behind.
        ServiceError: it cannot be read.
    """
    history = await _settled(reader, request.reuse, clock)
    told: list[Input] = []
    if request.reuse is not None:
        parts = split(history, request.reuse)
        history = parts.since
        for event in parts.before:
            if event.get("type") == "user.message":
                # An earlier task with the same words is no proof that this one was sent.
                sender.has_sent(str(event["id"]))
        told.append(Reused(tuple(parse_event(raw) for raw in parts.before)))
    if earlier is None:
        if request.reuse is not None:
            refuse_company(history, request.reuse)
        return [*told, Started()]
    said = find_sent(ledger, request.run_id, history)
    for id in said:
        sender.has_sent(id)
    own = [event for event in history if event.get("id") not in said]
    messages = placed(earlier.messages, own)
    for entry in messages:
        if entry.event_id is not None:
            ledger.confirm_message(request.run_id, entry.number, entry.event_id)
            sender.has_sent(entry.event_id)
    text = f"Going on with what another process began: {len(history)} events so far."
    tell(Note(level="info", text=text))
    come = resumed(earlier, messages, history, clock.now())
    last = last_of([come.message, *said], history)
    return [*told, replace(come, message=last)]


async def _settled(
    reader: Reader, reuse: Reuse | None, clock: Clock
) -> Sequence[Mapping[str, Any]]:
    """The history, once it has the place that the run begins behind: a list may lag behind its session."""
    history = await reader.history()
    if reuse is None or reuse.after is None:
        return history
    for attempt in range(SETTLE_TRIES):
        if any(event.get("id") == reuse.after for event in history):
            break
        await clock.sleep(backoff.delay_s(attempt, SETTLE_DRAW))
        history = await reader.history()
    return history
