"""Toolset, Fragment and Overlay: what several specs share, and what a target changes."""

from typing import Annotated, Literal

from agentflow.spec.agent import ApprovalRule
from agentflow.spec.base import (
    ApiVersion,
    File,
    Identifier,
    Json,
    Name,
    SkillRef,
    SpecModel,
    Text,
    ToolName,
    VaultRef,
)
from agentflow.spec.declare import Field, StringConstraints
from agentflow.spec.mcp import McpName, McpServer
from agentflow.spec.tool import CustomTool, Tools

__all__ = ["Address", "FragmentSpec", "OverlaySpec", "ParamSpec", "ToolsetSpec"]

Address = Annotated[
    str,
    StringConstraints(
        pattern=r"^(?:agent|environment|deployment|vault|memorystore|skill)/[a-z0-9*](?:[a-z0-9*-]{0,61}[a-z0-9*])?$"
    ),
]
"""`agent/writer`, or a glob: `agent/*`."""


class ToolsetSpec(SpecModel):
    """Tools, and the rules that go with them, for several agents."""

    apiVersion: ApiVersion | None = Field(
        default=None, description="agentflow/v1, in the first document of every file."
    )
    kind: Literal["Toolset"] = Field(description="What this document declares.")
    name: Name = Field(description="Agents name it below `use`.")
    description: Text | None = Field(default=None, description="For people who read the spec.")
    tools: Tools = Field(default_factory=Tools, description="As in an Agent.")
    mcp: dict[McpName, McpServer] = Field(default_factory=dict, description="As in an Agent.")
    custom: dict[ToolName, CustomTool] = Field(default_factory=dict, description="As in an Agent.")
    skills: list[SkillRef] = Field(default_factory=list, description="As in an Agent.")
    vaults: list[VaultRef] = Field(default_factory=list, description="As in an Agent.")
    approvals: list[ApprovalRule] = Field(default_factory=list, description="As in an Agent.")


class ParamSpec(SpecModel):
    """A value that whoever includes the fragment gives it: `{{ params.x }}`."""

    type: Literal["string", "integer", "number", "boolean", "list"] = Field(
        default="string", description="What values are. list: of scalars."
    )
    default: Json = Field(default=None, description="Without one a value must be given.")
    enum: list[Json] | None = Field(default=None, description="The values it may have.")
    description: Text | None = Field(
        default=None, description="What it is, for whoever includes the fragment."
    )


class FragmentSpec(SpecModel):
    """A piece of prompt: `{% include "fragment/name" %}`, or `{{ fragment("name", x="…") }}`."""

    apiVersion: ApiVersion | None = Field(
        default=None, description="agentflow/v1, in the first document of every file."
    )
    kind: Literal["Fragment"] = Field(description="What this document declares.")
    name: Name = Field(description="Templates include it by this name.")
    description: Text | None = Field(default=None, description="For people who read the spec.")
    params: dict[Identifier, ParamSpec] = Field(
        default_factory=dict, description="What it is given: `{{ params.x }}`."
    )
    text: Annotated[Text, File()] = Field(
        description="Markdown and Jinja, or a file beside the spec (`./…`)."
    )


class OverlaySpec(SpecModel):
    """What is different on a target."""

    apiVersion: ApiVersion | None = Field(
        default=None, description="agentflow/v1, in the first document of every file."
    )
    kind: Literal["Overlay"] = Field(description="What this document declares.")
    name: Name = Field(description="Lower case, digits, hyphens; nothing refers to it.")
    description: Text | None = Field(default=None, description="For people who read the spec.")
    target: Name | list[Name] = Field(description="The targets it is for, by name.")
    patch: dict[Address, dict[str, Json]] = Field(
        description="By address, also with `*`: keys as in the spec. Maps merge, scalars and lists "
        "replace; `key+` appends, `key-` removes, null clears."
    )
