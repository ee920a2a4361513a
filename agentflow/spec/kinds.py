"""The kinds a spec can have, in the order of the documentation."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from agentflow.spec.base import SpecModel

__all__ = ["COMPOSED_KINDS", "FIXED_KEYS", "KINDS", "OWN_KEYS"]

_MODULES = {
    "Project": "project",
    "Agent": "agent",
    "Environment": "environment",
    "Deployment": "deployment",
    "Vault": "vault",
    "MemoryStore": "memory",
    "Skill": "skill",
    "Toolset": "reuse",
    "Fragment": "reuse",
    "Overlay": "reuse",
    "Policy": "policy",
    "Test": "test",
    "Flow": "flow",
}
"""Kind -> the module beside this one that has its model: `Agent` is `AgentSpec`."""


class _Kinds(Mapping[str, type[SpecModel]]):
    """The model of each kind, imported when it is asked for: most projects have few kinds."""

    def __init__(self) -> None:
        self._loaded: dict[str, type[SpecModel]] = {}

    def __getitem__(self, kind: str) -> type[SpecModel]:
        if kind not in self._loaded:
            module: Any = import_module(f"agentflow.spec.{_MODULES[kind]}")
            self._loaded[kind] = getattr(module, f"{kind}Spec")
        return self._loaded[kind]

    def __contains__(self, kind: object) -> bool:
        return kind in _MODULES

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


KINDS = _Kinds()

COMPOSED_KINDS = ("Agent", "Environment", "Deployment", "Vault", "MemoryStore", "Skill")
"""Kinds that overlays and `--set` can change."""

FIXED_KEYS = frozenset({"apiVersion", "kind", "name", "extends", "abstract"})
"""Keys that say which spec it is: they come from its own document alone."""

OWN_KEYS = frozenset({*FIXED_KEYS, "title"})
"""Keys that come from a spec's own document or from what is laid over it, and are not passed on."""
