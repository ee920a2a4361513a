"""What plays the model: given what a session holds so far, it takes the next turn.

The harness owns events, permissions, tools and budgets; a driver only decides what is said and which
tools are called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from agentflow.local.prices import Tokens

__all__ = [
    "Call",
    "ModelDriver",
    "ModelFailure",
    "NoDriver",
    "PlaysServers",
    "PlaysTeams",
    "Result",
    "Retry",
    "Turn",
    "TurnContext",
]

Retry = Literal["retrying", "exhausted", "terminal"]


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool answered."""

    text: str
    is_error: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnContext:
    session_id: str
    agent: Mapping[str, Any]
    """The session's snapshot of its agent."""
    history: Sequence[Mapping[str, Any]]
    """Every event so far, in order."""
    results: Mapping[str, Result]
    """By the key that the driver gave to the call."""
    state: Mapping[str, Any]
    """What the driver returned with its last turn; empty for the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    key: str
    """The driver's own name for this call, unique in the session."""
    name: str
    input: Mapping[str, Any]
    thread: str | None = None
    """The member of the team that makes it, in a thread of its own. None: the agent itself."""
    server: str | None = None
    """The MCP server whose tool it is. None: a built-in or a custom tool."""
    answer: Result | None = None
    """What the MCP server says, since there is none to ask. None: it cannot be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One answer of the model, in the order: thinking, text, tool calls."""

    state: Mapping[str, Any]
    """JSON data, kept with the session and given back for the next turn."""
    tokens: Tokens
    thinks: bool = False
    text: str | None = None
    calls: tuple[Call, ...] = ()
    refusal: Mapping[str, Any] | None = None
    """`stop_details` of a refusal. None: the model did not refuse."""


class ModelFailure(Exception):
    """A model request that failed, as `session.error` reports it."""

    def __init__(
        self,
        message: str,
        *,
        type: str = "model_request_failed_error",
        retry: Retry = "exhausted",
        state: Mapping[str, Any] | None = None,
    ) -> None:
        """`state` is kept as that of a `Turn` is. None: the last one stays."""
        super().__init__(message)
        self.message = message
        self.type = type
        self.retry: Retry = retry
        self.state = state


class ModelDriver(Protocol):
    async def next_turn(self, context: TurnContext) -> Turn:
        """Take one turn.

        Raises:
            ModelFailure: the request failed.
        """
        ...


@runtime_checkable
class PlaysTeams(Protocol):
    """A driver that can play an agent together with the members of its team."""

    def plays_team(self, agent: str) -> bool: ...


@runtime_checkable
class PlaysServers(Protocol):
    """A driver that can play an agent's MCP servers, too."""

    def plays_server(self, agent: str, server: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class NoDriver:
    """Plays no model: a session can be made and looked at, and says why it does not run."""

    message: str = field(
        default="The local service was started without a model. Start it with `--script FILE`."
    )

    async def next_turn(self, context: TurnContext) -> Turn:
        raise ModelFailure(self.message)
