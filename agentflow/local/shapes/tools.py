"""The `tools` of an agent, as the service accepts them.

Limits: https://platform.claude.com/docs/en/managed-agents/tools
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
)

from agentflow.local.shapes.base import Shape

__all__ = ["ServerName", "Tool", "Tools", "Toolset"]

ServerName = Annotated[str, Field(min_length=1, max_length=255)]


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


class AllOrNone(Shape):
    type: Literal["all", "none"]


class SomeTools(Shape):
    type: Literal["only", "except"]
    tools: Annotated[list[ToolReference], Field(min_length=1, max_length=128)]

    @field_validator("tools")
    @classmethod
    def _once(cls, value: list[ToolReference]) -> list[ToolReference]:
        if len({reference.name for reference in value}) < len(value):
            raise ValueError("each tool is named once")
        return value


def _object_form(value: object) -> object:
    return {"type": value} if isinstance(value, str) else value


_UserInput = Annotated[AllOrNone, BeforeValidator(_object_form)]
_Results = Annotated[
    Annotated[AllOrNone | SomeTools, Discriminator("type")], BeforeValidator(_object_form)
]


class UrlSources(Shape):
    user_input: _UserInput | None = None
    client_tool_results: _Results | None = None
    server_tool_results: _Results | None = None


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


def _names_differ(configs: list[Any]) -> list[Any]:
    names = [config.name for config in configs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"tool {name!r} is configured more than once")
    return configs


class Toolset(Shape):
    type: Literal["agent_toolset_20260401"]
    default_config: DefaultConfig | None = None
    configs: Annotated[list[_Config], AfterValidator(_names_differ)] | None = None


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


class McpTool(Shape):
    """Other than for built-in tools, there is no `type`."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    enabled: bool | None = None
    permission_policy: Policy | None = None


class McpToolset(Shape):
    type: Literal["mcp_toolset"]
    mcp_server_name: ServerName
    default_config: DefaultConfig | None = None
    configs: Annotated[list[McpTool], AfterValidator(_names_differ)] | None = None


Tool = Annotated[Toolset | CustomTool | McpToolset, Discriminator("type")]
Tools = Annotated[list[Tool], Field(max_length=128)]
