"""The Agent kind: what it is told, what it may touch, what it must deliver, and what it may spend."""

import re
from typing import Annotated, ClassVar, Literal, Self

from agentflow.spec.base import (
    ApiVersion,
    Duration,
    EnvironmentRef,
    File,
    FilePath,
    Identifier,
    Json,
    Metadata,
    Name,
    RefTo,
    SkillRef,
    SpecModel,
    Text,
    Title,
    ToolName,
    ToolsetRef,
    VaultRef,
    Word,
)
from agentflow.spec.budget import AgentBudget
from agentflow.spec.declare import Field, StringConstraints, field_validator, model_validator
from agentflow.spec.mcp import McpName, McpServer
from agentflow.spec.session import FileMount, MemoryMount, OutcomeSpec, Repository, SessionSpec
from agentflow.spec.team import TeamSpec
from agentflow.spec.tool import CustomTool, Tools
from agentflow.spec.webhook import Webhook

__all__ = [
    "AgentSpec",
    "ApprovalRule",
    "Check",
    "Checker",
    "InputSpec",
    "ModelSpec",
    "OutputSpec",
    "UncertaintySpec",
    "VarSpec",
]

Effort = Literal["low", "medium", "high", "xhigh", "max"]
ScalarType = Literal["string", "integer", "number", "boolean"]
SectionName = Literal["outputs", "scratch", "done", "uncertainty", "tools", "autonomy"]


class ModelSpec(SpecModel):
    word_key: ClassVar[str | None] = "id"

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
    description: Text | None = Field(default=None, description="What it is, for whoever sets it.")


class InputSpec(SpecModel):
    """A value known when a run starts. Only `task` sees it, never the system prompt."""

    type: Literal["string", "integer", "number", "boolean", "file"] = Field(
        default="string",
        description="file: uploaded, and mounted below /mnt/session/uploads.",
    )
    default: Json = Field(default=None, description="Without one a value must be given.")
    enum: list[Json] | None = Field(default=None, description="The values it may have.")
    description: Text | None = Field(
        default=None, description="What it is, for whoever starts a run."
    )


class OutputSpec(SpecModel):
    """A file the agent must deliver below /mnt/session/outputs/."""

    path: Text = Field(description="File name below /mnt/session/outputs/.")
    description: Text | None = Field(default=None, description="What it is; the agent is told.")
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


class Checker(SpecModel):
    word_key: ClassVar[str | None] = "run"

    run: (
        Annotated[
            str, StringConstraints(pattern=r"^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*[.:][A-Za-z_]\w*$")
        ]
        | None
    ) = Field(
        default=None,
        description="`package.module:function` or `package.module.function`, called with the "
        "outputs by name as paths. It returns nothing, or a list of what is wrong.",
    )
    command: (
        Annotated[list[Annotated[Text, File(holds="data")]], Field(min_length=1, max_length=256)]
        | None
    ) = Field(
        default=None,
        description="A program and its arguments, run without a shell in the directory the outputs "
        "were fetched to. It gets the outputs by name, as paths, in a JSON object on standard input. "
        "Exit code 0: all is well. Any other: each line it printed is one thing that is wrong.",
        examples=[["python3", "./checks/totals.py"]],
    )
    timeout: Duration = Field(
        default=60.0, description="A check that takes longer is stopped, and does not hold."
    )

    @model_validator(mode="after")
    def _one_runner(self) -> Self:
        if (self.run is None) == (self.command is None):
            raise ValueError("A check has exactly one of `run` and `command`.")
        return self


class Check(SpecModel):
    """Code that inspects the outputs."""

    check: Annotated[Checker, Word()] = Field(
        description="A function by name, or a map that says more: a program, a limit of time."
    )


class UncertaintySpec(SpecModel):
    word_key: ClassVar[str | None] = "mode"

    mode: Literal["assume", "ask", "stop"] = Field(
        description="assume: decide, and write the assumption down. ask: ask a person. "
        "stop: end the work and say what is missing."
    )
    record: Text | None = Field(
        default=None, description="The output that assumptions are written to."
    )
    ask: Literal["person"] | Webhook | None = Field(
        default=None,
        description="Whom `ask` asks: a person at a terminal (the default), or a webhook as well.",
        examples=[{"webhook": "https://desk.example.com/ask", "secret": "${secret.desk}"}],
    )
    wait: Duration | None = Field(
        default=None, description="How long they have. Without it a terminal waits for ever."
    )

    @model_validator(mode="after")
    def _asked(self) -> Self:
        for key, value in (("ask", self.ask), ("wait", self.wait)):
            if value is not None and self.mode != "ask":
                raise ValueError(f"`{key}` goes with `mode: ask`.")
        if isinstance(self.ask, Webhook) and self.wait is None:
            raise ValueError("A webhook needs `wait`: how long the answer may take.")
        return self


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
    ask: Literal["person"] | Webhook | None = Field(
        default=None,
        description="A person: at the terminal of the run, or at any other with "
        "`agentflow sessions`. A webhook is asked beside them; it needs `wait`.",
        examples=[
            "person",
            {"webhook": "https://desk.example.com/ask", "secret": "${secret.desk}"},
        ],
    )
    message: Text | None = Field(default=None, description="What the agent is told when denied.")
    wait: Duration | None = Field(
        default=None,
        description="How long the person has. Without it a run that has no terminal waits for nobody.",
    )
    on_timeout: Literal["deny", "halt"] = Field(
        default="deny",
        description="When nobody answered in time: deny, or end the run and leave its session waiting, "
        "so that it can be answered and gone on with later.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.answer is None) == (self.ask is None):
            raise ValueError("A rule has exactly one of `answer` and `ask`.")
        if self.wait is not None and self.ask is None:
            raise ValueError("`wait` goes with `ask`.")
        if isinstance(self.ask, Webhook) and self.wait is None:
            raise ValueError("A webhook needs `wait`: how long the answer may take.")
        if self.message is not None and self.answer == "allow":
            raise ValueError("`message` is what the agent is told when denied.")
        return self


class AwsRole(SpecModel):
    aws_role: Annotated[str, StringConstraints(min_length=1, max_length=2048)] = Field(
        description="The ARN of the role that runs of this agent assume."
    )


class AgentSpec(SpecModel):
    """An autonomous agent."""

    apiVersion: ApiVersion | None = Field(
        default=None, description="agentflow/v1, in the first document of every file."
    )
    kind: Literal["Agent"] = Field(description="What this document declares.")
    name: Name = Field(description="Part of the address: lower case, digits, hyphens.")
    title: Title | None = Field(
        default=None, description="What the service shows. Default: the name."
    )
    extends: Annotated[Name, RefTo("agent")] | None = Field(
        default=None, description="An agent whose values this one starts from."
    )
    use: list[ToolsetRef] = Field(
        default_factory=list, description="Toolsets, whose tools this agent has too."
    )
    abstract: bool = Field(
        default=False, description="Only to be extended: it becomes no agent on a service."
    )
    description: Annotated[str, StringConstraints(min_length=1, max_length=2048)] | None = Field(
        default=None, description="For people; shown on the service."
    )
    model: Annotated[ModelSpec, Word()] = Field(
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
    prompt: Annotated[Text, File()] = Field(
        description="The system prompt, or a file beside the spec (`./…`). Markdown and Jinja."
    )
    sections: dict[SectionName, Annotated[Text, File()]] = Field(
        default_factory=dict,
        description="Other wordings of the policy sections: `fragment/name`, a file beside the spec, "
        "or Jinja; `{{ standard }}` is the usual one.",
    )
    task: Text | None = Field(
        default=None, description="The first message of a run. Jinja: `{{ inputs.x }}`."
    )
    tools: Tools = Field(
        default_factory=Tools, description="Built-in tools, one word each; unnamed ones are off."
    )
    mcp: dict[McpName, McpServer] = Field(
        default_factory=dict, description="MCP servers by a name of your own: at most 20."
    )
    custom: dict[ToolName, CustomTool] = Field(
        default_factory=dict, description="Tools that run on your side, by name."
    )
    skills: list[SkillRef] = Field(
        default_factory=list,
        description="Names of Skills, `name@version`, or `anthropic/xlsx`. They need the tool `read`.",
    )
    team: TeamSpec | None = Field(
        default=None, description="Agents it may put to work, and whom it may ask for advice."
    )
    identity: Literal["service_account"] | AwsRole = Field(
        default="service_account", description="As whom its runs act."
    )
    files: dict[Identifier, Annotated[FileMount, Word()]] = Field(
        default_factory=dict, description="Files every session can read, by a name of your own."
    )
    repositories: dict[Name, Repository] = Field(
        default_factory=dict, description="Repositories every session has, by a name of your own."
    )
    memory: Annotated[list[Annotated[MemoryMount, Word()]], Field(max_length=8)] = Field(
        default_factory=list, description="Memory stores every session sees."
    )
    vaults: list[VaultRef] = Field(
        default_factory=list,
        description="Vaults every session can use, before those that `mcp` names by `auth`.",
    )
    session: SessionSpec = Field(
        default_factory=SessionSpec, description="How its sessions are called and marked."
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
    uncertainty: Annotated[UncertaintySpec, Word()] | None = Field(
        default=None, description="What to do when something is unclear: assume, ask or stop."
    )
    outcome: Annotated[OutcomeSpec, Word()] | None = Field(
        default=None, description="Have the result graded: `outcome: done`."
    )
    repair: Annotated[int, Field(ge=0, le=10)] = Field(
        default=1, description="How often a missing or invalid output is sent back."
    )
    approvals: list[ApprovalRule] = Field(
        default_factory=list, description="Who answers a tool that asks; first match wins."
    )
    budget: AgentBudget | None = Field(
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
