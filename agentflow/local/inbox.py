"""What a client may send to a session in its present state, and what each event does on arrival.

Rules: https://platform.claude.com/docs/en/managed-agents/events-and-streaming
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentflow.local.errors import invalid, not_emulated
from agentflow.local.live import Live
from agentflow.local.state import OpenCall
from agentflow.local.worker import INTERRUPTED

__all__ = ["ANSWERS", "admit", "is_ignored", "take"]

Event = Mapping[str, Any]

ANSWERS = {"user.tool_confirmation": "tool_use_id", "user.custom_tool_result": "custom_tool_use_id"}
"""Events that answer a call, and the field that names it."""
_AT_BUDGET = (*ANSWERS, "user.interrupt")
_SYSTEM_MODELS = (
    "claude-fable-5",
    "claude-mythos-5",
    "claude-opus-5",
    "claude-opus-4-8",
    "claude-sonnet-5-5",
    "claude-haiku-5-5",
)
"""Prefixes of the models that take a `system.message`."""


def admit(live: Live, events: Sequence[Event]) -> None:
    """Check a whole request before any of it has an effect.

    Raises:
        ApiError: 400, one of the events cannot be taken now.
    """
    record = live.record()
    if record["status"] == "terminated":
        raise invalid("This session is terminated: it takes no more events.")
    waiting = {call.id for call in live.state.waiting()}
    at_budget = record["status"] == "idle" and live.state.stop == "budget_reached"
    idle_blocked = record["status"] == "idle" and bool(waiting)
    for index, event in enumerate(events):
        place = f"events.{index}"
        type_ = event["type"]
        if type_ in ("user.define_outcome", "user.tool_result"):
            raise not_emulated(f"{place}: {type_}")
        if at_budget and type_ not in _AT_BUDGET:
            raise invalid(f"{place}: the session reached its budget: raise it first.")
        if type_ == "user.interrupt":
            _check_thread(live, place, event)
            idle_blocked = False
            waiting.clear()
        elif type_ in ANSWERS:
            _check_answer(live, place, event, waiting)
            waiting.discard(event[ANSWERS[type_]])
        elif type_ == "user.message" and idle_blocked:
            names = ", ".join(sorted(waiting))
            raise invalid(f"{place}: the session waits for answers to {names} first.")
        elif type_ == "system.message":
            _check_system(record["agent"], place, events, index)


def _check_thread(live: Live, place: str, event: Event) -> None:
    thread = event.get("session_thread_id")
    if thread is not None and thread != live.state.thread_id:
        raise invalid(f"{place}.session_thread_id: this session has no thread {thread!r}.")


def _check_answer(live: Live, place: str, event: Event, waiting: set[str]) -> None:
    field = ANSWERS[event["type"]]
    id = event[field]
    source = "agent.custom_tool_use" if field == "custom_tool_use_id" else "agent.tool_use"
    unknown = invalid(f"{place}.{field}: {id!r} does not match any {source} event of this session.")
    call = live.state.call(id)
    if call is not None and (call.kind == "custom") != (field == "custom_tool_use_id"):
        raise unknown
    if call is not None and id in waiting:
        if live.faults.take("mismatch_answers"):
            raise unknown
        return
    if call is None and id not in live.state.keys.values():
        raise unknown
    if live.faults.plan.second_answers == "refuse":
        raise invalid(f"{place}.{field}: {id!r} was already answered, or never waited for one.")


def _check_system(
    agent: Mapping[str, Any], place: str, events: Sequence[Event], index: int
) -> None:
    model = agent["model"]["id"]
    if not model.startswith(_SYSTEM_MODELS):
        code = "model_does_not_support_mid_conversation_system"
        raise invalid(f"{place}: model {model!r} takes no system.message.", code=code)
    before = events[index - 1]["type"] if index else None
    if index != len(events) - 1 or before not in ("user.message", "user.custom_tool_result"):
        raise invalid(
            f"{place}: a system.message comes last and right after a user.message or a tool result."
        )


def take(live: Live, event: Event) -> dict[str, Any]:
    """Keep one admitted event and apply what it changes at once; returns it as it was kept."""
    if is_ignored(live, event):
        return {"id": live.new_event_id(), **event, "processed_at": live.now()}
    match event["type"]:
        case "user.custom_tool_result":
            return _take_result(live, event)
        case "user.tool_confirmation":
            return _take_confirmation(live, event)
        case "user.interrupt":
            return _take_interrupt(live, event)
        case _:
            return live.receive(event, queued=True)


def is_ignored(live: Live, event: Event) -> bool:
    """Whether it is a second answer, and those are taken and not kept."""
    if event["type"] not in ANSWERS or live.faults.plan.second_answers != "ignore":
        return False
    call = live.state.call(event[ANSWERS[event["type"]]])
    return call is None or not call.waiting


def _take_result(live: Live, event: Event) -> dict[str, Any]:
    call = live.state.call(event["custom_tool_use_id"])
    with live.change():
        kept = live.receive(_routed(live, event, call), queued=False)
        if call is not None and call.waiting:
            call.waiting, call.done = False, True
            live.state.needs_turn = True
    return kept


def _routed(live: Live, event: Event, call: OpenCall | None) -> dict[str, Any]:
    """An answer as it is kept; one to a call of a sub-agent is in the list of its thread too."""
    if call is None or call.thread is None:
        return dict(event)
    given = {key: value for key, value in event.items() if key != "session_thread_id"}
    fields = {key: value for key, value in given.items() if key != "type"}
    live.emit(given["type"], at=call.thread, **fields)
    return {**given, **live.routed(call)}


def _take_confirmation(live: Live, event: Event) -> dict[str, Any]:
    call = live.state.call(event["tool_use_id"])
    with live.change():
        kept = live.receive(_routed(live, event, call), queued=True)
        if call is not None and call.waiting:
            call.waiting = False
            if event["result"] == "deny":
                message = event.get("deny_message") or "The call was not approved."
                call.refused = f"Permission to use this tool was denied: {message}"
    return kept


def _take_interrupt(live: Live, event: Event) -> dict[str, Any]:
    """Tell the worker; or, when nothing runs, close what waits without a model request."""
    if live.state.stop == "budget_reached" and live.status == "idle" and not live.state.waiting():
        # Documented: accepted, ignored and not kept.
        return {"id": live.new_event_id(), **event, "processed_at": None}
    with live.change():
        kept = live.receive(event, queued=True)
        if live.status != "idle":
            live.interrupted.set()
        else:
            blocked = bool(live.state.waiting())
            live.close_calls(INTERRUPTED)
            live.process(kept)
            if blocked:
                live.go_idle("end_turn")
    return kept
