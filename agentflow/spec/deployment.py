"""The Deployment kind: an agent that starts by itself, on a schedule or when somebody asks for it."""

from typing import Annotated, Literal

from agentflow.spec.base import (
    AgentRef,
    ApiVersion,
    EnvironmentRef,
    Identifier,
    Json,
    Metadata,
    Money,
    Name,
    RefTo,
    SpecModel,
    Text,
    Title,
    VaultRef,
    Word,
)
from agentflow.spec.declare import Field, StringConstraints
from agentflow.spec.session import FileMount, MemoryMount, OutcomeSpec, Repository

__all__ = ["DeploymentBudget", "DeploymentSpec", "ScheduleSpec"]


class ScheduleSpec(SpecModel):
    cron: Text = Field(
        description="Minute, hour, day of month, month, day of week: `0 9 * * 1-5`.",
        examples=["0 9 * * 1-5"],
    )
    timezone: Text = Field(description="IANA name, such as Europe/Berlin.")


class DeploymentBudget(SpecModel):
    """Nothing but the service watches a deployment, so it has the one limit the service keeps."""

    usd: Money = Field(description="Dollars at list price, for each session.")


class DeploymentSpec(SpecModel):
    """What it does not say, it takes from its agent: environment, task, session and budget."""

    apiVersion: ApiVersion | None = Field(
        default=None, description="agentflow/v1, in the first document of every file."
    )
    kind: Literal["Deployment"] = Field(description="What this document declares.")
    name: Name = Field(description="Part of the address: lower case, digits, hyphens.")
    title: Title | None = Field(
        default=None, description="What the service shows. Default: the name."
    )
    extends: Annotated[Name, RefTo("deployment")] | None = Field(
        default=None, description="A Deployment whose values this one starts from."
    )
    abstract: bool = Field(
        default=False, description="Only to be extended: it is not created on a service."
    )
    description: Annotated[str, StringConstraints(min_length=1, max_length=2048)] | None = Field(
        default=None, description="For people; shown on the service."
    )
    agent: AgentRef = Field(
        description="The name of an Agent, `name@7` for one version of it, or `id:agent_…`."
    )
    environment: EnvironmentRef | None = Field(
        default=None, description="Where its tools run. Default: the agent's."
    )
    schedule: ScheduleSpec | None = Field(
        default=None, description="When it starts. Without one, only when somebody starts it."
    )
    task: Text | None = Field(
        default=None, description="The first message. Default: the agent's task. Jinja."
    )
    inputs: dict[Identifier, Json] = Field(
        default_factory=dict, description="Values for the inputs of the agent that the task uses."
    )
    system: Text | None = Field(
        default=None,
        description="Sent with the task, as a message of the system. Older models refuse it.",
    )
    answered_by: Text | None = Field(
        default=None,
        description="Who answers tools that ask, and calls of custom tools: a process or a person. "
        "Compulsory where the agent has such.",
    )
    files: dict[Identifier, Annotated[FileMount, Word()]] | None = Field(
        default=None, description="Files each session can read. Default: the agent's."
    )
    repositories: dict[Name, Repository] | None = Field(
        default=None, description="Repositories each session has. Default: the agent's."
    )
    memory: Annotated[list[Annotated[MemoryMount, Word()]], Field(max_length=8)] | None = Field(
        default=None, description="Memory stores each session sees. Default: the agent's."
    )
    vaults: Annotated[list[VaultRef], Field(max_length=50)] | None = Field(
        default=None, description="Vaults each session can use. Default: the agent's."
    )
    outcome: Annotated[OutcomeSpec, Word()] | None = Field(
        default=None, description="Have the result graded. Default: the agent's."
    )
    budget: DeploymentBudget | None = Field(
        default=None, description="What each session may spend. Default: `usd` of the agent."
    )
    metadata: Metadata = Field(default_factory=dict, description="Kept on the service.")
    raw: dict[str, Json] = Field(
        default_factory=dict, description="Merged into the payload last, and not checked."
    )
