"""Events of a session: send, list, stream; and its threads, of which there is one here."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from agentflow.local import usage
from agentflow.local.call import Call, Service, page_body
from agentflow.local.errors import invalid, not_found
from agentflow.local.live import Live
from agentflow.local.shapes.base import read, sent
from agentflow.local.shapes.events import SendEvents
from agentflow.local.sse import EventStream
from agentflow.local.store import Document

__all__ = [
    "list_",
    "list_thread_events",
    "list_threads",
    "retrieve_thread",
    "send",
    "stream",
    "stream_thread",
]

_DELTAS = ("agent.message", "agent.thinking")


async def send(service: Service, call: Call) -> Document:
    events = sent(read(SendEvents, await call.body()))["events"]
    return {"data": service.harness.send(call.path("session_id"), events)}


async def list_(service: Service, call: Call) -> Document:
    where: list[tuple[str, Sequence[object]]] = list(call.times("processed_at"))
    types = call.texts("types")
    if types:
        where.append((f"type IN ({','.join('?' * len(types))})", types))
    return _events(service, call, call.path("session_id"), where)


def _events(
    service: Service,
    call: Call,
    session_id: str,
    where: Sequence[tuple[str, Sequence[object]]] = (),
) -> Document:
    live = service.harness.live(session_id)
    page = service.parts.store.events(
        live.id,
        limit=call.limit(1000, 1000),
        cursor=call.text("page"),
        order=call.order("asc"),
        where=where,
    )
    if page.data and page.data[-1]["type"] == "session.status_idle" and _lags(live, call):
        page.data.pop()
    return page_body(page)


def _lags(live: Live, call: Call) -> bool:
    """Whether the list does not show yet that the session went idle."""
    return live.status == "idle" and call.faults.take("late_events")


async def stream(service: Service, call: Call) -> Response:
    live = service.harness.live(call.path("session_id"))
    for name in call.texts("event_deltas"):
        # Accepted and without effect: previews may be shed, and here they always are.
        if name not in _DELTAS:
            raise invalid(f"event_deltas: {name!r} is none of {', '.join(_DELTAS)}.")
    return EventStream(service.parts.hub, live.id, call.faults, heartbeat_s=service.heartbeat_s)


# Threads


def _thread(service: Service, session_id: str) -> Document:
    live = service.harness.live(session_id)
    record = live.record()
    active_s = round(live.active_s(), 3)
    age = service.parts.clock.now().timestamp() - record["_created"]
    started = live.state.requests > 0
    stats = {
        "active_seconds": active_s,
        "duration_seconds": round(max(age, 0.0), 3),
        "startup_seconds": 0.0,
    }
    return {
        "id": live.state.thread_id,
        "type": "session_thread",
        "session_id": live.id,
        "agent": {k: v for k, v in record["agent"].items() if k != "multiagent"},
        "parent_thread_id": None,
        "status": record["status"],
        "stats": stats if started else None,
        "usage": usage.thread_usage(live.state, active_s) if started else None,
        "workflow_run_id": None,
        "created_at": record["created_at"],
        "updated_at": record["updated_at"],
        "archived_at": record["archived_at"],
    }


def _primary(service: Service, call: Call) -> Document:
    thread = _thread(service, call.path("session_id"))
    if thread["id"] != call.path("thread_id"):
        raise not_found(f"This session has no thread {call.path('thread_id')!r}.")
    return thread


async def list_threads(service: Service, call: Call) -> Document:
    call.limit(1000, 1000)
    thread = _thread(service, call.path("session_id"))
    statuses = call.texts("statuses")
    return {
        "data": [thread] if not statuses or thread["status"] in statuses else [],
        "next_page": None,
    }


async def retrieve_thread(service: Service, call: Call) -> Document:
    return _primary(service, call)


async def list_thread_events(service: Service, call: Call) -> Document:
    """The session's own events: its stream is the view of the primary thread."""
    return _events(service, call, _primary(service, call)["session_id"])


async def stream_thread(service: Service, call: Call) -> Response:
    _primary(service, call)
    return await stream(service, call)
