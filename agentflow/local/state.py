"""What the service keeps of a session beside its record and its events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any, Literal

from agentflow.local.prices import Tokens

__all__ = ["OpenCall", "SessionState", "Thread"]


@dataclass(slots=True, kw_only=True)
class OpenCall:
    """A tool call of the latest turn. Its id is that of its event."""

    id: str
    kind: Literal["builtin", "custom", "mcp"]
    name: str
    input: dict[str, Any]
    waiting: bool
    """For a confirmation, or for the result of a custom tool."""
    refused: str | None = None
    """The error the agent gets instead of a run. None: it may run."""
    started: bool = False
    """It was handed to its tool: after a crash its outcome is unknown."""
    done: bool = False
    thread: str | None = None
    """The thread of the sub-agent that makes it. None: the session's own."""
    answer: dict[str, Any] | None = None
    """`text` and `is_error`: what the MCP server says. None: it cannot be reached, or it is none."""


@dataclass(slots=True, kw_only=True)
class Thread:
    """A thread beside the session's own."""

    id: str
    agent_name: str
    created_at: str
    status: str = "running"


@dataclass(slots=True, kw_only=True)
class SessionState:
    thread_id: str
    tokens: Tokens = field(default_factory=Tokens)
    token_usd: Decimal | None = Decimal(0)
    """List price of all requests, unrounded. None: the model has no list price."""
    active_s: float = 0.0
    """Seconds in status `running`, up to the last time it was saved."""
    calls: list[OpenCall] = field(default_factory=list)
    """Of the latest turn, until all are done."""
    keys: dict[str, str] = field(default_factory=dict)
    """The driver's names of calls -> ids of their events."""
    driver: dict[str, Any] = field(default_factory=dict)
    requests: int = 0
    """Model requests begun."""
    open_span: str | None = None
    """The start event of a model request without an end."""
    needs_turn: bool = False
    """Something was said or answered since the last model request."""
    stop: str | None = None
    """Type of the last stop reason. None: it never stopped."""

    threads: list[Thread] = field(default_factory=list)
    """Of sub-agents, in the order in which they began."""

    def waiting(self) -> list[OpenCall]:
        return [call for call in self.calls if call.waiting and not call.done]

    def call(self, id: str) -> OpenCall | None:
        return next((call for call in self.calls if call.id == id), None)

    def to_json(self) -> dict[str, Any]:
        data = asdict(self)
        data["token_usd"] = None if self.token_usd is None else str(self.token_usd)
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SessionState:
        values = dict(data)
        values["tokens"] = Tokens(**values["tokens"])
        cost = values["token_usd"]
        values["token_usd"] = None if cost is None else Decimal(cost)
        values["calls"] = [OpenCall(**call) for call in values["calls"]]
        values["threads"] = [Thread(**thread) for thread in values.get("threads", ())]
        return cls(**values)
