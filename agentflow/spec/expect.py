"""What a test expects of a run, a prompt or a tool."""

import re
from typing import Annotated, ClassVar, Literal, Self

from agentflow.spec.base import (
    Cost,
    Count,
    Duration,
    FilePath,
    Identifier,
    SpecModel,
    Text,
    Word,
)
from agentflow.spec.declare import AfterValidator, Field, StringConstraints, model_validator

__all__ = [
    "ApprovalExpected",
    "CallExpected",
    "CountExpected",
    "ExpectSpec",
    "FindingsExpected",
    "LimitsExpected",
    "MessageExpected",
    "OutputExpected",
    "PromptExpected",
    "ToolCall",
    "ToolsExpected",
]

ToolCall = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""`bash`, a custom tool, or `server.tool`; globs are allowed."""


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"This is no regular expression: {error}.") from None
    return pattern


Pattern = Annotated[Text, AfterValidator(_compiles)]
"""A regular expression, searched for anywhere."""


class CallExpected(SpecModel):
    """A call of a tool. What is not said may be anything."""

    word_key: ClassVar[str | None] = "tool"

    tool: ToolCall = Field(
        description="`bash`, a custom tool, or `server.tool`; globs are allowed."
    )
    arguments: dict[Text, Text] = Field(
        default_factory=dict,
        description="By name, a glob over the whole argument; what is no text is held as JSON.",
    )
    result: Text | None = Field(default=None, description="A text its result holds.")
    failed: bool | None = Field(default=None, description="Whether its result is an error.")


_Call = Annotated[CallExpected, Word()]


class CountExpected(SpecModel):
    """How often, at least and at most."""

    at_least: Annotated[int, Field(ge=0)] | None = Field(default=None, description="This or more.")
    at_most: Annotated[int, Field(ge=0)] | None = Field(default=None, description="This or less.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("A count needs one of `at_least` and `at_most`.")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("`at_least` is more than `at_most`.")
        return self


class ToolsExpected(SpecModel):
    must: list[_Call] | None = Field(default=None, description="Each is called, in any order.")
    order: list[_Call] | None = Field(
        default=None, description="Called in this order; others may come between."
    )
    never: list[_Call] | None = Field(default=None, description="Never called.")
    counts: dict[ToolCall, Count | CountExpected] | None = Field(
        default=None, description="Called exactly so often, or within bounds."
    )


class ApprovalExpected(SpecModel):
    """A tool that asked, and the answer."""

    tool: ToolCall = Field(description="Which; globs are allowed.")
    answer: Literal["allow", "deny"] = Field(description="What it was told.")
    by: Text | None = Field(
        default=None,
        description="Who answered: `rule 1`, `person`, `webhook`, `timeout`, or `default` where no rule fits.",
    )


class OutputExpected(SpecModel):
    """One delivered file. What is not said is not checked."""

    word_key: ClassVar[str | None] = "equals"

    equals: FilePath | None = Field(
        default=None, description="The file that it must equal, byte for byte."
    )
    exists: bool | None = Field(default=None, description="false: it must not be delivered.")
    contains: list[Text] | None = Field(default=None, description="Texts it holds.")
    matches: list[Pattern] | None = Field(
        default=None, description="Regular expressions that are found in it."
    )
    sections: list[Text] | None = Field(default=None, description="Headings it has, in this order.")
    json_schema: FilePath | None = Field(
        default=None, alias="schema", description="The JSON Schema that it fits."
    )
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        default=None, description="Of its bytes, in hexadecimal digits."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        others = self.model_fields_set - {"exists"}
        if not self.model_fields_set:
            raise ValueError("Nothing is expected of this output.")
        if self.exists is False and others:
            raise ValueError("An output that does not exist cannot be anything else.")
        return self


_Output = Annotated[OutputExpected, Word()]


class MessageExpected(SpecModel):
    """What the agent says, in all of its messages together."""

    word_key: ClassVar[str | None] = "contains"

    contains: Text = Field(default="", description="A text that some message holds.")
    matches: Pattern | None = Field(
        default=None, description="A regular expression that is found in some message."
    )
    never: Text | None = Field(default=None, description="A text that no message holds.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (not self.contains) + (self.matches is None) + (self.never is None) != 2:
            raise ValueError("A message needs one of `contains`, `matches` and `never`.")
        return self


_Message = Annotated[MessageExpected, Word()]


class LimitsExpected(SpecModel):
    """At most."""

    usd: Cost | None = Field(default=None, description="Dollars at list price.")
    tokens: Count | None = Field(default=None, description="Tokens of all four classes.")
    turns: Count | None = Field(default=None, description="Model requests.")
    tool_calls: Count | None = Field(default=None, description="Calls of any tool.")
    wall: Duration | None = Field(default=None, description="Time from start to end.")


class PromptExpected(SpecModel):
    """Of the system prompt as it is sent."""

    sections: Literal["once"] | None = Field(
        default=None, description="once: every policy that is declared reaches it exactly once."
    )
    contains: list[Text] | None = Field(default=None, description="Texts it holds.")
    never: list[Text] | None = Field(default=None, description="Texts it does not hold.")


class FindingsExpected(SpecModel):
    """What an audit of the session finds: codes, names, or globs over them."""

    must: list[Text] | None = Field(default=None, description="Each is found.")
    never: list[Text] | None = Field(default=None, description="None is found; `*` for nothing.")


class ExpectSpec(SpecModel):
    """What must hold afterwards. What is not said is not checked, except that the run completes."""

    verdict: Literal[
        "completed",
        "incomplete",
        "failed",
        "budget",
        "refused",
        "needs_person",
        "interrupted",
        "unknown",
    ] = Field(default="completed", description="How the run ends.")
    reason: Text | None = Field(default=None, description="A text that the reason of it holds.")
    stop_reason: Text | None = Field(default=None, description="Of the last idle event.")
    outputs: Literal["valid"] | dict[Identifier, _Output] | None = Field(
        default=None,
        description="valid: all verified. Or by output, the file it must equal, or what it must be.",
    )
    tools: ToolsExpected | None = Field(default=None, description="Which tools it has called.")
    approvals: list[ApprovalExpected] | None = Field(
        default=None, description="Tools that asked, and who answered. Empty: none asked."
    )
    messages: list[_Message] | None = Field(
        default=None, description="Texts the agent's messages hold."
    )
    limits: LimitsExpected | None = Field(
        default=None, description="What it may have used at most."
    )
    repairs: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="How often outputs were sent back, exactly."
    )
    warnings: list[Text] | None = Field(
        default=None, description="Texts that warnings of the run hold. Empty: there are none."
    )
    findings: FindingsExpected | None = Field(
        default=None, description="What an audit of the session finds."
    )
    prompt: PromptExpected | None = Field(default=None, description="Of the system prompt.")
    checks: list[Text] = Field(
        default_factory=list, description="`package.module:function`, called with the outputs."
    )
