"""The Test kind: what an agent has to do, checked in one of five layers."""

from typing import Annotated, Literal, Self

from agentflow.spec.base import (
    AgentRef,
    ApiVersion,
    Count,
    Duration,
    FilePath,
    Identifier,
    Json,
    Money,
    Name,
    Percent,
    SpecModel,
    Text,
    ToolName,
)
from agentflow.spec.declare import Field, StringConstraints, model_validator

__all__ = ["BELONGS", "NEEDED", "ExpectSpec", "FaultSpec", "HandlerCall", "TestSpec"]

ToolCall = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""`bash`, a custom tool, or `server.tool`; globs are allowed."""

Layer = Literal["handler", "render", "loop", "replay", "live"]


class HandlerCall(SpecModel):
    """One call of a custom tool, without a session."""

    tool: ToolName = Field(description="The custom tool that is called.")
    arguments: dict[str, Json] = Field(default_factory=dict, description="What it is called with.")
    result: Json = Field(default=None, description="What it returns, exactly.")
    contains: list[Text] | None = Field(default=None, description="Texts its result holds.")
    error: Text | None = Field(default=None, description="A text its failure holds.")

    @model_validator(mode="after")
    def _expects_something(self) -> Self:
        if self.result is None and self.contains is None and self.error is None:
            raise ValueError("A call expects one of `result`, `contains` and `error`.")
        if self.error is not None and (self.result is not None or self.contains is not None):
            raise ValueError("A call that fails has no result: `error` stands alone.")
        return self


class FaultSpec(SpecModel):
    """Something that goes wrong on the way. Events are counted from 1."""

    fault: Literal[
        "drop",
        "duplicate",
        "delay",
        "rate_limit",
        "server_error",
        "error_event",
        "refusal",
        "tool_crash",
        "kill_client",
    ] = Field(
        description="drop: the stream ends. duplicate: an event comes twice. delay: an event comes "
        "late. rate_limit: 429. server_error: 500. error_event: session.error. refusal: the model "
        "refuses. tool_crash: the tool dies. kill_client: agentflow is killed and started again."
    )
    after: Count | None = Field(default=None, description="After this event of the stream.")
    before: Count | None = Field(default=None, description="Before this event of the stream.")
    times: Count = Field(default=1, description="How often.")
    delay: Duration | None = Field(default=None, description="With `delay`: how long.")
    tool: ToolCall | None = Field(default=None, description="With `tool_crash`: which.")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.after is not None and self.before is not None:
            raise ValueError("Only one of `after` and `before` can be set.")
        if (self.delay is None) == (self.fault == "delay"):
            raise ValueError("`delay` goes with `fault: delay`.")
        if self.tool is not None and self.fault != "tool_crash":
            raise ValueError("`tool` goes with `fault: tool_crash`.")
        return self


class ToolsExpected(SpecModel):
    order: list[ToolCall] | None = Field(
        default=None, description="Called in this order; others may come between."
    )
    never: list[ToolCall] | None = Field(default=None, description="Never called.")
    counts: dict[ToolCall, Count] | None = Field(
        default=None, description="Called exactly so often."
    )


class LimitsExpected(SpecModel):
    """At most."""

    usd: Money | None = Field(default=None, description="Dollars at list price.")
    tokens: Count | None = Field(default=None, description="Tokens of all four classes.")
    turns: Count | None = Field(default=None, description="Model requests.")
    tool_calls: Count | None = Field(default=None, description="Calls of any tool.")
    wall: Duration | None = Field(default=None, description="Time from start to end.")


class ExpectSpec(SpecModel):
    """What must hold afterwards. What is not said is not checked, except that the run completes."""

    verdict: Literal["completed", "failed", "budget", "refused", "needs_person"] = Field(
        default="completed", description="How the run ends."
    )
    outputs: Literal["valid"] | dict[Identifier, FilePath] | None = Field(
        default=None, description="valid: all verified. Or by output, the file it must equal."
    )
    tools: ToolsExpected | None = Field(default=None, description="Which tools it has called.")
    stop_reason: Text | None = Field(default=None, description="Of the last idle event.")
    limits: LimitsExpected | None = Field(
        default=None, description="What it may have used at most."
    )
    messages: list[Text] | None = Field(
        default=None, description="Texts the agent's messages hold."
    )
    checks: list[Text] = Field(
        default_factory=list, description="`package.module:function`, called with the outputs."
    )


class TestSpec(SpecModel):
    """One test; its layer follows from what it has unless it says so."""

    __test__ = False  # pytest would collect a class of this name

    apiVersion: ApiVersion | None = Field(
        default=None, description="agentflow/v1, in the first document of every file."
    )
    kind: Literal["Test"] = Field(description="What this document declares.")
    name: Name = Field(description="Part of the address: lower case, digits, hyphens.")
    description: Text | None = Field(default=None, description="For people who read the spec.")
    layer: Layer = Field(
        description="handler: calls of custom tools. render: prompt and payload against a file. "
        "loop: a run with a model script and faults. replay: a recorded session. live: a real target."
    )
    agent: AgentRef = Field(description="The name of the Agent that is tested.")
    inputs: dict[Identifier, Json] = Field(
        default_factory=dict, description="Values of the agent's inputs; files beside the spec."
    )
    calls: list[HandlerCall] | None = Field(default=None, description="With `handler`.")
    golden: FilePath | None = Field(
        default=None, description="With `render`: the file that prompt and payload must equal."
    )
    script: FilePath | None = Field(default=None, description="With `loop`: the model's turns.")
    faults: list[FaultSpec] = Field(default_factory=list, description="With `loop`.")
    cassette: FilePath | None = Field(
        default=None, description="With `replay`: the recorded session. A miss fails."
    )
    target: Name | None = Field(default=None, description="With `live`: where it runs.")
    repeat: Count = Field(default=1, description="With `live`: how often it runs.")
    pass_rate: Percent | None = Field(
        default=None, description="With `repeat`: the share that must pass. Default: all."
    )
    timeout: Duration = Field(default=300.0, description="A test that takes longer fails.")
    expect: ExpectSpec = Field(default_factory=ExpectSpec, description="What must hold afterwards.")

    @model_validator(mode="after")
    def _fits_its_layer(self) -> Self:
        for key, layer in BELONGS.items():
            given = key in self.model_fields_set
            if given and self.layer != layer:
                raise ValueError(f"`{key}` goes with `layer: {layer}`, not {self.layer}.")
            if not given and self.layer == layer and key in NEEDED:
                raise ValueError(f"`layer: {layer}` needs `{key}`.")
        return self


BELONGS = {
    "calls": "handler",
    "golden": "render",
    "script": "loop",
    "faults": "loop",
    "cassette": "replay",
    "target": "live",
    "repeat": "live",
    "pass_rate": "live",
}
NEEDED = frozenset({"calls", "golden", "script", "cassette"})
