"""Models to JSON Schema, for editors: the files of `schemas/`.

The models say what a spec means; this adds what may be written instead: short forms, and `${…}` in
place of any value that is not free text anyway.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, get_args

from agentflow.spec.base import API_VERSION, SpecModel
from agentflow.spec.kinds import KINDS
from agentflow.spec.tool import Policy

__all__ = ["SCHEMAS", "kind_schema", "project_schema"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

_POLICY: dict[str, Any] = {"enum": list(get_args(Policy))}
_SHORT_FORMS: dict[str, dict[str, Any]] = {
    "BuiltInTool": _POLICY,
    "WebSearchTool": _POLICY,
    "WebFetchTool": _POLICY,
    "ModelSpec": {"type": "string", "minLength": 1},
    "NetworkSpec": {"const": "open"},
    "UncertaintySpec": {"enum": ["assume", "ask", "stop"]},
}
"""What can be written instead of the mapping, by model. The validators of the models take it."""

_SUBSTITUTION: dict[str, Any] = {"type": "string", "pattern": r"\$\{.+\}"}

_IDENTITY = frozenset({"apiVersion", "kind", "name"})
"""Top-level keys in which nothing is substituted."""

_ANNOTATIONS = ("title", "description", "default", "examples")


def kind_schema(kind: str) -> dict[str, Any]:
    """The schema of documents of one kind, by its name as it is written."""
    schema, definitions = _parts(kind)
    schema["title"] = f"agentflow {kind}"
    return {"$schema": _DIALECT, "$id": _id(kind.lower()), **schema, "$defs": definitions}


def project_schema() -> dict[str, Any]:
    """The schema of any document: for `# yaml-language-server: $schema=…`."""
    definitions: dict[str, Any] = {}
    for kind in KINDS:
        schema, shared = _parts(kind)
        definitions |= shared
        definitions[kind] = schema
    return {
        "$schema": _DIALECT,
        "$id": _id("agentflow"),
        "title": "agentflow spec",
        "description": "One document of a project.",
        "oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in KINDS],
        "$defs": dict(sorted(definitions.items())),
    }


def _id(name: str) -> str:
    return f"urn:{API_VERSION.replace('/', ':')}:schema:{name}"


def _parts(kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schema of a kind and the definitions it refers to."""
    model: type[SpecModel] = KINDS[kind]
    schema = model.model_json_schema(by_alias=True)
    definitions = schema.pop("$defs", {})
    known = {name: _object(definition, frozenset()) for name, definition in definitions.items()}
    return _object(schema, _IDENTITY), dict(sorted(known.items()))


def _object(schema: Mapping[str, Any], literal: frozenset[str]) -> dict[str, Any]:
    """A model's schema. `literal` keys take no substitution."""
    properties = {
        key: _untitled(value) if key in literal else _value(_untitled(value))
        for key, value in schema["properties"].items()
    }
    return {**schema, "properties": properties}


def _untitled(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Without a title that is the key once more, and a default that only means "not given"."""
    return {
        key: value
        for key, value in schema.items()
        if key != "title" and not (key == "default" and value is None)
    }


def _value(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a value, with its other spellings."""
    notes = {key: schema[key] for key in _ANNOTATIONS if key in schema}
    core = {key: value for key, value in schema.items() if key not in notes}
    if "default" in notes:
        notes["default"] = _written(core, notes["default"])
    if "anyOf" in core:
        return {"anyOf": [_value(item) for item in core["anyOf"]], **notes}
    if "$ref" in core:
        short = _SHORT_FORMS.get(core["$ref"].rpartition("/")[2])
        if short is None:
            return {**core, **notes}
        free = short.get("type") == "string"  # takes any text, `${…}` too
        return {"anyOf": [short, *([] if free else [_SUBSTITUTION]), core], **notes}
    if "items" in core:
        core["items"] = _value(core["items"])
    for pattern, value in core.pop("patternProperties", {}).items():
        # The form of the keys, as pydantic has it: keys of another form would be let through.
        core["propertyNames"] = {**core.get("propertyNames", {}), "pattern": pattern}
        core["additionalProperties"] = value
    if isinstance(core.get("additionalProperties"), dict):
        core["additionalProperties"] = _value(core["additionalProperties"])
    if _is_narrow(core):
        return {"anyOf": [core, _SUBSTITUTION], **notes}
    return {**core, **notes}


def _is_narrow(schema: Mapping[str, Any]) -> bool:
    """Whether it refuses some text, and is not a collection."""
    if "enum" in schema or "const" in schema:
        return True
    if schema.get("type") == "string":
        return "pattern" in schema
    return schema.get("type") in ("integer", "number", "boolean")


def _written(schema: Mapping[str, Any], default: Any) -> Any:
    """A default as it is written in a spec: the models hold seconds and shares."""
    if schema.get("type") == "string" and isinstance(default, float):
        return f"{default:g}s"
    if schema.get("type") == "string" and str(schema.get("pattern", "")).endswith("%$"):
        return f"{float(default):.0%}"
    return default


def _text(make: Callable[[], dict[str, Any]]) -> str:
    return json.dumps(make(), indent=2, ensure_ascii=False) + "\n"


SCHEMAS: dict[str, Callable[[], str]] = {
    **{f"{kind.lower()}.json": partial(_text, partial(kind_schema, kind)) for kind in KINDS},
    "agentflow.json": partial(_text, project_schema),
}
"""File name below `schemas/` -> its text."""
