"""What a session sees that is private, what strangers write into it, and how data gets out.

A team is one session: its agents share files, memory and sandbox and tell each other what they found,
so that what one of them reads another one can send away. Only what the spec shows counts: a tool
that asks, an environment that is not managed here or is closed, and a list of domains are taken for
what they are, a limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from agentflow.compiler.checks.session import Session, members_of, session_of
from agentflow.compiler.graph import AgentNode, Bound, DeploymentNode, Graph
from agentflow.diagnostics import Span
from agentflow.lint.abilities import acts, open_tools, words_of
from agentflow.lint.hosts import is_of_anybody
from agentflow.records import NamedTuple, record
from agentflow.source.tree import Path
from agentflow.spec.tool import BuiltInTool, WebFetchTool, WebSearchTool, declared_tools

if TYPE_CHECKING:
    from agentflow.spec.environment import EnvironmentSpec

__all__ = ["Exposure", "Leg", "exposed"]


class Leg(NamedTuple):
    what: str
    """Such as `bash with an open network`."""
    bound: Bound[Any]
    """The spec that says so."""
    path: Path
    """Where in it: the key counts."""

    @property
    def span(self) -> Span:
        return self.bound.span(*self.path, key=True)


@record(kw_only=False)
class Exposure:
    """The first of each kind; None: there is none. Without what strangers write, the others are not told."""

    owner: AgentNode | DeploymentNode
    team: Sequence[AgentNode]
    """The agent of the session first."""
    private: Leg | None
    untrusted: Leg | None
    way_out: Leg | None

    @property
    def is_lethal(self) -> bool:
        return None not in (self.private, self.untrusted, self.way_out)


def exposed(owner: AgentNode | DeploymentNode, graph: Graph, *, alone: bool = False) -> Exposure:
    """Of the sessions of an agent or a deployment. `alone`: without the members of its team."""
    session = session_of(owner, graph)
    agent = session.agent
    if agent is None:
        return Exposure(owner, (), None, None, None)
    members = {} if alone else {member.address: member for _, member in members_of(agent, graph)}
    team = (agent, *members.values())
    environment = session.environment
    untrusted = next((leg for each in team for leg in _untrusted(each, environment)), None)
    if untrusted is None:  # mostly: then nobody asks for the others
        return Exposure(owner, team, None, None, None)
    return Exposure(
        owner,
        team,
        next(chain(_mounted(session), _private_servers(team)), None),
        untrusted,
        next((leg for each in team for leg in _ways_out(each, environment)), None),
    )


_STRANGERS = frozenset(
    {"comment", "comments", "email", "emails", "inbox", "issue", "issues", "mail", "mails"}
    | {"message", "messages", "review", "reviews", "ticket", "tickets"}
)
"""Words in names of tools for what anybody can write."""
_READS = frozenset({"fetch", "find", "get", "list", "read", "search"})
_WRITES = frozenset({"add", "create", "post"})


def _mounted(session: Session) -> Iterator[Leg]:
    """What not everybody may see, of what the session is given."""
    agent = session.agent
    for name, item in agent.spec.inputs.items() if agent is not None else ():
        if agent is not None and item.type == "file":
            yield Leg(f"the input {name!r}", agent, ("inputs", name))
    for key in ("files", "memory"):
        bound, given = session.part(key)
        if given:
            yield Leg(f"`{key}`", bound, (key,))
    bound, repositories = session.part("repositories")
    for name, repository in (repositories or {}).items():
        if repository.token is not None:
            yield Leg(f"the repository {name!r}", bound, ("repositories", name))


def _private_servers(team: Sequence[AgentNode]) -> Iterator[Leg]:
    for agent in team:
        for name, server in agent.spec.mcp.items():
            if server.auth is not None:
                yield Leg(f"the MCP server {name!r}", agent, ("mcp", name))


def _untrusted(agent: AgentNode, environment: Bound[EnvironmentSpec] | None) -> Iterator[Leg]:
    """What anybody can write that the agent reads without asking."""
    for name, tool in declared_tools(agent.spec.tools).items():
        if name.startswith("web_") and not _is_limited(tool):
            yield Leg(f"{name} on any site", agent, ("tools", name))
    yield from _open_shell(agent, environment)
    for name, path in open_tools(agent):
        words = words_of(name.rpartition(".")[2])
        if "." in name and _READS & set(words) and _STRANGERS & set(words):
            yield Leg(name, agent, path)


def _is_limited(tool: BuiltInTool) -> bool:
    """Whether a web tool asks, or reaches some sites only."""
    sites = tool.domains if isinstance(tool, (WebSearchTool, WebFetchTool)) else ()
    return tool.policy == "ask" or bool(sites)


def _ways_out(agent: AgentNode, environment: Bound[EnvironmentSpec] | None) -> Iterator[Leg]:
    """By what the agent can send something to anybody without asking."""
    yield from _open_shell(agent, environment)
    for name, tool in declared_tools(agent.spec.tools).items():
        if name == "web_fetch" and not _is_limited(tool):
            yield Leg("web_fetch on any site", agent, ("tools", name))
    if _has_shell(agent) and environment is not None:
        for host in filter(is_of_anybody, environment.spec.network.hosts):
            yield Leg(f"bash and {host}, where anybody can have a host", agent, ("tools", "bash"))
    for name, path in open_tools(agent):
        if _sends(agent, name):
            yield Leg(name, agent, path)


def _sends(agent: AgentNode, name: str) -> bool:
    """Whether a tool hands over what the agent writes, by its name: `send_mail`, `crm.add_note`."""
    server, _, tool = name.rpartition(".")
    if server:
        return acts(tool) or words_of(tool)[0] in _WRITES
    return acts(name) and not agent.spec.custom[name].arguments


def _has_shell(agent: AgentNode) -> bool:
    bash = agent.spec.tools.bash
    return bash is not None and bash.policy in ("allow", "auto")


def _open_shell(agent: AgentNode, environment: Bound[EnvironmentSpec] | None) -> Iterator[Leg]:
    if _has_shell(agent) and environment is not None and environment.spec.network.open:
        yield Leg("bash with an open network", agent, ("tools", "bash"))
