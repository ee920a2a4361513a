"""Tools of an agent: the built-in ones by a word, custom ones by what runs them."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from agentflow.spec.base import Count, SpecModel, Text, ToolName, Word
from agentflow.spec.custom import ArgumentRule, CustomTool
from agentflow.spec.declare import Field, StringConstraints, model_validator

__all__ = [
    "BUILT_IN_TOOLS",
    "ArgumentRule",
    "BuiltInTool",
    "CustomTool",
    "Policy",
    "Tools",
    "UrlFilter",
    "UrlSources",
    "UserLocation",
    "WebFetchTool",
    "WebSearchTool",
]

BUILT_IN_TOOLS = ("bash", "read", "write", "edit", "glob", "grep", "web_search", "web_fetch")
"""The members of the service's `agent_toolset_20260401`, in its order."""

Policy = Literal["allow", "ask", "auto", "off"]


class BuiltInTool(SpecModel):
    word_key: ClassVar[str | None] = "policy"

    policy: Policy = Field(
        description="allow: runs. ask: waits for an answer by the `approvals` rules. "
        "auto: the service judges each call. off: the agent does not have it."
    )


Domain = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Domains = Annotated[list[Domain], Field(min_length=1, max_length=64)]


class _WebTool(BuiltInTool):
    domains: Domains | None = Field(
        default=None, description="Only these hosts, with their subdomains. Not with `blocked`."
    )
    blocked: Domains | None = Field(default=None, description="All hosts but these.")

    @model_validator(mode="after")
    def _one_list(self) -> Self:
        if self.domains and self.blocked:
            raise ValueError("Only one of `domains` and `blocked` can be set.")
        return self


class UserLocation(SpecModel):
    city: Text | None = Field(default=None, description="Such as Berlin.")
    country: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")] | None = Field(
        default=None, description="ISO 3166-1 alpha-2, upper case."
    )
    region: Text | None = Field(default=None, description="A state or a province.")
    timezone: Text | None = Field(default=None, description="IANA name, such as Europe/Berlin.")


class WebSearchTool(_WebTool):
    location: UserLocation | None = Field(
        default=None, description="Where searches are made from, roughly."
    )


class UrlFilter(SpecModel):
    """Which tools' results may contribute addresses: exactly one of the two."""

    only: Annotated[list[ToolName], Field(min_length=1, max_length=128)] | None = Field(
        default=None, description="These tools alone."
    )
    but: Annotated[list[ToolName], Field(min_length=1, max_length=128)] | None = Field(
        default=None, description="All tools except these."
    )

    @model_validator(mode="after")
    def _one_list(self) -> Self:
        if (self.only is None) == (self.but is None):
            raise ValueError("Set exactly one of `only` and `but`.")
        return self


class UrlSources(SpecModel):
    """Where the addresses it fetches may come from."""

    user: Literal["all", "none"] = Field(default="all", description="Messages of the user.")
    custom: Literal["all", "none"] | UrlFilter = Field(
        default="all", description="Results of custom tools."
    )
    server: Literal["all", "none"] | UrlFilter = Field(
        default="all", description="Results of web_search and web_fetch."
    )

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.user == self.custom == self.server == "none":
            raise ValueError("With no source left nothing could be fetched: turn the tool off.")
        return self


class WebFetchTool(_WebTool):
    sources: UrlSources = Field(
        default_factory=UrlSources, description="Where the addresses may come from."
    )
    max_tokens: Count | None = Field(
        default=None, description="A page longer than this is cut before the model reads it."
    )


class Tools(SpecModel):
    """What is not named is disabled."""

    __slots__ = ("_declared",)

    bash: Annotated[BuiltInTool, Word()] | None = Field(default=None, description="A shell.")
    read: Annotated[BuiltInTool, Word()] | None = Field(default=None, description="Read a file.")
    write: Annotated[BuiltInTool, Word()] | None = Field(default=None, description="Write a file.")
    edit: Annotated[BuiltInTool, Word()] | None = Field(default=None, description="Change a file.")
    glob: Annotated[BuiltInTool, Word()] | None = Field(default=None, description="Find files.")
    grep: Annotated[BuiltInTool, Word()] | None = Field(default=None, description="Search files.")
    web_search: Annotated[WebSearchTool, Word()] | None = Field(
        default=None, description="Search the web, on the service's machines."
    )
    web_fetch: Annotated[WebFetchTool, Word()] | None = Field(
        default=None, description="Fetch pages, on the service's machines."
    )


def is_enabled(tool: BuiltInTool | None) -> bool:
    """Whether the agent has the tool. None: it was not named."""
    return tool is not None and tool.policy != "off"


def declared_tools(tools: Tools) -> Mapping[str, BuiltInTool]:
    """The tools that were named and are not off, in the order of `BUILT_IN_TOOLS`."""
    known: Mapping[str, BuiltInTool] | None = getattr(tools, "_declared", None)
    if known is not None:  # thirty rules and checks ask
        return known
    found: dict[str, BuiltInTool] = {}
    for name in BUILT_IN_TOOLS:
        if name in tools.model_fields_set:
            tool = getattr(tools, name)
            if tool is not None and tool.policy != "off":  # as `is_enabled`
                found[name] = tool
    object.__setattr__(tools, "_declared", found)
    return found
