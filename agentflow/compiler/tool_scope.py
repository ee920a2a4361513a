"""What an agent may use, as the model is told it: tools with their policies, skills, other agents.

One list feeds the standard wording and the data of a project's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentflow.records import NamedTuple
from agentflow.spec.agent import AgentSpec
from agentflow.spec.mcp import McpServer
from agentflow.spec.refs import parse_ref
from agentflow.spec.team import Delegation
from agentflow.spec.tool import BuiltInTool, WebFetchTool, WebSearchTool, declared_tools

__all__ = [
    "ASK_USER",
    "ScopedTool",
    "has_denials",
    "scoped_skills",
    "scoped_team",
    "scoped_tools",
    "skill_line",
    "team_lines",
    "tool_lines",
]

ASK_USER = "ask_user"
"""The tool that `uncertainty: ask` adds."""

_BY_POLICY = {
    "allow": "",
    "ask": "; each call is put to an approval and may be denied",
    "auto": "; each call is judged and may be denied",
}


Called = Mapping[str, str]
"""By address, what agents and skills are called on the service, where the name is another one."""


class ScopedTool(NamedTuple):
    name: str
    """A tool of an MCP server is `server.tool`; `server.*` are those without an entry."""
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
    for name, server in sorted(spec.mcp.items()):
        yield from _server(name, server)
    for name, custom in sorted(spec.custom.items()):
        yield ScopedTool(name, custom.policy)
    if spec.uncertainty is not None and spec.uncertainty.mode == "ask":
        yield ScopedTool(ASK_USER, "allow")


def _server(name: str, server: McpServer) -> Iterator[ScopedTool]:
    off = []
    for tool, said in sorted(server.tools.items()):
        if said.policy == "off":
            off.append(tool)
        else:
            yield ScopedTool(f"{name}.{tool}", said.policy)
    if server.others != "off":
        what = f"not {', '.join(off)}" if off else None
        yield ScopedTool(f"{name}.*", server.others, what)


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


def scoped_skills(spec: AgentSpec, called: Called) -> list[str]:
    """The names under which the agent finds its skills, in the order of the spec."""
    return [_shown(skill, "skill", called) for skill in spec.skills]


def skill_line(spec: AgentSpec, called: Called) -> str:
    """A sentence; empty without skills."""
    names = [f"`{name}`" for name in scoped_skills(spec, called)]
    return f"You have these skills; read the one that fits: {', '.join(names)}." if names else ""


def scoped_team(spec: AgentSpec, called: Called) -> dict[str, Any] | None:
    """Whom it may put to work, as data. None: it works alone."""
    team = spec.team
    if team is None:
        return None
    subagents, workflows = team.subagents, team.workflows
    return {
        "subagents": _members(team.coordinator or (subagents.agents if subagents else ()), called),
        "workflows": _members(workflows.agents if workflows else (), called),
        "inline": [
            way
            for way, delegation in (("subagents", subagents), ("workflows", workflows))
            if delegation is not None and delegation.inline
        ],
        "advisor": team.advisor,
    }


def team_lines(spec: AgentSpec, called: Called) -> list[str]:
    """A sentence for each way to put others to work; what is not named is off."""
    team = spec.team
    if team is None:
        return []
    lines = []
    handed = Delegation(agents=team.coordinator) if team.coordinator else team.subagents
    if handed is not None:
        lines.append(f"You can hand work to {_whom(handed, called)}, and to no others.")
    if team.workflows is not None:
        lines.append(f"Workflows can run {_whom(team.workflows, called)}, and no others.")
    if team.advisor is not None:
        lines.append(f"You can ask an advisor, the model `{team.advisor}`.")
    return lines


def _whom(delegation: Delegation, called: Called) -> str:
    names = [
        "copies of yourself" if name == "self" else f"`{name}`"
        for name in _members(delegation.agents, called)
    ]
    if delegation.inline:
        names.append("agents that you define yourself")
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _members(members: Sequence[str], called: Called) -> list[str]:
    return [_shown(member, "agent", called) for member in members]


def _shown(text: str, kind: str, called: Called) -> str:
    ref = None if text == "self" else parse_ref(text, kind)
    if ref is None:
        return text
    return called.get(ref.address or "") or ref.name or ref.anthropic or str(ref.id)
