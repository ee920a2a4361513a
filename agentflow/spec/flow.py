"""The Flow kind: several runs with dependencies, under one budget."""

from typing import Annotated, Literal, Self

from agentflow.spec.agent import InputSpec
from agentflow.spec.base import (
    AgentRef,
    ApiVersion,
    Count,
    Duration,
    Identifier,
    Json,
    Name,
    SpecModel,
    Text,
)
from agentflow.spec.budget import BudgetSpec
from agentflow.spec.declare import Field, StringConstraints, model_validator

__all__ = ["ApproveStep", "FlowSpec", "Foreach", "RetrySpec", "StepSpec"]

StepName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class Foreach(SpecModel):
    """The step runs once for each item of a list."""

    in_: Text = Field(
        alias="in",
        description="A JSON output of an earlier step, by path: `steps.plan.outputs.parts` "
        "or `steps.plan.outputs.parts.items`; or `inputs.x`.",
    )
    max: Annotated[int, Field(ge=1, le=1000)] = Field(
        description="More items than this are an error: a list that grows costs money."
    )
    parallel: Annotated[int, Field(ge=1, le=64)] = Field(
        default=4, description="How many run at once."
    )


class RetrySpec(SpecModel):
    attempts: Annotated[int, Field(ge=1, le=10)] = Field(description="All in all.")
    wait: Duration = Field(default=10.0, description="Before the next; doubled each time.")


class ApproveStep(SpecModel):
    """A person looks at what is there and lets the flow go on, or not."""

    message: Text = Field(description="What the person is asked. `${…}`-free text.")
    show: list[Text] = Field(
        default_factory=list, description="Outputs to show, by path: `steps.draft.outputs.report`."
    )
    wait: Duration | None = Field(default=None, description="How long. Default: for ever.")
    on_timeout: Literal["stop", "approve"] = Field(
        default="stop", description="When nobody answered in time: stop the flow, or go on."
    )


class StepSpec(SpecModel):
    """Exactly one of `agent`, `python` and `approve`."""

    agent: AgentRef | None = Field(default=None, description="A run of this agent.")
    python: (
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$")]
        | None
    ) = Field(
        default=None, description="`package.module:function`, called with the inputs of the step."
    )
    approve: ApproveStep | None = Field(
        default=None, description="A person decides whether the flow goes on."
    )
    needs: list[StepName] = Field(default_factory=list, description="Steps that come before.")
    when: Text | None = Field(
        default=None,
        description='The step is left out unless this holds: `steps.check.outputs.verdict == "ok"`.',
    )
    foreach: Foreach | None = Field(default=None, description="Once for each item of a list.")
    inputs: dict[Identifier, Json] = Field(
        default_factory=dict,
        description="By name; `{ from: steps.draft.outputs.report }` takes an earlier output, and "
        "with `foreach` `{ from: item }` what the step is run for.",
    )
    retry: RetrySpec | None = Field(default=None, description="When it fails. Default: not again.")
    timeout: Duration | None = Field(default=None, description="A step that takes longer fails.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if [self.agent, self.python, self.approve].count(None) != 2:
            raise ValueError("A step is exactly one of `agent`, `python` and `approve`.")
        if self.approve is not None and (self.foreach or self.retry):
            raise ValueError(
                "`foreach` and `retry` do not go with `approve`: a person decides once."
            )
        return self


class FlowSpec(SpecModel):
    """Steps run as soon as what they need is done, also several at once."""

    apiVersion: ApiVersion | None = Field(
        default=None, description="agentflow/v1, in the first document of every file."
    )
    kind: Literal["Flow"] = Field(description="What this document declares.")
    name: Name = Field(description="Part of the address: lower case, digits, hyphens.")
    description: Text | None = Field(default=None, description="For people who read the spec.")
    inputs: dict[Identifier, InputSpec] = Field(
        default_factory=dict, description="Known when it starts: `{ from: inputs.x }`."
    )
    parallel: Count = Field(default=4, description="How many steps run at once.")
    budget: BudgetSpec | None = Field(default=None, description="Over all steps together.")
    steps: Annotated[dict[StepName, StepSpec], Field(min_length=1, max_length=200)] = Field(
        description="By name."
    )
