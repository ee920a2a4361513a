"""Bodies of session requests.

Fields: https://platform.claude.com/docs/en/managed-agents/sessions
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field

from agentflow.local.shapes.base import Metadata, MetadataPatch, Shape
from agentflow.local.shapes.events import DefineOutcome, UserMessage

__all__ = ["Budget", "FileResource", "SessionCreate", "SessionUpdate"]


class AgentReference(Shape):
    type: Literal["agent"]
    id: str
    version: Annotated[int, Field(ge=1)] | None = None


class AgentOverrides(Shape):
    """Read so that it can be refused by name."""

    type: Literal["agent_with_overrides"]
    id: str
    version: int | None = None
    model: Any = None
    system: Any = None
    tools: Any = None
    mcp_servers: Any = None
    skills: Any = None


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


class Repository(Shape):
    type: Literal["github_repository"]
    url: str
    authorization_token: str | None = None
    mount_path: str | None = None
    checkout: Any = None


class MemoryStore(Shape):
    type: Literal["memory_store"]
    memory_store_id: str
    access: str | None = None
    instructions: str | None = None


_Resource = Annotated[FileResource | Repository | MemoryStore, Discriminator("type")]
_Initial = Annotated[UserMessage | DefineOutcome, Discriminator("type")]


class SessionCreate(Shape):
    agent: str | Annotated[AgentReference | AgentOverrides, Discriminator("type")]
    environment_id: str
    title: str | None = None
    metadata: Metadata = Field(default_factory=dict)
    initial_events: Annotated[list[_Initial], Field(max_length=50)] | None = None
    resources: Annotated[list[_Resource], Field(max_length=500)] | None = None
    vault_ids: list[str] | None = None
    budget: Budget | None = None


class AgentPatch(Shape):
    tools: Any = None
    mcp_servers: Any = None


class SessionUpdate(Shape):
    title: str | None = None
    metadata: MetadataPatch | None = None
    budget: Budget | None = None
    agent: AgentPatch | None = None
    vault_ids: list[str] | None = None
