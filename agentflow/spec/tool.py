"""Tools of an agent: the built-in ones by a word, custom ones by what runs them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from agentflow.spec.base import Count, Duration, Json, SpecModel, Text

__all__ = [
    "BUILT_IN_TOOLS",
    "ArgumentRule",
    "BuiltInTool",
    "CustomTool",
    "Tools",
    "UserLocation",
    "WebFetchTool",
    "WebSearchTool",
]

BUILT_IN_TOOLS = ("bash", "read", "write", "edit", "glob", "grep", "web_search", "web_fetch")
"""The members of the service's `agent_toolset_20260401`, in its order."""

Policy = Literal["allow", "ask", "auto", "off"]


def _from_word(value: object) -> object:
    """`read: allow` is short for `read: { policy: allow }`."""
    return {"policy": value} if isinstance(value, str) else value


class BuiltInTool(SpecModel):
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
    def _one_list(self) -> _WebTool:
        if self.domains and self.blocked:
            raise ValueError("Only one of `domains` and `blocked` can be set.")
        return self


class UserLocation(SpecModel):
    city: Text | None = None
    country: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")] | None = Field(
        default=None, description="ISO 3166-1 alpha-2, upper case."
    )
    region: Text | None = None
    timezone: Text | None = Field(default=None, description="IANA name, such as Europe/Berlin.")


class WebSearchTool(_WebTool):
    location: UserLocation | None = Field(
        default=None, description="Where searches are made from, roughly."
    )


class WebFetchTool(_WebTool):
    max_tokens: Count | None = Field(
        default=None, description="A page longer than this is cut before the model reads it."
    )


_Word = BeforeValidator(_from_word)


class Tools(SpecModel):
    """What is not named is disabled."""

    bash: Annotated[BuiltInTool, _Word] | None = Field(default=None, description="A shell.")
    read: Annotated[BuiltInTool, _Word] | None = Field(default=None, description="Read a file.")
    write: Annotated[BuiltInTool, _Word] | None = Field(default=None, description="Write a file.")
    edit: Annotated[BuiltInTool, _Word] | None = Field(default=None, description="Change a file.")
    glob: Annotated[BuiltInTool, _Word] | None = Field(default=None, description="Find files.")
    grep: Annotated[BuiltInTool, _Word] | None = Field(default=None, description="Search files.")
    web_search: Annotated[WebSearchTool, _Word] | None = Field(
        default=None, description="Search the web, on the service's machines."
    )
    web_fetch: Annotated[WebFetchTool, _Word] | None = Field(
        default=None, description="Fetch pages, on the service's machines."
    )


class ArgumentRule(SpecModel):
    """Globs an argument of a custom tool is held against before the tool runs; `deny` wins."""

    allow: list[Text] | None = Field(default=None, description="One of these must match.")
    deny: list[Text] | None = Field(default=None, description="None of these may match.")


class CustomTool(SpecModel):
    """A tool that runs on your side: the agent calls it, agentflow executes it."""

    run: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$")
    ] = Field(
        description="A Python callable, `package.module:function`, looked up from the project "
        "directory. Its schema is read from type hints and docstring, without importing it."
    )
    description: Text | None = Field(
        default=None, description="What the agent is told. Default: the docstring."
    )
    input_schema: dict[str, Json] | None = Field(
        default=None,
        description="JSON Schema of the arguments. Default: from the type hints.",
    )
    timeout: Duration = Field(default=60.0, description="A call that takes longer is stopped.")
    max_calls: Count | None = Field(default=None, description="Further calls in a run are refused.")
    idempotent: bool = Field(
        default=False,
        description="Running it twice does no harm: after a crash an unfinished call is run again.",
    )
    policy: Literal["allow", "ask"] = Field(
        default="allow", description="ask: the `approvals` rules decide each call."
    )
    arguments: dict[str, ArgumentRule] = Field(
        default_factory=dict, description="Rules by argument name."
    )


def is_enabled(tool: BuiltInTool | None) -> bool:
    """Whether the agent has the tool. None: it was not named."""
    return tool is not None and tool.policy != "off"


def declared_tools(tools: Tools) -> dict[str, BuiltInTool]:
    """The tools that were named and are not off, in the order of `BUILT_IN_TOOLS`."""
    found: dict[str, Any] = {name: getattr(tools, name) for name in BUILT_IN_TOOLS}
    return {name: tool for name, tool in found.items() if is_enabled(tool)}
