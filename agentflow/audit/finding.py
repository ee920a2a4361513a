"""What an audit says: a fact about a session, its evidence, and what to change in which line of the spec."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from agentflow.audit.story import Story
from agentflow.compiler.manifest import AgentPolicy
from agentflow.diagnostics import Severity, Span

__all__ = ["AUDITS", "Audit", "Facts", "Finding", "Hit", "audit", "find"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known beside the events. Everything may be absent: then what needs it is not looked at."""

    agent: str | None = None
    """Address."""
    policy: AgentPolicy | None = None
    """What the spec of the agent declares."""
    sources: Mapping[str, Span] = field(default_factory=dict)
    """As in `Compiled.sources`."""
    agent_version: int | None = None
    """That the session runs."""
    latest_version: int | None = None
    """That is applied, or that the service has."""
    model: str | None = None
    files: tuple[str, ...] | None = None
    """Names of what the session delivered. None: nobody looked."""
    persons: Mapping[str, str] = field(default_factory=dict)
    """Who answered a call that asked, by call: `rule 1`, `person`, `webhook`, `timeout`, `default`."""
    own_secrets: tuple[str, ...] = field(default=(), repr=False)
    """Values that must not be in the transcript."""
    followed: bool = False
    """A process still follows the session: what is open may be answered yet."""

    def source(self, *keys: str) -> Span | None:
        """Where the spec says the first of these that it does say, else where the agent stands.

        Of a list or a map that has no place of its own it is the first member.
        """
        if self.agent is None:
            return None
        for key in keys:
            for name in _outward(f"{self.agent}#{key}"):
                if name in self.sources:
                    return self.sources[name]
                inside = [span for k, span in self.sources.items() if k.startswith(f"{name}.")]
                if inside:
                    return min(inside)
        return self.sources.get(self.agent)


def _outward(key: str) -> Iterator[str]:
    while True:
        yield key
        key, dot, _ = key.rpartition(".")
        if not dot:
            return


class Hit(NamedTuple):
    """What an audit yields. The finding gets the audit's code, name and severity."""

    message: str
    """One sentence with the session's own names and figures."""
    evidence: tuple[str, ...]
    """Ids of the events that show it, the deciding one first."""
    hint: str
    """What to change."""
    source: Span | None = None
    """The line of the spec to change. None: the spec is not known, or has no such line."""
    turn: int | None = None
    cost_usd: Decimal | None = None
    """What it cost, as far as that can be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    code: str
    name: str
    severity: Severity
    message: str
    evidence: tuple[str, ...]
    hint: str
    source: Span | None
    turn: int | None
    cost_usd: Decimal | None


Look = Callable[[Story, Facts], Iterable[Hit]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One thing an audit looks for."""

    code: str
    name: str
    severity: Severity
    title: str
    explanation: str
    look: Look


AUDITS: dict[str, Audit] = {}
"""By code, filled by importing `agentflow.audit.checks`."""

_RANKS = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def audit(code: str, name: str, severity: Severity) -> Callable[[Look], Look]:
    """Register a function as an audit. The first line of its docstring is the title, the rest says why."""

    def register(look: Look) -> Look:
        assert code not in AUDITS, code
        title, _, rest = (look.__doc__ or "").strip().partition("\n")
        text = " ".join(rest.split())
        AUDITS[code] = Audit(
            code=code, name=name, severity=severity, title=title, explanation=text, look=look
        )
        return look

    return register


def find(story: Story, facts: Facts) -> tuple[Finding, ...]:
    """Everything the audits say of a session: worst first, then by code and by place in the session."""
    import agentflow.audit.checks  # noqa: F401  (it fills AUDITS)

    found = [
        Finding(
            code=one.code,
            name=one.name,
            severity=one.severity,
            message=hit.message,
            evidence=tuple(dict.fromkeys(hit.evidence)),
            hint=hit.hint,
            source=hit.source,
            turn=hit.turn,
            cost_usd=hit.cost_usd,
        )
        for one in AUDITS.values()
        for hit in one.look(story, facts)
    ]
    return tuple(sorted(found, key=_order))


def _order(finding: Finding) -> tuple[Any, ...]:
    return (_RANKS[finding.severity], finding.code, finding.turn or 0, finding.message)
