"""Secrets that code of the project is given: for its calls only, and in nothing that it says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agentflow.compiler.late import secret
from agentflow.compiler.manifest import CustomToolPolicy
from agentflow.secret import SecretText
from tests.runtime.bench import Bench, call
from tests.runtime.support import custom_policy, write_module

CANARY = "canary-s3cr3t"
ENV = {"DESK_TOKEN": f"Bearer {secret('desk')}", "DESK_REGION": "emea"}
CODE = """\
import os, sys
def length(): return [len(os.environ["DESK_TOKEN"]), os.environ["DESK_REGION"]]
def leak(): return {"all": dict(os.environ)}
def raises(): raise ValueError(os.environ["DESK_TOKEN"])
def after(): return [name for name in os.environ if name.startswith("DESK_")]
async def later():
    import asyncio
    await asyncio.sleep(0)
    return os.environ["DESK_REGION"]
"""
PROGRAM = """\
import json, os, sys
json.load(sys.stdin)
print(len(os.environ["DESK_TOKEN"]), os.environ["DESK_REGION"], sys.argv, dict(os.environ))
"""


@pytest.fixture
def shop(bench: Bench) -> Bench:
    write_module(bench.root, {"shop/env.py": CODE, "tools/env.py": PROGRAM})
    return bench


def tool(function: str) -> CustomToolPolicy:
    return custom_policy(f"shop.env:{function}", env=ENV)


def given() -> dict[str, SecretText]:
    return {"desk": SecretText("desk", CANARY)}


def test_a_function_has_what_it_is_given(shop: Bench) -> None:
    first, second = call("length", "c1"), call("later", "c2")
    one, other = shop.run(
        first, second, secrets=given(), length=tool("length"), later=tool("later")
    )
    assert one.text == f'[{len("Bearer " + CANARY)}, "emea"]'
    assert other.text == "emea"


def test_a_program_has_what_it_is_given(shop: Bench) -> None:
    program = custom_policy(None, command=(sys.executable, "./tools/env.py"), env=ENV)
    [outcome] = shop.run(call(), secrets=given(), rate=program)
    assert outcome.text.startswith(f"{len('Bearer ' + CANARY)} emea ")
    assert CANARY not in outcome.text


def test_the_next_call_has_nothing_of_it(shop: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both run in the same process, one after the other."""
    monkeypatch.setenv("DESK_REGION", "apac")
    first, second = call("raises", "c1"), call("after", "c2")
    after = custom_policy("shop.env:after")
    _, outcome = shop.run(first, second, secrets=given(), raises=tool("raises"), after=after)
    assert outcome.text == '["DESK_REGION"]'


@pytest.mark.parametrize("function", ["leak", "raises"])
def test_what_it_says_of_it_is_masked(shop: Bench, function: str) -> None:
    [outcome] = shop.run(call(), secrets=given(), rate=tool(function))
    assert CANARY not in outcome.text
    assert "desk" in outcome.text.lower()
    kept = [path for path in shop.root.rglob("*") if path.is_file()]
    assert not [path for path in kept if CANARY.encode() in path.read_bytes()]


def test_a_value_that_is_no_variable_is_not_given(shop: Bench) -> None:
    secrets = {"desk": SecretText("desk", "canary\0s3cr3t")}
    [outcome] = shop.run(call(), secrets=secrets, rate=tool("length"))
    assert outcome.is_error
    assert outcome.text.endswith("A secret that it is given holds a NUL, which no variable can.")


def test_only_what_is_named_is_read(tmp_path: Path) -> None:
    from agentflow.compiler.late import secrets
    from agentflow.operations.orders import tool_secrets

    assert secrets(tool_secrets({"a": tool("length"), "b": custom_policy()})) == {"desk"}
