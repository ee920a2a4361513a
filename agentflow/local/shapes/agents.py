"""Bodies of agent requests.

Limits: https://platform.claude.com/docs/en/managed-agents/agent-setup
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, field_validator

from agentflow.local.shapes.base import Metadata, MetadataPatch, Shape

__all__ = ["AgentCreate", "AgentUpdate", "Tool", "Toolset"]

_Level = Literal["low", "medium", "high", "xhigh", "max"]
Name = Annotated[str, Field(min_length=1, max_length=256)]
_Description = Annotated[str, Field(max_length=2048)]
_System = Annotated[str, Field(max_length=100_000)]


class Effort(Shape):
    type: _Level


class Model(Shape):
    id: Annotated[str, Field(min_length=1)]
    effort: _Level | Effort | None = None
    speed: Literal["standard", "fast"] | None = None
    inference_geo: str | None = None


class Policy(Shape):
    type: Literal["always_allow", "always_ask", "auto"]


class DefaultConfig(Shape):
    enabled: bool | None = None
    permission_policy: Policy | None = None


class PlainTool(Shape):
    name: Literal["bash", "read", "write", "edit", "glob", "grep"]
    type: str | None = None
    enabled: bool | None = None
    permission_policy: Policy | None = None

    @field_validator("type")
    @classmethod
    def _type_is_name(cls, value: str | None, info: Any) -> str | None:
        if value is not None and value != info.data.get("name"):
            raise ValueError("must equal the tool's name")
        return value


_Domains = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=255)]],
    Field(min_length=1, max_length=64),
]


class UserLocation(Shape):
    type: Literal["approximate"]
    city: str | None = None
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    region: str | None = None
    timezone: str | None = None


class WebSearch(Shape):
    name: Literal["web_search"]
    type: Literal["web_search"] | None = None
    enabled: bool | None = None
    permission_policy: Policy | None = None
    allowed_domains: _Domains | None = None
    blocked_domains: _Domains | None = None
    user_location: UserLocation | None = None


class ToolReference(Shape):
    type: Literal["tool_reference"]
    name: Annotated[str, Field(min_length=1, max_length=128)]


class SourceFilter(Shape):
    type: Literal["all", "none", "only", "except"]
    tools: list[ToolReference] | None = None


def _object_form(value: object) -> object:
    return {"type": value} if isinstance(value, str) else value


_Source = Annotated[SourceFilter, BeforeValidator(_object_form)]


class UrlSources(Shape):
    user_input: _Source | None = None
    client_tool_results: _Source | None = None
    server_tool_results: _Source | None = None


class WebFetch(Shape):
    name: Literal["web_fetch"]
    type: Literal["web_fetch"] | None = None
    enabled: bool | None = None
    permission_policy: Policy | None = None
    allowed_domains: _Domains | None = None
    blocked_domains: _Domains | None = None
    max_content_tokens: Annotated[int, Field(gt=0)] | None = None
    url_sources: UrlSources | None = None


def _config_tag(value: object) -> str:
    name = value.get("name") if isinstance(value, dict) else getattr(value, "name", None)
    return name if name in ("web_search", "web_fetch") else "plain"


_Config = Annotated[
    Annotated[PlainTool, Tag("plain")]
    | Annotated[WebSearch, Tag("web_search")]
    | Annotated[WebFetch, Tag("web_fetch")],
    Discriminator(_config_tag),
]


class Toolset(Shape):
    type: Literal["agent_toolset_20260401"]
    default_config: DefaultConfig | None = None
    configs: list[_Config] | None = None

    @field_validator("configs")
    @classmethod
    def _names_differ(cls, value: list[Any] | None) -> list[Any] | None:
        names = [config.name for config in value or ()]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"tool {name!r} is configured more than once")
        return value


class InputSchema(Shape):
    """A JSON Schema: its keywords are open."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    type: Literal["object"]
    properties: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")], Any] | None = None
    required: list[str] | None = None


class CustomTool(Shape):
    type: Literal["custom"]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
    description: Annotated[str, Field(min_length=1)]
    input_schema: InputSchema


class McpToolset(Shape):
    """Read so that it can be refused by name: the local service has no MCP client."""

    type: Literal["mcp_toolset"]
    mcp_server_name: str
    default_config: DefaultConfig | None = None
    configs: list[Any] | None = None


Tool = Annotated[Toolset | CustomTool | McpToolset, Discriminator("type")]
_Tools = Annotated[list[Tool], Field(max_length=128)]


class Identity(Shape):
    type: Literal["service_account", "aws_role"]
    role_arn: Annotated[str, Field(max_length=2048)] | None = None


class AgentCreate(Shape):
    name: Name
    model: str | Model
    description: _Description | None = None
    system: _System | None = None
    tools: _Tools | None = None
    mcp_servers: list[Any] | None = None
    skills: list[Any] | None = None
    multiagent: dict[str, Any] | None = None
    execution_identity: Identity | None = None
    metadata: Metadata = Field(default_factory=dict)


class AgentUpdate(Shape):
    version: Annotated[int, Field(ge=1)] | None = None
    name: Name | None = None
    model: str | Model | None = None
    description: _Description | None = None
    system: _System | None = None
    tools: _Tools | None = None
    mcp_servers: list[Any] | None = None
    skills: list[Any] | None = None
    multiagent: dict[str, Any] | None = None
    execution_identity: Identity | None = None
    metadata: MetadataPatch | None = None

    @field_validator("name", "model", "version")
    @classmethod
    def _not_null(cls, value: object) -> object:
        if value is None:
            raise ValueError("null is not allowed: leave the field out to keep its value")
        return value
