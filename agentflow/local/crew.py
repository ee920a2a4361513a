"""Threads of a session beside its own: sub-agents, at work on the calls that a script lets them make.

The session's list of events shows when such a thread begins, runs and rests, what it is told and says, and
those of its calls that wait for the client. All that a thread does is in a list of its own, which is kept
under the thread's id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agentflow.local.drivers.base import ModelFailure
from agentflow.local.live import Live
from agentflow.local.state import OpenCall, Thread

__all__ = ["begin", "member", "members", "settle"]


def members(agent: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The agents that a session's agent may delegate to."""
    team = agent["multiagent"] or {}
    found = team.get("agents") or (team.get("subagents") or {}).get("predefined_agents") or ()
    return (one for one in found if one["type"] == "agent")


def member(agent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """One of them by name.

    Raises:
        ModelFailure: there is none.
    """
    for one in members(agent):
        if one["name"] == name:
            return one
    known = ", ".join(sorted(str(one["name"]) for one in members(agent))) or "nobody"
    raise ModelFailure(f"The model script delegates to {name!r}; the agent may to: {known}.")


def begin(live: Live, name: str, task: str) -> Thread:
    """A new thread that was told what to do, and runs."""
    thread = Thread(id=live.new_thread_id(), agent_name=name, created_at=live.now())
    live.state.threads.append(thread)
    place = {"session_thread_id": thread.id, "agent_name": name}
    content = [{"type": "text", "text": task}]
    live.emit("session.thread_created", **place, workflow_run_id=None)
    live.emit("session.thread_status_running", **place)
    live.emit(
        "agent.thread_message_sent",
        to_session_thread_id=thread.id,
        to_agent_name=name,
        content=content,
    )
    live.emit(
        "agent.thread_message_received",
        at=thread.id,
        from_session_thread_id=live.state.thread_id,
        from_agent_name=live.agent_name,
        content=content,
    )
    live.emit("session.thread_status_running", at=thread.id, **place)
    return thread


def settle(live: Live) -> None:
    """End every thread whose calls have all been answered; it tells what came of them."""
    for thread in live.state.threads:
        calls = [call for call in live.state.calls if call.thread == thread.id]
        if thread.status != "idle" and all(call.done for call in calls):
            _end(live, thread, calls)


def _end(live: Live, thread: Thread, calls: list[OpenCall]) -> None:
    text = f"Done: {', '.join(call.name for call in calls)}."
    content = [{"type": "text", "text": text}]
    place = {"session_thread_id": thread.id, "agent_name": thread.agent_name}
    rest: dict[str, Any] = {"stop_reason": {"type": "end_turn"}, "stop_details": None}
    with live.change():
        thread.status = "idle"
        live.emit("agent.message", at=thread.id, content=content)
        live.emit("session.thread_status_idle", at=thread.id, **place, **rest)
        live.emit(
            "agent.thread_message_received",
            from_session_thread_id=thread.id,
            from_agent_name=thread.agent_name,
            content=content,
        )
        live.emit("session.thread_status_idle", **place, **rest)
