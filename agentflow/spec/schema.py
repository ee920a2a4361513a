"""Models to JSON Schema, for editors: the files of `schemas/`.

The models say what a spec means; this adds what may be written instead: short forms, `${…}` in place of
a value, and in kinds that are put together from several layers also what only makes sense there:
`key+`, `key-`, null, and keys that are left to another layer.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any

from pydantic.json_schema import models_json_schema

from agentflow.spec.base import API_VERSION, SECRET_FORM
from agentflow.spec.kinds import COMPOSED_KINDS, FIXED_KEYS, KINDS, OWN_KEYS
from agentflow.spec.schema_rules import RULES, SUBSTITUTION
from agentflow.spec.twin import twin

__all__ = ["SCHEMAS", "kind_schema", "project_schema", "written_default"]

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

_LITERAL = FIXED_KEYS | {"use"}
"""Keys of documents in which nothing is substituted: they say what a spec is put together from."""

_LITERAL_HERE: Mapping[str, frozenset[str]] = {"Overlay": frozenset({"target"})}
"""The same, of one kind alone."""

_PARTS: Mapping[tuple[str, str], str] = {
    ("DefaultsSpec", "agent"): "Agent",
    ("DefaultsSpec", "environment"): "Environment",
    ("DefaultsSpec", "deployment"): "Deployment",
}
"""Fields whose value is a part of a spec of a kind."""

_PATCH = ("OverlaySpec", "patch")
"""The field that has such parts by address."""

_NOTES = ("description", "default", "examples")
_NULL: Schema = {"type": "null"}
_LAYER = ".layer"
"""Ends the name of the definition of a mapping that may be spread over several layers."""


def kind_schema(kind: str) -> Schema:
    """The schema of documents of one kind, by its name as it is written.

    No schema has a title: editors would show it with every value below.
    """
    maker = _Maker()
    schema = maker.document(kind)
    return {
        "$schema": _DIALECT,
        "$id": _id(kind.lower()),
        **schema,
        "$defs": maker.definitions(),
    }


def project_schema() -> Schema:
    """The schema of any document: for `# yaml-language-server: $schema=…`."""
    maker = _Maker()
    chosen = []
    for kind in KINDS:
        maker.add(kind, maker.document(kind))
        condition = {"required": ["kind"], "properties": {"kind": {"const": kind}}}
        chosen.append({"if": condition, "then": {"$ref": f"#/$defs/{kind}"}})
    version = "agentflow/v1, in the first document of every file."
    return {
        "$schema": _DIALECT,
        "$id": _id("agentflow"),
        "description": "One document of a project.",
        "type": "object",
        "properties": {
            "apiVersion": {"const": API_VERSION, "description": version},
            "kind": {"enum": [*KINDS], "description": "What this document declares."},
        },
        "required": ["kind"],
        # Not `oneOf`: this way only the chosen kind says what is wrong.
        "allOf": chosen,
        "$defs": maker.definitions(),
    }


def _id(name: str) -> str:
    return f"urn:{API_VERSION.replace('/', ':')}:schema:{name}"


@cache
def _models() -> Mapping[str, Schema]:
    """The schema of every model as pydantic makes it, by its class's name."""
    _, schema = models_json_schema(
        [(twin(model), "validation") for model in KINDS.values()], by_alias=True
    )
    found: Mapping[str, Schema] = schema["$defs"]
    return found


_RULES = {model.__name__: rules for model, rules in RULES.items()}


class _Maker:
    """Collects the definitions that a schema refers to."""

    def __init__(self) -> None:
        self._made: dict[str, Schema] = {}

    def definitions(self) -> Schema:
        return dict(sorted(self._made.items()))

    def add(self, name: str, schema: Schema) -> None:
        self._made[name] = schema

    def document(self, kind: str) -> Schema:
        """The schema of a document of a kind."""
        layered = kind in COMPOSED_KINDS
        name = KINDS[kind].__name__
        literal = _LITERAL | _LITERAL_HERE.get(kind, frozenset())
        schema = self._object(name, layered=layered, literal=literal)
        if layered:
            schema["required"] = ["kind", "name"]
        # Only here: editors would show it instead of what the key of a mapping means.
        return {"description": _models()[name]["description"], **schema}

    def _part(self, kind: str) -> Schema:
        """A reference to what gives a spec of a kind some of its values."""
        name = f"{kind}.part"
        if name not in self._made:
            self._made[name] = {}
            self._made[name] = self._object(
                KINDS[kind].__name__, layered=True, literal=_LITERAL, but=FIXED_KEYS
            )
        return {"$ref": f"#/$defs/{name}"}

    def _mapping(self, model: str, *, layered: bool) -> Schema:
        """A reference to a model."""
        name = model + _LAYER if layered else model
        if name not in self._made:
            self._made[name] = {}
            self._made[name] = self._object(model, layered=layered)
        return {"$ref": f"#/$defs/{name}"}

    def _object(
        self,
        model: str,
        *,
        layered: bool,
        literal: frozenset[str] = frozenset(),
        but: frozenset[str] = frozenset(),
    ) -> Schema:
        """A model's schema. `literal` keys take no substitution, and those of `but` are left out."""
        raw = _models()[model]
        properties: Schema = {}
        operators: Schema = {}
        for key, field in raw["properties"].items():
            if key not in but:
                properties[key] = self._field(model, key, field, layered, key in literal)
                if layered:
                    operators |= self._operators(key, field)
        found: Schema = {"type": "object"}
        found["properties"] = properties
        if operators:
            found["patternProperties"] = operators
        if not layered and "required" in raw:
            found["required"] = raw["required"]
        found["additionalProperties"] = False
        rules = _RULES.get(model)
        if rules and (all_of := rules.layer if layered else rules.whole):
            found["allOf"] = list(all_of)
        return found

    def _field(self, model: str, key: str, field: Schema, layered: bool, literal: bool) -> Schema:
        notes = {note: field[note] for note in _NOTES if note in field}
        if "default" in notes and notes["default"] is None:
            del notes["default"]  # it only means "not given"
        elif "default" in notes:
            notes["default"] = written_default(field, notes["default"])
        if (model, key) in _PARTS:
            own = dict.fromkeys(sorted(OWN_KEYS - FIXED_KEYS), False)
            return self._part(_PARTS[model, key]) | {"properties": own} | notes
        if (model, key) == _PATCH:
            return self._patch(field) | notes
        nullable = layered and key not in FIXED_KEYS
        return _any_of(self._values(field, layered, literal), nullable=nullable) | notes

    def _patch(self, field: Schema) -> Schema:
        """Parts of specs, by the addresses of the specs."""
        (addresses,) = field["patternProperties"]
        return {
            "type": "object",
            "propertyNames": {"pattern": addresses},
            "patternProperties": {f"^{kind.lower()}/": self._part(kind) for kind in COMPOSED_KINDS},
            "additionalProperties": False,
        }

    def _values(self, schema: Schema, layered: bool, literal: bool = False) -> Iterator[Schema]:
        """What may be written for a value: alternatives."""
        core = {key: value for key, value in schema.items() if key not in (*_NOTES, "title")}
        if "anyOf" in core:
            for item in core["anyOf"]:
                yield from self._values(item, layered, literal)
        elif "$ref" in core:
            yield self._mapping(core["$ref"].rpartition("/")[2], layered=layered)
        elif core.get("type") == "array":
            items = core.get("items", {})
            yield {**core, "items": _any_of(self._values(items, layered=False, literal=literal))}
        elif core.get("type") == "object":
            yield self._map(core, layered)
        else:
            yield core
            if not literal and _is_narrow(core):
                yield SUBSTITUTION

    def _map(self, core: Schema, layered: bool) -> Schema:
        """A map with keys of the user's choice."""
        names = dict(core.pop("propertyNames", {}))
        values = core.get("additionalProperties")
        for pattern, item in core.pop("patternProperties", {}).items():
            # The form of the keys, as pydantic has it: keys of another form would be let through.
            names["pattern"], values = pattern, item
        if not isinstance(values, dict):
            return core  # free data
        inner = list(self._values(values, layered))
        if layered and any("$ref" in item or item.get("type") == "array" for item in inner):
            core["patternProperties"] = {"-$": _TAKEN_OUT}
            names = {"anyOf": [names, {"pattern": "-$"}]} if names else names
        if names:
            core["propertyNames"] = names
        core["additionalProperties"] = _any_of(iter(inner), nullable=layered)
        return core

    def _operators(self, key: str, field: Schema) -> Iterator[tuple[str, Schema]] | Schema:
        """`key+` and `key-`, as patterns: editors do not offer those among the keys."""
        kinds = [item for item in field.get("anyOf", [field]) if item != _NULL]
        lists = [item for item in kinds if item.get("type") == "array"]
        found: Schema = {}
        name = re.escape(key)
        if lists:
            items = _any_of(self._values(lists[0].get("items", {}), layered=False))
            note = f"Appended to `{key}` of earlier layers."
            found[f"^{name}\\+$"] = {"type": "array", "items": items, "description": note}
        if lists or any("$ref" in item or item.get("type") == "object" for item in kinds):
            found[f"^{name}-$"] = _TAKEN_OUT
        return found


_TAKEN_OUT: Schema = {
    "description": "Items of a list, or keys of a map, taken out of what earlier layers give."
}


def _any_of(alternatives: Iterator[Schema], *, nullable: bool = False) -> Schema:
    found: list[Schema] = []
    for item in (*alternatives, *([_NULL] if nullable else [])):
        if item not in found:
            found.append(item)
    if {} in found:
        return {}  # anything
    return found[0] if len(found) == 1 else {"anyOf": found}


def _is_narrow(schema: Schema) -> bool:
    """Whether it refuses some text, and is not a collection."""
    if "enum" in schema or "const" in schema:
        return True
    if schema.get("type") == "string":
        secret = schema.get("pattern") == SECRET_FORM
        return not secret and ("pattern" in schema or "maxLength" in schema)
    return schema.get("type") in ("integer", "number", "boolean")


def written_default(schema: Mapping[str, Any], default: Any) -> Any:
    """A default as it is written in a spec: the models hold seconds and shares."""
    if schema.get("type") == "string" and isinstance(default, float):
        return f"{default:g}s"
    if schema.get("type") == "string" and str(schema.get("pattern", "")).endswith("%$"):
        return f"{float(default):.0%}"
    return default


def _text(make: Callable[[], Schema]) -> str:
    return json.dumps(make(), indent=2, ensure_ascii=False) + "\n"


SCHEMAS: dict[str, Callable[[], str]] = {
    **{f"{kind.lower()}.json": partial(_text, partial(kind_schema, kind)) for kind in KINDS},
    "agentflow.json": partial(_text, project_schema),
}
"""File name below `schemas/` -> its text."""
