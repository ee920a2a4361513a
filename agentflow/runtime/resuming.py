"""Where an earlier process left off with a run, from the ledger and the session's history.

What was written to the ledger before it was sent is looked for in the history: by its id where the
answer came, else by its text. So what took place is not sent again, and what did not is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from agentflow.runtime.events import parse_event, text_of
from agentflow.runtime.ledger import MessageEntry, storable
from agentflow.runtime.session import Resumed

__all__ = ["Earlier", "placed", "resumed"]

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What the ledger knows of a run that was begun before."""

    session_id: str | None
    """None: whether it came to a session was not written down."""
    started_at: datetime
    wall_s: float
    """How long it was followed."""
    messages: tuple[MessageEntry, ...]


def placed(entries: Iterable[MessageEntry], history: Sequence[Raw]) -> list[MessageEntry]:
    """The messages with the ids that the history shows; None for one that is not in it."""
    entries = list(entries)
    known = {entry.event_id for entry in entries if entry.event_id}
    free = [
        event
        for event in history
        if event.get("type") == "user.message" and event.get("id") not in known
    ]
    found = []
    for entry in entries:
        if entry.event_id is None:
            match = next(
                (e for e in free if storable(text_of(e.get("content"))) == entry.text), None
            )
            if match is not None:
                free.remove(match)
                entry = replace(entry, event_id=str(match["id"]))
        found.append(entry)
    return found


def resumed(
    earlier: Earlier, messages: Sequence[MessageEntry], history: Sequence[Raw], now: datetime
) -> Resumed:
    """What the machine needs to go on. `messages`: as `placed` has them."""
    sent = [entry for entry in messages if entry.event_id is not None]
    lost = [entry for entry in messages if entry.event_id is None]
    return Resumed(
        events=tuple(parse_event(raw) for raw in history),
        at_s=tuple(_seconds(history, earlier.started_at)),
        now_s=max(0.0, (now - earlier.started_at).total_seconds()),
        wall_s=earlier.wall_s,
        message=sent[-1].event_id if sent else None,
        repairs=sent[-1].number if sent else 0,
        verify=bool(sent and lost),
        warned=any(event.get("type") == "system.message" for event in history),
    )


def _seconds(history: Iterable[Raw], started_at: datetime) -> Iterable[float]:
    """When each event took place, after the start of the run; one without a time with the last."""
    at_s = 0.0
    for event in history:
        try:
            at = datetime.fromisoformat(str(event.get("processed_at")))
            at_s = max(at_s, (at - started_at).total_seconds())
        except (ValueError, TypeError):
            pass
        yield at_s
