"""MCP servers: that the session reaches them, that the credential fits, and how many there may be.

Limits: https://platform.claude.com/docs/en/managed-agents/mcp-connector
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agentflow import codes
from agentflow.compiler.checks.session import Session, members_of, session_of
from agentflow.compiler.graph import AgentNode, DeploymentNode, Graph
from agentflow.compiler.reach import is_open, normal_url, reaches, url_host
from agentflow.diagnostics import Diagnostic
from agentflow.source.tree import Path
from agentflow.spec.refs import parse_ref
from agentflow.spec.tool import BUILT_IN_TOOLS

__all__ = ["check_egress", "check_servers"]

SERVER_LIMIT = 20
ENTRY_LIMIT = 128
"""Of `tools`: the built-in ones are one entry, each server and each custom tool is one."""
TOOL_LIMIT = 256


def check_servers(node: AgentNode, graph: Graph) -> Iterator[Diagnostic]:
    if "mcp_servers" in node.spec.raw:
        return
    yield from _counts(node)
    yield from _same_url(node)
    for name in node.spec.mcp:
        yield from _auth(node, name, graph)


def _counts(node: AgentNode) -> Iterator[Diagnostic]:
    servers = node.spec.mcp
    if not servers:
        return
    span = node.span("mcp", key=True)
    if len(servers) > SERVER_LIMIT:
        message = f"Agent {node.spec.name!r} has {len(servers)} MCP servers."
        hint = f"The service takes {SERVER_LIMIT}."
        yield codes.MCP_SERVERS.at(span, message, hint=hint)
        return
    entries = 1 + len(servers) + len(node.spec.custom)
    named = sum(len(server.tools) for server in servers.values())
    tools = len(BUILT_IN_TOOLS) + named + len(node.spec.custom)
    hint = f"The service takes {ENTRY_LIMIT} entries with {TOOL_LIMIT} tools in all."
    if entries > ENTRY_LIMIT:
        message = (
            f"Agent {node.spec.name!r} has {entries} entries of tools: the built-in ones, "
            f"{len(servers)} MCP servers and {len(node.spec.custom)} custom tools."
        )
        yield codes.MCP_SERVERS.at(span, message, hint=hint)
    elif tools > TOOL_LIMIT:
        message = f"Agent {node.spec.name!r} names {tools} tools, {named} of them of MCP servers."
        yield codes.MCP_SERVERS.at(span, message, hint=hint)


def _same_url(node: AgentNode) -> Iterator[Diagnostic]:
    first: dict[str, str] = {}
    for name, server in node.spec.mcp.items():
        other = first.setdefault(normal_url(server.url), name)
        if other != name:
            message = f"The MCP servers {other!r} and {name!r} are one: they have the same URL."
            related = ((node.span("mcp", other, "url"), f"{other!r} is here"),)
            hint = "Keep one of them, with the tools of both."
            span = node.span("mcp", name, "url")
            yield codes.MCP_SERVERS.at(span, message, hint=hint, related=related)


def _auth(node: AgentNode, name: str, graph: Graph) -> Iterator[Diagnostic]:
    server = node.spec.mcp[name]
    ref = parse_ref(server.auth, "vault") if server.auth else None
    vault = graph.bound(ref.address) if ref is not None and ref.address is not None else None
    credential = vault.spec.credentials.get(ref.part) if vault is not None and ref else None
    if vault is None or ref is None or credential is None or ref.part is None:
        return
    span = node.span("mcp", name, "auth")
    here = f"{ref.name}.{ref.part}"
    if credential.url is None:
        message = f"The credential {here!r} is a variable, which no MCP server is sent."
        related = ((vault.span("credentials", ref.part, "variable"), "a variable"),)
        hint = "Name one with `bearer` or `oauth`."
        yield codes.MCP_AUTH.at(span, message, hint=hint, related=related)
    elif normal_url(credential.url) != normal_url(server.url):
        message = (
            f"The credential {here!r} is for {credential.url!r}, so the service does not send it to "
            f"{name!r} at {server.url!r}."
        )
        related = ((vault.span("credentials", ref.part, "url"), "the URL it is for"),)
        hint = "Write the same URL in both."
        yield codes.MCP_AUTH.at(span, message, hint=hint, related=related)


def check_egress(owner: AgentNode | DeploymentNode, graph: Graph) -> Iterator[Diagnostic]:
    """The servers of the agent and of its team, against the network of the session they share."""
    session = session_of(owner, graph)
    agent, environment = session.agent, session.environment
    if agent is None or environment is None or not session.decides_environment:
        return
    if is_open(environment.spec) or environment.spec.network.mcp == "inferred":
        return
    users: list[tuple[AgentNode, Path]] = [(agent, ())]
    users += [(member, path) for path, member in members_of(agent, graph)]
    for user, path in users:
        for name, host in _blocked(user, environment.spec.network.hosts):
            yield _unreachable(session, user, path, name, host)


def _blocked(agent: AgentNode, hosts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Server and host."""
    if "mcp_servers" in agent.spec.raw:
        return
    for name, server in agent.spec.mcp.items():
        host = url_host(server.url)
        if host is not None and not reaches(hosts, host):
            yield name, host


def _unreachable(session: Session, user: AgentNode, path: Path, name: str, host: str) -> Diagnostic:
    """A server that `user` has; `path` is where the agent of the session names it, if it is another."""
    environment, agent = session.environment, session.agent
    assert environment is not None
    assert agent is not None
    title = environment.spec.name
    message = (
        f"Environment {title!r} does not let {host!r} through, so the MCP server {name!r} of agent "
        f"{user.spec.name!r} cannot be used."
    )
    related = [(environment.span("network"), f"what {title!r} reaches")]
    if user is session.owner:
        span = user.span("mcp", name, "url")
    else:
        related.insert(0, (user.span("mcp", name, "url"), "the server"))
        span = agent.span(*path) if agent is session.owner else session.owner.span("environment")
    hint = f"Write `mcp: inferred` below `network` of {title!r}, or add the host there."
    return codes.MCP_UNREACHABLE.at(span, message, hint=hint, related=tuple(related))
