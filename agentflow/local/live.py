"""One session as the service runs it: it emits events, moves between statuses, and keeps time.

Every change is one transaction: the events, the record and the state are written together, and only
then sent to those who listen. All of it happens on the service's loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from agentflow.local import usage
from agentflow.local.clock import write_time
from agentflow.local.faults import FaultBook, Faults
from agentflow.local.hub import Hub
from agentflow.local.ids import Ids
from agentflow.local.state import OpenCall, SessionState, Thread
from agentflow.local.store import Document, Store
from agentflow.ports import Clock

__all__ = ["Live", "Parts"]

_AT_REST = {"type": "end_turn"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What every part of the service works with."""

    store: Store
    hub: Hub
    clock: Clock
    ids: Ids
    faults: FaultBook

    def now(self) -> str:
        return write_time(self.clock.now())


class Live:
    def __init__(self, id: str, agent_name: str, state: SessionState, parts: Parts) -> None:
        self.id = id
        self.agent_name = agent_name
        self.state = state
        self.task: asyncio.Task[None] | None = None
        """Works while the session runs."""
        self.interrupted = asyncio.Event()
        self._parts = parts
        self._running_since: float | None = None
        self._outbox: list[tuple[str, Mapping[str, Any]]] = []
        self._depth = 0
        self._emitted = 0

    @property
    def faults(self) -> Faults:
        return self._parts.faults.of(self.id)

    def now(self) -> str:
        return self._parts.now()

    # Writing

    @contextmanager
    def change(self) -> Iterator[None]:
        """Write what happens inside together, then publish it."""
        self._depth += 1
        try:
            with self._parts.store.transaction():
                yield
                if self._depth == 1:
                    self._tick()
                    self._parts.store.put_state(self.id, self.state.to_json())
        except BaseException:
            if self._depth == 1:
                self._outbox.clear()
            raise
        finally:
            self._depth -= 1
        if self._depth == 0:
            outbox, self._outbox = self._outbox, []
            for place, event in outbox:
                self._parts.hub.publish(place, event)

    def emit(self, type: str, *, at: str | None = None, **fields: Any) -> Document:
        """A new event of the service, in its own transaction or the one that is open.

        `at`: in the list of this thread. None: in that of the session.
        """
        event: Document = {
            "id": self.new_event_id(),
            "type": type,
            **fields,
            "processed_at": self._parts.now(),
        }
        with self.change():
            self._parts.store.add_event(at or self.id, event)
            self._outbox.append((at or self.id, event))
        if at is not None:
            return event
        self._emitted += 1
        if self.faults.emits_unknown(self._emitted):
            self.emit("session.weather_changed", weather={"sky": "clear"})
        return event

    def new_thread_id(self) -> str:
        return self._parts.ids.new("sthr")

    def new_event_id(self) -> str:
        return self._parts.ids.new("sevt")

    def receive(self, event: Mapping[str, Any], *, queued: bool) -> Document:
        """Keep an event of the client. A queued one is emitted again when it is processed."""
        kept: Document = {
            "id": self.new_event_id(),
            **event,
            "processed_at": None if queued else self._parts.now(),
        }
        with self.change():
            self._parts.store.add_event(self.id, kept)
            self._outbox.append((self.id, kept))
        return kept

    def process(self, event: Document) -> None:
        processed = {**event, "processed_at": self._parts.now()}
        with self.change():
            self._parts.store.process_event(self.id, processed)
            self._outbox.append((self.id, processed))

    def queued(self, *types: str) -> list[Document]:
        return [e for e in self._parts.store.queued_events(self.id) if e["type"] in types]

    # Record

    def record(self) -> Document:
        found = self._parts.store.get("session", self.id)
        assert found is not None, "a live session has a record"
        return found

    def patch(self, **fields: Any) -> Document:
        record = {**self.record(), **fields, "updated_at": self._parts.now()}
        with self.change():
            self._parts.store.put("session", record)
        return record

    @property
    def status(self) -> str:
        return str(self.record()["status"])

    # Time and money

    def _tick(self) -> None:
        """Move the running time so far into the state, so that a crash loses little of it."""
        if self._running_since is not None:
            now = self._parts.clock.monotonic()
            self.state.active_s += now - self._running_since
            self._running_since = now

    def active_s(self) -> float:
        running = 0.0
        if self._running_since is not None:
            running = self._parts.clock.monotonic() - self._running_since
        return self.state.active_s + running

    def over_budget(self) -> bool:
        consumed = usage.consumed_usd(self.state, self.active_s())
        return usage.over_budget(self.record()["budget"], consumed)

    # Statuses

    def go_running(self) -> None:
        with self.change():
            self._running_since = self._parts.clock.monotonic()
            self.patch(status="running")
            self.emit("session.status_running")
            self.emit("session.thread_status_running", **self._thread())
            for thread in self.state.threads:
                if thread.status == "waiting":
                    thread.status = "running"
                    place = {"session_thread_id": thread.id, "agent_name": thread.agent_name}
                    self.emit("session.thread_status_running", **place)
                    self.emit("session.thread_status_running", at=thread.id, **place)

    def go_idle(self, reason: str, *, details: Mapping[str, Any] | None = None) -> None:
        """Thread first, then usage, then the session: the documented order."""
        waiting = self.state.waiting() if reason == "requires_action" else []
        stop = self._stop_reason(reason, waiting)
        own = [call for call in waiting if call.thread is None]
        with self.change():
            self._tick()
            self._running_since = None
            self.state.stop = reason
            for thread in self.state.threads:
                self._rest_thread(thread)
            self.emit(
                "session.thread_status_idle",
                **self._thread(),
                # The session's reason is the one that counts: its own thread may wait for others.
                stop_reason=self._stop_reason(reason, own) if own or not waiting else _AT_REST,
                stop_details=details,
            )
            self.emit_usage()
            self.emit("session.status_idle", stop_reason=stop, stop_details=details)
            self.patch(status="idle")

    def _stop_reason(self, reason: str, waiting: list[OpenCall]) -> dict[str, Any]:
        if reason != "requires_action":
            return {"type": reason}
        ids = [call.id for call in waiting][: self.faults.plan.event_id_window]
        return {"type": reason, "event_ids": ids}

    def _rest_thread(self, thread: Thread) -> None:
        """A thread that was at work waits for the client too, or was stopped with the session."""
        if thread.status == "idle":
            return
        calls = [call for call in self.state.calls if call.thread == thread.id and not call.done]
        waiting = [call for call in calls if call.waiting]
        thread.status = "waiting" if calls else "idle"
        if calls and not waiting:  # confirmed, and goes on with the session
            return
        place = {"session_thread_id": thread.id, "agent_name": thread.agent_name}
        stop = self._stop_reason("requires_action", waiting) if waiting else _AT_REST
        for at in (None, thread.id):
            self.emit(
                "session.thread_status_idle", at=at, **place, stop_reason=stop, stop_details=None
            )

    def reannounce(self) -> None:
        ids = [call.id for call in self.state.waiting()]
        stop = {"type": "requires_action", "event_ids": ids}
        self.emit("session.status_idle", stop_reason=stop, stop_details=None)

    def emit_usage(self) -> None:
        self.emit(
            "session.usage",
            usage=usage.session_usage(self.state, self.active_s()),
            budget=self.record()["budget"],
        )

    def go_rescheduling(self) -> None:
        with self.change():
            self._tick()
            self._running_since = None
            self.patch(status="rescheduling")
            self.emit("session.status_rescheduled")
            self.emit("session.thread_status_rescheduled", **self._thread())

    def go_terminated(self, *, archived_at: str | None = None) -> None:
        with self.change():
            self._tick()
            self._running_since = None
            self.state.calls.clear()
            fields = {"archived_at": archived_at} if archived_at else {}
            self.patch(status="terminated", **fields)
            self.emit("session.thread_status_terminated", **self._thread())
            self.emit("session.status_terminated")

    def fail(self, type: str, message: str, retry: str, **more: Any) -> None:
        error = {"type": type, "message": message, "retry_status": {"type": retry}, **more}
        self.emit("session.error", error=error)

    def _thread(self) -> dict[str, Any]:
        return {"session_thread_id": self.state.thread_id, "agent_name": self.agent_name}

    # Calls

    def finish_call(self, call: OpenCall, text: str, *, is_error: bool) -> None:
        """Answer a call in the service's name."""
        self.answer_call(call, [{"type": "text", "text": text}], is_error=is_error)

    def answer_call(self, call: OpenCall, content: list[dict[str, Any]], *, is_error: bool) -> None:
        key, kind = {
            "builtin": ("tool_use_id", "agent.tool_result"),
            "custom": ("custom_tool_use_id", "user.custom_tool_result"),
            "mcp": ("mcp_tool_use_id", "agent.mcp_tool_result"),
        }[call.kind]
        with self.change():
            call.done, call.waiting = True, False
            self.state.needs_turn = True
            fields: dict[str, Any] = {key: call.id, "content": content, "is_error": is_error}
            if call.thread is None or call.kind == "custom":
                self.emit(kind, **fields, **self.routed(call))
            if call.thread is not None:
                self.emit(kind, at=call.thread, **fields)

    def routed(self, call: OpenCall) -> dict[str, Any]:
        """The field of an event that says which thread it is about, if it is not the session's own."""
        return {} if call.thread is None else {"session_thread_id": call.thread}

    def close_calls(self, message: str) -> None:
        """Give every open call an error result, so that none is left without an answer."""
        with self.change():
            for call in self.state.calls:
                if not call.done:
                    self.finish_call(call, message, is_error=True)
            self.state.calls.clear()
            self.state.needs_turn = False
