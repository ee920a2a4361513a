"""A spec as it is put together: for people, with the place of each value beside it, and for programs.

agentflow compile --explain agent/writer

agent/writer on target prod

  may touch     read, write, bash (ask)
  may spend     $2.50, 60 turns

kind: Agent
name: writer          # agents.yaml:2
model: claude-opus-5  # agentflow.yaml:5, ${var.model}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from textwrap import wrap
from typing import Any

from agentflow.compiler.explain import Explained, Value
from agentflow.output.excerpt import printable
from agentflow.output.text import clean, one_line
from agentflow.output.yaml_text import yaml_lines

__all__ = ["explain_json", "explain_schema", "render_explained"]

FORMAT = 1

_WIDTH = 100
"""Of a line of the review, and beyond it comments are not aligned."""
_COLUMN = 56
"""Comments stand here at most, unless their line is longer."""
_BOLD, _DIM = "1", "2"


def render_explained(
    explained: Explained, *, color: bool, show_path: Callable[[str], str] = str
) -> str:
    """The review, then the spec as YAML; ends with a line break."""
    head = f"{explained.address} on target {explained.target}"
    lines = [_styled(head, _BOLD, color=color), "", *_review(explained, color=color)]
    if explained.review:
        lines.append("")
    lines += _spec(explained, color=color, show_path=show_path)
    return "\n".join(lines) + "\n"


def _review(explained: Explained, *, color: bool) -> Iterator[str]:
    width = max((len(answer.question) for answer in explained.review), default=0)
    for answer in explained.review:
        label = _styled(f"{answer.question:<{width}}", _BOLD, color=color)
        for line in answer.lines:
            # Wrapped and never cut: the end of the line may be what matters.
            for part in wrap(clean(line), _WIDTH - width - 4, subsequent_indent="  ") or [""]:
                yield f"  {label}  {part}"
                label = " " * width


def _spec(explained: Explained, *, color: bool, show_path: Callable[[str], str]) -> Iterator[str]:
    values = {value.path: value for value in explained.values}
    lines = list(yaml_lines(explained.data))
    lengths = [len(line.text) for line in lines if line.path is not None]
    column = max((length for length in lengths if length <= _COLUMN), default=0)
    for line in lines:
        text = printable(line.text)
        if line.path is None:
            yield text
            continue
        comment = f"# {_place(values[line.path], show_path)}"
        yield f"{text:<{column}}  {_styled(printable(comment), _DIM, color=color)}"


def _place(value: Value, show_path: Callable[[str], str]) -> str:
    place = f"{show_path(value.span.file)}:{value.span.line}"
    return place if value.written is None else f"{place}, {one_line(value.written, 60)}"


def _styled(text: str, style: str, *, color: bool) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if color else text


def explain_json(explained: Sequence[Explained]) -> str:
    """Of each spec its data, the place of each leaf, and the review."""
    specs = [
        {
            "address": item.address,
            "kind": item.kind,
            "target": item.target,
            "spec": item.data,
            "values": [_value(value) for value in item.values],
            "review": [
                {"question": answer.question, "answers": list(answer.lines)}
                for answer in item.review
            ],
        }
        for item in explained
    ]
    data = {"format": FORMAT, "specs": specs}
    return json.dumps(data, indent=2, ensure_ascii=False, default=_number)


def _value(value: Value) -> dict[str, Any]:
    return {
        "path": list(value.path),
        "file": value.span.file,
        "line": value.span.line,
        "column": value.span.column,
        "written": value.written,
    }


def _number(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def explain_schema() -> str:
    """JSON Schema of what `compile --explain --format json` prints."""
    text, place = {"type": "string"}, {"type": "integer", "minimum": 1}
    value = _object(
        {
            "path": {"type": "array", "items": {"type": ["string", "integer"]}},
            "file": {**text, "description": "`--set` is the command line."},
            "line": place,
            "column": place,
            "written": {
                "type": ["string", "null"],
                "description": "Before substitution. null: nothing was substituted.",
            },
        }
    )
    answer = _object({"question": text, "answers": {"type": "array", "items": text}})
    spec = _object(
        {
            "address": text,
            "kind": text,
            "target": text,
            "spec": {"type": "object", "description": "From all its layers, after substitution."},
            "values": {"type": "array", "items": value},
            "review": {"type": "array", "items": answer},
        }
    )
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Specs of agentflow, explained",
        **_object({"format": {"const": FORMAT}, "specs": {"type": "array", "items": spec}}),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
