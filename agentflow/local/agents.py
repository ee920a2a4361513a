"""The rules of agents: what the service makes of a body, and how an update is merged.

What is read back differs from what was sent: every default is written out.
Rules: https://platform.claude.com/docs/en/managed-agents/agent-setup
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentflow.local.errors import invalid, not_emulated
from agentflow.local.shapes.agents import AgentCreate, AgentUpdate
from agentflow.local.shapes.base import merge_metadata, sent

__all__ = ["BUILT_IN_TOOLS", "merge", "normalise", "session_agent"]

Fields = dict[str, Any]

BUILT_IN_TOOLS = ("bash", "read", "write", "edit", "glob", "grep", "web_search", "web_fetch")
_MEDIUM_BY_DEFAULT = ("claude-opus-5-5", "claude-haiku-5-5")
_MAX_TOOLS = 256
_DISABLED_TEAM = {
    "type": "multiagent_20261001",
    "advisor": {"type": "disabled"},
    "subagents": {"type": "disabled"},
    "workflows": {"type": "disabled"},
}


def normalise(body: AgentCreate) -> Fields:
    """The content of a new agent, without id, version and times.

    Raises:
        ApiError: 400, the fields do not fit together or are not emulated.
    """
    given = sent(body)
    return _checked(
        {
            "name": given["name"],
            "description": given.get("description") or None,
            "system": given.get("system") or None,
            "model": _model(given["model"], None),
            "tools": [_tool(tool) for tool in given.get("tools") or ()],
            "mcp_servers": given.get("mcp_servers") or [],
            "skills": given.get("skills") or [],
            "multiagent": given.get("multiagent"),
            "execution_identity": given.get("execution_identity") or {"type": "service_account"},
            "metadata": given.get("metadata") or {},
        }
    )


def merge(stored: Mapping[str, Any], body: AgentUpdate) -> Fields:
    """The content after an update: a field left out is kept, null clears, `metadata` goes per key.

    Raises:
        ApiError: as `normalise`.
    """
    given = sent(body)
    given.pop("version", None)
    metadata = given.pop("metadata", None)
    content = {key: value for key, value in stored.items() if key in _CONTENT}
    for key, value in given.items():
        content[key] = _merged_field(key, value, stored)
    if metadata is not None:
        content["metadata"] = merge_metadata(stored["metadata"], metadata)
    return _checked(content)


_CONTENT = frozenset(
    [
        "name",
        "description",
        "system",
        "model",
        "tools",
        "mcp_servers",
        "skills",
        "multiagent",
        "execution_identity",
        "metadata",
    ]
)


def _merged_field(key: str, value: Any, stored: Mapping[str, Any]) -> Any:
    match key:
        case "model":
            return _model(value, stored["model"])
        case "tools":
            return [_tool(tool) for tool in value or ()]
        case "mcp_servers" | "skills":
            return value or []
        case "description" | "system":
            return value or None
        case "execution_identity":
            return value or {"type": "service_account"}
        case _:
            return value


def _model(given: str | Mapping[str, Any], stored: Mapping[str, Any] | None) -> Fields:
    """Whole replacement, except that the same model without an effort keeps the stored one."""
    model: Mapping[str, Any] = {"id": given} if isinstance(given, str) else given
    effort = model.get("effort")
    if effort is None and stored is not None and stored["id"] == model["id"]:
        effort = stored["effort"]
    if effort is None:
        effort = "medium" if model["id"] in _MEDIUM_BY_DEFAULT else "high"
    return {
        "id": model["id"],
        "effort": {"type": effort} if isinstance(effort, str) else effort,
        "speed": model.get("speed") or "standard",
        "inference_geo": model.get("inference_geo"),
    }


def _tool(given: Mapping[str, Any]) -> Fields:
    if given["type"] != "agent_toolset_20260401":
        return dict(given)
    default = given.get("default_config") or {}
    resolved = {
        "enabled": _or(default.get("enabled"), True),
        "permission_policy": default.get("permission_policy") or {"type": "always_allow"},
    }
    configs = []
    for config in given.get("configs") or ():
        kept = {key: value for key, value in config.items() if value is not None}
        configs.append({"type": config["name"], **resolved, **kept})
    return {"type": given["type"], "default_config": resolved, "configs": configs}


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _checked(content: Fields) -> Fields:
    """Cross-field rules, on the agent as it would be kept."""
    if content["mcp_servers"] or any(t["type"] == "mcp_toolset" for t in content["tools"]):
        raise not_emulated("mcp_servers: an MCP server")
    if content["skills"]:
        raise not_emulated("skills: a skill")
    if content["multiagent"] not in (None, _DISABLED_TEAM):
        raise not_emulated("multiagent: work in a team of agents")
    if content["execution_identity"]["type"] != "service_account":
        raise not_emulated("execution_identity: an identity other than `service_account`")
    _check_tools(content["tools"])
    return content


def _check_tools(tools: list[Fields]) -> None:
    custom = [tool["name"] for tool in tools if tool["type"] == "custom"]
    toolsets = [tool for tool in tools if tool["type"] == "agent_toolset_20260401"]
    if len(toolsets) > 1:
        raise invalid("tools: only one agent_toolset_20260401 is allowed.")
    for index, tool in enumerate(tools):
        place = f"tools.{index}"
        if tool["type"] == "custom":
            _check_custom(place, tool, custom)
        else:
            for number, config in enumerate(tool["configs"]):
                _check_domains(f"{place}.configs.{number}", config)
    if len(custom) + len(BUILT_IN_TOOLS) * len(toolsets) > _MAX_TOOLS:
        raise invalid(f"tools: at most {_MAX_TOOLS} tools are allowed.")


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


def session_agent(agent: Mapping[str, Any]) -> Fields:
    """The snapshot a session is created with: no metadata and no times."""
    keys = ("id", "version", *(key for key in sorted(_CONTENT) if key != "metadata"))
    return {"type": "agent", **{key: agent[key] for key in keys}}
