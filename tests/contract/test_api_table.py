"""The table of the service's fields knows what the SDK has, nothing else, and names YAML that exists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal, Required

import pytest
from typing_extensions import TypedDict

from agentflow.spec.base import SpecModel
from agentflow.spec.kinds import KINDS
from agentflow.spec.walk import known_keys, types_at
from tests.support.api_page import api_page, words_for
from tests.support.api_words import KIND_OF, WORDS
from tests.support.sdk_fields import FORMS, fields_in, fields_of
from tests.support.sdk_types import BODIES

FIELDS = [(kind, path) for kind in BODIES for path in fields_of(kind)]
ENTRIES = [(kind, path) for kind in WORDS for path in WORDS[kind]]
YAML = sorted({(KIND_OF[kind], yaml) for kind, path in ENTRIES for yaml in WORDS[kind][path].yaml})


def test_the_walk_goes_to_the_bottom() -> None:
    assert set(WORDS) == set(KIND_OF) == set(BODIES)
    assert len(FIELDS) > 250
    agent = fields_of("agent")
    deep = "tools[agent_toolset_20260401].configs[].url_sources.client_tool_results.tools[].name"
    assert agent[deep].type == "text"
    assert agent["model"].type == "text or map"
    assert agent["model.speed"].type == "`fast` or `standard`"
    assert agent["metadata"].type == "map of text"
    assert agent["multiagent[coordinator].agents"].type == "list of text or map"
    assert fields_of("skill")["files"].type == "list of file"
    assert "betas" not in agent


class Node(TypedDict, total=False):
    type: Required[Literal["node"]]
    below: Iterable[Node]
    beside: Node | str | None


class Leaf(TypedDict, total=False):
    type: Required[Literal["leaf"]]
    weight: float


class Tree(TypedDict, total=False):
    tools: Required[Iterable[Node | Leaf]]
    at: str | datetime | None


def test_a_type_inside_itself_ends_the_walk() -> None:
    assert [(field.path, field.type) for field in fields_in(Tree).values()] == [
        ("tools", "list of map"),
        ("tools[leaf].type", "`leaf`"),
        ("tools[leaf].weight", "number"),
        ("tools[node].type", "`node`"),
        ("tools[node].below", "list of map"),
        ("tools[node].beside", "text or map"),
        ("at", "text or time"),
    ]


@pytest.mark.parametrize(
    ("kind", "path"),
    [("agent", "tools[custom].colour"), ("agent", "new"), ("session", "agent[agent].tools")],
)
def test_a_field_that_is_new_is_not_known(kind: str, path: str) -> None:
    assert words_for(kind, path) is None


def test_every_form_named_is_there() -> None:
    paths = {path.partition("[")[0] for kind, path in FIELDS if "[" in path}
    assert {form.removesuffix("[]") for form in FORMS} <= paths


@pytest.mark.parametrize(("kind", "path"), FIELDS)
def test_the_table_knows_every_field_of_the_sdk(kind: str, path: str) -> None:
    words = words_for(kind, path)
    assert words is not None, "the SDK has a new field: add it to tests/support/api_words.py"
    assert words.yaml or words.note


def test_the_table_names_no_field_that_is_gone() -> None:
    gone = [entry for entry in ENTRIES if not any(_is_of(entry, field) for field in FIELDS)]
    assert gone == []


def _is_of(entry: tuple[str, str], field: tuple[str, str]) -> bool:
    (kind, pattern), (its_kind, path) = entry, field
    if pattern.endswith(".**"):
        return kind == its_kind and path.startswith(pattern.removesuffix("**"))
    return entry == field


@pytest.mark.parametrize(("kind", "yaml"), YAML)
def test_yaml_that_is_named_exists(kind: str, yaml: str) -> None:
    steps = yaml.replace("[]", ".[]").split(".")
    assert list(_places(KINDS[kind], steps, ())), f"{kind} has no `{yaml}`"


def _places(
    model: type[SpecModel], steps: Sequence[str], path: tuple[str | int, ...]
) -> Iterator[tuple[str | int, ...]]:
    """The places in a spec that a path of the table stands for."""
    if not types_at(model, path):
        return
    if not steps:
        yield path
        return
    step: str = steps[0]
    keys: list[str | int] = [step]
    if step == "[]":
        keys = [0]
    elif step.isupper():
        keys = [*known_keys(model, path)] or [step.lower()]
    for key in keys:
        yield from _places(model, steps[1:], (*path, key))


def test_a_word_that_is_not_there_is_noticed() -> None:
    for wrong in (["modle"], ["tools", "TOOL", "polcy"], ["memory", "[]", "shop"], ["name", "[]"]):
        assert not list(_places(KINDS["Agent"], wrong, ()))


def test_the_page_leaves_no_field_open() -> None:
    page = api_page()
    assert "| ? |" not in page
    assert "| `tools[custom].name` | text | `custom.TOOL` (the key) |" in page
