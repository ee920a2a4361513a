"""What a session will be given, whoever starts it: an agent's run, or a deployment.

A deployment that does not say a thing takes it from its agent. A problem is placed where the value
stands, but at the deployment if that is what makes it one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from agentflow.compiler.graph import AgentNode, Bound, DeploymentNode, Graph
from agentflow.diagnostics import Span
from agentflow.records import NamedTuple, record
from agentflow.source.tree import Path, value_at
from agentflow.spec.refs import Ref, parse_ref
from agentflow.spec.team import Delegation, Member

if TYPE_CHECKING:
    from agentflow.spec.environment import EnvironmentSpec
    from agentflow.spec.vault import VaultSpec

__all__ = ["Attached", "Session", "members_of", "session_of", "team_entries"]


class Attached(NamedTuple):
    """A vault of a session."""

    ref: Ref
    bound: Bound[Any]
    """The spec that names it."""
    path: Path
    """Where."""
    vault: Bound[VaultSpec] | None
    """None: it is not managed here."""


class Place(NamedTuple):
    span: Span
    related: tuple[tuple[Span, str], ...]


@record
class Session:
    owner: Bound[Any]
    """The spec whose sessions these are: an agent or a deployment."""
    agent: AgentNode | None
    """None: it is not managed here."""
    environment: Bound[EnvironmentSpec] | None
    """None: it is not said, or not managed here."""

    def part(self, key: str) -> tuple[Bound[Any], Any]:
        """The value of `files` and the like, and the spec that says it."""
        own = getattr(self.owner.spec, key)
        if own is None and self.agent is not None:
            return self.agent, getattr(self.agent.spec, key)
        return self.owner, own

    @property
    def decides_environment(self) -> bool:
        """False: its agent has the same one, and is reported on itself."""
        return self.owner is self.agent or self.owner.spec.environment is not None

    def place(self, bound: Bound[Any], *path: str | int) -> Place:
        """Where a value is shown that does not go with the environment."""
        assert self.environment is not None
        related = ((self.environment.span("name"), "its environment"),)
        if bound is self.owner:
            return Place(bound.span(*path), related)
        return Place(
            self.owner.span("environment"), ((bound.span(*path), "what it is about"), *related)
        )

    def vaults(self, graph: Graph) -> Iterator[Attached]:
        """In the order in which the service looks into them: those of `vaults`, then of `mcp`."""
        bound, refs = self.part("vaults")
        written: list[tuple[Bound[Any], Path, str]] = [
            (bound, ("vaults", index), ref) for index, ref in enumerate(refs or ())
        ]
        servers = self.agent.spec.mcp if self.agent is not None else {}
        written += [
            (self.agent, ("mcp", name, "auth"), server.auth)
            for name, server in servers.items()
            if self.agent is not None and server.auth is not None
        ]
        for source, path, text in written:
            ref = parse_ref(text, "vault")
            if ref is not None:
                vault = None if ref.address is None else graph.bound(ref.address)
                yield Attached(ref, source, path, vault)


def session_of(owner: AgentNode | DeploymentNode, graph: Graph) -> Session:
    agent = owner if isinstance(owner, AgentNode) else owner.agent
    written = owner.environment if isinstance(owner, DeploymentNode) else owner.spec.environment
    ref = parse_ref(written, "environment") if written else None
    found = graph.bound(ref.address) if ref is not None and ref.address is not None else None
    return Session(owner=owner, agent=agent, environment=found)


def team_entries(node: AgentNode) -> Mapping[Path, tuple[Member, ...]]:
    """The rosters of an agent's team, by where they stand in its document."""
    team = node.spec.team
    if team is None:
        return {}
    rosters: dict[Path, tuple[Member, ...]] = {}
    if team.coordinator is not None:
        rosters["team", "coordinator"] = tuple(team.coordinator)
    for key in ("subagents", "workflows"):
        delegation: Delegation | None = getattr(team, key)
        if delegation is not None:
            short = isinstance(value_at(node.document.data, ("team", key)), list)
            path: Path = ("team", key) if short else ("team", key, "agents")
            rosters[path] = tuple(delegation.agents)
    return rosters


def members_of(node: AgentNode, graph: Graph) -> Iterator[tuple[Path, AgentNode]]:
    """The other agents of its team that are managed here, with where each is named."""
    for base, roster in team_entries(node).items():
        for index, member in enumerate(roster):
            ref = None if member == "self" else parse_ref(member, "agent")
            other = graph.agent(ref.name) if ref is not None and ref.name is not None else None
            if other is not None and other.address != node.address:
                yield (*base, index), other
