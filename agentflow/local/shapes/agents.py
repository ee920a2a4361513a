"""Bodies of agent requests.

Limits: https://platform.claude.com/docs/en/managed-agents/agent-setup
"""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Discriminator, Field, field_validator

from agentflow.local.shapes.base import Metadata, MetadataPatch, Shape
from agentflow.local.shapes.teams import Team
from agentflow.local.shapes.tools import ServerName, Tools

__all__ = ["AgentCreate", "AgentUpdate", "Model", "ModelId", "Servers", "Skills", "System"]

_Level = Literal["low", "medium", "high", "xhigh", "max"]
Name = Annotated[str, Field(min_length=1, max_length=256)]
_Description = Annotated[str, Field(max_length=2048)]
System = Annotated[str, Field(max_length=100_000)]


class Effort(Shape):
    type: _Level


ModelId = Annotated[str, Field(min_length=1)]


class Model(Shape):
    id: ModelId
    effort: _Level | Effort | None = None
    speed: Literal["standard", "fast"] | None = None
    inference_geo: str | None = None


def _http_url(value: str) -> str:
    try:
        parts = urlsplit(value)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http or https URL")
    return value


class McpServer(Shape):
    type: Literal["url"]
    name: ServerName
    url: Annotated[str, Field(max_length=2048), AfterValidator(_http_url)]


class Skill(Shape):
    type: Literal["anthropic", "custom"]
    skill_id: Annotated[str, Field(min_length=1)]
    version: Annotated[str, Field(min_length=1)] | None = None


Servers = Annotated[list[McpServer], Field(max_length=20)]
# Sources differ between 20 and 64: a stand-in that refused what the service takes would be worse.
Skills = Annotated[list[Skill], Field(max_length=64)]


class ServiceAccount(Shape):
    type: Literal["service_account"]


class AwsRole(Shape):
    type: Literal["aws_role"]
    role_arn: Annotated[str, Field(min_length=1, max_length=2048)]


_Identity = Annotated[ServiceAccount | AwsRole, Discriminator("type")]


class AgentCreate(Shape):
    name: Name
    model: ModelId | Model
    description: _Description | None = None
    system: System | None = None
    tools: Tools | None = None
    mcp_servers: Servers | None = None
    skills: Skills | None = None
    multiagent: Team | None = None
    execution_identity: _Identity | None = None
    metadata: Metadata = Field(default_factory=dict)


class AgentUpdate(Shape):
    version: Annotated[int, Field(ge=1)] | None = None
    name: Name | None = None
    model: ModelId | Model | None = None
    description: _Description | None = None
    system: System | None = None
    tools: Tools | None = None
    mcp_servers: Servers | None = None
    skills: Skills | None = None
    multiagent: Team | None = None
    execution_identity: _Identity | None = None
    metadata: MetadataPatch | None = None

    @field_validator("name", "model", "version")
    @classmethod
    def _not_null(cls, value: object) -> object:
        if value is None:
            raise ValueError("null is not allowed: leave the field out to keep its value")
        return value
