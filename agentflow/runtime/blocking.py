"""What a session does, by its history alone: works, rests, or waits for answers, and for which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentflow.runtime.events import (
    AgentToolResult,
    AgentToolUse,
    CustomToolUse,
    SessionDeleted,
    StatusIdle,
    StatusRescheduled,
    StatusRunning,
    StatusTerminated,
    UserCustomToolResult,
    UserMessage,
    UserToolConfirmation,
    parse_event,
)
from agentflow.runtime.session import Call, Stage

__all__ = ["Standing", "standing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    state: Literal["new", "works", "waits", "rests", "gone"]
    """`new`: nothing was sent to it yet. `waits`: it goes on once `calls` are answered."""
    reason: str
    """Why it rests: the stop reason. Empty: it does not."""
    calls: tuple[Call, ...]
    """What it waits for, in order. Known from the calls themselves: an idle names five at most."""


def standing(history: Sequence[Mapping[str, Any]]) -> Standing:
    """Where the events of a session, in list order, leave it."""
    calls: dict[str, Call] = {}
    status: object = None
    unread = False
    for event in map(parse_event, history):
        match event:
            case AgentToolUse() | CustomToolUse():
                calls[event.id] = _call(event)
            case AgentToolResult() | UserToolConfirmation() | UserCustomToolResult():
                calls.pop(event.tool_use_id, None)
            case UserMessage():
                # A turn may be under way in the list before the message that began it.
                unread = unread or event.processed_at is None
            case (
                StatusRunning()
                | StatusIdle()
                | StatusRescheduled()
                | StatusTerminated()
                | SessionDeleted()
            ):
                status = event
            case _:
                pass
    return _standing(status, calls, unread=unread)


def _standing(status: object, calls: Mapping[str, Call], *, unread: bool) -> Standing:
    if isinstance(status, StatusTerminated | SessionDeleted):
        return Standing(state="gone", reason="", calls=())
    if unread or isinstance(status, StatusRunning | StatusRescheduled):
        return Standing(state="works", reason="", calls=())
    if not isinstance(status, StatusIdle):
        return Standing(state="new", reason="", calls=())
    if status.reason != "requires_action":
        return Standing(state="rests", reason=status.reason, calls=())
    waiting = tuple(
        call
        for call in calls.values()
        if call.custom or call.stage is Stage.WAITING or call.id in status.event_ids
    )
    return Standing(state="waits", reason=status.reason, calls=waiting)


def _call(event: AgentToolUse | CustomToolUse) -> Call:
    custom = isinstance(event, CustomToolUse)
    asks = isinstance(event, AgentToolUse) and event.permission == "ask"
    return Call(
        id=event.id,
        name=event.name,
        input=event.input,
        custom=custom,
        server=None if isinstance(event, CustomToolUse) else event.server,
        stage=Stage.WAITING if asks or custom else Stage.SEEN,
        began_s=0.0,
    )
