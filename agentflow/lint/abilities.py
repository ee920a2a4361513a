"""What an agent can do with what it is given, read from its tools and from their names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentflow.compiler.checks.session import members_of
from agentflow.compiler.graph import AgentNode, Graph
from agentflow.source.tree import Path
from agentflow.spec.tool import declared_tools

__all__ = [
    "acts",
    "custom_acts",
    "has_raw_tools",
    "helpers",
    "open_tools",
    "policies_of",
    "words_of",
]

_ACTS = frozenset(
    {
        *("approve", "buy", "cancel", "charge", "delete", "deploy", "destroy", "drop", "email"),
        *("grant", "merge", "pay", "publish", "purge", "refund", "remove", "revoke", "sell"),
        *("send", "submit", "terminate", "transfer", "truncate", "tweet", "wipe", "wire"),
    }
)
"""What something is done by that stays done. Words that are mostly nouns are left out."""
_ONLY_LOOKS = frozenset(
    {"count", "details", "draft", "history", "info", "list", "preview", "report", "state", "status"}
)
"""Last words of names that begin with a verb and do nothing: `refund_status`."""


def policies_of(agent: AgentNode) -> dict[str, str]:
    """Built-in tools that are on, by name: allow, ask or auto."""
    return {name: tool.policy for name, tool in declared_tools(agent.spec.tools).items()}


def has_raw_tools(agent: AgentNode) -> bool:
    """Whether `raw` says something about tools: then the spec does not show what the agent has."""
    return not {"tools", "mcp_servers"}.isdisjoint(agent.spec.raw)


def words_of(name: str) -> list[str]:
    """`deleteOldIssue` and `delete_old_issue` -> delete, old, issue. Never empty."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word.lower() for word in re.split(r"[^A-Za-z0-9]+", spaced) if word] or [name.lower()]


def acts(name: str) -> bool:
    """Whether a tool changes the world for good, by its name."""
    words = words_of(name)
    return words[0] in _ACTS and words[-1] not in _ONLY_LOOKS


def custom_acts(agent: AgentNode) -> Iterator[str]:
    """Custom tools that change the world, by their names."""
    return (name for name in agent.spec.custom if acts(name))


def open_tools(agent: AgentNode) -> Iterator[tuple[str, Path]]:
    """Custom and MCP tools that are named and allowed, the latter as `server.tool`, with the place."""
    for name, tool in agent.spec.custom.items():
        if tool.policy == "allow":
            yield name, ("custom", name)
    for server, spec in agent.spec.mcp.items():
        for name, mcp_tool in spec.tools.items():
            if mcp_tool.policy == "allow":
                yield f"{server}.{name}", ("mcp", server, "tools", name)


def helpers(graph: Graph) -> dict[str, list[AgentNode]]:
    """Agents that only work for others, by address, with those that lead them.

    They are in a team and have no task of their own: what they do is part of the session, the
    budget and the outputs of the agent that leads.
    """
    found: dict[str, list[AgentNode]] = {}
    for lead in graph.agents.values():
        for _, member in members_of(lead, graph):
            if member.spec.task is None:
                found.setdefault(member.address, []).append(lead)
    return found
