"""The rules of environments: defaults written out, field-level merge within one type of config.

Rules: https://platform.claude.com/docs/en/managed-agents/environments
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentflow.local.errors import invalid
from agentflow.local.shapes.base import merge_metadata, sent
from agentflow.local.shapes.environments import EnvironmentCreate, EnvironmentUpdate

__all__ = ["MANAGERS", "hosts_of", "merge", "normalise"]

Fields = dict[str, Any]

MANAGERS = ("apt", "cargo", "gem", "go", "npm", "pip")

_LIMITED: Fields = {
    "allowed_hosts": [],
    "allow_mcp_servers": False,
    "allow_package_managers": False,
}


def normalise(body: EnvironmentCreate) -> Fields:
    """The content of a new environment.

    Raises:
        ApiError: 400, a scope that API organisations do not have, or packages under limited
            networking without package managers.
    """
    given = sent(body)
    config = given.get("config") or {"type": "cloud"}
    return {
        "name": given["name"],
        "description": given.get("description"),
        "config": _checked(_config(config, None), given.get("scope")),
        "metadata": given.get("metadata") or {},
        "scope": "organization",
    }


def merge(stored: Mapping[str, Any], body: EnvironmentUpdate) -> Fields:
    """The content after an update: what is left out is kept, inside networking and packages too.

    Raises:
        ApiError: 400, another type of config, or as `normalise`.
    """
    given = sent(body)
    content = {key: stored[key] for key in ("name", "description", "config", "metadata", "scope")}
    for key in ("name", "description"):
        if key in given:
            content[key] = given[key]
    if given.get("config"):
        content["config"] = _config(given["config"], stored["config"])
    _checked(content["config"], given.get("scope"))
    if given.get("metadata"):
        # An empty text deletes as null does, for environments only.
        patch = {key: value or None for key, value in given["metadata"].items()}
        content["metadata"] = merge_metadata(stored["metadata"], patch)
    return content


def _config(given: Mapping[str, Any], stored: Mapping[str, Any] | None) -> Fields:
    if stored is not None and given["type"] != stored["type"]:
        message = f"config.type: {stored['type']!r} cannot become {given['type']!r}."
        raise invalid(message, code="invalid_config_type_change")
    if given["type"] == "self_hosted":
        return {"type": "self_hosted"}
    old = stored or {"networking": {"type": "unrestricted"}, "packages": {}}
    return {
        "type": "cloud",
        "networking": _networking(given.get("networking"), old["networking"]),
        "packages": _packages(given.get("packages"), old["packages"]),
    }


def _networking(given: Mapping[str, Any] | None, stored: Mapping[str, Any]) -> Fields:
    if given is None:
        return dict(stored)
    if given["type"] == "unrestricted":
        return {"type": "unrestricted"}
    base = stored if stored["type"] == "limited" else _LIMITED
    kept = {key: value for key, value in given.items() if value is not None}
    return {"type": "limited", **{key: base[key] for key in _LIMITED}, **kept}


def _packages(given: Mapping[str, Any] | None, stored: Mapping[str, Any]) -> Fields:
    chosen = {key: value for key, value in (given or {}).items() if value is not None}
    lists = {manager: chosen.get(manager, stored.get(manager, [])) for manager in MANAGERS}
    return {"type": "packages", **lists}


def _checked(config: Fields, scope: str | None) -> Fields:
    if scope == "account":
        raise invalid("scope: API organisations support only `organization`.")
    if config["type"] != "cloud":
        return config
    network = config["networking"]
    wanted = any(config["packages"][manager] for manager in MANAGERS)
    if wanted and network["type"] == "limited" and not network["allow_package_managers"]:
        raise invalid(
            "config.networking.allow_package_managers: must be true, because config.packages lists "
            "packages and the network is limited."
        )
    return config


def hosts_of(config: Mapping[str, Any]) -> Sequence[str] | None:
    """What tools may connect to. None: everything.

    `allow_package_managers` opens nothing here: what an environment lists is installed before the
    tools start, and they reach no registry themselves.
    """
    network = config["networking"]
    return None if network["type"] == "unrestricted" else tuple(network["allowed_hosts"])
