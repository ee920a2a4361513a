"""What a policy stops, as a program sees it: exit code 6 for plan, apply and run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import agentflow

SPECS = """\
apiVersion: agentflow/v1
kind: Project
name: p
---
kind: Agent
name: a
model: claude-opus-5-5
prompt: Work.
environment: e
budget: { usd: 9 }
---
kind: Environment
name: e
---
kind: Policy
name: house
checks: { cap: { message: Ask the desk., max_budget: { usd: 5 } } }
"""


@pytest.mark.parametrize(
    ("command", "expected"),
    [(("plan",), 6), (("apply", "--auto-approve"), 6), (("run", "a"), 6), (("lint",), 1)],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_a_policy_blocks(command: tuple[str, ...], expected: int, tmp_path: Path) -> None:
    (tmp_path / "agentflow.yaml").write_text(SPECS)
    done = agentflow(*command, cwd=tmp_path)
    assert done.returncode == expected
    shown = done.stderr + done.stdout
    assert "AF270" in shown
    assert "Ask the desk." in shown
    assert "policy 'house'" in shown


def test_other_errors_are_problems_first(tmp_path: Path) -> None:
    broken = SPECS.replace("name: e\n---", "name: e\nnetwork: { hosts: ['a:1'] }\n---")
    (tmp_path / "agentflow.yaml").write_text(broken)
    assert agentflow("plan", cwd=tmp_path).returncode == 1
