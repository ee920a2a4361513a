"""Bodies of session requests.

Fields: https://platform.claude.com/docs/en/managed-agents/sessions
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field

from agentflow.local.shapes.agents import Model, ModelId, Servers, Skills, System
from agentflow.local.shapes.base import Metadata, MetadataPatch, Shape
from agentflow.local.shapes.events import DefineOutcome, UserMessage
from agentflow.local.shapes.tools import Tools

__all__ = [
    "AgentOverrides",
    "AgentPatch",
    "AgentReference",
    "Budget",
    "FileResource",
    "SessionCreate",
    "SessionUpdate",
]


class AgentReference(Shape):
    type: Literal["agent"]
    id: str
    version: Annotated[int, Field(ge=1)] | None = None


class AgentOverrides(Shape):
    type: Literal["agent_with_overrides"]
    id: str
    version: Annotated[int, Field(ge=1)] | None = None
    model: ModelId | Model | None = None
    system: System | None = None
    tools: Tools | None = None
    mcp_servers: Servers | None = None
    skills: Skills | None = None


class Money(Shape):
    amount: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,11}$")]
    """Whole cents as text, above zero."""
    currency: Literal["USD"]


class Budget(Shape):
    type: Literal["limit"]
    max_list_cost: Money


class FileResource(Shape):
    type: Literal["file"]
    file_id: str
    mount_path: str | None = None


class Branch(Shape):
    type: Literal["branch"]
    name: Annotated[str, Field(min_length=1)]


class Commit(Shape):
    type: Literal["commit"]
    sha: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{40}$")]


def _no_git(value: str) -> str:
    if value.endswith(".git"):
        raise ValueError("must be without `.git`")
    return value


class Repository(Shape):
    type: Literal["github_repository"]
    url: Annotated[
        str,
        Field(pattern=r"^https://github\.com/[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$"),
        AfterValidator(_no_git),
    ]
    authorization_token: str | None = None
    mount_path: Annotated[str, Field(pattern=r"^/workspace/.")] | None = None
    checkout: Annotated[Branch | Commit, Discriminator("type")] | None = None


class MemoryStore(Shape):
    type: Literal["memory_store"]
    memory_store_id: str
    access: Literal["read_write", "read_only"] | None = None
    instructions: Annotated[str, Field(max_length=4096)] | None = None


_Resource = Annotated[FileResource | Repository | MemoryStore, Discriminator("type")]
_MAX_STORES = 8


def _few_stores(resources: list[_Resource]) -> list[_Resource]:
    stores = sum(isinstance(resource, MemoryStore) for resource in resources)
    if stores > _MAX_STORES:
        raise ValueError(f"at most {_MAX_STORES} memory stores are allowed, not {stores}")
    return resources


_Resources = Annotated[list[_Resource], Field(max_length=500), AfterValidator(_few_stores)]
_Initial = Annotated[UserMessage | DefineOutcome, Discriminator("type")]


class SessionCreate(Shape):
    agent: str | Annotated[AgentReference | AgentOverrides, Discriminator("type")]
    environment_id: str
    title: str | None = None
    metadata: Metadata = Field(default_factory=dict)
    initial_events: Annotated[list[_Initial], Field(max_length=50)] | None = None
    resources: _Resources | None = None
    vault_ids: list[str] | None = None
    budget: Budget | None = None


class AgentPatch(Shape):
    tools: Tools | None = None
    mcp_servers: Servers | None = None


class SessionUpdate(Shape):
    title: str | None = None
    metadata: MetadataPatch | None = None
    budget: Budget | None = None
    agent: AgentPatch | None = None
    vault_ids: list[str] | None = None
