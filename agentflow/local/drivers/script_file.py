"""[io] The file of a model script: its shape, and every problem of it at its place.

What the fields mean is written in `script.py`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from agentflow.local.drivers.base import Retry
from agentflow.local.fault_plan import FAULT_MODELS, FaultPlan
from agentflow.local.placed import Shape, parse_as, read_as
from agentflow.local.prices import Tokens

__all__ = ["Expectation", "Script", "ScriptTurn", "parse_script", "read_script", "script_schema"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ServerResult(_Part):
    """What an MCP server answers."""

    text: str
    is_error: bool = False


class ScriptCall(_Part):
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")] | None = None
    name: Annotated[str, Field(min_length=1)]
    input: dict[str, Any] = {}
    thread: Annotated[str, Field(min_length=1)] | None = None
    server: Annotated[str, Field(min_length=1)] | None = None
    result: str | ServerResult | None = None

    @property
    def key(self) -> str:
        return self.id or self.name

    @model_validator(mode="after")
    def _answers_for_servers_only(self) -> ScriptCall:
        if self.result is not None and self.server is None:
            raise ValueError("`result` goes with `server`: other tools answer for themselves")
        return self


class Usage(_Part):
    input: Annotated[int, Field(ge=0)] = 0
    output: Annotated[int, Field(ge=0)] = 0
    cache_read: Annotated[int, Field(ge=0)] = 0
    cache_write: Annotated[int, Field(ge=0)] = 0


class Expectation(_Part):
    tool: str
    contains: str | list[str] | None = None
    is_error: bool | None = None

    @property
    def needles(self) -> list[str]:
        if self.contains is None:
            return []
        return [self.contains] if isinstance(self.contains, str) else self.contains


class Failure(_Part):
    type: Literal[
        "unknown_error",
        "model_overloaded_error",
        "model_rate_limited_error",
        "model_request_failed_error",
        "billing_error",
        "tool_use_limit_reached_error",
        "compaction_limit_reached_error",
    ] = "model_request_failed_error"
    message: str = "The model request failed."
    retry: Retry = "exhausted"


class ScriptTurn(_Part):
    think: bool = False
    say: str | None = None
    tools: list[ScriptCall] = []
    usage: Usage | None = None
    expect: Expectation | list[Expectation] | None = None
    stop: Literal["refusal"] | None = None
    error: Failure | None = None

    @property
    def expectations(self) -> list[Expectation]:
        if self.expect is None:
            return []
        return self.expect if isinstance(self.expect, list) else [self.expect]

    @property
    def tokens(self) -> Tokens | None:
        return Tokens(**self.usage.model_dump()) if self.usage else None

    @model_validator(mode="after")
    def _does_one_thing(self) -> ScriptTurn:
        if self.error and (self.say or self.tools or self.stop):
            raise ValueError("a turn with `error` says nothing, calls nothing and does not stop")
        if self.stop and self.tools:
            raise ValueError("a turn that refuses calls no tools")
        if not (self.error or self.say or self.tools or self.stop):
            raise ValueError("a turn needs `say`, `tools`, `stop` or `error`")
        return self


_Turns = Annotated[list[ScriptTurn], Field(min_length=1)]


class ScriptAgent(_Part):
    turns: _Turns


class Script(_Part):
    agents: dict[str, ScriptAgent] | None = None
    turns: _Turns | None = None
    faults: FaultPlan | None = None

    def turns_of(self, agent: str) -> list[ScriptTurn] | None:
        """None: this script does not play that agent."""
        own = (self.agents or {}).get(agent)
        return own.turns if own else self.turns

    @model_validator(mode="after")
    def _not_empty(self) -> Script:
        if not self.agents and not self.turns:
            raise ValueError("a script needs `agents` or `turns`")
        return self


_SCRIPT = Shape(
    "model script",
    (Script, ScriptTurn, ScriptCall, ServerResult, Usage, Expectation, Failure, *FAULT_MODELS),
)


def script_schema() -> str:
    """The JSON Schema of a script file, as text."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Script.model_json_schema(),
    }
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def read_script(path: Path) -> Script:
    """The script in a file.

    Raises:
        ProblemsFound: it is not a script.
        FileRefused: it cannot be read.
    """
    return read_as(Script, _SCRIPT, path)


def parse_script(file: str, text: str) -> Script:
    """The script in a text.

    Raises:
        ProblemsFound: it is not a script.
    """
    return parse_as(Script, _SCRIPT, file, text)
