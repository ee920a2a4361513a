"""Inputs of a run: defaults, types, and a clear word for whatever does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentflow.compiler.manifest import AgentPolicy, InputPolicy
from agentflow.errors import UsageError
from agentflow.operations.inputs import resolve_inputs


def rule(type_: str, **more: Any) -> InputPolicy:
    required = "default" not in more
    fields = {"default": None, "enum": None, "description": None, **more}
    return InputPolicy(type=type_, required=required, **fields)


def policy(**inputs: InputPolicy) -> AgentPolicy:
    return AgentPolicy(
        environment="environment/e",
        model="m",
        task="t",
        inputs=inputs,
        outputs={},
        done=(),
        uncertainty=None,
        repair=0,
        approvals=(),
        budget=None,
        custom={},
        tools={},
        scratch=None,
    )


def test_defaults_and_given_values_come_out_typed(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("a\n")
    values = resolve_inputs(
        policy(
            orders=rule("file", default="./orders.csv"),
            region=rule("string", default="emea", enum=("emea", "apac")),
            limit=rule("integer"),
            share=rule("number"),
            draft=rule("boolean"),
        ),
        {"limit": "12", "share": "0.5", "draft": "true", "region": "apac"},
        root=tmp_path,
        working=tmp_path / "elsewhere",
    )
    assert values == {
        "orders": tmp_path / "orders.csv",
        "region": "apac",
        "limit": 12,
        "share": 0.5,
        "draft": True,
    }


def test_a_given_file_is_relative_to_where_the_command_runs(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "x.csv").write_text("a\n")
    values = resolve_inputs(
        policy(orders=rule("file")), {"orders": "x.csv"}, root=tmp_path, working=tmp_path / "here"
    )
    assert values["orders"] == tmp_path / "here" / "x.csv"


@pytest.mark.parametrize(
    ("inputs", "given", "message", "hint"),
    [
        ({"region": rule("string")}, {}, "'region' has no value", "--input region=VALUE"),
        ({"region": rule("string")}, {"regoin": "x"}, "no input 'regoin'", "'region'"),
        ({}, {"x": "1"}, "no input 'x'", "none"),
        ({"n": rule("integer")}, {"n": "many"}, "a whole number, not 'many'", None),
        ({"b": rule("boolean")}, {"b": "yes"}, "true or false, not 'yes'", None),
        ({"s": rule("string", enum=("a", "b"))}, {"s": "c"}, "one of a, b, not 'c'", None),
        ({"f": rule("file")}, {"f": "absent.csv"}, "not a file that exists", None),
        ({"f": rule("file")}, {"f": "."}, "a directory", None),
    ],
)
def test_what_does_not_fit_is_said(
    tmp_path: Path,
    inputs: dict[str, InputPolicy],
    given: dict[str, str],
    message: str,
    hint: str | None,
) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_inputs(policy(**inputs), given, root=tmp_path, working=tmp_path)
    assert message in caught.value.message
    assert (hint or "") in (caught.value.hint or "")


def test_a_default_of_a_spec_never_means_the_home_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A spec's default was checked as a file of the project, which `~/key` can be."""
    for folder in ("home", "project/~"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "key").write_text(folder, encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    agent = policy(key=rule("file", default="~/key"))
    root = tmp_path / "project"
    found = resolve_inputs(agent, {}, root=root, working=root)
    assert found["key"].read_text(encoding="utf-8") == "project/~"
    found = resolve_inputs(agent, {"key": "~/key"}, root=root, working=root)
    assert found["key"].read_text(encoding="utf-8") == "home"
    with pytest.raises(UsageError):
        resolve_inputs(agent, {"key": "~nobody-of-this-name/key"}, root=root, working=root)
