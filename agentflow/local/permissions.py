"""What an agent's tools allow: which call runs, waits for a person, goes to the client, or is refused.

Policies: https://platform.claude.com/docs/en/managed-agents/permission-policies
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from agentflow.local.agent_tools import BUILT_IN_TOOLS

__all__ = ["Decision", "decide"]

_WEB_TOOLS = ("web_search", "web_fetch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    kind: Literal["builtin", "custom", "mcp"]
    permission: Literal["allow", "ask", "deny"] | None = None
    """`evaluated_permission` of the event; None for custom tools, which have no policy."""
    evaluation: Mapping[str, Any] | None = None
    refused: str | None = None
    """What the agent reads instead of a result. None: the call may run, perhaps after an answer."""


def decide(
    agent: Mapping[str, Any],
    name: str,
    server: str | None = None,
    *,
    answered: Collection[str] = (),
) -> Decision:
    """Judge one call by the tools of the session's agent; with `server`, of one of that MCP server.

    `answered`: tools that somebody answers for, also where this service does not have them.

    `auto` asks: there is no judge here, and a call without a judgement is for the client to confirm.
    """
    if server is None and any(
        tool["type"] == "custom" and tool["name"] == name for tool in agent["tools"]
    ):
        return Decision(kind="custom")
    kind: Literal["builtin", "mcp"] = "builtin" if server is None else "mcp"
    config = _config(agent, name, server)
    if config is None or not config["enabled"]:
        whose = f" of MCP server {server!r}" if server is not None else ""
        message = f"Tool {name!r}{whose} is not enabled for this agent."
        if not whose and any(tool["type"] == "mcp_toolset" for tool in agent["tools"]):
            message += " A tool of an MCP server is called with `server`."
        return Decision(kind=kind, permission="deny", refused=message)
    policy = config["permission_policy"]["type"]
    if kind == "builtin" and name in _WEB_TOOLS and name not in answered:
        message = f"Tool {name!r} is not available in the local service."
        return Decision(kind=kind, permission="deny", refused=message)
    if policy == "always_allow":
        return Decision(kind=kind, permission="allow", evaluation={"type": policy})
    if policy == "always_ask":
        return Decision(kind=kind, permission="ask", evaluation={"type": policy})
    unjudged = {"type": "ask", "reason_code": "indeterminate"}
    evaluation = {"type": "auto", "evaluated_permission": unjudged}
    return Decision(kind=kind, permission="ask", evaluation=evaluation)


def _config(agent: Mapping[str, Any], name: str, server: str | None) -> Mapping[str, Any] | None:
    """How a built-in tool, or one of an MCP server, is configured. None: the agent has no such tool."""
    if server is None and name not in BUILT_IN_TOOLS:
        return None
    for tool in agent["tools"]:
        is_its = tool["type"] == ("agent_toolset_20260401" if server is None else "mcp_toolset")
        if is_its and tool.get("mcp_server_name") == server:
            own = next((c for c in tool["configs"] if c["name"] == name), None)
            chosen: Mapping[str, Any] = own or tool["default_config"]
            return chosen
    return None
