"""The description of a function that was imported, made into the schema that the service takes.

pydantic writes shared types once and refers to them, names everything, and says some things in other words
than we do. Here references are filled in and all is said as `pytypes` says it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from agentflow.compiler.docstrings import parse_docstring
from agentflow.compiler.schema_parts import PROPERTY, settled

__all__ = ["DescribedSchema", "described_schema"]

_BY_NAME = ("POSITIONAL_OR_KEYWORD", "KEYWORD_ONLY")
_STARS = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}
_MOST_PARTS = 5_000
"""Of one schema, with everything filled in: types that use each other several times multiply."""


class DescribedSchema(NamedTuple):
    description: str
    input_schema: dict[str, Any]


class _Endless(Exception):
    """A type that is made of itself, which takes a reference."""


class _TooLarge(Exception):
    pass


def described_schema(
    described: Mapping[str, Any],
) -> tuple[DescribedSchema | None, tuple[tuple[str, str], ...]]:
    """The schema of what `ports.Callables` describes. None: names of parameters and sentences say why."""
    doc = parse_docstring(str(described["doc"]))
    properties: dict[str, Any] = {}
    required: list[str] = []
    problems: list[tuple[str, str]] = []
    for parameter in described["parameters"]:
        name = parameter["name"]
        if (why := _problem(parameter)) is not None:
            problems.append((name, why))
            continue
        try:
            schema = _parameter(parameter)
        except _Endless:
            problems.append((name, f"The type of {name!r} has no end: it is made of itself."))
            continue
        except _TooLarge:
            problems.append((name, f"The type of {name!r} is too large to write out."))
            continue
        if text := doc.arguments.get(name):
            schema = {**schema, "description": text}
        properties[name] = schema
        if parameter["required"]:
            required.append(name)
    if problems:
        return None, tuple(problems)
    schema = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    return DescribedSchema(doc.description, schema), ()


def _problem(parameter: Mapping[str, Any]) -> str | None:
    name, kind = parameter["name"], parameter["kind"]
    if kind in _STARS:
        return f"It takes {_STARS[kind]}{name}, which has no schema."
    if kind not in _BY_NAME:
        return f"The parameter {name!r} cannot be passed by name."
    if not PROPERTY.fullmatch(name):
        return f"The service takes no parameter with the name {name!r}."
    why = parameter.get("why")
    return None if why is None else str(why)


def _parameter(parameter: Mapping[str, Any]) -> dict[str, Any]:
    schema = dict(parameter["schema"])
    definitions = schema.pop("$defs", {})
    filler = _Filler(definitions)
    own = filler.fill(schema, ())
    notes = {key: own.pop(key) for key in ("description", "default") if key in own}
    default = parameter.get("default")
    made = settled(_options(own), default, not parameter["required"])
    return {**made, **{k: v for k, v in notes.items() if k == "description"}}


class _Filler:
    """Puts what a schema refers to in the place of the reference, and says it our way."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._left = _MOST_PARTS

    def fill(self, schema: Mapping[str, Any], within: tuple[str, ...]) -> dict[str, Any]:
        """The schema without references.

        Args:
            within: the definitions this is a part of, outermost first.

        Raises:
            _Endless: one of them is a part of itself.
            _TooLarge: there is too much of it.
        """
        self._left -= 1
        if self._left < 0:
            raise _TooLarge
        if isinstance(schema.get("$ref"), str):
            name = schema["$ref"].removeprefix("#/$defs/")
            if name in within or name not in self._definitions:
                raise _Endless
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            filled = self.fill(self._definitions[name], (*within, name))
            return {**filled, **self.fill(beside, within)} if beside else filled
        return _said_our_way(dict(self._parts(schema, within)))

    def _parts(
        self, schema: Mapping[str, Any], within: tuple[str, ...]
    ) -> Iterator[tuple[str, Any]]:
        for key, value in schema.items():
            if key in ("title", "discriminator"):
                continue
            if key in ("properties", "patternProperties") and isinstance(value, Mapping):
                yield key, {name: self._property(item, within) for name, item in value.items()}
            elif key in ("anyOf", "oneOf", "allOf", "prefixItems") and isinstance(value, list):
                yield key, [self.fill(item, within) for item in value]
            elif key in _SCHEMAS and isinstance(value, Mapping):
                yield key, self.fill(value, within)
            else:
                yield key, value

    def _property(self, schema: Mapping[str, Any], within: tuple[str, ...]) -> dict[str, Any]:
        filled = self.fill(schema, within)
        if "default" not in filled:
            return filled
        default = filled.pop("default")
        told = {key: filled.pop(key) for key in ("description",) if key in filled}
        return {**settled(_options(filled), default, True), **told}


_SCHEMAS = (
    "items",
    "additionalProperties",
    "not",
    "contains",
    "propertyNames",
    "if",
    "then",
    "else",
)


def _options(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The members of a union; one for any other type."""
    if "anyOf" in schema:
        options: list[dict[str, Any]] = schema["anyOf"]
        return options
    if set(schema) == {"type"} and isinstance(schema["type"], list):
        return [{"type": name} for name in schema["type"]]
    return [schema]


def _said_our_way(schema: dict[str, Any]) -> dict[str, Any]:
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    if schema.get("additionalProperties") is True:
        del schema["additionalProperties"]
    if schema.get("items") == {}:
        del schema["items"]
    if "anyOf" in schema:
        options = schema.pop("anyOf")
        schema = {**schema, **settled(options, None, False)}
    if schema.get("type") == "object" and "properties" in schema:
        schema = {**schema, "additionalProperties": schema.get("additionalProperties", False)}
        schema.setdefault("required", [])
    if isinstance(schema.get("description"), str):
        schema = _told(schema)
    return schema


def _told(schema: dict[str, Any]) -> dict[str, Any]:
    """With the docstring of a class taken apart: its attributes describe the properties."""
    doc = parse_docstring(schema["description"])
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return schema
    told = {
        name: {**item, "description": doc.arguments[name]}
        if name in doc.arguments and "description" not in item
        else item
        for name, item in properties.items()
    }
    rest = {key: value for key, value in schema.items() if key != "description"}
    own = {"description": doc.description} if doc.description else {}
    return {**own, **rest, "properties": told}
