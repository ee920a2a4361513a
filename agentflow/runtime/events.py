"""Our own event types. An event type this version does not know becomes `Unknown`, never an error.

The service's own shapes are in the API reference, section 13. Parsing is by the `type` string
alone and tolerates missing fields: https://platform.claude.com/docs/en/managed-agents/reference
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

__all__ = [
    "AgentMessage",
    "AgentThinking",
    "AgentToolResult",
    "AgentToolUse",
    "ContextCompacted",
    "CustomToolUse",
    "Event",
    "ModelRequestEnd",
    "ModelRequestStart",
    "SessionDeleted",
    "SessionError",
    "SessionUsage",
    "StatusIdle",
    "StatusRescheduled",
    "StatusRunning",
    "StatusTerminated",
    "ThreadStatus",
    "TokenUsage",
    "Unknown",
    "UserCustomToolResult",
    "UserInterrupt",
    "UserMessage",
    "UserToolConfirmation",
    "decoded",
    "is_documented",
    "parse_event",
    "text_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUsage:
    """All four classes: leaving out cache writes and reads undercounts by an order of magnitude."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    @property
    def total(self) -> int:
        return self.input + self.output + self.cache_read + self.cache_write

    @property
    def cache_hit_ratio(self) -> float | None:
        """Cache reads over all input-side tokens, 0 to 1. None: nothing was read."""
        base = self.input + self.cache_read + self.cache_write
        return self.cache_read / base if base else None

    def __add__(self, other: TokenUsage) -> TokenUsage:
        return TokenUsage(
            input=self.input + other.input,
            output=self.output + other.output,
            cache_read=self.cache_read + other.cache_read,
            cache_write=self.cache_write + other.cache_write,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    id: str
    """Empty for `session.deleted` and other events that are not persisted."""
    processed_at: str | None = None
    """RFC 3339. None: a client event that is still queued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMessage(_Event):
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserInterrupt(_Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class UserToolConfirmation(_Event):
    tool_use_id: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCustomToolResult(_Event):
    tool_use_id: str
    is_error: bool
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentMessage(_Event):
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentThinking(_Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentToolUse(_Event):
    """A built-in or MCP tool, run by the service."""

    name: str
    input: Mapping[str, Any]
    permission: str | None
    """`allow`, `ask` or `deny`; None: the service did not say."""
    server: str | None = None
    """The MCP server. None: a built-in tool."""
    thread_id: str | None = None
    """None: the primary thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentToolResult(_Event):
    tool_use_id: str
    text: str
    is_error: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomToolUse(_Event):
    """A tool that the client runs."""

    name: str
    input: Mapping[str, Any]
    thread_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextCompacted(_Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRunning(_Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRescheduled(_Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusTerminated(_Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusIdle(_Event):
    reason: str
    """`stop_reason.type`; an open set."""
    event_ids: tuple[str, ...] = ()
    """For `requires_action`: what blocks. A window of at most five, so not all that is pending."""
    details: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadStatus(_Event):
    thread_id: str
    agent_name: str
    status: str
    """`running`, `idle`, `rescheduled`, `terminated` or `created`."""
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionError(_Event):
    type: str
    message: str
    retry: str
    """`retry_status.type`: `retrying`, `exhausted` or `terminal`."""
    server: str | None = None
    """The MCP server that it is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionUsage(_Event):
    """Totals of the session so far, as the service counts them."""

    tokens: TokenUsage
    list_cost_cents: int | None
    """None: the service did not price it."""
    active_s: float | None
    searches: int = 0
    """On the web; each has a price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDeleted(_Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequestStart(_Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequestEnd(_Event):
    tokens: TokenUsage
    is_error: bool
    speed: str | None = None
    """`fast` costs more. None: the service did not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(_Event):
    type: str
    raw: Mapping[str, Any]


Event = (
    UserMessage
    | UserInterrupt
    | UserToolConfirmation
    | UserCustomToolResult
    | AgentMessage
    | AgentThinking
    | AgentToolUse
    | AgentToolResult
    | CustomToolUse
    | ContextCompacted
    | StatusRunning
    | StatusRescheduled
    | StatusTerminated
    | StatusIdle
    | ThreadStatus
    | SessionError
    | SessionUsage
    | SessionDeleted
    | ModelRequestStart
    | ModelRequestEnd
    | Unknown
)


def text_of(content: object) -> str:
    """The text blocks of a `content` list, joined by newlines; other blocks are named."""
    if isinstance(content, str):
        return content
    if not isinstance(content, (list, tuple)):
        return ""
    parts: list[str] = []
    for block in content:
        if isinstance(block, dict):
            parts.append(
                str(block.get("text", ""))
                if block.get("type") == "text"
                else f"[{block.get('type')}]"
            )
    return "\n".join(parts)


def _cents(amount: object) -> int | None:
    """A list cost is `{"amount": "2500", "currency": "USD"}`: whole cents as text."""
    value = amount.get("amount") if isinstance(amount, Mapping) else None
    try:
        return int(str(value)) if value is not None else None
    except ValueError:
        return None


def _session_tokens(usage: Mapping[str, Any]) -> TokenUsage:
    writes = usage.get("cache_creation") or {}
    return TokenUsage(
        input=usage.get("input_tokens") or 0,
        output=usage.get("output_tokens") or 0,
        cache_read=usage.get("cache_read_input_tokens") or 0,
        cache_write=(writes.get("ephemeral_5m_input_tokens") or 0)
        + (writes.get("ephemeral_1h_input_tokens") or 0),
    )


def _request_tokens(usage: Mapping[str, Any]) -> TokenUsage:
    return TokenUsage(
        input=usage.get("input_tokens") or 0,
        output=usage.get("output_tokens") or 0,
        cache_read=usage.get("cache_read_input_tokens") or 0,
        cache_write=usage.get("cache_creation_input_tokens") or 0,
    )


def _thread_status(status: str) -> Callable[[Mapping[str, Any], dict[str, Any]], Event]:
    def build(raw: Mapping[str, Any], base: dict[str, Any]) -> Event:
        return ThreadStatus(
            **base,
            thread_id=str(raw.get("session_thread_id", "")),
            agent_name=str(raw.get("agent_name", "")),
            status=status,
            reason=(raw.get("stop_reason") or {}).get("type"),
        )

    return build


_BUILDERS: dict[str, Callable[[Mapping[str, Any], dict[str, Any]], Event]] = {
    "user.message": lambda r, b: UserMessage(**b, text=text_of(r.get("content"))),
    "user.interrupt": lambda r, b: UserInterrupt(**b),
    "user.tool_confirmation": lambda r, b: UserToolConfirmation(
        **b, tool_use_id=str(r.get("tool_use_id", "")), result=str(r.get("result", ""))
    ),
    "user.custom_tool_result": lambda r, b: UserCustomToolResult(
        **b,
        tool_use_id=str(r.get("custom_tool_use_id", "")),
        is_error=bool(r.get("is_error")),
        text=text_of(r.get("content")),
    ),
    "agent.message": lambda r, b: AgentMessage(**b, text=text_of(r.get("content"))),
    "agent.thinking": lambda r, b: AgentThinking(**b),
    "agent.tool_use": lambda r, b: AgentToolUse(
        **b,
        name=str(r.get("name", "")),
        input=r.get("input") or {},
        permission=r.get("evaluated_permission"),
        thread_id=r.get("session_thread_id"),
    ),
    "agent.mcp_tool_use": lambda r, b: AgentToolUse(
        **b,
        name=str(r.get("name", "")),
        input=r.get("input") or {},
        permission=r.get("evaluated_permission"),
        server=str(r.get("mcp_server_name", "")),
        thread_id=r.get("session_thread_id"),
    ),
    "agent.tool_result": lambda r, b: AgentToolResult(
        **b,
        tool_use_id=str(r.get("tool_use_id", "")),
        text=text_of(r.get("content")),
        is_error=bool(r.get("is_error")),
    ),
    "agent.mcp_tool_result": lambda r, b: AgentToolResult(
        **b,
        tool_use_id=str(r.get("mcp_tool_use_id", "")),
        text=text_of(r.get("content")),
        is_error=bool(r.get("is_error")),
    ),
    "agent.custom_tool_use": lambda r, b: CustomToolUse(
        **b,
        name=str(r.get("name", "")),
        input=r.get("input") or {},
        thread_id=r.get("session_thread_id"),
    ),
    "agent.thread_context_compacted": lambda r, b: ContextCompacted(**b),
    "session.status_running": lambda r, b: StatusRunning(**b),
    "session.status_rescheduled": lambda r, b: StatusRescheduled(**b),
    "session.status_terminated": lambda r, b: StatusTerminated(**b),
    "session.status_idle": lambda r, b: StatusIdle(
        **b,
        reason=str((r.get("stop_reason") or {}).get("type", "")),
        event_ids=tuple((r.get("stop_reason") or {}).get("event_ids") or ()),
        details=r.get("stop_details"),
    ),
    "session.thread_created": _thread_status("created"),
    "session.thread_status_running": _thread_status("running"),
    "session.thread_status_idle": _thread_status("idle"),
    "session.thread_status_rescheduled": _thread_status("rescheduled"),
    "session.thread_status_terminated": _thread_status("terminated"),
    "session.error": lambda r, b: SessionError(
        **b,
        type=str((r.get("error") or {}).get("type", "unknown_error")),
        message=str((r.get("error") or {}).get("message", "")),
        retry=str(((r.get("error") or {}).get("retry_status") or {}).get("type", "")),
        server=(r.get("error") or {}).get("mcp_server_name"),
    ),
    "session.usage": lambda r, b: SessionUsage(
        **b,
        tokens=_session_tokens(r.get("usage") or {}),
        list_cost_cents=_cents((r.get("usage") or {}).get("list_cost")),
        active_s=(r.get("usage") or {}).get("active_seconds"),
        searches=((r.get("usage") or {}).get("server_tool_use") or {}).get("web_search_requests")
        or 0,
    ),
    "session.deleted": lambda r, b: SessionDeleted(**b),
    "span.model_request_start": lambda r, b: ModelRequestStart(**b),
    "span.model_request_end": lambda r, b: ModelRequestEnd(
        **b,
        tokens=_request_tokens(r.get("model_usage") or {}),
        is_error=bool(r.get("is_error")),
        speed=(r.get("model_usage") or {}).get("speed"),
    ),
}


_WITHOUT_MEANING = frozenset(
    {
        "agent.thread_message_received",
        "agent.thread_message_sent",
        "event_delta",
        "event_start",
        "session.updated",
        "span.outcome_evaluation_end",
        "span.outcome_evaluation_ongoing",
        "span.outcome_evaluation_start",
        "system.message",
        "user.define_outcome",
        "user.tool_result",
        "workflow_run.created",
        "workflow_run.error",
        "workflow_run.phase_ended",
        "workflow_run.phase_started",
        "workflow_run.status_ended",
        "workflow_run.status_idle",
        "workflow_run.status_running",
    }
)
"""Documented types that change nothing for a run: they become `Unknown`, and are no surprise."""


def is_documented(type: str) -> bool:
    """Whether this version knows an event type, be it as one that means nothing to a run."""
    return type in _BUILDERS or type in _WITHOUT_MEANING


def decoded(data: bytes) -> Any:
    """The JSON in `data`, as the service sends it.

    Half a character, as a text cut at a length in UTF-16 ends, becomes a question mark: no file,
    database, terminal or request could take it.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        return from_json(data)
    except ValueError:
        # What this reader does not take, and JSON has: halves of characters, and deep nesting.
        try:
            text = json.dumps(json.loads(data), ensure_ascii=False)
            return json.loads(text.encode("utf-8", "replace"))
        except RecursionError:
            raise ValueError("it is nested too deeply") from None


def parse_event(raw: Mapping[str, Any]) -> Event:
    """One event of the service, as `decoded` gives it. Never raises on data of an unexpected shape."""
    type_ = str(raw.get("type", ""))
    base: dict[str, Any] = {
        "id": str(raw.get("id") or ""),
        "processed_at": raw.get("processed_at"),
    }
    build = _BUILDERS.get(type_)
    if build is None:
        return Unknown(**base, type=type_, raw=raw)
    try:
        return build(raw, base)
    except (TypeError, AttributeError):
        # A known type with fields of another shape: kept whole instead of half understood.
        return Unknown(**base, type=type_, raw=raw)
