"""The Policy kind: what the specs of an organisation may not do."""

from typing import Annotated, Literal, Self

from agentflow.spec.base import ApiVersion, Name, SpecModel, Text
from agentflow.spec.budget import BudgetSpec
from agentflow.spec.declare import Field, model_validator

__all__ = ["PolicyCheck", "PolicySpec"]

Globs = Annotated[list[Text], Field(min_length=1)]


class PolicyCheck(SpecModel):
    """One demand. A spec that does not meet it is an error, with this message."""

    message: Text = Field(description="Why, and whom to ask: shown to who breaks it.")
    applies: Globs = Field(default=["*"], description="Globs of addresses: `agent/*`.")
    targets: Globs = Field(default=["*"], description="Globs of target names.")
    max_budget: BudgetSpec | None = Field(
        default=None, description="Each limit here must be set by the spec, and not above this."
    )
    models: Globs | None = Field(default=None, description="Model ids that are allowed, as globs.")
    forbid_hosts: Globs | None = Field(
        default=None,
        description="Hosts no Environment, web tool, MCP server or custom tool may reach, as globs.",
    )
    network: Literal["limited"] | None = Field(
        default=None, description="limited: no `network: open`, nor `hosting: self-hosted`."
    )
    ask: Globs | None = Field(
        default=None,
        description="Tools that need `ask` where they are on: `bash`, `warehouse.*`, custom ones too.",
    )
    forbid_tools: Globs | None = Field(default=None, description="Tools that have to be off.")
    require: list[Text] | None = Field(
        default=None, description="Keys a spec must have, such as `budget.usd` or `done`."
    )

    @model_validator(mode="after")
    def _demands_something(self) -> Self:
        demands = (self.max_budget, self.models, self.forbid_hosts, self.network, self.ask)
        if not any((*demands, self.forbid_tools, self.require)):
            raise ValueError("The check demands nothing.")
        return self


class PolicySpec(SpecModel):
    """Checks that the specs of a project must pass, whatever overlays say."""

    apiVersion: ApiVersion | None = Field(
        default=None, description="agentflow/v1, in the first document of every file."
    )
    kind: Literal["Policy"] = Field(description="What this document declares.")
    name: Name = Field(description="Part of the address: lower case, digits, hyphens.")
    description: Text | None = Field(default=None, description="For people who read the spec.")
    checks: Annotated[dict[Name, PolicyCheck], Field(min_length=1)] = Field(
        description="By a name of your own."
    )
