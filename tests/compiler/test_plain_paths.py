"""What is decided without jsonschema and without jinja2 is decided as they would."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.compiler import template
from agentflow.compiler.checks.plain_schemas import _WORDS, is_plain
from agentflow.compiler.checks.schemas import _by_metaschema, _references
from agentflow.compiler.graph import TemplateText
from agentflow.compiler.manifest import canonical_json
from agentflow.compiler.template import bind_task
from agentflow.source.yaml import parse

ROOT = Path(__file__).parents[2]
INPUTS = ("inbox", "items", "keys", "a_1", "name")

values = st.sampled_from(
    [None, True, False, 0, 1, -1, Decimal("1.5"), Decimal("NaN"), 1.0, "", "a", "string", "object"]
)
words = st.sampled_from([*_WORDS, "$ref", "$schema", "pattern", "format", "allOf", "tipe"])
types = st.sampled_from(["array", "object", "string", "number", "text"])


def schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    named = st.dictionaries(st.sampled_from("abc"), inner, max_size=2)
    parts = {
        "type": types | st.lists(types, max_size=2),
        "properties": named,
        "items": inner | st.lists(inner, max_size=1),
        "additionalProperties": inner,
        "required": st.lists(st.sampled_from("abc"), max_size=2),
    }
    plain = st.fixed_dictionaries({}, optional=parts)
    more = st.dictionaries(words, inner | st.lists(inner, max_size=2), max_size=2)
    return st.builds(lambda one, other: {**one, **other}, plain, more)


@settings(max_examples=150, deadline=None)
@given(st.recursive(values, schemas, max_leaves=6))
def test_a_plain_schema_is_valid(schema: Any) -> None:
    if is_plain(schema):
        assert _by_metaschema(canonical_json(schema)) is None
        assert not list(_references(schema, ()))


@pytest.mark.parametrize("word", _WORDS)
def test_each_word_is_plain_only_with_what_it_takes(word: str) -> None:
    many: list[Any] = [
        None,
        True,
        0,
        1,
        -1,
        Decimal("0.5"),
        Decimal("NaN"),
        "",
        "string",
        [],
        ["a"],
    ]
    many += [["a", "a"], ["string"], ["string", "string"], [1], [{}], {}, {"a": {}}, {"$ref": "x"}]
    plain = [value for value in many if is_plain({word: value})]
    assert plain
    for value in plain:
        assert _by_metaschema(canonical_json({word: value})) is None, value


def test_nesting_has_a_limit() -> None:
    schema: dict[str, Any] = {}
    for _ in range(25):
        schema = {"items": schema}
    assert not is_plain(schema)
    assert is_plain(schema["items"]["items"]["items"]["items"]["items"]["items"])


def inline_schemas(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        if isinstance(value.get("schema"), dict):
            yield value["schema"]
        for item in value.values():
            yield from inline_schemas(item)


def test_schemas_of_examples_are_plain() -> None:
    found = []
    for path in sorted((ROOT / "examples").rglob("*.yaml")):
        for document in parse(path.name, path.read_text(encoding="utf-8")).value:
            found += list(inline_schemas(document.data))
    assert found
    assert any(map(is_plain, found))


class NoFiles:
    """Nothing is included."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


def bound(text: str) -> tuple[str | None, list[str]]:
    where = TemplateText(name="t.md", text=text, document=None, path=())
    files: Any = NoFiles()
    made = bind_task(where, variables={"v": "x"}, inputs=INPUTS, files=files)
    return made.value, [problem.message for problem in made.problems]


PIECES = [
    *("{{ inputs.inbox }}", "{{ inputs.a_1 }}", "{{inputs.name}}", "{{ inputs.items }}"),
    *("{{ inputs.other }}", "{{ vars.v }}", "{# a #}", "{% if 1 %}", "{% endif %}", "{", "}", "}}"),
    *("Sort", " ", "\n", "\n\n", "\r\n", "\t", "- é", "$", "#", "{{", "%}", "{{ inputs.inbox"),
]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=6).map("".join))
def test_a_task_is_bound_as_jinja_binds_it(text: str) -> None:
    ours = bound(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(template, "_only_names", lambda text, inputs: False)
        assert ours == bound(text)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Sort {{ inputs.inbox }}, and {{ inputs.name }}.", True),
        ("Sort {{inputs.inbox}}.", False),
        ("Sort {{ inputs.items }}.", False),  # a method of mappings
        ("Sort {{ inputs.other }}.", False),
        ("Sort {{ inputs.inbox }} {# now #}", False),
        ("Sort {{ inputs.inbox }}\r\n", False),
        ("Sort {{ vars.v }}.", False),
    ],
)
def test_what_is_bound_as_it_stands(text: str, plain: bool) -> None:
    assert template._only_names(text, INPUTS) is plain
