"""The reference pages in `docs/`, made from the spec models and the parsers."""

from __future__ import annotations

import json
import re
from argparse import Action
from collections.abc import Iterator, Mapping
from typing import Any

from agentflow.cli.main import COMMANDS, Command, parser_of
from agentflow.spec.kinds import KINDS

__all__ = ["commands_page", "spec_page"]

_HEAD = "<!-- Generated: run the tests with AGENTFLOW_UPDATE=1. -->\n"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


def _type(schema: Mapping[str, Any]) -> str:
    """A type in words: `text`, `list of text`, `allow or deny`, the name of another model."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            kinds = [_type(item) for item in schema[key] if item.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if schema.get("type") == "object":
        inner = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
        found = next((item for item in inner if isinstance(item, Mapping)), None)
        return f"map of {_type(found)}" if found is not None else "map"
    words = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "true or false",
    }
    return words.get(str(schema.get("type")), "any value")


def _default(schema: Mapping[str, Any], *, required: bool) -> str:
    if required:
        return "required"
    default = schema.get("default")
    if default in (None, [], {}):
        return ""
    return f"`{json.dumps(default)}`" if not isinstance(default, str) else f"`{default}`"


def _rows(schema: Mapping[str, Any]) -> Iterator[str]:
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        default = _default(field, required=name in required)
        yield f"| `{name}` | {_type(field)} | {default} | {_cell(field.get('description', ''))} |"


def _model(title: str, schema: Mapping[str, Any], level: int) -> Iterator[str]:
    yield f"{'#' * level} {title}\n"
    if schema.get("description"):
        yield f"{_cell(schema['description'])}\n"
    yield "| field | type | default | meaning |\n|---|---|---|---|"
    yield from _rows(schema)
    yield ""


_INTRODUCTION = (
    "A project is the directory of `agentflow.yaml`, with every YAML file below it that says "
    "`apiVersion: agentflow/v1`, or has a `kind` and no `apiVersion`; other YAML files are left alone. A file may hold several "
    "documents, and the first of each file has the `apiVersion`. Order never matters. Text that starts with "
    "`./` or `../` is a file beside the spec.\n",
    "Code is named from the project's directory: `desk.tools:rate` is the function `rate` in `desk/tools.py`. "
    'Between braces or brackets such a name needs quotes: `{ run: "desk.tools:rate" }`. '
    "[Tools and checks](code.md) has the rest, [Prompts and tasks](prompts.md) what `{{ … }}` can do, and "
    "[Scripts](scripts.md) how to play the model.\n",
    "Values are put in wherever a spec has text, but not in `kind` and `name`; a value that is nothing but "
    "`${var.x}` keeps its type:\n",
    "| written | becomes |\n|---|---|\n"
    "| `${var.x}` | a variable of the agent, the target or the project |\n"
    "| `${env.X}` | an environment variable, which has to be set |\n"
    "| `${env.X:-text}` | the same, or `text` where it is not set |\n"
    "| `${env.X:?text}` | the same, with `text` as the hint where it is not set |\n"
    "| `${ref.agent.x.id}`, `${ref.agent.x.version}`, `${ref.environment.x.id}` | what the service gave a resource |\n"
    "| `$${` | a plain `${` |\n",
)


def spec_page() -> str:
    """Every kind and every field, from the models."""
    parts = [
        _HEAD,
        "# The spec language\n",
        *_INTRODUCTION,
        "Every kind, every field. Durations need a unit (`90s`, `20m`, `1h30m`), counts take `k` and `M`, "
        "money is in dollars. `agentflow schema` prints the same as JSON Schema, for editors.\n",
    ]
    shared: dict[str, Mapping[str, Any]] = {}
    for kind, model in KINDS.items():
        schema = model.model_json_schema(by_alias=True)
        shared |= schema.pop("$defs", {})
        parts += _model(kind, schema, 2)
    parts.append("## Parts\n")
    for name in sorted(shared):
        if shared[name].get("properties"):
            parts += _model(name, shared[name], 3)
    return "\n".join(parts).rstrip() + "\n"


def _words(action: Action) -> str:
    """How an argument is written: `-t, --target TARGET`, or the name of a positional one."""
    value = action.metavar or action.dest.upper()
    shown = value[0] if isinstance(value, tuple) else value
    if not action.option_strings:
        return f"`{shown}`"
    takes = "" if action.nargs == 0 else f" {shown}"
    if action.choices:
        takes = f" {{{','.join(map(str, action.choices))}}}"
    return f"`{', '.join(action.option_strings)}{takes}`"


def _command(command: Command) -> Iterator[str]:
    """By hand and not from `--help`, whose layout differs between versions of Python."""
    parser, _ = parser_of(command)
    yield f"## agentflow {command.name}\n"
    yield f"{_cell(parser.description or '')}\n"
    yield "| argument | meaning |\n|---|---|"
    for action in parser._actions:
        if action.dest != "help":
            yield f"| {_words(action)} | {_cell(action.help or '')} |"
    yield ""
    if parser.epilog:
        yield f"{_cell(parser.epilog)}\n"


def commands_page() -> str:
    """Every command with its arguments, from the parsers."""
    parts = [_HEAD, "# Commands\n"]
    for command in COMMANDS:
        parts += _command(command)
    return "\n".join(parts).rstrip() + "\n"
