"""The kinds a spec can have, in the order of the documentation."""

from agentflow.spec.agent import AgentSpec
from agentflow.spec.base import SpecModel
from agentflow.spec.deployment import DeploymentSpec
from agentflow.spec.environment import EnvironmentSpec
from agentflow.spec.flow import FlowSpec
from agentflow.spec.memory import MemoryStoreSpec
from agentflow.spec.policy import PolicySpec
from agentflow.spec.project import ProjectSpec
from agentflow.spec.reuse import FragmentSpec, OverlaySpec, ToolsetSpec
from agentflow.spec.skill import SkillSpec
from agentflow.spec.test import TestSpec
from agentflow.spec.vault import VaultSpec

__all__ = ["COMPOSED_KINDS", "FIXED_KEYS", "KINDS", "OWN_KEYS"]

KINDS: dict[str, type[SpecModel]] = {
    "Project": ProjectSpec,
    "Agent": AgentSpec,
    "Environment": EnvironmentSpec,
    "Deployment": DeploymentSpec,
    "Vault": VaultSpec,
    "MemoryStore": MemoryStoreSpec,
    "Skill": SkillSpec,
    "Toolset": ToolsetSpec,
    "Fragment": FragmentSpec,
    "Overlay": OverlaySpec,
    "Policy": PolicySpec,
    "Test": TestSpec,
    "Flow": FlowSpec,
}

COMPOSED_KINDS = ("Agent", "Environment", "Deployment", "Vault", "MemoryStore", "Skill")
"""Kinds that overlays and `--set` can change."""

FIXED_KEYS = frozenset({"apiVersion", "kind", "name", "extends", "abstract"})
"""Keys that say which spec it is: they come from its own document alone."""

OWN_KEYS = frozenset({*FIXED_KEYS, "title"})
"""Keys that come from a spec's own document or from what is laid over it, and are not passed on."""
