"""Runs of one flow share a pool, and their costs add up."""

from __future__ import annotations

from pathlib import Path

import pytest

import agentflow
from agentflow.errors import BudgetReached


def test_runs_of_a_flow_draw_from_one_pool(desk: Path) -> None:
    specs = desk / "agentflow.yaml"
    text = specs.read_text(encoding="utf-8")
    text = text.replace("defaults:", "pools: { work: { tokens: 50, per: flow } }\ndefaults:")
    text = text.replace("budget: { usd: 1 }", "budget: { usd: 1, pools: [work] }")
    specs.write_text(text, encoding="utf-8")
    first = agentflow.run("clerk", project=desk, flow="monday")
    assert first.verdict is agentflow.Verdict.BUDGET
    with pytest.raises(BudgetReached, match="work"):
        agentflow.run("clerk", project=desk, flow="monday")
    # Another flow has the whole pool again.
    assert agentflow.run("clerk", project=desk, flow="tuesday").session_id is not None
    found = agentflow.session_costs(by="flow", project=desk)
    assert {line.label: line.runs for line in found} == {"monday": 1, "tuesday": 1}
