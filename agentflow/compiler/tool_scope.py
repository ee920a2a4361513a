"""What an agent may use, as the model is told it: tools with their policies, skills, other agents.

One list feeds the standard wording and the data of a project's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from agentflow.spec.agent import AgentSpec
from agentflow.spec.tool import BuiltInTool, WebFetchTool, WebSearchTool, declared_tools

__all__ = ["ASK_USER", "ScopedTool", "has_denials", "scoped_tools", "tool_lines"]

ASK_USER = "ask_user"
"""The tool that `uncertainty: ask` adds."""

_BY_POLICY = {
    "allow": "",
    "ask": "; each call is put to an approval and may be denied",
    "auto": "; each call is judged and may be denied",
}


class ScopedTool(NamedTuple):
    name: str
    policy: str
    """allow, ask or auto."""
    restriction: str | None = None
    """What its calls are limited to. None: nothing."""


def scoped_tools(spec: AgentSpec) -> tuple[ScopedTool, ...]:
    """Every tool that the agent has, in the order in which it is told."""
    return tuple(_tools(spec))


def _tools(spec: AgentSpec) -> Iterator[ScopedTool]:
    for name, tool in declared_tools(spec.tools).items():
        yield ScopedTool(name, tool.policy, _restriction(tool))
    for name, custom in spec.custom.items():
        yield ScopedTool(name, custom.policy)
    if spec.uncertainty is not None and spec.uncertainty.mode == "ask":
        yield ScopedTool(ASK_USER, "allow")


def _restriction(tool: BuiltInTool) -> str | None:
    if not isinstance(tool, (WebFetchTool, WebSearchTool)):
        return None
    parts = []
    if tool.domains:
        parts.append(f"only {', '.join(tool.domains)}")
    if tool.blocked:
        parts.append(f"not {', '.join(tool.blocked)}")
    return "; ".join(parts) or None


def tool_lines(spec: AgentSpec) -> list[str]:
    """A list item in Markdown for each tool."""
    return [
        f"- `{tool.name}`"
        + (f"; {tool.restriction}" if tool.restriction else "")
        + _BY_POLICY[tool.policy]
        for tool in scoped_tools(spec)
    ]


def has_denials(spec: AgentSpec) -> bool:
    """Whether a call of the agent can be denied."""
    return any(tool.policy != "allow" for tool in scoped_tools(spec))
