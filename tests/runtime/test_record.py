"""What a run was started with survives the ledger, on this machine and on another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentflow.compiler import late
from agentflow.compiler.manifest import HttpPolicy, InputPolicy, OutputPolicy, SessionPolicy
from agentflow.diagnostics import Span
from agentflow.errors import StateError
from agentflow.runtime.record import read_record, write_record
from agentflow.runtime.run import RunRequest
from agentflow.secret import SecretText
from tests.runtime.support import agent_policy, budget_policy, custom_policy, rule

HEADERS = {"authorization": f"Bearer {late.secret('rates')}"}
RATES = {"rates": SecretText("rates", "s3cret-value")}


def request(root: Path, **changes: Any) -> RunRequest:
    values: dict[str, Any] = {
        "run_id": "run1",
        "agent": "agent/a",
        "agent_id": "agent_1",
        "agent_version": 3,
        "environment_id": "env_1",
        "policy": agent_policy(
            inputs={
                "orders": InputPolicy(
                    type="file", required=True, default=None, enum=None, description=None
                )
            },
            outputs={
                "totals": OutputPolicy(
                    path="t.json", required=True, schema={"type": "object"}, sections=("A", "B")
                )
            },
            custom={
                "rate": custom_policy(
                    None, http=HttpPolicy(url="https://r.example", headers=HEADERS, expect=(200,))
                )
            },
            approvals=(rule("bash", None, wait_s=60.0, on_timeout="halt"),),
            budget=budget_policy(usd="2.50", wall_s=60.0),
            session=SessionPolicy(title="T", resources=({"type": "file", "file_id": "f"},)),
        ),
        "inputs": {"orders": root / "data/orders.csv", "year": 2015, "region": "emea"},
        "out_dir": root / ".agentflow/runs/run1/outputs",
        "project_root": root,
        "sources": {"agent/a#budget.usd": Span("agentflow.yaml", 3, 1, 3, 9)},
        "title": "desk/agent/a",
        "secrets": RATES,
        "uploads": {"file/61fde9964309fb5c": root / "data/terms.csv"},
        "origin": {"target": {"name": "local"}},
    }
    return RunRequest(**{**values, **changes})


def test_a_record_gives_back_the_request_and_no_secret(tmp_path: Path) -> None:
    text = json.dumps(write_record(request(tmp_path), "Do it."))
    assert "s3cret-value" not in text
    assert str(tmp_path) not in text
    found = read_record("run1", json.loads(text), root=tmp_path, secrets=RATES)
    assert found.request == request(tmp_path)
    assert found.task == "Do it."


def test_a_project_can_be_moved_together_with_its_ledger(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    outside = tmp_path / "elsewhere/out"
    record = write_record(request(here, out_dir=outside), "Do it.")
    found = read_record("run1", record, root=there, secrets={}).request
    assert found.inputs["orders"] == there / "data/orders.csv"
    assert found.uploads == {"file/61fde9964309fb5c": there / "data/terms.csv"}
    assert found.project_root == there
    assert found.out_dir == outside


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 9}, "recorded in format 9"),
        ({"policy": {"model": 1}}, "record of run run1 is damaged"),
        ({"sources": {"a": [1]}}, "record of run run1 is damaged"),
        ({"inputs": None}, "record of run run1 is damaged"),
    ],
)
def test_a_record_that_cannot_be_read_is_told(
    change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    record = {**write_record(request(tmp_path), "Do it."), **change}
    with pytest.raises(StateError, match=words):
        read_record("run1", record, root=tmp_path, secrets={})
