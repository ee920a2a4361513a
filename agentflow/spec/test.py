"""The Test kind: what an agent has to do, checked in one of five layers."""

from typing import Annotated, Literal, Self

from agentflow.spec.base import (
    AgentRef,
    ApiVersion,
    Cost,
    Count,
    Duration,
    File,
    FilePath,
    Identifier,
    Json,
    Name,
    Percent,
    SpecModel,
    Text,
    ToolName,
)
from agentflow.spec.declare import Field, StringConstraints, model_validator
from agentflow.spec.expect import ExpectSpec, ToolCall

__all__ = [
    "BELONGS",
    "FAULT_FIELDS",
    "NEEDED",
    "FaultSpec",
    "HandlerCall",
    "PersonSpec",
    "StubSpec",
    "TestSpec",
]

Layer = Literal["handler", "render", "loop", "replay", "live"]

MadeFile = Annotated[str, StringConstraints(pattern=r"^\.\.?/"), File("made")]
"""A file beside the spec that a command writes, so it may be missing."""


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
    """Something that goes wrong on the way. All that is counted is counted from 1."""

    fault: Literal[
        "drop",
        "duplicate",
        "delay",
        "rate_limit",
        "server_error",
        "lost_answer",
        "error_event",
        "refusal",
        "budget",
        "tool_crash",
        "kill_client",
    ] = Field(
        description="drop: the stream ends. duplicate: an event comes twice. delay: an event comes "
        "late. rate_limit: 429. server_error: 500. lost_answer: a request takes place and its answer "
        "does not arrive. error_event: session.error. refusal: the model refuses. budget: the service "
        "says that the budget is used up. tool_crash: the tool dies. kill_client: agentflow is killed "
        "and started again."
    )
    after: Count | None = Field(default=None, description="After this event of the stream.")
    before: Count | None = Field(default=None, description="Before this event of the stream.")
    number: Count | None = Field(
        default=None,
        description="Which request is hit: of those that `to` names, or to the model. Default: 1.",
    )
    to: (
        Literal[
            "sessions.create",
            "sessions.retrieve",
            "events.send",
            "events.list",
            "events.stream",
            "files.list",
            "files.download",
        ]
        | None
    ) = Field(
        default=None,
        description="With rate_limit, server_error, lost_answer: which requests. Default: events.send.",
    )
    retry: Literal["retrying", "exhausted", "terminal"] | None = Field(
        default=None,
        description="With error_event. retrying (the default): the service tries again. exhausted: the "
        "turn is dead. terminal: the session is.",
    )
    times: Count = Field(default=1, description="How often.")
    delay: Duration | None = Field(default=None, description="With `delay`: how long.")
    tool: ToolCall | None = Field(default=None, description="With `tool_crash`: which.")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.after is not None and self.before is not None:
            raise ValueError("Only one of `after` and `before` can be set.")
        for key, (faults, needed) in FAULT_FIELDS.items():
            given = key in self.model_fields_set
            if given and self.fault not in faults:
                raise ValueError(f"`{key}` goes with {_any_of(faults)}.")
            if needed and not given and self.fault in faults:
                raise ValueError(f"`fault: {self.fault}` needs `{key}`.")
        return self


_STREAM = ("drop", "duplicate", "delay", "kill_client")
_ANSWERS = ("rate_limit", "server_error", "lost_answer")

FAULT_FIELDS: dict[str, tuple[tuple[str, ...], bool]] = {
    "after": (_STREAM, False),
    "before": (_STREAM, False),
    "number": ((*_ANSWERS, "error_event", "refusal", "budget"), False),
    "to": (_ANSWERS, False),
    "retry": (("error_event",), False),
    "times": (("drop", "delay", *_ANSWERS, "tool_crash"), False),
    "delay": (("delay",), True),
    "tool": (("tool_crash",), True),
}
"""Field -> the faults that have it, and whether these need it."""


def _any_of(faults: tuple[str, ...]) -> str:
    return " or ".join(f"`fault: {fault}`" for fault in faults)


class StubSpec(SpecModel):
    """What a tool answers that is not run."""

    result: Json = Field(default=None, description="Text, or data that is sent as JSON.")
    error: Text | None = Field(default=None, description="It fails, with this text.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if ("result" in self.model_fields_set) == (self.error is not None):
            raise ValueError("A tool that is not run needs one of `result` and `error`.")
        return self


class PersonSpec(SpecModel):
    """Somebody at the terminal. What is asked beyond this has no answer."""

    allow: list[ToolCall] = Field(default_factory=list, description="Tools that are let run.")
    deny: list[ToolCall] = Field(default_factory=list, description="Tools that are not.")
    replies: list[Text] = Field(
        default_factory=list, description="Answers to the agent's questions, in order."
    )


class TestSpec(SpecModel):
    """One test of one agent."""

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
    task: Text | None = Field(
        default=None,
        description="With `loop` and `replay`: the first message, instead of the agent's own.",
    )
    calls: list[HandlerCall] | None = Field(default=None, description="With `handler`.")
    golden: MadeFile | None = Field(
        default=None,
        description="With `render`: the file that prompt and payload must equal; "
        "`agentflow test --update` writes it.",
    )
    script: FilePath | None = Field(default=None, description="With `loop`: the model's turns.")
    faults: list[FaultSpec] = Field(
        default_factory=list, description="With `loop`: what goes wrong on purpose."
    )
    stubs: dict[ToolName, StubSpec] = Field(
        default_factory=dict, description="With `loop`: tools that are not run, by name."
    )
    person: PersonSpec | None = Field(
        default=None, description="With `loop`: who can be asked. Default: nobody is there."
    )
    cassette: MadeFile | None = Field(
        default=None, description="With `replay`: the recorded session. A miss fails."
    )
    target: Name | None = Field(default=None, description="With `live`: where it runs.")
    repeat: Count = Field(default=1, description="With `live`: how often it runs.")
    pass_rate: Percent | None = Field(
        default=None, description="With `repeat`: the share that must pass. Default: all."
    )
    max_cost: Cost | None = Field(
        default=None, description="With `live`: dollars that all of its runs may cost together."
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
        if self.task is not None and self.layer not in ("loop", "replay"):
            raise ValueError(
                f"`task` goes with `layer: loop` or `layer: replay`, not {self.layer}."
            )
        return self


BELONGS = {
    "calls": "handler",
    "golden": "render",
    "script": "loop",
    "faults": "loop",
    "stubs": "loop",
    "person": "loop",
    "cassette": "replay",
    "target": "live",
    "repeat": "live",
    "pass_rate": "live",
    "max_cost": "live",
}
NEEDED = frozenset({"calls", "golden", "script", "cassette"})
