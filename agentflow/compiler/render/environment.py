"""The payload of an environment.

Every field is written, also the empty lists: an update merges field by field, so a list that is left
out would keep what it had. https://platform.claude.com/docs/en/managed-agents/environments
"""

from __future__ import annotations

from typing import Any

from agentflow.spec.environment import PACKAGE_MANAGERS, EnvironmentSpec, NetworkSpec

__all__ = ["environment_payload"]


def environment_payload(spec: EnvironmentSpec) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "name": spec.title or spec.name,
        "description": spec.description,
        "config": _cloud(spec) if spec.hosting == "cloud" else {"type": "self_hosted"},
        "metadata": dict(sorted(spec.metadata.items())),
    }
    if spec.scope is not None:
        # Which scopes there are depends on the kind of organisation, so nothing is said for it.
        payload["scope"] = spec.scope
    return payload


def _cloud(spec: EnvironmentSpec) -> dict[str, Any]:
    packages = {manager: list(getattr(spec.packages, manager)) for manager in PACKAGE_MANAGERS}
    return {
        "type": "cloud",
        "networking": _networking(spec.network),
        "packages": {"type": "packages", **packages},
    }


def _networking(network: NetworkSpec) -> dict[str, Any]:
    if network.open:
        return {"type": "unrestricted"}
    return {
        "type": "limited",
        "allowed_hosts": list(network.hosts),
        "allow_mcp_servers": network.mcp == "inferred",
        "allow_package_managers": network.packages,
    }
