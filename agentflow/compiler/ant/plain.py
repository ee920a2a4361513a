"""Environments and memory stores: they refer to nothing."""

from __future__ import annotations

from agentflow.compiler.ant.body import Draft, Node
from agentflow.compiler.ant.links import Links
from agentflow.spec.environment import PACKAGE_MANAGERS

__all__ = ["translate_environment", "translate_memory_store"]


def translate_memory_store(body: Node, draft: Draft, links: Links) -> None:
    del links  # it has none
    description = body.get("description")
    if description is not None and description.value != "":
        draft.copy("description", description)
    draft.copy("metadata", body.get("metadata"))


def translate_environment(body: Node, draft: Draft, links: Links) -> None:
    del links  # it has none
    for key in ("description", "scope", "metadata"):
        draft.copy(key, body.get(key))
    config = body.get("config")
    kind = config.need("type") if config is not None and isinstance(config.value, dict) else None
    if config is not None and kind is None:
        config.keys("type", "networking", "packages")
        return
    word = "cloud" if kind is None else kind.one_of("cloud", "self_hosted")
    if config is not None and word == "self_hosted":
        config.keys("type")
        draft.put("hosting", value="self-hosted", at=kind or config)
    elif word == "cloud":
        if config is not None:
            config.keys("type", "networking", "packages")
        _network(config, config or body, draft)
        _packages(config, draft)


def _network(config: Node | None, said: Node, draft: Draft) -> None:
    """What says nothing is open."""
    networking = config.get("networking") if config is not None else None
    kind = networking.need("type") if networking is not None else None
    word = kind.one_of("unrestricted", "limited") if kind is not None else None
    if networking is None or word == "unrestricted":
        if networking is not None:
            networking.keys("type")
        draft.put("network", "open", value=True, at=networking or said)
    elif word == "limited":
        networking.keys("type", "allowed_hosts", "allow_mcp_servers", "allow_package_managers")
        draft.put("network", "open", value=False, at=networking)
        if (hosts := networking.get("allowed_hosts")) is not None:
            draft.put("network", "hosts", value=hosts.value, at=hosts)
        if (servers := networking.get("allow_mcp_servers")) is not None:
            draft.put("network", "mcp", value="inferred" if servers.flag() else "off", at=servers)
        if (managers := networking.get("allow_package_managers")) is not None:
            draft.put("network", "packages", value=managers.value, at=managers)
    else:
        networking.keys("type")


def _packages(config: Node | None, draft: Draft) -> None:
    packages = config.get("packages") if config is not None else None
    if packages is not None and packages.keys("type", *PACKAGE_MANAGERS):
        for manager in PACKAGE_MANAGERS:
            if (names := packages.get(manager)) is not None:
                draft.put("packages", manager, value=names.value, at=names)
