"""What is read without pydantic is what pydantic makes of it: examples, bad cases, and mistakes anywhere."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from agentflow.operations.project import ProjectFiles
from agentflow.source.yaml import parse
from agentflow.spec import base
from agentflow.spec.agent import ApprovalRule, ModelSpec, OutputSpec
from agentflow.spec.base import SpecModel
from agentflow.spec.declare import StringConstraints
from agentflow.spec.kinds import KINDS
from agentflow.spec.project import TargetSpec
from agentflow.spec.reading import Unsure, reader
from agentflow.spec.refs import parse_ref
from agentflow.spec.session import Repository
from agentflow.spec.tool import Tools
from agentflow.spec.twin import validate
from tests.spec.support import FULL, documents, marked_secrets
from tests.support.bad_input import CASES

ROOT = Path(__file__).parents[2]


def projects() -> Iterator[tuple[Path, Any]]:
    for folder in ("examples", "agentflow/operations/templates", "tests/cases/compile"):
        for path in sorted((ROOT / folder).rglob("agentflow.yaml")):
            files = ProjectFiles(path.parent)
            for name in files.specs():
                if name.endswith(".yaml"):
                    yield path, [d.data for d in parse(name, files.read(name)).value]


def is_document(data: Any) -> bool:
    return isinstance(data, dict) and data.get("kind") in KINDS


@cache
def good() -> list[Any]:
    found = [data for _, several in projects() for data in several]
    found += [document.data for document in documents(FULL.read_text(encoding="utf-8"))]
    return [marked_secrets(data) for data in found if is_document(data)]


@cache
def bad() -> list[Any]:
    texts = [text for case in CASES for text in case.files.values() if isinstance(text, str)]
    found = [document.data for text in texts for document in parse("f.yaml", text).value]
    return [marked_secrets(data) for data in found if is_document(data)]


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types all through."""
    if type(one) is not type(other):
        return False
    if isinstance(one, SpecModel):
        given = one.model_fields_set == other.model_fields_set
        return given and list(vars(one)) == list(vars(other)) and same(vars(one), vars(other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) or one is other  # what is no number equals nothing


def agrees(model: type[SpecModel], data: Any) -> bool:
    """Whether the data was read at all. If so, pydantic has to make the same of it."""
    try:
        ours = reader(model)(data)
    except Unsure:
        return False
    assert same(ours, validate(model, data)), data
    return True


def is_valid(model: type[SpecModel], data: Any) -> bool:
    try:
        validate(model, data)
    except ValidationError:
        return False
    return True


def test_what_is_right_is_read_alike_and_without_pydantic() -> None:
    read = dict.fromkeys(KINDS, 0)
    for data in good():
        model = KINDS[data["kind"]]
        # Layers may lack keys, and have `key+`: those are put together before they are read.
        if is_valid(model, data):
            assert agrees(model, data), data
            read[data["kind"]] += 1
    assert all(read.values()), read


def test_what_is_wrong_is_read_alike() -> None:
    read = [agrees(KINDS[data["kind"]], data) for data in bad()]
    # Most mistakes are none of shape.
    assert read.count(False) > 40
    assert read.count(True) > 200


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else ()
    for key, item in enumerate(value) if isinstance(value, list) else inner:
        yield from places(item, (*path, key))


def changed(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    data = copy.deepcopy(data)
    at = data
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return data


WORDS = [
    *("", "a", "a\n", "A", "é", "٣", "x" * 300, "x" * 3000, "-", "a-", "a b", "a/b", "a.b"),
    *("true", "1", "1.5", "60", "400k", "1.5M", "0.1k", "٣k", "80%", "0%", "101%", "٨0%"),
    *("20m", "1h30m", "0s", "250ms", "٣s", "20m\n", "open", "off", "allow", "ask", "self"),
    *("./a.md", "../a.md", "./", "/a", "/a/", "id:agent_1", "a@1", "a@01", "a@1\n", "agent/a"),
    *("https://a.org", "https://a.org\n", "http://a.org", "https://u:p@a.org", "https://a.org/#x"),
    *("https://github.com/a/b", "https://github.com/a/b.git", "2027-01-31T12:00:00Z", "US", "us"),
    *("a:b", "a.b:c", "é:c", "env:A", "file:a", "AF6", "\ufdd0secret.a\ufdd1", "${secret.a}"),
]
VALUES = [
    *WORDS,
    *(None, True, False, 0, 1, 7, -1, 3, 250, 10**30, 0.5, float("inf")),
    *(Decimal("2.50"), Decimal("0.001"), Decimal("NaN"), Decimal(-1), Decimal(0)),
    *([], {}, ["a"], [1], [None], ["a"] * 30, {"a": "b"}, {"a": 1}, {1: "a"}, {"": ""}, {"é": "a"}),
    *({"x" * 70: "a"}, {"policy": "allow"}, {"id": "m"}, {"agents": ["a"]}, {"path": "./a"}),
    *({"open": True}, {"aws_role": "arn"}, {"check": "a:b"}, {"only": ["a"]}, ["self", "a"]),
]


def every_place() -> list[tuple[Any, tuple[Any, ...]]]:
    whole = [document.data for document in documents(FULL.read_text(encoding="utf-8"))]
    return [
        (data, path)
        for data in map(marked_secrets, whole)
        if is_document(data)
        for path in places(data)
        if path
    ]


def test_a_mistake_anywhere_is_seen_or_left_to_pydantic() -> None:
    read = 0
    for number, (data, path) in enumerate(every_place()):
        # Each place gets some of the values, and each kind of place all of them.
        for value in VALUES[number % 11 :: 11]:
            read += agrees(KINDS[data["kind"]], changed(data, path, value))
    assert read > 500


json_values = st.recursive(
    st.sampled_from(VALUES[: len(WORDS) + 17]) | st.text(max_size=5) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_documents_with_several_mistakes_are_read_alike(draws: st.DataObject) -> None:
    data = draws.draw(st.sampled_from(good()))
    kind = data["kind"]
    for _ in range(draws.draw(st.integers(1, 3))):
        path = draws.draw(st.sampled_from([path for path in places(data) if path]))
        data = changed(data, path, draws.draw(json_values))
    agrees(KINDS[kind], data)


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (ModelSpec, {"id": "m", "colour": "red"}),  # a key that there is not
        (ModelSpec, {}),  # one that is missing
        (OutputSpec, {"path": "a", "schema_": {}}),  # a name in Python that is no key
        (ApprovalRule, {"tool": "bash"}),  # what the model itself says
        (Repository, {"url": "https://github.com/a/b.git"}),  # what it says of a field
        (Tools, {"bash": {"policy": "never"}}),
        (Tools, []),
    ],
)
def test_what_is_refused_is_left_to_pydantic(model: type[SpecModel], data: Any) -> None:
    assert not agrees(model, data)
    with pytest.raises(ValidationError):
        model.model_validate(data)


def test_what_is_not_plain_is_still_a_spec() -> None:
    data = {"url": "https://github.com/a/b", "branch": "m", "mount": "/workspace/é"}
    assert not agrees(Repository, data)
    spec = Repository.model_validate(data)
    assert type(spec) is Repository
    assert spec.mount == "/workspace/é"
    assert spec.model_fields_set == {"url", "branch", "mount"}


def test_a_spec_does_not_change() -> None:
    spec: Any = ModelSpec(id="m")
    with pytest.raises(AttributeError):
        spec.id = "n"
    assert spec == ModelSpec(id="m")
    assert spec != ModelSpec(id="n")
    assert repr(ModelSpec(id="m", speed="fast")).startswith("ModelSpec(id='m', effort=None")


def test_defaults_are_each_specs_own() -> None:
    one, other = Tools(), Tools()
    assert one == other
    rules = [ApprovalRule(tool="bash", answer="allow") for _ in range(2)]
    assert rules[0].match is not rules[1].match


def test_a_project_that_is_right_needs_no_pydantic() -> None:
    code = (
        "import sys; from agentflow.cli.main import main; "
        "code = main(['lint', '--no-cache', '-C', sys.argv[1]]); "
        "print(code, [name for name in sys.modules if name.startswith('pydantic')])"
    )
    example = ROOT / "examples" / "ten-lines"
    done = subprocess.run(
        [sys.executable, "-c", code, str(example)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0 []"


SHORT_CUTS = [
    base.Name,
    base.Identifier,
    base.AgentRef,
    base.EnvironmentRef,
    base.SkillRef,
    base.VaultRef,
    TargetSpec.model_fields["service"].annotation,
]
TEXTS = st.text("ab9A-_./@é\n", max_size=66)


@given(TEXTS | st.sampled_from(["local", "anthropic", "local\n", "a" * 63, "a" * 64, "a" * 65]))
def test_what_surely_fits_a_pattern_fits_it(value: str) -> None:
    for annotation in SHORT_CUTS:
        [limits] = [m for m in annotation.__metadata__ if isinstance(m, StringConstraints)]
        assert limits.surely is not None
        assert limits.pattern is not None
        if limits.surely(value):
            assert re.fullmatch(limits.pattern.strip("^$"), value)


@given(st.from_regex(r"[0-9]{1,3}[hms]|[0-9]{1,3}[kM]|[a-z0-9-]{1,9}", fullmatch=True))
def test_what_is_read_at_a_glance_is_read_alike(value: str) -> None:
    if value[-1] in "hms" and value[:-1].isdecimal() and int(value[:-1]) > 0:
        # With a part that is zero it is none of the short forms.
        assert base.parse_duration(value) == base.parse_duration(value + "0ms")
    elif value[-1] in "kM" and value[:-1].isdecimal() and int(value[:-1]) > 0:
        assert base.parse_count(value) == base.parse_count(f"{value[:-1]}.0{value[-1]}")
    elif (ref := parse_ref(value, "agent")) is not None:
        assert ref == parse_ref(f"agent/{value}", "agent")
