"""The fields of agents and environments that this version knows.

What the service adds beyond them is no difference between a spec and an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["known"]

_MANAGERS = ("apt", "cargo", "gem", "go", "npm", "pip")
_LIMITED = ("allowed_hosts", "allow_mcp_servers", "allow_package_managers")
_URL_SOURCES = ("user_input", "client_tool_results", "server_tool_results")

# What this version knows, as a tree: a mapping lists keys, `[tree]` is a list of such, and None is
# anything. A function picks the tree by the value.
_FREE = None
_CONFIG = dict.fromkeys(
    (
        "name",
        "type",
        "enabled",
        "permission_policy",
        "allowed_domains",
        "blocked_domains",
        "user_location",
        "max_content_tokens",
    ),
    _FREE,
) | {"url_sources": dict.fromkeys(_URL_SOURCES, _FREE)}
_DEFAULT_CONFIG = {"enabled": _FREE, "permission_policy": _FREE}
_TOOLS: Mapping[str, Any] = {
    "agent_toolset_20260401": {
        "type": _FREE,
        "default_config": _DEFAULT_CONFIG,
        "configs": [_CONFIG],
    },
    "mcp_toolset": {
        "type": _FREE,
        "mcp_server_name": _FREE,
        "default_config": _DEFAULT_CONFIG,
        "configs": [_CONFIG],
    },
    "custom": dict.fromkeys(("type", "name", "description", "input_schema"), _FREE),
}
_CONFIGS: Mapping[str, Any] = {
    "cloud": {
        "type": _FREE,
        "networking": dict.fromkeys(("type", *_LIMITED), _FREE),
        "packages": dict.fromkeys(("type", *_MANAGERS), _FREE),
    },
    "self_hosted": {"type": _FREE},
}
_TYPE = {"type": _FREE}
_MEMBERS = [dict.fromkeys(("type", "id", "version", "model"), _FREE)]
_DELEGATION = {"type": _FREE, "inline_agents": _TYPE, "predefined_agents": _MEMBERS}
_TEAMS: Mapping[str, Any] = {
    "coordinator": {"type": _FREE, "agents": _MEMBERS},
    "multiagent_20261001": {
        "type": _FREE,
        "advisor": {"type": _FREE, "model": _FREE},
        "subagents": _DELEGATION,
        "workflows": _DELEGATION,
    },
}
_KNOWN: Mapping[str, Any] = {
    "agent": {
        **dict.fromkeys(("name", "metadata", "description", "system"), _FREE),
        "model": dict.fromkeys(("id", "effort", "speed", "inference_geo"), _FREE),
        "skills": [dict.fromkeys(("type", "skill_id", "version"), _FREE)],
        "multiagent": lambda team: _by_type(team, _TEAMS),
        "execution_identity": dict.fromkeys(("type", "role_arn"), _FREE),
        "tools": [lambda tool: _by_type(tool, _TOOLS)],
        "mcp_servers": [dict.fromkeys(("type", "name", "url"), _FREE)],
    },
    "environment": {
        **dict.fromkeys(("name", "description", "metadata", "scope"), _FREE),
        "config": lambda config: _by_type(config, _CONFIGS),
    },
}


def _by_type(value: object, trees: Mapping[str, Any]) -> Any:
    return trees.get(str(value.get("type"))) if isinstance(value, dict) else _FREE


def known(kind: str, form: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a canonical form that this version knows."""
    result: dict[str, Any] = _pick(form, _KNOWN[kind])
    return result


def _pick(value: Any, tree: Any) -> Any:
    if callable(tree):
        tree = tree(value)
    if isinstance(tree, list) and isinstance(value, list):
        return [_pick(item, tree[0]) for item in value]
    if isinstance(tree, dict) and isinstance(value, dict):
        return {key: _pick(item, tree[key]) for key, item in value.items() if key in tree}
    return value
