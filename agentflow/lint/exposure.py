"""What a session of an agent sees that is private, what strangers write into it, and how data gets out.

Each answer is words for a message with the place they are about. Only what the spec shows counts:
a tool that asks, an environment that is not managed here or is closed, and a list of domains are
taken for what they are, a limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from agentflow.compiler.graph import AgentNode, Bound
from agentflow.lint.abilities import acts, open_tools, words_of
from agentflow.source.tree import Path
from agentflow.spec.environment import EnvironmentSpec
from agentflow.spec.tool import declared_tools

__all__ = ["Leg", "private", "untrusted", "ways_out"]


class Leg(NamedTuple):
    what: str
    """Such as `bash with an open network`."""
    path: Path
    """Where in the agent: the key counts."""


_STRANGERS = frozenset(
    {"comment", "comments", "email", "emails", "inbox", "issue", "issues", "mail", "mails"}
    | {"message", "messages", "review", "reviews", "ticket", "tickets"}
)
"""Words in names of tools for what anybody can write."""
_READS = frozenset({"fetch", "find", "get", "list", "read", "search"})
_WRITES = frozenset({"add", "create", "post"})


def private(agent: AgentNode) -> Iterator[Leg]:
    """What not everybody may see."""
    for name, item in agent.spec.inputs.items():
        if item.type == "file":
            yield Leg(f"the input {name!r}", ("inputs", name))
    if agent.spec.files:
        yield Leg("`files`", ("files",))
    if agent.spec.memory:
        yield Leg("`memory`", ("memory",))
    for name, repository in agent.spec.repositories.items():
        if repository.token is not None:
            yield Leg(f"the repository {name!r}", ("repositories", name))
    for name, server in agent.spec.mcp.items():
        if server.auth is not None:
            yield Leg(f"the MCP server {name!r}", ("mcp", name))


def untrusted(agent: AgentNode, environment: Bound[EnvironmentSpec] | None) -> Iterator[Leg]:
    """What anybody can write that the agent reads without asking."""
    for name, tool in declared_tools(agent.spec.tools).items():
        limited = getattr(tool, "domains", None) or tool.policy == "ask"
        if name.startswith("web_") and not limited:
            yield Leg(f"{name} on any site", ("tools", name))
    yield from _open_shell(agent, environment)
    for name, path in open_tools(agent):
        words = words_of(name.rpartition(".")[2])
        if "." in name and _READS & set(words) and _STRANGERS & set(words):
            yield Leg(name, path)


def ways_out(agent: AgentNode, environment: Bound[EnvironmentSpec] | None) -> Iterator[Leg]:
    """By what the agent can send something to anybody without asking."""
    yield from _open_shell(agent, environment)
    for name, tool in declared_tools(agent.spec.tools).items():
        limited = getattr(tool, "domains", None) or tool.policy == "ask"
        if name == "web_fetch" and not limited:
            yield Leg("web_fetch on any site", ("tools", name))
    for name, path in open_tools(agent):
        if _sends(agent, name):
            yield Leg(name, path)


def _sends(agent: AgentNode, name: str) -> bool:
    """Whether a tool hands over what the agent writes, by its name: `send_mail`, `crm.add_note`."""
    server, _, tool = name.rpartition(".")
    if server:
        return acts(tool) or words_of(tool)[0] in _WRITES
    return acts(name) and not agent.spec.custom[name].arguments


def _open_shell(agent: AgentNode, environment: Bound[EnvironmentSpec] | None) -> Iterator[Leg]:
    bash = agent.spec.tools.bash
    is_open = environment is not None and environment.spec.network.open
    if is_open and bash is not None and bash.policy in ("allow", "auto"):
        yield Leg("bash with an open network", ("tools", "bash"))
