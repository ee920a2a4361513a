"""No parsed YAML makes a stage raise: a project with every kind, broken in every place."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.compiler.explain import explain
from agentflow.compiler.graph import Graph
from agentflow.compiler.manifest import canonical_json
from agentflow.compiler.pipeline import build
from agentflow.compiler.review import review
from agentflow.diagnostics import has_errors
from agentflow.lint.engine import lint
from agentflow.lint.rule import Context
from agentflow.output.explain import explain_json, render_explained
from tests.support.memory_files import MemoryFiles
from tests.support.rich import DOCUMENTS, ENVIRON, TARGET, documents, paths_of, project_of

PATHS = [path for path in paths_of(DOCUMENTS) if path]
NAMES = [f"{document['kind']}-{document['name']}" for document in DOCUMENTS]

JUNK: list[Any] = [
    None,
    True,
    7,
    -1,
    10**30,
    2.5,
    "",
    " ",
    "x",
    "./x",
    "../..",
    ".",
    "${",
    "$${",
    "${var.model}",
    "${var.nope}",
    "${env.NOPE:?say}",
    "${secret.github}",
    "${ref.agent.analyst.id}",
    "{{",
    "{{ vars.desk }}",
    "{% x %}",
    "*",
    "[",
    "a:b",
    "desk:rate",
    "id:agent_01",
    "agent/analyst",
    "vault/desk.warehouse",
    "name@7",
    "self",
    "1h",
    "50%",
    "0 9 * * 1-5",
    "steps.draft.outputs.report",
    "inputs.orders",
    "https://[",
    "é😀\u2028\ufffe",
    "\ufdd0secret.github\ufdd1",
    "x" * 3000,
    [],
    {},
    [None],
    ["x", 1],
    [[[]]],
    {"x": 1},
    {"": ""},
    {"+": 1, "-": 2},
    {"a+": ["x"], "a-": "y", "b": None},
    {"from": "inputs.orders"},
    {"$ref": "#/a"},
    {"policy": "ask"},
]
KEYS = ["added", "extends", "use+", "done-", "tools-", "raw", "abstract", "", "+", "vars", "${x}"]
HOWS = ["replace", "remove", "add", "twice", "rename"]


def change(specs: Any, path: tuple[Any, ...], how: str, value: Any, key: str) -> None:
    """One mutation in place; nothing where an earlier one took the place away."""
    parent = specs
    value = copy.deepcopy(value)  # a later mutation may be of a place in it
    try:
        for step in path[:-1]:
            parent = parent[step]
        if how == "remove":
            del parent[path[-1]]
        elif how == "add" and isinstance(parent[path[-1]], dict):
            parent[path[-1]][key] = value
        elif how == "twice" and isinstance(parent, list):
            parent.append(copy.deepcopy(parent[path[-1]]))
        elif how == "rename" and isinstance(parent, dict):
            parent[key] = parent.pop(path[-1])
        else:
            parent[path[-1]] = value
    except (LookupError, TypeError):
        return


@cache
def untouched() -> Graph:
    """The project without a mistake."""
    graph = build(project_of(DOCUMENTS), target=TARGET, environ=ENVIRON).value.graph
    assert graph is not None
    return graph


def told_as_before(graph: Graph) -> set[str]:
    """The specs that a mutation has not changed: what is said of them is tested once."""
    before, now = untouched().composed, graph.composed
    return {
        address
        for address in before.keys() & now.keys()
        if before[address].data == now[address].data
        and review(address, before) == review(address, now)
    }


def test_a_project_without_a_mistake_holds() -> None:
    graph = untouched()
    assert told_as_before(graph) == set(graph.composed)
    for address in graph.composed:
        said_of(graph, address)
    holds(project_of(DOCUMENTS))


def said_of(graph: Graph, address: str) -> None:
    """The views of a spec end."""
    made = explain(graph, address)
    assert made is not None
    assert render_explained(made, color=True)
    assert json.loads(explain_json([made]))


def holds(files: MemoryFiles, **how: Any) -> None:
    """All stages, the rules and the views end, and what they say is in order."""
    result = build(files, target=TARGET, environ=ENVIRON, **how)
    built = result.value
    if built.graph is None:
        assert has_errors(result.problems)
    else:
        assert has_errors(result.problems) == (built.compiled is None)
        list(lint(Context(graph=built.graph, compiled=built.compiled), found=result.problems))
        for address in sorted(set(built.graph.composed) - told_as_before(built.graph)):
            said_of(built.graph, address)
    for problem in result.problems:
        assert problem.message.endswith((".", "?", "!", "`", "'", "…")), problem.message
        if problem.span is not None and problem.span.file != "--set":
            text = files.files[problem.span.file]
            assert 1 <= problem.span.line <= text.count("\n") + 1
    if built.compiled is not None:
        manifest = built.compiled.manifest
        assert json.loads(canonical_json(manifest.to_json()))["project"] == manifest.project


mutations = st.tuples(
    st.sampled_from(PATHS), st.sampled_from(HOWS), st.sampled_from(JUNK), st.sampled_from(KEYS)
)


@settings(deadline=None, max_examples=100)
@given(st.lists(mutations, min_size=1, max_size=3))
def test_no_mutation_makes_a_stage_raise(made: list[tuple[Any, str, Any, str]]) -> None:
    specs = documents()
    for path, how, value, key in made:
        change(specs, path, how, value, key)
    holds(project_of(specs))


@pytest.mark.parametrize("number", range(len(DOCUMENTS)), ids=NAMES)
def test_no_single_wrong_value_makes_a_stage_raise(number: int) -> None:
    """Every place of every kind; which values it gets goes round."""
    for count, path in enumerate(path for path in PATHS if path[0] == number and len(path) > 1):
        for turn in range(2):
            specs = documents()
            value = JUNK[(count * 2 + turn) % len(JUNK)]
            change(specs, path, "remove" if turn and count % 3 == 0 else "replace", value, "")
            holds(project_of(specs))


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(["agent/analyst", "agent/base", "vault/desk", "deployment/monthly", "skill/x"]),
    st.sampled_from(["budget.usd", "tools.bash", "done+", "name", "x", "..", "raw.a", "use-"]),
    st.sampled_from(["1", "", "null", "{", "[a]", "{ a: 1 }", "${var.model}", "a: b: c", "#", "'"]),
)
def test_no_setting_makes_a_stage_raise(address: str, path: str, value: str) -> None:
    holds(project_of(DOCUMENTS), settings=[f"{address}.{path}={value}"])
