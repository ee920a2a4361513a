"""The Agent kind: what it is told, what it may touch, what it must deliver, and what it may spend."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints, field_validator, model_validator

from agentflow.spec.base import (
    ApiVersion,
    Duration,
    EnvironmentRef,
    FilePath,
    Json,
    Metadata,
    Name,
    SpecModel,
    Text,
)
from agentflow.spec.budget import BudgetSpec
from agentflow.spec.tool import CustomTool, Tools

__all__ = [
    "AgentSpec",
    "ApprovalRule",
    "Check",
    "InputSpec",
    "ModelSpec",
    "OutputSpec",
    "UncertaintySpec",
    "VarSpec",
]

Effort = Literal["low", "medium", "high", "xhigh", "max"]
ScalarType = Literal["string", "integer", "number", "boolean"]
ToolName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]


class ModelSpec(SpecModel):
    id: Text = Field(description="A model id, such as claude-opus-5-5.")
    effort: Effort | None = Field(
        default=None, description="How hard the model thinks. Default: the model's own."
    )
    speed: Literal["standard", "fast"] = Field(
        default="standard", description="fast: quicker and dearer, on some models."
    )
    geo: Text | None = Field(default=None, description="Where inference happens, such as us.")


class VarSpec(SpecModel):
    """A value known when the project is compiled."""

    type: ScalarType = Field(default="string", description="What values are.")
    default: Json = Field(default=None, description="Without one a value must be given.")
    enum: list[Json] | None = Field(default=None, description="The values it may have.")
    description: Text | None = None


class InputSpec(SpecModel):
    """A value known when a run starts. Only `task` sees it, never the system prompt."""

    type: Literal["string", "integer", "number", "boolean", "file"] = Field(
        default="string",
        description="file: uploaded, and mounted below /mnt/session/uploads.",
    )
    default: Json = Field(default=None, description="Without one a value must be given.")
    enum: list[Json] | None = Field(default=None, description="The values it may have.")
    description: Text | None = None


class OutputSpec(SpecModel):
    """A file the agent must deliver below /mnt/session/outputs/."""

    path: Text = Field(description="File name below /mnt/session/outputs/.")
    description: Text | None = None
    schema_: FilePath | dict[str, Json] | None = Field(
        default=None,
        alias="schema",
        description="JSON Schema of the file, inline or beside the spec.",
    )
    sections: list[Text] | None = Field(
        default=None,
        description="Headings a Markdown file must have, in this order. "
        "Text in parentheses is for the agent and is not part of the heading.",
    )
    required: bool = Field(default=True, description="false: verified only if it is delivered.")


class Check(SpecModel):
    """Code that inspects the outputs."""

    check: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*[.:][A-Za-z_]\w*$")
    ] = Field(
        description="`package.module:function` or `package.module.function`, called with the "
        "outputs by name as paths. It returns nothing, or a list of what is wrong."
    )


class UncertaintySpec(SpecModel):
    mode: Literal["assume", "ask", "stop"] = Field(
        description="assume: decide, and write the assumption down. ask: ask a person. "
        "stop: end the work and say what is missing."
    )
    record: Text | None = Field(
        default=None, description="The output that assumptions are written to."
    )


class ApprovalRule(SpecModel):
    """Who answers when a tool asks. The first rule that matches wins; no match means deny."""

    tool: Text = Field(description="A tool's name, or a glob such as `*`.")
    match: dict[str, Text] = Field(
        default_factory=dict,
        description="A glob for each argument named; all must match. Arguments of built-in tools: "
        "command (bash), file_path (read, write, edit), pattern and path (glob, grep).",
    )
    answer: Literal["allow", "deny"] | None = Field(
        default=None, description="The answer itself; or `ask` somebody."
    )
    ask: Literal["person"] | None = Field(default=None, description="A person in the terminal.")
    message: Text | None = Field(default=None, description="What the agent is told when denied.")
    wait: Duration | None = Field(default=None, description="How long the person has.")
    on_timeout: Literal["deny", "halt"] = Field(
        default="deny", description="When nobody answered in time: deny, or stop the run."
    )

    @model_validator(mode="after")
    def _one_way(self) -> ApprovalRule:
        if (self.answer is None) == (self.ask is None):
            raise ValueError("A rule has exactly one of `answer` and `ask`.")
        if self.wait is not None and self.ask is None:
            raise ValueError("`wait` goes with `ask`.")
        if self.message is not None and self.answer == "allow":
            raise ValueError("`message` is what the agent is told when denied.")
        return self


def _model_from_word(value: object) -> object:
    return {"id": value} if isinstance(value, str) else value


def _uncertainty_from_word(value: object) -> object:
    return {"mode": value} if isinstance(value, str) else value


class AgentSpec(SpecModel):
    """An autonomous agent."""

    apiVersion: ApiVersion | None = Field(
        default=None, description="agentflow/v1, in the first document of every file."
    )
    kind: Literal["Agent"]
    name: Name = Field(description="Part of the address: lower case, digits, hyphens.")
    description: Annotated[str, StringConstraints(min_length=1, max_length=2048)] | None = Field(
        default=None, description="For people; shown on the service."
    )
    model: Annotated[ModelSpec, BeforeValidator(_model_from_word)] = Field(
        description="A model id, or a map with more to say."
    )
    environment: EnvironmentRef | None = Field(
        default=None,
        description="Where its tools run: the name of an Environment, or `id:env_…` for one that is "
        "not managed here.",
    )
    vars: dict[Identifier, VarSpec] = Field(
        default_factory=dict, description="Known when compiled: `{{ vars.x }}` and `${var.x}`."
    )
    inputs: dict[Identifier, InputSpec] = Field(
        default_factory=dict, description="Known per run: `{{ inputs.x }}` in `task`."
    )
    prompt: Text = Field(
        description="The system prompt, or a file beside the spec (`./…`). Markdown and Jinja."
    )
    task: Text | None = Field(
        default=None, description="The first message of a run. Jinja: `{{ inputs.x }}`."
    )
    tools: Tools = Field(
        default_factory=Tools, description="Built-in tools, one word each; unnamed ones are off."
    )
    custom: dict[ToolName, CustomTool] = Field(
        default_factory=dict, description="Tools that run on your side, by name."
    )
    outputs: dict[Identifier, OutputSpec] = Field(
        default_factory=dict, description="Files to deliver, by a name for checks and messages."
    )
    scratch: Annotated[str, StringConstraints(pattern="^/")] | None = Field(
        default=None, description="Where intermediate files belong, such as /tmp."
    )
    done: list[Text | Check] = Field(
        default_factory=list, description="What must hold when the work is finished."
    )
    uncertainty: Annotated[UncertaintySpec, BeforeValidator(_uncertainty_from_word)] | None = Field(
        default=None, description="What to do when something is unclear: assume, ask or stop."
    )
    repair: Annotated[int, Field(ge=0, le=10)] = Field(
        default=1, description="How often a missing or invalid output is sent back."
    )
    approvals: list[ApprovalRule] = Field(
        default_factory=list, description="Who answers a tool that asks; first match wins."
    )
    budget: BudgetSpec | None = Field(
        default=None, description="Limits of a run; the first one reached stops it."
    )
    metadata: Metadata = Field(default_factory=dict, description="Kept on the service.")
    raw: dict[str, Json] = Field(
        default_factory=dict, description="Merged into the payload last, and not checked."
    )

    @field_validator("custom")
    @classmethod
    def _names(cls, custom: dict[str, CustomTool]) -> dict[str, CustomTool]:
        for name in custom:
            if re.match(r"mcp__|ant__", name):
                raise ValueError(f"{name!r} starts with a prefix that the service reserves.")
        return custom
