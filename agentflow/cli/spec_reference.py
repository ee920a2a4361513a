"""The page of the spec language in `docs/`, made from the models."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from agentflow.spec import base
from agentflow.spec.kinds import KINDS
from agentflow.spec.schema import written_default
from agentflow.spec.twin import annotation, twin

__all__ = ["spec_page"]

_HEAD = "<!-- Generated: run the tests with AGENTFLOW_UPDATE=1. -->\n"

_INTRODUCTION = (
    "A project is the directory of `agentflow.yaml`, with every YAML file below it that says "
    "`apiVersion: agentflow/v1`, or has a `kind` and no `apiVersion`; other YAML files are left alone, "
    "and so is what `compile --out` wrote. A file may hold several documents, and the first of each file has "
    "the `apiVersion`. Order never matters. Text that starts with "
    "`./` or `../` is a file beside the spec.\n",
    "Code is named from the project's directory: `desk.tools:rate` is the function `rate` in `desk/tools.py`. "
    "Between braces or brackets a text with `:` or `?` in it, such as this name or a URL, needs quotes: "
    '`{ run: "desk.tools:rate" }`. '
    "[Tools and checks](code.md) has the rest, [Prompts and tasks](prompts.md) what `{{ … }}` can do, and "
    "[Scripts](scripts.md) how to play the model, and [The service's fields](api.md) what sets each of them.\n",
    "Values are put in wherever a spec has text, but not in `kind` and `name`; a value that is nothing but "
    "`${var.x}` keeps its type:\n",
    "| written | becomes |\n|---|---|\n"
    "| `${var.x}` | a variable of the agent, the target or the project |\n"
    "| `${env.X}` | an environment variable, which has to be set: text, of which a variable of the type integer, number or boolean makes a value |\n"
    "| `${env.X:-text}` | the same, or `text` where it is not set |\n"
    "| `${env.X:?text}` | the same, with `text` as the hint where it is not set |\n"
    "| `${ref.agent.x.id}`, `${ref.agent.x.version}`, `${ref.environment.x.id}` | what the service gave a resource |\n"
    "| `${secret.x}` | a secret, in keys of the type secret and a few others: read when it is needed, kept nowhere |\n"
    "| `$${` | a plain `${` |\n",
    "A key whose type is a kind takes the name of a spec: `analytics`, or `environment/analytics`. `name@7` is one "
    "version of an agent or a skill, and `id:env_01…` something that is not managed here.\n",
    "**Layers.** Agents, environments, deployments, vaults, memory stores and skills are put together, the last wins: "
    "`defaults` of the project, what the spec `extends`, the toolsets it uses, the spec itself, overlays of the target, "
    "`--set`. Maps merge key by key; scalars and lists replace what was there:\n",
    "| written | does |\n|---|---|\n"
    "| `key: [...]` | replaces a list |\n"
    "| `key+: [...]` | appends to it |\n"
    "| `key-: [...]` | takes items out of a list, or keys out of a map |\n"
    "| `key: null` | clears a value |\n",
    "A key that is required may come from any layer. `agentflow compile --explain agent/x` shows where each value is from, "
    "and [Composition](composition.md) the whole of it by an example.\n",
    "**Types.** A duration needs a unit (`90s`, `20m`, `1h30m`), a count takes `k` and `M`, dollars have no unit (`2.50`), "
    "a share has one (`80%`). A name has lower-case letters, digits and hyphens. `agentflow schema` prints all this as JSON "
    "Schema, and `agentflow schema --write` puts it where an editor finds it; each document then says "
    "`# yaml-language-server: $schema=.agentflow/schemas/agentflow.json`, as those of `agentflow init` do.\n",
)


_TYPES: tuple[tuple[Any, str], ...] = (
    (base.Duration, "duration"),
    (base.Count, "count"),
    (base.Money, "dollars"),
    (base.Cost, "dollars"),
    (base.Percent, "share"),
    (base.FilePath, "file"),
    (base.Name, "name"),
    (base.Url, "URL"),
    (base.SecretText, "secret"),
    (base.AgentRef, "[Agent](#agent)"),
    (base.EnvironmentRef, "[Environment](#environment)"),
    (base.VaultRef, "[Vault](#vault)"),
    (base.CredentialRef, "credential of a [Vault](#vault)"),
    (base.MemoryStoreRef, "[MemoryStore](#memorystore)"),
    (base.SkillRef, "[Skill](#skill)"),
)
"""Types that have a name of their own on the page."""

_PLAIN = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
}
_NOTES = frozenset({"title", "description", "default", "examples"})


def spec_page() -> str:
    """Every kind and every key, each kind with its parts.

    A part that several kinds share stands below the agent, or else below the first of them.
    """
    kinds = {kind: twin(model).model_json_schema(by_alias=True) for kind, model in KINDS.items()}
    parts: dict[str, Mapping[str, Any]] = {}
    homes: dict[str, str] = {}
    for kind, schema in kinds.items():
        for name, part in schema.pop("$defs", {}).items():
            parts[name] = part
            homes[name] = kind if kind == "Agent" else homes.get(name, kind)
    page = [_HEAD, "# The spec language\n", _contents(), *_INTRODUCTION]
    for kind, schema in kinds.items():
        page += _model(kind, schema, 2)
        for name in _in_order(schema, parts):
            if homes[name] == kind:
                page += _model(_title(name), parts[name], 3)
    return "\n".join(page).rstrip() + "\n"


def _contents() -> str:
    return " · ".join(f"[{kind}](#{kind.lower()})" for kind in KINDS) + "\n"


def _in_order(schema: Any, parts: Mapping[str, Any]) -> list[str]:
    """The parts that a schema refers to, each followed by its own."""
    found: dict[str, None] = {}

    def look(node: Any) -> None:
        if isinstance(node, dict):
            name = str(node.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found[name] = None
                look(parts[name])
            for value in node.values():
                look(value)
        elif isinstance(node, list):
            for value in node:
                look(value)

    look(schema.get("properties", {}))
    return list(found)


def _model(title: str, schema: Mapping[str, Any], level: int) -> Iterator[str]:
    yield f"{'#' * level} {title}\n"
    if schema.get("description"):
        yield f"{_cell(schema['description'])}\n"
    yield "| key | type | default | meaning |\n|---|---|---|---|"
    yield from _rows(schema)
    yield ""


def _rows(schema: Mapping[str, Any]) -> Iterator[str]:
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        default = _default(field, required=name in required)
        yield f"| `{name}` | {_type(field)} | {default} | {_cell(field.get('description', ''))} |"


@cache
def _named() -> Mapping[str, str]:
    return {_key(TypeAdapter(annotation(kind)).json_schema()): words for kind, words in _TYPES}


def _key(schema: Mapping[str, Any]) -> str:
    """What makes two types the same."""
    core = {key: value for key, value in schema.items() if key not in _NOTES}
    return json.dumps(core, sort_keys=True)


def _type(schema: Mapping[str, Any]) -> str:
    """A type in words: `text`, `list of text`, `allow or deny`, the name of a part."""
    named = _named().get(_key(schema))
    if named is not None:
        return named
    if "$ref" in schema:
        name = _title(schema["$ref"].rpartition("/")[2])
        return f"[{name}](#{name.lower()})"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        kinds = [_type(item) for item in schema["anyOf"] if item.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if schema.get("type") == "object":
        return _map(schema)
    return _PLAIN.get(str(schema.get("type")), "any value")


def _map(schema: Mapping[str, Any]) -> str:
    inner = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
    found = next((item for item in inner if isinstance(item, Mapping)), None)
    return "map" if found is None else f"map of {_type(found)}"


def _default(schema: Mapping[str, Any], *, required: bool) -> str:
    if required:
        return "required"
    default = written_default(schema, schema.get("default"))
    if default in (None, [], {}):
        return ""
    return f"`{default}`" if isinstance(default, str) else f"`{json.dumps(default)}`"


def _title(name: str) -> str:
    return name.removesuffix("Spec")


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()
