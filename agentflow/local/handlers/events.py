"""Events of a session: send, list, stream; and its threads, with theirs."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from agentflow.local import crew, usage
from agentflow.local.call import Call, Service, page_body
from agentflow.local.errors import invalid, not_found
from agentflow.local.live import Live
from agentflow.local.shapes.base import read, sent
from agentflow.local.shapes.events import SendEvents
from agentflow.local.sse import EventStream
from agentflow.local.state import Thread
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
    live = service.harness.live(call.path("session_id"))
    return _events(service, call, live, live.id, where)


def _events(
    service: Service,
    call: Call,
    live: Live,
    place: str,
    where: Sequence[tuple[str, Sequence[object]]] = (),
) -> Document:
    """A page of the events under an id: the session's, or that of a thread."""
    page = service.parts.store.events(
        place,
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
    return _stream(service, call, live.id)


def _stream(service: Service, call: Call, place: str) -> Response:
    for name in call.texts("event_deltas"):
        # Accepted and without effect: previews may be shed, and here they always are.
        if name not in _DELTAS:
            raise invalid(f"event_deltas: {name!r} is none of {', '.join(_DELTAS)}.")
    return EventStream(service.parts.hub, place, call.faults, heartbeat_s=service.heartbeat_s)


# Threads


def _thread(service: Service, live: Live) -> Document:
    """The session's own thread."""
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


def _child(live: Live, thread: Thread) -> Document:
    """The thread of a sub-agent. The script that plays it uses no tokens for it."""
    record = live.record()
    ended = record["status"] == "terminated"
    idle = "terminated" if ended else "idle"
    return {
        "id": thread.id,
        "type": "session_thread",
        "session_id": live.id,
        "agent": dict(crew.member(record["agent"], thread.agent_name)),
        "parent_thread_id": live.state.thread_id,
        "status": "running" if thread.status == "running" and not ended else idle,
        "stats": None,
        "usage": None,
        "workflow_run_id": None,
        "created_at": thread.created_at,
        "updated_at": record["updated_at"],
        "archived_at": record["archived_at"],
    }


def _threads(service: Service, live: Live) -> list[Document]:
    return [_thread(service, live), *(_child(live, thread) for thread in live.state.threads)]


def _found(service: Service, call: Call) -> tuple[Live, Document]:
    live = service.harness.live(call.path("session_id"))
    for thread in _threads(service, live):
        if thread["id"] == call.path("thread_id"):
            return live, thread
    raise not_found(f"This session has no thread {call.path('thread_id')!r}.")


def _place(live: Live, thread: Document) -> str:
    """Under which id the events of a thread are: the session's own thread sees what the session does."""
    return live.id if thread["id"] == live.state.thread_id else str(thread["id"])


async def list_threads(service: Service, call: Call) -> Document:
    call.limit(1000, 1000)
    live = service.harness.live(call.path("session_id"))
    statuses = call.texts("statuses")
    found = [
        thread for thread in _threads(service, live) if not statuses or thread["status"] in statuses
    ]
    return {"data": found, "next_page": None}


async def retrieve_thread(service: Service, call: Call) -> Document:
    return _found(service, call)[1]


async def list_thread_events(service: Service, call: Call) -> Document:
    live, thread = _found(service, call)
    return _events(service, call, live, _place(live, thread))


async def stream_thread(service: Service, call: Call) -> Response:
    live, thread = _found(service, call)
    return _stream(service, call, _place(live, thread))
