"""Whatever a type says of itself, what comes of it has no reference, and an end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.compiler.described import described_schema

NAMES = st.sampled_from(["A", "B", "C"])
REFERENCES = NAMES.map(lambda name: {"$ref": f"#/$defs/{name}"})
LEAVES = REFERENCES | st.sampled_from(
    [
        {},
        {"type": "integer", "title": "T"},
        {"type": "null"},
        {"const": 1, "type": "integer"},
        {"$ref": "#/$defs/Absent"},
        {"type": "object", "additionalProperties": True},
        {"$ref": "#/$defs/A", "default": None, "description": "D."},
    ]
)


def wider(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = st.dictionaries(st.sampled_from(["x", "$ref", "title", "items"]), inner, max_size=3)
    return st.one_of(
        st.builds(lambda item: {"type": "array", "items": item}, inner),
        st.builds(lambda items: {"anyOf": items}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(
            lambda properties: {
                "type": "object",
                "title": "T",
                "description": "Doc.\n\nAttributes:\n    x: the x",
                "properties": properties,
            },
            fields,
        ),
    )


SCHEMAS = st.recursive(LEAVES, wider, max_leaves=6)
DEFINITIONS = st.fixed_dictionaries({"A": SCHEMAS, "B": SCHEMAS, "C": SCHEMAS})


def described(schema: Any, **more: Any) -> Any:
    parameter = {"name": "x", "kind": "KEYWORD_ONLY", "required": True, "schema": schema, **more}
    return described_schema({"doc": "Doc.", "parameters": [parameter]})


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


@given(SCHEMAS, DEFINITIONS, st.sampled_from([{}, {"default": 3, "required": False}]))
def test_no_reference_is_left(schema: Any, definitions: Any, more: Any) -> None:
    found, problems = described({**schema, "$defs": definitions}, **more)
    assert (found is None) == bool(problems)
    if found is not None:
        assert list(references(found.input_schema)) == []


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("VAR_POSITIONAL", "It takes *x, which has no schema."),
        ("VAR_KEYWORD", "It takes **x, which has no schema."),
        ("POSITIONAL_ONLY", "The parameter 'x' cannot be passed by name."),
    ],
)
def test_a_parameter_that_cannot_be_passed_by_name(kind: str, message: str) -> None:
    assert described({}, kind=kind) == (None, (("x", message),))


def test_a_name_that_the_service_does_not_take() -> None:
    found, [(name, why)] = described({}, name="größe")
    assert found is None
    assert (name, why) == ("größe", "The service takes no parameter with the name 'größe'.")


def test_a_property_may_have_the_name_of_a_keyword() -> None:
    schema = {
        "type": "object",
        "properties": {"$ref": {"type": "string", "title": "R"}, "title": {"type": "integer"}},
    }
    found, _ = described(schema)
    assert found is not None
    assert found.input_schema["properties"]["x"]["properties"] == {
        "$ref": {"type": "string"},
        "title": {"type": "integer"},
    }
