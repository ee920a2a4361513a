"""What a run is asked to do, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

from agentflow.compiler.manifest import AgentPolicy
from agentflow.diagnostics import Span
from agentflow.errors import (
    EXIT_BUDGET,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_PERSON,
    EXIT_PROBLEMS,
    EXIT_SERVICE,
)
from agentflow.runtime.events import TokenUsage
from agentflow.secret import SecretText

__all__ = [
    "STILL_OPEN",
    "LimitHit",
    "OutputResult",
    "Reuse",
    "RunRequest",
    "RunResult",
    "Verdict",
    "Waiting",
]


class Verdict(StrEnum):
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    """The session ended, but an output is missing or invalid, or a check failed."""
    REFUSED = "refused"
    """The model refused."""
    BUDGET = "budget"
    NEEDS_PERSON = "needs_person"
    DETACHED = "detached"
    """The task was sent, and nobody follows the session until somebody attaches."""
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    """A typed error of the service or of the session."""
    UNKNOWN = "unknown"
    """The connection was lost for good: how the session ended is not known."""

    @property
    def exit_code(self) -> int:
        return {
            Verdict.COMPLETED: EXIT_OK,
            Verdict.INCOMPLETE: EXIT_PROBLEMS,
            Verdict.REFUSED: EXIT_PROBLEMS,
            Verdict.BUDGET: EXIT_BUDGET,
            Verdict.NEEDS_PERSON: EXIT_PERSON,
            Verdict.DETACHED: EXIT_OK,
            Verdict.INTERRUPTED: EXIT_INTERRUPTED,
            Verdict.FAILED: EXIT_PROBLEMS,
            Verdict.UNKNOWN: EXIT_SERVICE,
        }[self]


STILL_OPEN = (Verdict.NEEDS_PERSON, Verdict.UNKNOWN, Verdict.DETACHED)
"""Somebody may go on with such a run, and with what was asked and said in it: its session may work or wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """A session of earlier runs that one more run takes place in."""

    session_id: str
    after: str | None
    """The last event of the earlier ones: what stands behind it is of this run. None: there is none."""
    files: tuple[str, ...] = ()
    """Ids of the files that were there before: no outputs of this run."""
    base_cents: int = 0
    """What the session had cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    run_id: str
    agent: str
    """Address."""
    agent_id: str
    agent_version: int
    environment_id: str
    policy: AgentPolicy
    inputs: Mapping[str, Any]
    """By name, complete with defaults; a `file` input is the `Path` of a local file."""
    out_dir: Path
    """Where outputs are downloaded to; made if it is absent."""
    project_root: Path
    """Where the code of custom tools and checks is looked up."""
    sources: Mapping[str, Span] = field(default_factory=dict)
    """As in `Compiled.sources`."""
    title: str | None = None
    secrets: Mapping[str, SecretText] = field(default_factory=dict)
    """By name, of those that the policy's custom tools and session need."""
    uploads: Mapping[str, Path] = field(default_factory=dict)
    """By address, the files that the policy's session refers to, such as `file/61fde9964309fb5c`."""
    detach: bool = False
    """Let go of the session once it has the task."""
    reuse: Reuse | None = None
    """None: the run has a session of its own."""
    flow: str | None = None
    """The id of the flow that it is a step of. None: it is none."""
    pools_of: str | None = None
    """The target whose runs have the pools to themselves, because they cost nothing. None: runs on all
    other targets share them."""
    origin: Mapping[str, Any] = field(default_factory=dict)
    """What the caller needs to come back to this run: JSON, kept in the ledger, and not read here."""
    records: Path | None = None
    """Where its transcript and logs are kept. None: with the other runs of the project."""

    @property
    def directory(self) -> Path:
        """Of what is kept of this run."""
        return self.records or self.project_root / ".agentflow" / "runs" / self.run_id


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitHit:
    """A limit that stopped a run."""

    name: str
    """The budget's key: `usd`, `tokens`, `turns`, `tool_calls`, `active`, `wall` or `pools.x`."""
    limit: str
    used: str
    """Both as a person reads them, with unit."""
    source: Span | None
    advice: str | None = None
    """What to do about it. None: raise it for this run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputResult:
    name: str
    filename: str
    path: Path | None
    """The downloaded file. None: it was not delivered."""
    problems: tuple[str, ...]
    """What is wrong with it, one sentence each; empty: verified."""
    sha256: str | None = None
    size_bytes: int | None = None
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A tool call, or a question of the agent, that waits for a person."""

    id: str
    tool: str
    input: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    run_id: str
    session_id: str | None
    """None: no session was created."""
    agent: str
    verdict: Verdict
    reason: str
    """One sentence: why it ended like this."""
    hint: str | None
    outputs: tuple[OutputResult, ...]
    failed_checks: tuple[str, ...]
    out_dir: Path
    extra_files: tuple[Path, ...]
    """Delivered and downloaded, but not declared."""
    final_message: str
    turns: int
    tool_calls: int
    repairs: int
    reconnects: int
    tokens: TokenUsage
    cost_usd: Decimal | None
    """None: the model has no known price and the service reported none."""
    cost_is_estimate: bool
    """False: the service's own list cost."""
    active_s: float | None
    wall_s: float
    limit: LimitHit | None = None
    error: str | None = None
    """What went wrong, as a word that stays the same: the service's type of the error, the category of
    a refusal, or one of `connection_lost`, `not_sent`, `retries_exhausted`, `same_error`,
    `session_terminated` and `session_deleted`. None: nothing did, or it is told by the other fields.
    """
    waiting: tuple[Waiting, ...] = ()
    """What a person has to decide before the run can go on."""
    warnings: tuple[str, ...] = ()

    @property
    def cache_hit_ratio(self) -> float | None:
        return self.tokens.cache_hit_ratio
