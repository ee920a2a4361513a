"""Other agents that an agent may put to work, and the model it may ask for advice."""

from typing import Annotated, ClassVar, Literal, Self

from agentflow.spec.base import AgentRef, ShortForm, SpecModel, Text
from agentflow.spec.declare import BeforeValidator, Field, model_validator

__all__ = ["Delegation", "Member", "TeamSpec"]

Member = Literal["self"] | AgentRef
"""`self` is the agent that has the team."""

Roster = Annotated[list[Member], Field(max_length=20)]


def _from_list(value: object) -> object:
    return {"agents": value} if isinstance(value, list) else value


class Delegation(SpecModel):
    list_key: ClassVar[str | None] = "agents"

    agents: Roster = Field(default_factory=list, description="Agents it can use: at most 20.")
    inline: bool = Field(
        default=False, description="It may also define agents of its own on the spot."
    )

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.agents and not self.inline:
            raise ValueError("Without `agents` and without `inline: true` there is nobody to use.")
        return self


_Delegation = Annotated[
    Delegation, BeforeValidator(_from_list), ShortForm("agents", {"minItems": 1})
]


class TeamSpec(SpecModel):
    """What is not named is disabled; the service's own default is the opposite."""

    subagents: _Delegation | None = Field(
        default=None, description="Agents it can hand work to, in threads of the same session."
    )
    workflows: _Delegation | None = Field(
        default=None, description="Agents that a program it writes can run, many at once."
    )
    advisor: Text | None = Field(
        default=None, description="A model it can ask for advice, at least as capable as its own."
    )
    coordinator: Annotated[list[Member], Field(min_length=1, max_length=20)] | None = Field(
        default=None,
        description="The older form of `subagents`: only with `advisor`. New teams use `subagents`.",
    )

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.coordinator is not None and (self.subagents or self.workflows):
            raise ValueError(
                "`coordinator` is the older form: not with `subagents` or `workflows`."
            )
        if not (self.coordinator or self.subagents or self.workflows or self.advisor):
            raise ValueError("A team has at least one of subagents, workflows and advisor.")
        return self
