"""Tools of an agent. What the platform leaves on where nothing is said is written out as words.

https://platform.claude.com/docs/en/managed-agents/tools
"""

from __future__ import annotations

from typing import Any, NamedTuple

from agentflow import codes
from agentflow.compiler.ant.body import Draft, Node
from agentflow.spec.tool import BUILT_IN_TOOLS

__all__ = ["translate_tools"]

_POLICIES = {"always_allow": "allow", "always_ask": "ask", "auto": "auto"}
_DOMAINS = {"allowed_domains": "domains", "blocked_domains": "blocked"}
_SOURCES = {"user_input": "user", "client_tool_results": "custom", "server_tool_results": "server"}
_LIMITS = (
    "allowed_domains",
    "blocked_domains",
    "user_location",
    "max_content_tokens",
    "url_sources",
)


class _Switch(NamedTuple):
    """Whether tools are on, and what becomes of a call."""

    enabled: bool
    policy: str

    @property
    def word(self) -> str:
        return self.policy if self.enabled else "off"


_BUILT_IN = _Switch(True, "allow")
_MCP = _Switch(True, "ask")
"""What the platform does where a toolset says nothing."""


def translate_tools(body: Node, draft: Draft) -> None:
    _servers(body, draft)
    tools = body.get("tools")
    found: dict[str, list[Node]] = {"agent_toolset_20260401": [], "mcp_toolset": [], "custom": []}
    for item in tools.items() if tools is not None else ():
        kind = item.need("type") if isinstance(item.value, dict) else None
        if kind is None:
            item.keys()
        elif (word := kind.one_of(*found)) is not None:
            found[word].append(item)
    for item in found["agent_toolset_20260401"][:1]:
        _toolset(item, draft)
    for item in found["agent_toolset_20260401"][1:]:
        message = "The built-in tools are set a second time."
        item.problem(codes.MALFORMED, message, "Keep one of the two.")
    for item in found["mcp_toolset"]:
        _mcp_toolset(item, draft)
    _custom(found["custom"], draft)


def _custom(tools: list[Node], draft: Draft) -> None:
    """Who runs them is not said, so they have no words of ours: they are sent as they stand."""
    if tools:
        draft.put("raw", "tools", value=[None] * len(tools), at=tools[0])
    for number, item in enumerate(tools):
        item.keys("type", "name", "description", "input_schema")
        for key in ("name", "description", "input_schema"):
            item.need(key)
        draft.put("raw", "tools", number, value=item.value, at=item)


# Built-in tools


def _toolset(item: Node, draft: Draft) -> None:
    if not item.keys("type", "default_config", "configs"):
        return
    default = _default(item, _BUILT_IN)
    for tool in BUILT_IN_TOOLS:
        said = {"policy": default.word}
        draft.put("tools", tool, value=said, at=item.get("default_config") or item)
    configs = item.get("configs")
    for config in configs.items() if configs is not None else ():
        name = (
            config.need("name")
            if config.keys("name", "type", "enabled", "permission_policy", *_LIMITS)
            else None
        )
        named = name.one_of(*BUILT_IN_TOOLS) if name is not None else None
        if named is None:
            continue
        draft.put("tools", named, value={"policy": _switch(config, default).word}, at=config)
        for key in _LIMITS:
            if (limit := config.get(key)) is not None:
                _limit(key, named, limit, draft)


def _default(item: Node, platform: _Switch) -> _Switch:
    """Of a toolset, over what the platform does where nothing is said."""
    node = item.get("default_config")
    if node is None or not node.keys("enabled", "permission_policy"):
        return platform
    return _switch(node, platform)


def _switch(node: Node, default: _Switch) -> _Switch:
    """Of a toolset or of one tool; what it leaves out is as in `default`."""
    enabled, policy = node.get("enabled"), node.get("permission_policy")
    kind = policy.need("type") if policy is not None and policy.keys("type") else None
    word = kind.one_of(*_POLICIES) if kind is not None else None
    is_on = enabled.flag() if enabled is not None else None
    return _Switch(
        default.enabled if is_on is None else is_on, _POLICIES[word] if word else default.policy
    )


def _limit(key: str, tool: str, limit: Node, draft: Draft) -> None:
    if tool not in ("web_search", "web_fetch"):
        limit.problem(
            codes.UNKNOWN_KEY, f"{tool!r} has no {key!r}.", "Only web_search and web_fetch have it."
        )
    elif key in _DOMAINS:
        draft.put("tools", tool, _DOMAINS[key], value=limit.value, at=limit)
    elif key == "user_location" and limit.keys("type", "city", "country", "region", "timezone"):
        for part in ("city", "country", "region", "timezone"):
            if (value := limit.get(part)) is not None:
                draft.put("tools", tool, "location", part, value=value.value, at=value)
    elif key == "max_content_tokens":
        draft.put("tools", tool, "max_tokens", value=limit.value, at=limit)
    elif key == "url_sources" and limit.keys(*_SOURCES):
        for theirs, ours in _SOURCES.items():
            source = limit.get(theirs)
            if source is not None and (found := _source(source)) is not None:
                draft.put("tools", tool, "sources", ours, value=found, at=source)


def _source(source: Node) -> str | dict[str, list[str]] | None:
    if not isinstance(source.value, dict):
        return source.one_of("all", "none")
    kind = source.need("type") if source.keys("type", "tools") else None
    word = kind.one_of("all", "none", "only", "except") if kind is not None else None
    if word not in ("only", "except"):
        return word
    tools = source.need("tools")
    names: list[str] = []
    for tool in tools.items() if tools is not None else ():
        name = tool.need("name") if tool.keys("type", "name") else None
        if name is not None and (text := name.text()) is not None:
            names.append(text)
    return {"only" if word == "only" else "but": names}


# MCP servers


def _servers(body: Node, draft: Draft) -> None:
    servers = body.get("mcp_servers")
    for item in servers.items() if servers is not None else ():
        name = item.need("name") if item.keys("type", "name", "url") else None
        url = item.need("url")
        if name is None or url is None or name.text() is None:
            continue
        if name.value in draft.data.get("mcp", {}):
            name.problem(
                codes.MALFORMED,
                f"There is a second server {name.value!r}.",
                "Rename one of the two.",
            )
            continue
        draft.put("mcp", name.value, value={}, at=item)
        draft.put("mcp", name.value, "url", value=url.value, at=url)


def _mcp_toolset(item: Node, draft: Draft) -> None:
    if not item.keys("type", "mcp_server_name", "default_config", "configs"):
        return
    name = item.need("mcp_server_name")
    server: Any = name.text() if name is not None else None
    if name is None or server is None:
        return
    if server not in draft.data.get("mcp", {}):
        message = f"No server of `mcp_servers` is called {server!r}."
        name.problem(codes.UNKNOWN_REFERENCE, message, "Declare it there, or correct the name.")
        return
    default = _default(item, _MCP)
    draft.put("mcp", server, "others", value=default.word, at=item.get("default_config") or item)
    configs = item.get("configs")
    for config in configs.items() if configs is not None else ():
        tool = config.need("name") if config.keys("name", "enabled", "permission_policy") else None
        if tool is not None and tool.text() is not None:
            word = _switch(config, default).word
            draft.put("mcp", server, "tools", tool.value, value={"policy": word}, at=config)
