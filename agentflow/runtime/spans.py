"""What the events of a session say of how long things took: requests to the model, tools, approvals.

Pure: it folds events, and facts of our side, into finished spans with the times of the events
themselves. A span is known when it has ended, so that one which began in a process that died is told
whole by the process that goes on. What to call a span and where to send it is for `telemetry.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from agentflow.runtime.events import TokenUsage, text_of

__all__ = ["Decision", "Fold", "Request", "Span", "ToolCall", "instant_ns"]

_USES = {
    "agent.tool_use": "extension",
    "agent.mcp_tool_use": "extension",
    "agent.custom_tool_use": "function",
}
"""Who runs the tool, in the words of the conventions: the service, or our side."""

_RESULTS = {
    "agent.tool_result": "tool_use_id",
    "agent.mcp_tool_result": "mcp_tool_use_id",
    "user.custom_tool_result": "custom_tool_use_id",
}
"""And the field that names the call."""


class Decision(NamedTuple):
    """A call that asked was answered."""

    allowed: bool
    by: str
    """As of `notices.Approval`."""
    at_ns: int
    """When; of an answer that the service shows, when it took it in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to the model: a turn."""

    id: str
    began_ns: int
    ended_ns: int
    thread: str | None
    tokens: TokenUsage = field(default_factory=TokenUsage)
    failed: bool = False
    unfinished: bool = False
    """Its end was not seen; `ended_ns` is when the run was left."""
    said: str = ""
    """What the agent said in it: content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    id: str
    name: str
    kind: str
    """`function`: it ran on our side. `extension`: the service ran it."""
    server: str | None
    """The MCP server. None: none."""
    began_ns: int
    ended_ns: int
    thread: str | None
    input: Mapping[str, Any]
    """Content, as is `result`."""
    result: str = ""
    failed: bool = False
    unfinished: bool = False
    decision: Decision | None = None
    """None: nobody had to decide, or nobody did."""


Span = Request | ToolCall


def instant_ns(text: object) -> int | None:
    """RFC 3339 as nanoseconds since the epoch. None: it is no instant."""
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    whole = int(at.replace(microsecond=0).timestamp())
    return whole * 1_000_000_000 + at.microsecond * 1_000


class Fold:
    """What is under way in one session."""

    def __init__(self) -> None:
        self._requests: dict[str, Request] = {}
        self._calls: dict[str, ToolCall] = {}
        self.last_ns = 0
        """The latest instant of any event; 0: there was none."""

    def event(self, raw: Mapping[str, Any]) -> Iterator[Span]:
        """The spans that end with one event. One that was only queued, or has no time, ends none."""
        at_ns = instant_ns(raw.get("processed_at"))
        if at_ns is None:
            return
        self.last_ns = max(self.last_ns, at_ns)
        type_ = str(raw.get("type", ""))
        if type_ == "span.model_request_start":
            self._begin_request(raw, at_ns)
        elif type_ == "span.model_request_end":
            yield from self._end_request(raw, at_ns)
        elif type_ == "agent.message":
            self._say(text_of(raw.get("content")), _thread(raw))
        elif type_ in _USES:
            self._begin_call(raw, at_ns, _USES[type_])
        elif type_ == "user.tool_confirmation":
            self._confirmed(str(raw.get("tool_use_id", "")), raw.get("result") == "allow", at_ns)
        elif type_ in _RESULTS:
            yield from self._end_call(raw, str(raw.get(_RESULTS[type_], "")), at_ns)

    def decided(self, call_id: str, allowed: bool, by: str, at_ns: int) -> None:
        """A call that asked was answered by our side."""
        self._decide(call_id, Decision(allowed, by, at_ns))

    def rest(self, at_ns: int) -> Iterator[Span]:
        """What has no end: the run is left at this instant."""
        under_way: list[Span] = [*self._requests.values(), *self._calls.values()]
        for span in under_way:
            yield replace(span, ended_ns=max(at_ns, span.began_ns), unfinished=True)

    def _begin_request(self, raw: Mapping[str, Any], at_ns: int) -> None:
        id = str(raw.get("id", ""))
        self._requests[id] = Request(id=id, began_ns=at_ns, ended_ns=at_ns, thread=_thread(raw))

    def _end_request(self, raw: Mapping[str, Any], at_ns: int) -> Iterator[Span]:
        id = str(raw.get("model_request_start_id") or "")
        if id not in self._requests:
            # Without its name it can only be the one that is under way.
            id = next(iter(self._requests), "") if not id else ""
        began = self._requests.pop(id, None)
        if began is not None:
            usage = raw.get("model_usage")
            yield replace(
                began,
                ended_ns=max(at_ns, began.began_ns),
                tokens=_tokens(usage if isinstance(usage, Mapping) else {}),
                failed=bool(raw.get("is_error")),
            )

    def _say(self, text: str, thread: str | None) -> None:
        for id, request in reversed(self._requests.items()):
            if request.thread == thread:
                said = f"{request.said}\n{text}" if request.said else text
                self._requests[id] = replace(request, said=said)
                return

    def _begin_call(self, raw: Mapping[str, Any], at_ns: int, kind: str) -> None:
        id, input, server = str(raw.get("id", "")), raw.get("input"), raw.get("mcp_server_name")
        self._calls[id] = ToolCall(
            id=id,
            name=str(raw.get("name", "")),
            kind=kind,
            server=str(server) if server else None,
            began_ns=at_ns,
            ended_ns=at_ns,
            thread=_thread(raw),
            input=input if isinstance(input, Mapping) else {},
        )

    def _confirmed(self, call_id: str, allowed: bool, at_ns: int) -> None:
        """The service shows an answer: by whom is known if it was ours."""
        call = self._calls.get(call_id)
        ours = call.decision if call is not None else None
        self._decide(call_id, Decision(allowed, ours.by if ours else "elsewhere", at_ns))

    def _decide(self, call_id: str, decision: Decision) -> None:
        call = self._calls.get(call_id)
        if call is not None:
            late = decision._replace(at_ns=max(decision.at_ns, call.began_ns))
            self._calls[call_id] = replace(call, decision=late)

    def _end_call(self, raw: Mapping[str, Any], call_id: str, at_ns: int) -> Iterator[Span]:
        call = self._calls.pop(call_id, None)
        if call is not None:
            least = call.decision.at_ns if call.decision else call.began_ns
            yield replace(
                call,
                ended_ns=max(at_ns, least),
                failed=bool(raw.get("is_error")),
                result=text_of(raw.get("content")),
            )


def _thread(raw: Mapping[str, Any]) -> str | None:
    thread = raw.get("session_thread_id")
    return thread if isinstance(thread, str) else None


_COUNTS: Mapping[Literal["input", "output", "cache_read", "cache_write"], str] = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_input_tokens",
    "cache_write": "cache_creation_input_tokens",
}


def _tokens(usage: Mapping[str, Any]) -> TokenUsage:
    counts = {name: usage.get(key) for name, key in _COUNTS.items()}
    return TokenUsage(**{n: c if isinstance(c, int) else 0 for n, c in counts.items()})
