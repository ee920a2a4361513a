"""A team of agents applied to the local service: members are pinned, and follow what they pin."""

from __future__ import annotations

from pathlib import Path

from tests.support.cli import agentflow

PROJECT = """\
apiVersion: agentflow/v1
kind: Project
name: desk
---
kind: Environment
name: place
network: { mcp: inferred }
---
kind: Environment
name: workers
hosting: self-hosted
---
kind: Agent
name: helper
model: claude-sonnet-5
environment: place
prompt: Help.
task: Go.
budget: { usd: 1 }
---
kind: Agent
name: lead
model: claude-opus-5-5
environment: place
prompt: Lead.
task: Go.
tools: { read: allow, web_fetch: { policy: allow, sources: { user: none } } }
mcp:
  warehouse:
    url: https://warehouse.example.com/mcp
    tools: { search: allow }
skills: ["anthropic/xlsx"]
team: { subagents: [helper, self], advisor: claude-opus-5-5 }
budget: { usd: 1 }
---
kind: Agent
name: payer
model: claude-sonnet-5
environment: workers
prompt: Pay.
task: Go.
identity: { aws_role: "arn:aws:iam::123456789012:role/payer" }
budget: { usd: 1 }
"""


def test_a_team_is_applied_pinned_again_and_not_run_here(tmp_path: Path) -> None:
    specs = tmp_path / "agentflow.yaml"
    specs.write_text(PROJECT, encoding="utf-8")
    applied = agentflow("apply", "--auto-approve", cwd=tmp_path)
    assert applied.returncode == 0, applied.stderr
    assert "Plan: 5 to create" in applied.stdout
    again = agentflow("plan", "--exit-code", cwd=tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr

    specs.write_text(PROJECT.replace("prompt: Help.", "prompt: Help more."), encoding="utf-8")
    edited = agentflow("plan", cwd=tmp_path)
    assert "Plan: 0 to create, 2 to update, 3 unchanged" in edited.stdout
    assert "${ref.agent.helper.version}" in edited.stdout
    updated = agentflow("apply", "--auto-approve", cwd=tmp_path)
    assert updated.returncode == 0, updated.stderr
    last = agentflow("plan", "--exit-code", cwd=tmp_path)
    assert last.returncode == 0, last.stdout + last.stderr

    (tmp_path / "script.yaml").write_text("turns: [{ say: Done. }]\n", encoding="utf-8")
    refused = agentflow("run", "lead", "--script", "script.yaml", cwd=tmp_path)
    assert refused.returncode == 4, refused.stdout + refused.stderr
    assert "works in a team" in refused.stderr
    assert "not available in the local service" in refused.stderr
    assert "Traceback" not in refused.stderr
