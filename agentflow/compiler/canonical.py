"""One form for what a spec asks and what the service answers, so that the two can be compared.

The service fills in what was not sent and reshapes what was: an effort becomes an object, a toolset
gets its defaults, a missing list becomes an empty one. `canonical` does the same to either side.
Fields the service adds that this version does not know are told apart by `known`, and do not count
as differences unless the spec itself sets them (by `raw:`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from agentflow.compiler.known_fields import known
from agentflow.compiler.manifest import digest
from agentflow.compiler.unsaid import without_unsaid

__all__ = [
    "CANONICAL",
    "OWNERSHIP_PREFIX",
    "aligned",
    "canonical",
    "fingerprint",
    "same_fingerprint",
]

CANONICAL = 1
"""The number of this form. Fingerprints of different forms say nothing about each other."""

OWNERSHIP_PREFIX = "agentflow."

_SERVER_FIELDS = frozenset(
    {"id", "type", "version", "created_at", "updated_at", "archived_at"},
)

_AGENT_DEFAULTS: Mapping[str, Any] = {
    "description": None,
    "system": None,
    "tools": [],
    "mcp_servers": [],
    "skills": [],
    "multiagent": None,
    "execution_identity": {"type": "service_account"},
}
_CLOUD_DEFAULTS: Mapping[str, Any] = {"networking": {"type": "unrestricted"}, "packages": {}}
_LIMITED_DEFAULTS: Mapping[str, Any] = {
    "allowed_hosts": [],
    "allow_mcp_servers": False,
    "allow_package_managers": False,
}
_MANAGERS = ("apt", "cargo", "gem", "go", "npm", "pip")
_POLICY_OF_TOOLSET = {"agent_toolset_20260401": "always_allow", "mcp_toolset": "always_ask"}


def canonical(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The comparable part of a payload or of an answer, every default written out.

    Ownership metadata and what only the service sets are left out.
    """
    fields = {key: value for key, value in body.items() if key not in _SERVER_FIELDS}
    metadata = fields.get("metadata") or {}
    fields["metadata"] = {
        key: value
        for key, value in sorted(metadata.items())
        if not key.startswith(OWNERSHIP_PREFIX)
        # The service deletes a key of an environment that is set to an empty text.
        and not (kind == "environment" and value == "")
    }
    if kind == "environment":
        return _environment(fields)
    return _agent(fields, _Own(body.get("id"), body.get("version")))


class _Own(NamedTuple):
    """What an answer calls the agent itself in its team. None and None: it is no answer."""

    id: object
    version: object


def _agent(fields: dict[str, Any], own: _Own) -> dict[str, Any]:
    for key, default in _AGENT_DEFAULTS.items():
        # The service clears a text set to null or "" alike, and a list set to null or [].
        fields[key] = fields.get(key) or default
    fields["model"] = _model(fields.get("model"))
    fields["tools"] = [_toolset(tool) for tool in fields["tools"]]
    fields["skills"] = [_skill(skill) for skill in fields["skills"]]
    fields["multiagent"] = _team(fields["multiagent"], own)
    return fields


def _skill(skill: Any) -> Any:
    if not isinstance(skill, dict):
        return skill
    version = skill.get("version")
    # None: whatever is the latest when it is saved, which is not what "latest" says later.
    return {**skill, "version": None if version == "latest" else version}


def _team(team: Any, own: _Own) -> Any:
    if not isinstance(team, dict):
        return team
    if team.get("type") == "coordinator":
        return {**team, "agents": _members(team.get("agents"), own)}
    if team.get("type") != "multiagent_20261001":
        return team
    delegations = {key: _delegation(team.get(key), own) for key in ("subagents", "workflows")}
    return {**team, "advisor": team.get("advisor") or {"type": "disabled"}, **delegations}


def _delegation(given: Any, own: _Own) -> Any:
    """What the service makes of nothing is everything."""
    given = given or {"type": "enabled"}
    if not isinstance(given, dict) or given.get("type") != "enabled":
        return given
    return {
        **given,
        "inline_agents": given.get("inline_agents") or {"type": "enabled"},
        "predefined_agents": _members(given.get("predefined_agents"), own),
    }


def _members(members: Any, own: _Own) -> list[Any]:
    return [_member(member, own) for member in members or []]


def _member(member: Any, own: _Own) -> Any:
    if isinstance(member, str):
        member = {"type": "agent", "id": member}
    if not isinstance(member, dict) or member.get("type") != "agent":
        return member
    if own.id is not None and _Own(member.get("id"), member.get("version")) == own:
        return {"type": "self"}
    return {**member, "version": member.get("version")}


def _model(model: object) -> Any:
    if isinstance(model, str):
        model = {"id": model}
    if not isinstance(model, dict):
        return model
    effort = model.get("effort")
    return {
        **model,
        # None: the spec leaves it to the service, which answers with the model's own default.
        "effort": {"type": effort} if isinstance(effort, str) else effort,
        "speed": model.get("speed") or "standard",
        "inference_geo": model.get("inference_geo"),
    }


def _toolset(tool: Any) -> Any:
    if not isinstance(tool, dict) or tool.get("type") not in _POLICY_OF_TOOLSET:
        return tool
    given = tool.get("default_config") or {}
    policy = {"type": _POLICY_OF_TOOLSET[tool["type"]]}
    default = {
        **given,
        "enabled": _or_default(given.get("enabled"), True),
        "permission_policy": given.get("permission_policy") or policy,
    }
    configs = [_tool_config(tool["type"], c, default) for c in tool.get("configs") or []]
    return {**tool, "default_config": default, "configs": configs}


def _tool_config(toolset: str, config: Mapping[str, Any], default: Mapping[str, Any]) -> Any:
    said = {key: value for key, value in config.items() if value is not None}
    said["enabled"] = _or_default(said.get("enabled"), default["enabled"])
    said.setdefault("permission_policy", default["permission_policy"])
    if toolset == "agent_toolset_20260401":
        said.setdefault("type", said.get("name"))
    if "url_sources" in said:
        sources = _url_sources(said.pop("url_sources"))
        if sources:
            said["url_sources"] = sources
    if isinstance(location := said.get("user_location"), dict):
        said["user_location"] = {k: v for k, v in location.items() if v is not None}
    return said


def _url_sources(sources: Mapping[str, Any]) -> dict[str, Any]:
    """In object form, without those that allow everything: that is what none means."""
    objects = {
        key: {"type": value} if isinstance(value, str) else value for key, value in sources.items()
    }
    return {key: value for key, value in objects.items() if value not in (None, {"type": "all"})}


def _environment(fields: dict[str, Any]) -> dict[str, Any]:
    fields.setdefault("description", None)
    fields.setdefault("scope", None)  # which one that is depends on the kind of organisation
    config = fields.get("config") or {"type": "cloud"}
    if config.get("type") == "cloud":
        config = {**config, **{k: config.get(k) or v for k, v in _CLOUD_DEFAULTS.items()}}
        networking, packages = config["networking"], config["packages"]
        if networking.get("type") == "limited":
            filled = {k: _or_default(networking.get(k), v) for k, v in _LIMITED_DEFAULTS.items()}
            config["networking"] = {**networking, **filled}
        listed = {manager: packages.get(manager) or [] for manager in _MANAGERS}
        config["packages"] = {**packages, **listed, "type": "packages"}
    fields["config"] = config
    return fields


def _or_default(value: object, default: object) -> object:
    return default if value is None else value


def aligned(kind: str, remote: Mapping[str, Any], desired: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the canonical `remote` that can differ from `desired`.

    That is all that this version knows, and what `desired` sets beyond it. What the spec leaves to
    the service, such as an effort, is not compared.
    """
    result: dict[str, Any] = _align(remote, desired, known(kind, remote))
    return without_unsaid(kind, result, desired)


def _align(remote: Any, desired: Any, kept: Any) -> Any:
    if isinstance(remote, dict) and isinstance(desired, dict) and isinstance(kept, dict):
        keys = [key for key in remote if key in kept or key in desired]
        return {key: _align(remote[key], desired.get(key), kept.get(key, _ABSENT)) for key in keys}
    if isinstance(remote, list) and isinstance(desired, list) and isinstance(kept, list):
        pairs = [(desired[i] if i < len(desired) else None) for i in range(len(remote))]
        return [_align(r, d, k) for r, d, k in zip(remote, pairs, kept, strict=True)]
    return remote if kept is _ABSENT else kept


_ABSENT = object()


def fingerprint(form: Mapping[str, Any]) -> str:
    """Short name of a canonical form: the number of the form, and a digest."""
    return f"{CANONICAL}:{digest(form).removeprefix('sha256:')}"


def same_fingerprint(one: str, other: str) -> bool | None:
    """None: they are of different forms, which cannot be told."""
    if one.partition(":")[0] != other.partition(":")[0]:
        return None
    return one == other
