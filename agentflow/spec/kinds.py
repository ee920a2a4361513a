"""The kinds a spec can have, in the order of the documentation."""

from __future__ import annotations

from agentflow.spec.agent import AgentSpec
from agentflow.spec.base import SpecModel
from agentflow.spec.environment import EnvironmentSpec
from agentflow.spec.project import ProjectSpec

__all__ = ["KINDS", "Spec"]

Spec = ProjectSpec | AgentSpec | EnvironmentSpec

KINDS: dict[str, type[SpecModel]] = {
    "Project": ProjectSpec,
    "Agent": AgentSpec,
    "Environment": EnvironmentSpec,
}
