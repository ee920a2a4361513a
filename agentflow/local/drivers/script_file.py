"""[io] The file of a model script: its shape, and every problem of it at its place.

What the fields mean is written in `script.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agentflow import codes
from agentflow.diagnostics import Diagnostic, Span, has_errors
from agentflow.errors import FileRefused, ProblemsFound
from agentflow.local.drivers.base import Retry
from agentflow.local.prices import Tokens
from agentflow.source.tree import Document
from agentflow.source.yaml import parse

__all__ = ["Expectation", "Script", "ScriptTurn", "parse_script", "read_script", "script_schema"]

_MAX_BYTES = 10_000_000


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ScriptCall(_Part):
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")] | None = None
    name: Annotated[str, Field(min_length=1)]
    input: dict[str, Any] = {}

    @property
    def key(self) -> str:
        return self.id or self.name


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

    def turns_of(self, agent: str) -> list[ScriptTurn] | None:
        """None: this script does not play that agent."""
        own = (self.agents or {}).get(agent)
        return own.turns if own else self.turns

    @model_validator(mode="after")
    def _not_empty(self) -> Script:
        if not self.agents and not self.turns:
            raise ValueError("a script needs `agents` or `turns`")
        return self


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
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FileRefused(
                codes.FILE_TOO_LARGE.id, str(path), f"The model script {str(path)!r} is too large."
            )
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"The model script {str(path)!r} cannot be read: {error}."
        raise FileRefused(codes.FILE_MISSING.id, str(path), message) from None
    return parse_script(str(path), text)


def parse_script(file: str, text: str) -> Script:
    """The script in a text.

    Raises:
        ProblemsFound: it is not a script.
    """
    documents, problems = parse(file, text)
    if has_errors(problems):
        raise ProblemsFound(problems, "The model script has errors.")
    if len(documents) != 1:
        message = f"A model script is one YAML document; this file has {len(documents)}."
        problem = codes.BAD_MODEL_SCRIPT.at(Span.start_of(file), message)
        raise ProblemsFound([problem], "The model script has errors.")
    try:
        return Script.model_validate(documents[0].data)
    except ValidationError as error:
        found = tuple(_problems(documents[0], error))
        raise ProblemsFound(found, "The model script has errors.") from None


def _problems(document: Document, error: ValidationError) -> Iterator[Diagnostic]:
    places: set[tuple[int | str, ...]] = set()
    for item in error.errors(include_url=False):
        path = _in_document(document.data, item["loc"])
        if path in places:  # the branches of a union each complain about one value
            continue
        places.add(path)
        unknown = item["type"] == "extra_forbidden"
        message = _message(item["type"], item["msg"], path)
        hint = _nearest(str(path[-1])) if unknown and path else None
        span = document.span(path, key=unknown)
        yield codes.BAD_MODEL_SCRIPT.at(span, message, hint=hint)


def _in_document(data: Any, location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The part of pydantic's location that is a path in the data: union branches are not."""
    path: list[int | str] = []
    for part in location:
        if isinstance(part, int):
            if not isinstance(data, list) or part >= len(data):
                continue
            data = data[part]
        elif isinstance(data, dict) and part in data:
            data = data[part]
        else:
            continue
        path.append(part)
    return tuple(path)


def _message(type: str, text: str, path: tuple[int | str, ...]) -> str:
    if type == "extra_forbidden":
        return f"A model script has no field {str(path[-1])!r} here."
    where = ".".join(str(part) for part in path)
    said = text.removeprefix("Value error, ")
    return f"{where or 'The script'}: {said[:1].lower()}{said[1:]}."


def _nearest(key: str) -> str | None:
    known = {
        name
        for shape in (Script, ScriptTurn, ScriptCall, Usage, Expectation, Failure)
        for name in shape.model_fields
    }
    near = get_close_matches(key, sorted(known), n=1)
    return f"Did you mean {near[0]!r}?" if near else None
