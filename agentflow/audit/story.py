"""A session as a story: turns, tool calls, waits and stops, folded from its events in list order.

It reads the service's own JSON, as a list of events, a transcript or an export has it, and takes every
shape: what is missing or of another type is left out, and what is not known is counted by its name.
Event types: https://platform.claude.com/docs/en/managed-agents/reference#event-types
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agentflow.runtime.events import TokenUsage, text_of

__all__ = ["Fault", "Message", "Stop", "Story", "ToolUse", "Turn", "Wait", "tell"]

Raw = Mapping[str, Any]

_NO_TOKENS = TokenUsage()


@dataclass(slots=True, kw_only=True)
class Turn:
    """One model request."""

    number: int
    """From 1, in the order in which they began."""
    start_id: str
    began_s: float
    end_id: str | None = None
    """None: its end is not among the events."""
    ended_s: float | None = None
    tokens: TokenUsage = _NO_TOKENS
    is_error: bool = False
    speed: str | None = None
    said: bool = False
    """The agent wrote a message in it."""
    thought: bool = False
    calls: list[ToolUse] = field(default_factory=list)

    @property
    def prompt_tokens(self) -> int:
        """Everything on the input side: uncached, read from the cache, and written to it."""
        return self.tokens.input + self.tokens.cache_read + self.tokens.cache_write


@dataclass(slots=True, kw_only=True)
class ToolUse:
    id: str
    name: str
    """Of an MCP tool `server.tool`, as specs write it."""
    input: Mapping[str, Any]
    kind: str
    """`built-in`, `mcp` or `custom`."""
    at_s: float
    seq: int
    """Its place among the events."""
    turn: int
    """0: before the first turn."""
    thread: str | None
    permission: str | None
    """`allow`, `ask` or `deny`; None: the service did not say, or it is a custom tool."""
    result_id: str | None = None
    """None: no result is among the events."""
    result: str = ""
    result_s: float | None = None
    result_seq: int | None = None
    is_error: bool = False
    answer_id: str | None = None
    """The first confirmation. None: there was none."""
    answer: str | None = None
    """`allow` or `deny`."""
    answer_s: float | None = None
    answers: int = 0
    """Confirmations, or results of a custom tool, that the session took."""

    @property
    def seconds(self) -> float | None:
        """From the call to its result, waits included. None: there is no result."""
        return None if self.result_s is None else max(0.0, self.result_s - self.at_s)

    @property
    def evidence(self) -> tuple[str, ...]:
        return (self.id,) if self.result_id is None else (self.id, self.result_id)

    def text(self, key: str) -> str:
        """An argument as text; empty where it is absent or no text."""
        value = self.input.get(key)
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    id: str
    who: str
    """`user`, `agent` or `system`."""
    text: str
    at_s: float
    seq: int
    turn: int
    while_running: bool
    """A turn was under way when the model read it. Its own status comes before a message that starts one."""


@dataclass(slots=True, kw_only=True)
class Wait:
    """The session waited for answers."""

    id: str
    """Of the idle event."""
    event_ids: tuple[str, ...]
    began_s: float
    ended_s: float | None = None
    """None: it waited still at the last event."""

    def until(self, last_s: float) -> float:
        return last_s if self.ended_s is None else self.ended_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The session came to rest."""

    id: str
    reason: str
    at_s: float
    seq: int
    turn: int
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A `session.error`."""

    id: str
    type: str
    message: str
    retry: str
    at_s: float
    turn: int
    server: str | None
    """The MCP server it is about."""


@dataclass(slots=True, kw_only=True)
class Story:
    events: int = 0
    began_s: float = 0.0
    """Seconds since 1970 at the first event with a time; everything `…_s` counts from there."""
    last_s: float = 0.0
    last_id: str = ""
    turns: list[Turn] = field(default_factory=list)
    calls: list[ToolUse] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    compactions: list[tuple[str, int]] = field(default_factory=list)
    """Event id, and the turn before it."""
    rescheduled: list[str] = field(default_factory=list)
    interrupts: list[tuple[str, float]] = field(default_factory=list)
    updates: list[tuple[str, int]] = field(default_factory=list)
    """`session.updated`: event id, and the turn before it."""
    terminated: str | None = None
    """The event, once it is."""
    threads: dict[str, str] = field(default_factory=dict)
    """Status by thread, where the events tell it."""
    unknown: Counter[str] = field(default_factory=Counter)
    """Events by a type that this version does not know."""
    unknown_ids: dict[str, str] = field(default_factory=dict)
    """The first event of each."""
    reported: Mapping[str, Any] = field(default_factory=dict)
    """The service's last totals."""
    reported_id: str | None = None
    active_s: float = 0.0
    """While its status was running."""
    running_since_s: float | None = None
    searches: int = 0

    @property
    def tokens(self) -> TokenUsage:
        """The sum over its turns, in all four classes."""
        total = _NO_TOKENS
        for turn in self.turns:
            total += turn.tokens
        return total

    @property
    def elsewhere(self) -> TokenUsage:
        """What the service counts beyond these turns: that of threads, whose turns are in lists of their own."""
        counted = session_tokens(self.reported)
        here = self.tokens
        if counted.total <= here.total:
            return _NO_TOKENS
        return TokenUsage(
            input=max(0, counted.input - here.input),
            output=max(0, counted.output - here.output),
            cache_read=max(0, counted.cache_read - here.cache_read),
            cache_write=max(0, counted.cache_write - here.cache_write),
        )

    @property
    def wall_s(self) -> float:
        return self.last_s

    @property
    def waited_s(self) -> float:
        return sum(wait.until(self.last_s) - wait.began_s for wait in self.waits)

    def call(self, id: str) -> ToolUse | None:
        return next((call for call in self.calls if call.id == id), None)


def tell(events: Iterable[Raw]) -> Story:
    """The story of all events of a session, in list order.

    An event may come twice, as a stream shows those of the client: queued, and processed.
    """
    teller = _Teller()
    for raw in events:
        teller.take(raw)
    return teller.story


class _Teller:
    def __init__(self) -> None:
        self.story = Story()
        self.seen: set[str] = set()
        self.queued: set[str] = set()
        self.calls: dict[str, ToolUse] = {}
        self.open: dict[str, Turn] = {}
        """Turns without an end, by the event that began them."""
        self.primary: str | None = None
        self.epoch: float | None = None
        self.working = False
        """A model request began since the session last started to run."""

    def take(self, raw: Raw) -> None:
        id = str(raw.get("id") or "")
        at = raw.get("processed_at")
        if id:
            if id in self.seen:
                return
            if at is None and id not in self.queued:
                # The client's own, not read by the model yet: its second coming is what counts.
                self.queued.add(id)
                if str(raw.get("type", "")).startswith("user."):
                    return
            if at is not None:
                self.seen.add(id)
        story = self.story
        story.events += 1
        now = story.last_s if at is None else self._since_start(at)
        story.last_s = max(story.last_s, now)
        story.last_id = id or story.last_id
        take = _TAKERS.get(str(raw.get("type", "")))
        if take is None:
            type_ = str(raw.get("type", ""))
            story.unknown[type_] += 1
            story.unknown_ids.setdefault(type_, id)
            return
        take(self, raw, id, now)

    def _since_start(self, at: object) -> float:
        try:
            time = datetime.fromisoformat(str(at)).timestamp()
        except ValueError:
            return self.story.last_s
        if self.epoch is None:
            self.epoch = self.story.began_s = time
        return max(0.0, time - self.epoch)

    @property
    def turn(self) -> int:
        return len(self.story.turns)

    # One method per kind of event.

    def ignore(self, raw: Raw, id: str, now: float) -> None:
        pass

    def user_message(self, raw: Raw, id: str, now: float) -> None:
        self._message("user", raw, id, now)
        self._end_wait(now)

    def system_message(self, raw: Raw, id: str, now: float) -> None:
        self._message("system", raw, id, now)

    def agent_message(self, raw: Raw, id: str, now: float) -> None:
        self._message("agent", raw, id, now)
        if self.story.turns:
            self.story.turns[-1].said = True

    def _message(self, who: str, raw: Raw, id: str, now: float) -> None:
        self.story.messages.append(
            Message(
                id=id,
                who=who,
                text=text_of(raw.get("content")),
                at_s=now,
                seq=self.story.events,
                turn=self.turn,
                while_running=self.working,
            )
        )

    def thinking(self, raw: Raw, id: str, now: float) -> None:
        if self.story.turns:
            self.story.turns[-1].thought = True

    def request_start(self, raw: Raw, id: str, now: float) -> None:
        turn = Turn(number=self.turn + 1, start_id=id, began_s=now)
        self.working = True
        self.open[id] = turn
        self.story.turns.append(turn)

    def request_end(self, raw: Raw, id: str, now: float) -> None:
        turn = self.open.pop(str(raw.get("model_request_start_id")), None)
        if turn is None:
            # Its start is not among the events: what it cost counts all the same.
            turn = Turn(number=self.turn + 1, start_id=id, began_s=now)
            self.story.turns.append(turn)
        usage = _map(raw.get("model_usage"))
        turn.end_id, turn.ended_s = id, now
        turn.is_error = bool(raw.get("is_error"))
        turn.speed = usage.get("speed")
        turn.tokens = TokenUsage(
            input=_int(usage.get("input_tokens")),
            output=_int(usage.get("output_tokens")),
            cache_read=_int(usage.get("cache_read_input_tokens")),
            cache_write=_int(usage.get("cache_creation_input_tokens")),
        )

    def tool_use(self, raw: Raw, id: str, now: float) -> None:
        kind = _KINDS[str(raw["type"])]
        name = str(raw.get("name", ""))
        if kind == "mcp":
            name = f"{raw.get('mcp_server_name', '')}.{name}"
        call = ToolUse(
            id=id,
            name=name,
            input=_map(raw.get("input")),
            kind=kind,
            at_s=now,
            seq=self.story.events,
            turn=self.turn,
            thread=raw.get("session_thread_id"),
            permission=raw.get("evaluated_permission"),
        )
        self.calls[id] = call
        self.story.calls.append(call)
        if self.story.turns:
            self.story.turns[-1].calls.append(call)

    def tool_result(self, raw: Raw, id: str, now: float) -> None:
        named = raw.get("tool_use_id") or raw.get("mcp_tool_use_id")
        call = self.calls.get(str(named or raw.get("custom_tool_use_id")))
        if call is None:
            return
        if call.kind == "custom":
            call.answers += 1
            self._end_wait(now, call.id)
        if call.result_id is not None:
            return
        call.result_id, call.result_s, call.result_seq = id, now, self.story.events
        call.result = text_of(raw.get("content"))
        call.is_error = bool(raw.get("is_error"))

    def confirmation(self, raw: Raw, id: str, now: float) -> None:
        call = self.calls.get(str(raw.get("tool_use_id")))
        if call is None:
            return
        call.answers += 1
        if call.answer_id is None:
            call.answer_id, call.answer_s = id, now
            call.answer = str(raw.get("result", ""))
        self._end_wait(now, call.id)

    def interrupt(self, raw: Raw, id: str, now: float) -> None:
        self.story.interrupts.append((id, now))
        self._end_wait(now)

    def _end_wait(self, now: float, call_id: str | None = None) -> None:
        """The last wait is over once all it waited for has an answer."""
        wait = self.story.waits[-1] if self.story.waits else None
        if wait is None or wait.ended_s is not None:
            return
        if call_id is not None and any(self._is_open(one) for one in wait.event_ids):
            return
        wait.ended_s = now

    def _is_open(self, id: str) -> bool:
        call = self.calls.get(id)
        return call is not None and call.answers == 0 and call.result_id is None

    def running_now(self, raw: Raw, id: str, now: float) -> None:
        if self.story.running_since_s is None:
            self.story.running_since_s = now
        self._end_wait(now)

    def _rest(self, now: float) -> None:
        self.working = False
        if self.story.running_since_s is not None:
            self.story.active_s += now - self.story.running_since_s
            self.story.running_since_s = None

    def idle(self, raw: Raw, id: str, now: float) -> None:
        self._rest(now)
        reason = _map(raw.get("stop_reason"))
        type_ = str(reason.get("type", ""))
        if type_ == "requires_action":
            ids = reason.get("event_ids")
            waited = tuple(str(one) for one in ids) if isinstance(ids, list) else ()
            last = self.story.waits[-1] if self.story.waits else None
            if last is not None and last.ended_s is None:
                # The same wait announced again, perhaps with fewer calls.
                last.event_ids = tuple(dict.fromkeys((*last.event_ids, *waited)))
                return
            self.story.waits.append(Wait(id=id, event_ids=waited, began_s=now))
            return
        self.story.stops.append(
            Stop(
                id=id,
                reason=type_,
                at_s=now,
                seq=self.story.events,
                turn=self.turn,
                details=_map(raw.get("stop_details")),
            )
        )

    def rescheduled(self, raw: Raw, id: str, now: float) -> None:
        self._rest(now)
        self.story.rescheduled.append(id)

    def terminated(self, raw: Raw, id: str, now: float) -> None:
        self._rest(now)
        self.story.terminated = id

    def error(self, raw: Raw, id: str, now: float) -> None:
        error = _map(raw.get("error"))
        self.story.faults.append(
            Fault(
                id=id,
                type=str(error.get("type", "unknown_error")),
                message=str(error.get("message", "")),
                retry=str(_map(error.get("retry_status")).get("type", "")),
                at_s=now,
                turn=self.turn,
                server=error.get("mcp_server_name"),
            )
        )

    def usage(self, raw: Raw, id: str, now: float) -> None:
        self.story.reported = _map(raw.get("usage"))
        self.story.reported_id = id
        used = _map(self.story.reported.get("server_tool_use"))
        self.story.searches = _int(used.get("web_search_requests"))

    def compacted(self, raw: Raw, id: str, now: float) -> None:
        self.story.compactions.append((id, self.turn))

    def updated(self, raw: Raw, id: str, now: float) -> None:
        self.story.updates.append((id, self.turn))

    def thread(self, raw: Raw, id: str, now: float) -> None:
        thread = str(raw.get("session_thread_id", ""))
        if self.primary is None:
            self.primary = thread
        self.story.threads[thread] = str(raw["type"]).rpartition("_")[2]


_KINDS = {
    "agent.tool_use": "built-in",
    "agent.mcp_tool_use": "mcp",
    "agent.custom_tool_use": "custom",
}

_TAKERS: dict[str, Callable[[_Teller, Raw, str, float], None]] = {
    "user.message": _Teller.user_message,
    "system.message": _Teller.system_message,
    "user.interrupt": _Teller.interrupt,
    "user.tool_confirmation": _Teller.confirmation,
    "user.custom_tool_result": _Teller.tool_result,
    "user.tool_result": _Teller.tool_result,
    "user.define_outcome": _Teller.ignore,
    "agent.message": _Teller.agent_message,
    "agent.thinking": _Teller.thinking,
    "agent.tool_use": _Teller.tool_use,
    "agent.mcp_tool_use": _Teller.tool_use,
    "agent.custom_tool_use": _Teller.tool_use,
    "agent.tool_result": _Teller.tool_result,
    "agent.mcp_tool_result": _Teller.tool_result,
    "agent.thread_context_compacted": _Teller.compacted,
    "agent.thread_message_sent": _Teller.ignore,
    "agent.thread_message_received": _Teller.ignore,
    "session.status_running": _Teller.running_now,
    "session.status_idle": _Teller.idle,
    "session.status_rescheduled": _Teller.rescheduled,
    "session.status_terminated": _Teller.terminated,
    "session.error": _Teller.error,
    "session.usage": _Teller.usage,
    "session.updated": _Teller.updated,
    "session.deleted": _Teller.ignore,
    "session.thread_created": _Teller.thread,
    "session.thread_status_running": _Teller.thread,
    "session.thread_status_idle": _Teller.thread,
    "session.thread_status_rescheduled": _Teller.thread,
    "session.thread_status_terminated": _Teller.thread,
    "span.model_request_start": _Teller.request_start,
    "span.model_request_end": _Teller.request_end,
    "span.outcome_evaluation_start": _Teller.ignore,
    "span.outcome_evaluation_ongoing": _Teller.ignore,
    "span.outcome_evaluation_end": _Teller.ignore,
    "workflow_run.created": _Teller.ignore,
    "workflow_run.status_running": _Teller.ignore,
    "workflow_run.status_idle": _Teller.ignore,
    "workflow_run.phase_started": _Teller.ignore,
    "workflow_run.phase_ended": _Teller.ignore,
    "workflow_run.error": _Teller.ignore,
    "workflow_run.status_ended": _Teller.ignore,
    "event_start": _Teller.ignore,
    "event_delta": _Teller.ignore,
}


def session_tokens(usage: Raw) -> TokenUsage:
    """The totals of a `session.usage`, in all four classes."""
    writes = _map(usage.get("cache_creation"))
    return TokenUsage(
        input=_int(usage.get("input_tokens")),
        output=_int(usage.get("output_tokens")),
        cache_read=_int(usage.get("cache_read_input_tokens")),
        cache_write=_int(writes.get("ephemeral_5m_input_tokens"))
        + _int(writes.get("ephemeral_1h_input_tokens")),
    )


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _int(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
