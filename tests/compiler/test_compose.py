"""Layers merged into one document: the rules, their laws, and the place of every value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.compiler.compose import Layer, compose, composes, without_operators
from agentflow.diagnostics import Diagnostic
from agentflow.source.layers import Composed
from agentflow.source.tree import Document, Origin, value_at
from agentflow.source.yaml import parse
from agentflow.spec.agent import AgentSpec
from agentflow.spec.deployment import DeploymentSpec
from tests.support.yaml_text import yaml_text


def document(text: str, file: str) -> Document:
    documents, problems = parse(file, text)
    assert problems == ()
    return documents[0]


def merged(
    *texts: str, own: int | None = -1, joins: Sequence[int] = (), model: Any = AgentSpec
) -> tuple[Composed, list[Diagnostic]]:
    """The YAML texts composed, the last wins.

    Args:
        own: which of them is the spec itself. None: none of them.
        joins: which are toolsets.
    """
    documents = [document(text, f"{number}.yaml") for number, text in enumerate(texts)]
    layers = [
        Layer(Origin(made, ()), made.data, joins=number in joins)
        for number, made in enumerate(documents)
    ]
    if own is not None:
        layers[own] = layers[own]._replace(is_own=True)
    found: list[Diagnostic] = []
    base = documents[-1 if own is None else own]
    return compose(model, base, layers, found.append), found


def data(*texts: str, **how: Any) -> Any:
    made, problems = merged(*texts, **how)
    assert problems == []
    return made.data


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (["a: 1", "b: 2"], {"a": 1, "b": 2}),
        (["a: 1", "a: 2"], {"a": 2}),
        (["a: { b: 1, c: 2 }", "a: { c: 3, d: 4 }"], {"a": {"b": 1, "c": 3, "d": 4}}),
        (["done: [x]", "done: [y]"], {"done": ["y"]}),
        (["a: { b: 1 }", "a: x"], {"a": "x"}),
        (["a: x", "a: { b: 1 }"], {"a": {"b": 1}}),
        (["a: {}", "a: { b: 1 }"], {"a": {"b": 1}}),
    ],
    ids=["keys", "scalar", "map", "list", "map-by-scalar", "scalar-by-map", "empty"],
)
def test_maps_merge_and_the_rest_is_replaced(layers: list[str], expected: Any) -> None:
    assert data(*layers) == expected


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (["done: [x]", "done+: [y, z]"], {"done": ["x", "y", "z"]}),
        (["a: 1", "done+: [y]"], {"a": 1, "done": ["y"]}),
        (["done+: [x]", "done+: [x]"], {"done": ["x", "x"]}),
        (["done: null", "done+: [y]"], {"done": ["y"]}),
        (["done: [x, y, x]", "done-: [x]"], {"done": ["y"]}),
        (["done: [x, y]", "done-: x"], {"done": ["y"]}),
        (["done: [{ check: a.b }, y]", "done-: [{ check: a.b }]"], {"done": ["y"]}),
        (["tools: { read: ask, bash: ask }", "tools-: [bash]"], {"tools": {"read": "ask"}}),
        (["a: { b: { c: [1] } }", "a: { b: { c+: [2] } }"], {"a": {"b": {"c": [1, 2]}}}),
        (["a: 1", "a: { b+: [2] }"], {"a": {"b": [2]}}),
        # In one layer: replaced, then added to, then taken out of, in whatever order they stand.
        (["done: [q]", "{ done-: [y], done+: [z, y], done: [x] }"], {"done": ["x", "z"]}),
        (["done: [x]", "done+: []"], {"done": ["x"]}),
    ],
)
def test_operators(layers: list[str], expected: Any) -> None:
    assert data(*layers) == expected


@pytest.mark.parametrize(
    ("layers", "own", "expected"),
    [
        (["a: 1", "a: null"], -1, {}),
        (["a: { b: 1, c: 2 }", "a: { b: null }"], -1, {"a": {"c": 2}}),
        (["a: { b: 1 }", "a: null", "a: { c: 2 }"], -1, {"a": {"c": 2}}),
        # Cleared twice is cleared.
        (["a: 1", "a: null", "a: null"], -1, {}),
        # In the spec itself a key without a value is a mistake that its shape reports.
        (["b: 1", "a: null"], -1, {"b": 1, "a": None}),
        (["b: 1", "a: { c: null }"], -1, {"b": 1, "a": {"c": None}}),
        # Above and below there may be nothing to clear.
        (["a: null", "b: 1"], -1, {"b": 1}),
        (["b: 1", "a: null"], 0, {"b": 1}),
        (["b: 1", "a: { c: null, d: 2 }"], 0, {"b": 1, "a": {"d": 2}}),
        (["a: null", "a: null"], 0, {}),
    ],
)
def test_null_clears(layers: list[str], own: int, expected: Any) -> None:
    assert data(*layers, own=own) == expected


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (
            ["tools: { web_fetch: { policy: allow, domains: [a.com] } }", "tools: { web_fetch: ask }"],
            {"tools": {"web_fetch": {"policy": "ask", "domains": ["a.com"]}}},
        ),
        (
            ["tools: { web_fetch: ask }", "tools: { web_fetch: { domains: [a.com] } }"],
            {"tools": {"web_fetch": {"policy": "ask", "domains": ["a.com"]}}},
        ),
        (["model: m", "model: { effort: low }"], {"model": {"id": "m", "effort": "low"}}),
        (["model: { id: m, effort: low }", "model: n"], {"model": {"id": "n", "effort": "low"}}),
        (["model: m", "model: n"], {"model": "n"}),
        (
            ["team: { subagents: [a] }", "team: { subagents: { inline: true } }"],
            {"team": {"subagents": {"agents": ["a"], "inline": True}}},
        ),
        (
            ["team: { subagents: { agents: [a], inline: true } }", "team: { subagents: [b] }"],
            {"team": {"subagents": {"agents": ["b"], "inline": True}}},
        ),
        (
            ["team: { subagents: { agents: [a], inline: true } }", "team: { subagents+: [b] }"],
            {"team": {"subagents": {"agents": ["a", "b"], "inline": True}}},
        ),
        (
            ["team: { subagents: { agents: [a, b], inline: true } }", "team: { subagents-: [b] }"],
            {"team": {"subagents": {"agents": ["a"], "inline": True}}},
        ),
        (
            ["team: { subagents: { agents: [a], inline: true } }", "team: { subagents-: [inline] }"],
            {"team": {"subagents": {"agents": ["a"]}}},
        ),
        (["team: { subagents: [a] }", "team: { subagents+: [b] }"], {"team": {"subagents": ["a", "b"]}}),
    ],
)  # fmt: skip
def test_a_short_form_is_the_mapping_it_stands_for(layers: list[str], expected: Any) -> None:
    assert data(*layers) == expected


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (
            ["custom: { t: { input_schema: { type: object, a: 1 }, max_calls: 2 } }",
             "custom: { t: { input_schema: { b: 2 } } }"],
            {"custom": {"t": {"input_schema": {"b": 2}, "max_calls": 2}}},
        ),
        (
            ["outputs: { o: { path: o.json, schema: { a: 1 } } }",
             "outputs: { o: { schema: { b+: [2] } } }"],
            {"outputs": {"o": {"path": "o.json", "schema": {"b+": [2]}}}},
        ),
        # A name of the user's is not a key of the language, whatever it is.
        (
            ["mcp: { default: { url: u, tools: { a: ask } } }", "mcp: { default: { others: ask } }"],
            {"mcp": {"default": {"url": "u", "tools": {"a": "ask"}, "others": "ask"}}},
        ),
        (
            ["vars: { schema: { type: string } }", "vars: { schema: { default: x } }"],
            {"vars": {"schema": {"type": "string", "default": "x"}}},
        ),
        (
            ["vars: { v: { default: { a: 1 } } }", "vars: { v: { default: { b: 2 } } }"],
            {"vars": {"v": {"default": {"b": 2}}}},
        ),
    ],
)  # fmt: skip
def test_what_is_json_of_somebody_else_is_a_whole(layers: list[str], expected: Any) -> None:
    assert data(*layers) == expected


def test_values_of_inputs_are_wholes_and_their_names_are_not() -> None:
    layers = ["inputs: { a: { x: 1 }, b: 2 }", "inputs: { a: { y: 2 }, c: 3 }"]
    assert data(*layers, model=DeploymentSpec) == {"inputs": {"a": {"y": 2}, "b": 2, "c": 3}}


def test_below_raw_null_is_a_value_and_no_key_is_an_operator() -> None:
    layers = ["raw: { a: { b: 1, c: 2 }, d: 1 }", "raw: { a: { b: null }, d: null, e+: [1] }"]
    assert data(*layers) == {"raw": {"a": {"b": None, "c": 2}, "d": None, "e+": [1]}}
    assert data(layers[0], "raw: null") == {}


def test_lists_of_toolsets_are_added_each_item_once() -> None:
    layers = ["skills: [a, b]", "skills: [b, c]", "skills: [c, d]", "done: [x]"]
    assert data(*layers, joins=[1, 2])["skills"] == ["a", "b", "c", "d"]
    inner = ["tools: { web_fetch: { domains: [a] } }", "tools: { web_fetch: { domains: [b] } }", ""]
    inner[2] = "skills: [s]"
    assert data(*inner, joins=[0, 1]) == {
        "tools": {"web_fetch": {"domains": ["b"]}},
        "skills": ["s"],
    }


@pytest.mark.parametrize(
    ("layers", "code", "place", "message"),
    [
        (["done: [x]", "done+: y"], "AF223", "1.yaml:1:1", "takes a list of what is added"),
        (["prompt: x", "prompt+: [y]"], "AF223", "1.yaml:1:1", "'prompt' is none here"),
        (["tools: { bash: ask }", "tools+: [read]"], "AF223", "1.yaml:1:1", "'tools' is none here"),
        (["a: 1", "done-: [y]"], "AF224", "1.yaml:1:1", "nothing is set here"),
        (["prompt: x", "prompt-: [y]"], "AF224", "1.yaml:1:1", "it is neither here"),
        (["done: [x]", "done-: [x, y]"], "AF224", "1.yaml:1:12", "'y' is not in 'done'"),
        (["done: [x]", "done-: y"], "AF224", "1.yaml:1:8", "'y' is not in 'done'"),
        (["tools: { read: ask }", "tools-: [bash]"], "AF224", "1.yaml:1:10", "'bash' is not in"),
        (["done: [x]", "done-: [{ check: a.b }]"], "AF224", "1.yaml:1:9", "This item is not in"),
        (["done: [x]", "done: null", "done-: [x]"], "AF224", "2.yaml:1:1", "nothing is set here"),
    ],
)
def test_an_operator_that_cannot_be_applied(
    layers: list[str], code: str, place: str, message: str
) -> None:
    _, problems = merged(*layers)
    [problem] = problems
    assert (problem.code, str(problem.span)) == (code, place)
    assert message in problem.message
    assert problem.hint


def test_a_value_knows_its_file_and_line() -> None:
    made, _ = merged(
        "model: m\ntools:\n  read: ask\n  web_fetch: ask\ndone: [x]\n",
        "tools:\n  read: allow\n  web_fetch:\n    domains: [a.com]\ndone+:\n  - y\n",
        own=1,
    )
    assert made.data["done"] == ["x", "y"]
    places = {".".join(map(str, path)): str(made.span(path)) for path, _ in made.origins()}
    assert places == {
        "model": "0.yaml:1:8",
        "tools.read": "1.yaml:2:9",
        "tools.web_fetch.policy": "0.yaml:4:14",
        "tools.web_fetch.domains.0": "1.yaml:4:15",
        "done.0": "0.yaml:5:8",
        "done.1": "1.yaml:6:5",
    }
    assert str(made.span(("done", 1), key=True)) == "1.yaml:6:5"
    assert str(made.span(("model",), key=True)) == "0.yaml:1:1"
    # What is absent is placed at its nearest parent.
    assert str(made.span(("tools", "bash"))) == "1.yaml:2:3"
    assert [path for path, _ in made.origins(("done",))] == [("done", 0), ("done", 1)]
    assert list(made.origins(("done", 5))) == []


def test_composing_leaves_its_layers_alone() -> None:
    texts = ["done: [x]\ntools: { read: ask, bash: ask }", "done+: [y]\ntools-: [bash]"]
    documents = [document(text, "x.yaml") for text in texts]
    layers = [Layer(Origin(made, ()), made.data) for made in documents]
    first = compose(AgentSpec, documents[0], layers, lambda _: None).data
    assert compose(AgentSpec, documents[0], layers, lambda _: None).data == first
    assert [made.data for made in documents] == [document(text, "x.yaml").data for text in texts]


def test_what_a_part_gives_by_itself() -> None:
    text = (
        "patch: { a: { done+: [x], model: null, tools-: [bash], prompt+: [y], raw: { b: null } } }"
    )
    part = without_operators(AgentSpec, document(text, "x.yaml"), ("patch", "a"))
    assert part.data == {"done": ["x"], "raw": {"b": None}}
    assert str(part.span(("done", 0))) == "x.yaml:1:23"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("done+: [x]", True),
        ("tools: { web_fetch: { domains-: [x] } }", True),
        ("metadata: { a: null }", False),
        ("raw: { a+: [1] }", False),
        ("outputs: { o: { path: p, schema: { a+: 1 } } }", False),
        ("'+': x", False),
    ],
)
def test_whether_a_document_composes(text: str, expected: bool) -> None:
    assert composes(AgentSpec, document(text, "x.yaml").data) is expected


# Laws. Layers of one shape: what is a map in one is a map in all, as in specs of one kind.

scalars = st.one_of(st.integers(0, 3), st.sampled_from(["p", "q"]))
lists = st.lists(scalars, max_size=3)


def maps(*, null: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Values by key, of a shape that the key decides."""
    none = [st.none()] if null else []
    leaf = st.one_of(scalars, *none)
    items = st.one_of(lists, *none)
    inner = st.one_of(st.fixed_dictionaries({}, optional={"a": leaf, "b": leaf, "l": items}), *none)
    outer = {"x": leaf, "y": leaf, "items": items, "m": inner, "n": inner}
    return st.fixed_dictionaries({}, optional=outer)


def over(*values: dict[str, Any], own: int | None = None) -> Any:
    return data(*map(yaml_text, values), own=own)


@given(maps(null=False), maps(null=False), maps(null=False))
def test_composition_of_maps_is_associative(a: Any, b: Any, c: Any) -> None:
    assert over(over(a, b), c) == over(a, over(b, c)) == over(a, b, c)


def patched(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """The one patch that does what two do in a row: null, which clears, is kept in it.

    A map that clears what is below and then sets something else has no such patch.
    """
    made = dict(first)
    for key, value in second.items():
        below = made.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            made[key] = patched(below, value)
        else:
            made[key] = value
    return made


def _sets_after_clearing(first: Any, second: Any) -> bool:
    return any(
        (first[key] is None and isinstance(value, dict))
        or (isinstance(first[key], dict) and isinstance(value, dict)
            and _sets_after_clearing(first[key], value))
        for key, value in second.items()
        if key in first
    )  # fmt: skip


@given(maps(null=False), maps(null=True), maps(null=True))
def test_composition_of_patches_with_null_is_associative(a: Any, b: Any, c: Any) -> None:
    if not _sets_after_clearing(b, c):
        assert over(a, b, c) == over(a, patched(b, c))
    assert over(a, b, c) == over(over(a, b), c)


@given(maps(null=False), st.integers(0, 2))
def test_empty_layers_change_nothing(a: Any, count: int) -> None:
    assert over(*[{}] * count, a, *[{}] * count) == a
    assert over(a, a) == a


operations = st.fixed_dictionaries(
    {}, optional={"items+": lists, "items-": lists, "items": lists, "x": scalars, "m": st.none()}
)


@given(st.lists(st.one_of(maps(null=True), operations), min_size=1, max_size=4), st.randoms())
def test_the_order_of_keys_never_matters(layers: list[Any], random: Any) -> None:
    def shuffled(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        entries = [(key, shuffled(item)) for key, item in value.items()]
        random.shuffle(entries)
        return dict(entries)

    plain, problems = merged(*map(yaml_text, layers))
    other, more = merged(*(yaml_text(shuffled(layer)) for layer in layers))
    assert plain.data == other.data
    assert sorted(p.message for p in problems) == sorted(p.message for p in more)


@given(st.lists(st.one_of(maps(null=True), operations), min_size=1, max_size=4))
def test_every_leaf_comes_from_a_document_that_has_it(layers: list[Any]) -> None:
    made, _ = merged(*map(yaml_text, layers))
    for path, origin in made.origins():
        there = value_at(origin.document.data, origin.path)
        here = value_at(made.data, path)
        # An empty map or list may be what is left of one that had more.
        assert there == here or (here in ({}, []) and isinstance(there, type(here)))
