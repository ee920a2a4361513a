"""The rules of an agent's tools, MCP servers and skills: defaults written out, and what must fit.

Rules: https://platform.claude.com/docs/en/managed-agents/tools
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentflow.local.errors import invalid, not_emulated

__all__ = ["BUILT_IN_TOOLS", "check_tools", "resolve_skill", "resolve_tool"]

Fields = dict[str, Any]

BUILT_IN_TOOLS = ("bash", "read", "write", "edit", "glob", "grep", "web_search", "web_fetch")
_WEB_TOOLS = ("web_search", "web_fetch")
_MAX_TOOLS = 256
_DEFAULT_POLICY = {"agent_toolset_20260401": "always_allow", "mcp_toolset": "always_ask"}
_URL_SOURCES = ("user_input", "client_tool_results", "server_tool_results")
_ANTHROPIC_SKILLS = ("docx", "pdf", "pptx", "xlsx")
_SKILL_VERSION = "20251013"
"""What `latest` stands for here. Which versions the hosted service has is not known."""


def resolve_tool(given: Mapping[str, Any]) -> Fields:
    """An item of `tools` as it is read back: settings left out are written out."""
    if given["type"] not in _DEFAULT_POLICY:
        return dict(given)
    default = given.get("default_config") or {}
    resolved = {
        "enabled": _or(default.get("enabled"), True),
        "permission_policy": default.get("permission_policy")
        or {"type": _DEFAULT_POLICY[given["type"]]},
    }
    typed = given["type"] == "agent_toolset_20260401"  # configs of MCP tools have no type
    configs = [_config(config, resolved, typed=typed) for config in given.get("configs") or ()]
    return {**given, "default_config": resolved, "configs": configs}


def _config(given: Mapping[str, Any], default: Mapping[str, Any], *, typed: bool) -> Fields:
    kept = {key: value for key, value in given.items() if value is not None}
    if "url_sources" in kept:
        kept["url_sources"] = {key: kept["url_sources"].get(key) for key in _URL_SOURCES}
    return {**({"type": given["name"]} if typed else {}), **default, **kept}


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def resolve_skill(index: int, given: Mapping[str, Any]) -> Fields:
    """A skill with the version it is pinned to.

    Raises:
        ApiError: 400, there is no such skill, or it is one of the user's own, which cannot be
            uploaded here.
    """
    place = f"skills.{index}"
    if given["type"] == "custom":
        raise not_emulated(f"{place}: a custom skill")
    if given["skill_id"] not in _ANTHROPIC_SKILLS:
        known = ", ".join(_ANTHROPIC_SKILLS)
        raise invalid(f"{place}.skill_id: {given['skill_id']!r} is none of {known}.")
    version = given.get("version")
    return {**given, "version": _SKILL_VERSION if version in (None, "latest") else version}


def check_tools(content: Mapping[str, Any]) -> None:
    """Cross-field rules of `tools`, `mcp_servers` and `skills`, on the agent as it would be kept.

    Raises:
        ApiError: 400, the first that is broken.
    """
    tools: Sequence[Fields] = content["tools"]
    custom = [tool["name"] for tool in tools if tool["type"] == "custom"]
    toolsets = [tool for tool in tools if tool["type"] == "agent_toolset_20260401"]
    if len(toolsets) > 1:
        raise invalid("tools: only one agent_toolset_20260401 is allowed.")
    for index, tool in enumerate(tools):
        place = f"tools.{index}"
        if tool["type"] == "custom":
            _check_custom(place, tool, custom)
        elif tool["type"] == "agent_toolset_20260401":
            for number, config in enumerate(tool["configs"]):
                _check_domains(f"{place}.configs.{number}", config)
                _check_sources(f"{place}.configs.{number}.url_sources", config, custom)
    if len(custom) + len(BUILT_IN_TOOLS) * len(toolsets) > _MAX_TOOLS:
        raise invalid(f"tools: at most {_MAX_TOOLS} tools are allowed.")
    _check_servers(content["mcp_servers"], tools)
    if content["skills"] and not any(_has_read(toolset) for toolset in toolsets):
        raise invalid("skills: the tool `read` must be enabled, because skills are read with it.")


def _has_read(toolset: Fields) -> bool:
    own = next((c for c in toolset["configs"] if c["name"] == "read"), toolset["default_config"])
    return bool(own["enabled"])


def _check_servers(servers: Sequence[Fields], tools: Sequence[Fields]) -> None:
    names = [server["name"] for server in servers]
    used = [tool["mcp_server_name"] for tool in tools if tool["type"] == "mcp_toolset"]
    for index, name in enumerate(names):
        if names.count(name) > 1:
            raise invalid(f"mcp_servers.{index}.name: {name!r} is used more than once.")
        if name not in used:
            raise invalid(f"mcp_servers.{index}: no mcp_toolset in tools names {name!r}.")
    for index, tool in enumerate(tools):
        if tool["type"] == "mcp_toolset" and tool["mcp_server_name"] not in names:
            name = tool["mcp_server_name"]
            raise invalid(f"tools.{index}.mcp_server_name: mcp_servers has no {name!r}.")


def _check_sources(place: str, config: Fields, custom: Sequence[str]) -> None:
    """Names are of tools whose results exist: custom ones for the client, web ones for the server."""
    sources = config.get("url_sources")
    if not sources:
        return
    if all(sources[key] == {"type": "none"} for key in _URL_SOURCES):
        raise invalid(f"{place}: all three are `none`, so nothing could be fetched.")
    known = {"client_tool_results": custom, "server_tool_results": _WEB_TOOLS}
    for key, names in known.items():
        for reference in (sources[key] or {}).get("tools", ()):
            if reference["name"] not in names:
                kind = "custom tool" if names is custom else "web tool"
                raise invalid(f"{place}.{key}: {reference['name']!r} is no {kind} of this agent.")


def _check_custom(place: str, tool: Fields, names: list[str]) -> None:
    name = tool["name"]
    if names.count(name) > 1:
        raise invalid(f"{place}.name: {name!r} is used more than once.")
    if name in BUILT_IN_TOOLS:
        raise invalid(f"{place}.name: {name!r} is the name of a built-in tool.")
    if name.startswith(("ant__", "mcp__")):
        raise invalid(f"{place}.name: the prefix {name[:5]!r} is reserved.")
    schema = tool["input_schema"]
    for keyword in ("oneOf", "anyOf", "allOf"):
        if keyword in schema:
            raise invalid(f"{place}.input_schema: {keyword!r} is not allowed at the top level.")
    if _has_reference(schema):
        raise invalid(f"{place}.input_schema: `$ref` is not allowed.")


def _has_reference(schema: object) -> bool:
    if isinstance(schema, Mapping):
        # A property may be called "$ref" no more than anything else may: its name is checked before.
        return "$ref" in schema or any(_has_reference(value) for value in schema.values())
    return isinstance(schema, list) and any(_has_reference(item) for item in schema)


def _check_domains(place: str, config: Fields) -> None:
    lists = [key for key in ("allowed_domains", "blocked_domains") if config.get(key)]
    if len(lists) > 1:
        raise invalid(f"{place}: give allowed_domains or blocked_domains, not both.")
    for key in lists:
        seen: set[str] = set()
        for domain in config[key]:
            _check_domain(f"{place}.{key}", domain, paths=config["name"] == "web_search")
            if domain.lower() in seen:
                raise invalid(f"{place}.{key}: {domain!r} is listed twice.")
            seen.add(domain.lower())


def _check_domain(place: str, domain: str, *, paths: bool) -> None:
    host, slash, _ = domain.partition("/")
    labels = host.lower().split(".")
    plain = all(part and part.isascii() and part.replace("-", "").isalnum() for part in labels)
    if (slash and not paths) or not plain or len(labels) < 2 or labels[-1].isdigit():
        raise invalid(f"{place}: {domain!r} is not a plain host name such as `docs.example.com`.")
    if labels[-1] in ("local", "internal", "localdomain", "invalid", "localhost"):
        raise invalid(f"{place}: {domain!r} is not a public host.")
