"""What is said of a JSON Schema that a user wrote."""

from __future__ import annotations

from typing import Any

import pytest

from agentflow.compiler.checks.schemas import schema_problem

ROW = {"$defs": {"row": {"type": "object"}, "a/b": {}, "50%": {}}, "allOf": [{}]}


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        ROW | {"$ref": "#/$defs/row"},
        ROW | {"$ref": "#/allOf/0"},
        ROW | {"$ref": "#/$defs/a~1b"},
        ROW | {"$ref": "#/$defs/50%25"},
        {"$ref": "#here", "$defs": {"x": {"$anchor": "here"}}},
        # `$ref` is the name of a property, and a value that is no schema.
        {"properties": {"$ref": {"type": "string"}}},
        {"default": {"$ref": "#/gone"}},
        {"enum": [{"$ref": "#/gone"}]},
        # Counted from another base than the whole schema.
        {"$defs": {"x": {"$id": "x.json", "$ref": "#/$defs/y", "$defs": {"y": {}}}}},
    ],
)
def test_a_schema_that_is_one(schema: dict[str, Any]) -> None:
    assert schema_problem(schema) is None


@pytest.mark.parametrize(
    ("schema", "path", "message", "hint"),
    [
        ({"type": "strng"}, ("type",), "at type: 'strng' is no type.", "'string'"),
        ({"type": "xxxxx"}, ("type",), "at type: 'xxxxx' is no type.", "Types are array, "),
        ({"type": 3}, ("type",), "at type: 3 is not valid", "2020-12"),
        (ROW | {"$ref": "#/$defs/rows"}, ("$ref",), "'#/$defs/rows' names no part", "defs/row'?"),
        (ROW | {"$ref": "#/allOf/1"}, ("$ref",), "'#/allOf/1' names no part", "below `$defs`"),
        (
            {"items": [{"$ref": "other.json"}]},
            ("items", 0, "$ref"),
            "leads out of the schema",
            "below `$defs`",
        ),
    ],
)
def test_a_schema_that_is_none(
    schema: dict[str, Any], path: tuple[str | int, ...], message: str, hint: str
) -> None:
    problem = schema_problem(schema)
    assert problem is not None
    assert problem.path == path
    assert message in problem.message
    assert hint in problem.hint
