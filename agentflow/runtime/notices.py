"""What a run tells whoever watches it, while it happens. Views render these; nothing depends on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from agentflow.diagnostics import Diagnostic
from agentflow.errors import AgentflowError
from agentflow.runtime.events import TokenUsage
from agentflow.runtime.run import OutputResult, RunResult

__all__ = [
    "Approval",
    "Ended",
    "Failed",
    "FindingsFound",
    "Note",
    "Notice",
    "Observer",
    "OutputVerified",
    "Received",
    "Reconnecting",
    "RepairSent",
    "RunStarted",
    "Said",
    "SessionStarted",
    "Spent",
    "Stage",
    "Thinking",
    "ToolEnded",
    "ToolStarted",
    "Verifying",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Something that is done around the run."""

    label: str
    """`lint`, `compile`, `plan`, `apply`, `forecast`, `resume` or `changed`."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsFound:
    """What the linter says of the project; errors would have kept the run from starting."""

    problems: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """Told before the session is created: from here on the ledger knows the run."""

    run_id: str
    agent: str
    agent_version: int
    target: str
    resumed: bool = False
    """Another process began it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted:
    session_id: str
    agent: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """An event of the service as it came, told once, and once more when it was seen queued before."""

    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinking:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStarted:
    id: str
    name: str
    input: Mapping[str, Any]
    custom: bool
    """It runs on our side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEnded:
    id: str
    name: str
    is_error: bool
    seconds: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A tool asked, and was answered."""

    id: str
    name: str
    input: Mapping[str, Any]
    allowed: bool
    by: str
    """`rule 1`, `person`, `webhook`, `default` or `timeout`."""
    message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Totals so far, after a model request."""

    turns: int
    tokens: TokenUsage
    cost_usd: Decimal | None
    cost_is_estimate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifying:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairSent:
    attempt: int
    of: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconnecting:
    attempt: int
    delay_s: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Anything else worth a line: a budget warning, a transient error, an unknown event type."""

    level: str
    """`info` or `warning`."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputVerified:
    """An output as it was found at the end, for better or worse."""

    output: OutputResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The last notice of a run that came to a verdict."""

    result: RunResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The last notice where there was no run, or none that came to a verdict."""

    error: AgentflowError


Notice = (
    Stage
    | FindingsFound
    | RunStarted
    | SessionStarted
    | Received
    | Thinking
    | Said
    | ToolStarted
    | ToolEnded
    | Approval
    | Spent
    | Verifying
    | RepairSent
    | Reconnecting
    | Note
    | OutputVerified
    | Ended
    | Failed
)


class Observer(Protocol):
    def __call__(self, notice: Notice, /) -> None: ...
