"""Custom tools: the model and the schema for editors say the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from agentflow.spec.custom import CustomTool, is_loopback
from agentflow.spec.schema import SCHEMAS

TOLD: dict[str, Any] = {"description": "A rate.", "input_schema": {"type": "object"}}
URL = "https://x.org/rates"
TOP = {"apiVersion": "agentflow/v1", "kind": "Agent", "name": "a", "model": "m", "prompt": "x"}


def http(**fields: Any) -> dict[str, Any]:
    return {"http": {"url": URL, **fields}, **TOLD}


def accepts(tool: dict[str, Any]) -> tuple[bool, bool]:
    """What the model and what the schema say."""
    try:
        CustomTool.model_validate(tool)
        model = True
    except ValidationError:
        model = False
    schema = Draft202012Validator(json.loads(SCHEMAS["agent.json"]()))
    return model, schema.is_valid({**TOP, "custom": {"rate": tool}})


@pytest.mark.parametrize(
    "tool",
    [
        {"run": "desk.tools:rate"},
        {"run": "desk.tools:rate", **TOLD},
        {"command": ["python3", "./rate.py", "-"], **TOLD},
        http(),
        http(expect=201),
        http(expect=[200, 201]),
        http(headers={"Authorization": "Bearer ${secret.desk}", "X-Desk": "fx"}),
        *(
            http(url=url)
            for url in (
                "https://x.org",
                "https://x.org:8443/a/b?c=d&e=f",
                "http://localhost:8080/rates",
                "http://127.0.0.1/",
                "http://[::1]:9/x",
            )
        ),
    ],
)
def test_this_is_a_custom_tool(tool: dict[str, Any]) -> None:
    assert accepts(tool) == (True, True)


@pytest.mark.parametrize(
    "tool",
    [
        {"run": "desk", **TOLD},
        {"run": "desk:rate", "command": ["rate"], **TOLD},
        {"command": ["rate"], "http": {"url": URL}, **TOLD},
        {"command": [], **TOLD},
        {"command": [""], **TOLD},
        {"command": "rate", **TOLD},
        {"http": URL, **TOLD},
        http(method="GET"),
        http(expect=99),
        http(expect=[]),
        http(expect="ok"),
        http(headers={"Host": "y.org"}),
        http(headers={"content-LENGTH": "3"}),
        http(headers={"a b": "c"}),
        http(headers={"A": "b\nC: d"}),
        http(headers={"A": " b"}),
        http(headers={"A": "ü"}),
        http(headers={"A": ""}),
        *(
            http(url=url)
            for url in (
                "",
                "rates",
                "ftp://x.org/",
                "http://x.org/",
                "http://localhost.x.org/",
                "https:///rates",
                "https://me@x.org/",
                "https://me:pw@x.org/",
                "https://x.org/#part",
                "https://x.org/a b",
                "https://x.org\\@y.org/",
                "//x.org/",
            )
        ),
    ],
)
def test_this_is_none(tool: dict[str, Any]) -> None:
    assert accepts(tool) == (False, False)


@pytest.mark.parametrize("tool", [TOLD, {"http": {}, **TOLD}])
def test_what_is_missing_may_be_in_another_layer(tool: dict[str, Any]) -> None:
    assert accepts(tool) == (False, True)


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("x.org", False),
        ("128.0.0.1", False),
        ("::2", False),
        ("", False),
    ],
)
def test_what_this_machine_is_called(host: str, here: bool) -> None:
    assert is_loopback(host) is here
