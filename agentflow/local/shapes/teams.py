"""The `multiagent` of an agent: whom it may delegate to, in the two forms that the service has.

Fields: https://platform.claude.com/docs/en/managed-agents/multiagent-orchestration
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from agentflow.local.shapes.base import Shape

__all__ = ["Team"]

_Id = Annotated[str, Field(min_length=1)]


class Member(Shape):
    type: Literal["agent"]
    id: _Id
    version: Annotated[int, Field(ge=1)] | None = None


class Itself(Shape):
    type: Literal["self"]


class RosterAdvisor(Shape):
    type: Literal["advisor"]
    model: _Id


def _entry_tag(value: object) -> str:
    if isinstance(value, str):
        return "id"
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return str(kind)


_ById = Annotated[_Id, Tag("id")]
_Agent = Annotated[Member, Tag("agent")] | Annotated[Itself, Tag("self")]
_Entry = Annotated[
    _ById | _Agent | Annotated[RosterAdvisor, Tag("advisor")], Discriminator(_entry_tag)
]
_Predefined = Annotated[_ById | _Agent, Discriminator(_entry_tag)]


class Coordinator(Shape):
    type: Literal["coordinator"]
    agents: Annotated[list[_Entry], Field(min_length=1, max_length=20)]


class Disabled(Shape):
    type: Literal["disabled"]


class Advisor(Shape):
    type: Literal["enabled"]
    model: _Id


class InlineAgents(Shape):
    type: Literal["enabled", "disabled"]


class Delegation(Shape):
    """Of subagents and of workflows alike."""

    type: Literal["enabled"]
    inline_agents: InlineAgents | None = None
    predefined_agents: Annotated[list[_Predefined], Field(max_length=20)] | None = None


_Advisor = Annotated[Advisor | Disabled, Discriminator("type")]
_Delegation = Annotated[Delegation | Disabled, Discriminator("type")]


class Multiagent(Shape):
    type: Literal["multiagent_20261001"]
    advisor: _Advisor | None = None
    subagents: _Delegation | None = None
    workflows: _Delegation | None = None


Team = Annotated[Coordinator | Multiagent, Discriminator("type")]
