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
    stopped: bool = False
    """A limit stopped it, which may have been raised since."""


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
    repairs, continued = _counts(sent)
    words_lost = bool(sent and lost) and _counts(lost)[1] > continued
    go_on = words_lost or (
        earlier.stopped and _cut_short(history, sent[-1].event_id if sent else None)
    )
    return Resumed(
        events=tuple(parse_event(raw) for raw in history),
        at_s=tuple(_seconds(history, earlier.started_at)),
        now_s=max(0.0, (now - earlier.started_at).total_seconds()),
        wall_s=earlier.wall_s,
        message=sent[-1].event_id if sent else None,
        repairs=repairs,
        continued=continued,
        # Nothing was under way when a limit forbade a repair: what is there is looked at again.
        verify=bool(sent) and not go_on and (bool(lost) or earlier.stopped),
        go_on=go_on,
        warned=any(event.get("type") == "system.message" for event in history),
    )


def _counts(entries: Sequence[MessageEntry]) -> tuple[int, int]:
    """Repairs by the last of them, and how often the agent was told to go on."""
    if not entries:
        return 0, 0
    last = entries[-1]
    repairs = last.number if last.repair is None else last.repair
    return repairs, last.number - repairs


def _cut_short(history: Sequence[Raw], message: str | None) -> bool:
    """Whether the work that our last message began was stopped before its end."""
    ids = [event.get("id") for event in history]
    since = history[ids.index(message) :] if message in ids else history
    if any(event.get("type") == "user.interrupt" for event in since):
        return True
    rests = [event for event in since if event.get("type") == "session.status_idle"]
    return bool(rests) and (rests[-1].get("stop_reason") or {}).get("type") == "budget_reached"


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
