"""`multiagent`: whom an agent may put to work, with every member of the team written out.

What is left out is enabled by the service, and an update that leaves it out keeps what was there.
https://platform.claude.com/docs/en/managed-agents/multiagent-orchestration
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentflow.compiler.render.refs import agent_reference
from agentflow.spec.refs import parse_ref
from agentflow.spec.team import Delegation, TeamSpec

__all__ = ["team_payload"]


def team_payload(team: TeamSpec, owner: str) -> dict[str, Any]:
    """The team of the agent named `owner`."""
    if team.coordinator is not None:
        roster = _members(team.coordinator, owner)
        if team.advisor is not None:
            roster.append({"type": "advisor", "model": team.advisor})
        return {"type": "coordinator", "agents": roster}
    advisor = {"type": "enabled", "model": team.advisor} if team.advisor else _OFF
    return {
        "type": "multiagent_20261001",
        "advisor": dict(advisor),
        "subagents": _delegation(team.subagents, owner),
        "workflows": _delegation(team.workflows, owner),
    }


_OFF = {"type": "disabled"}


def _delegation(delegation: Delegation | None, owner: str) -> dict[str, Any]:
    if delegation is None:
        return dict(_OFF)
    return {
        "type": "enabled",
        "inline_agents": {"type": "enabled" if delegation.inline else "disabled"},
        "predefined_agents": _members(delegation.agents, owner),
    }


def _members(members: Sequence[str], owner: str) -> list[dict[str, Any]]:
    return [_member(member, owner) for member in members]


def _member(member: str, owner: str) -> dict[str, Any]:
    if member == "self":
        return {"type": "self"}
    ref = parse_ref(member, "agent")
    if ref is not None and ref.name == owner and ref.pin is None:
        # By its own name: it has no id yet when it is created.
        return {"type": "self"}
    return agent_reference(member)
