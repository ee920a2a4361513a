"""A project with kinds that are not applied yet: plan and apply say so, and do the rest; so does run."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from tests.support.cli import ROOT, agentflow

PROJECT = """\
apiVersion: agentflow/v1
kind: Project
name: desk
targets:
  local: { service: local, driver: { script: ./script.yaml } }
secrets: { warehouse: "env:WAREHOUSE_TOKEN" }
defaults:
  agent:
    model: claude-opus-5-5
    prompt: Answer from the glossary.
    task: What does AUM mean?
    tools: { read: allow }
    budget: { usd: 1, turns: 10, wall: 5m }
---
kind: Environment
name: here
network: { mcp: inferred }
---
kind: Vault
name: keys
credentials:
  warehouse: { url: "https://warehouse.desk.dev/mcp", bearer: "${secret.warehouse}" }
---
kind: MemoryStore
name: notes
---
kind: Skill
name: style
folder: ./style
---
kind: Agent
name: reader
environment: here
files: { terms: ./terms.csv }
session: { title: Terms, metadata: { desk: rates } }
---
kind: Agent
name: stylist
environment: here
skills: [style]
---
kind: Agent
name: lead
environment: here
team: { subagents: [stylist] }
---
kind: Agent
name: banker
environment: here
mcp:
  warehouse: { url: "https://warehouse.desk.dev/mcp", auth: vault/keys.warehouse, others: allow }
memory: [notes]
---
kind: Agent
name: guest
environment: here
vaults: ["id:vlt_01Else"]
repositories: { code: { url: "https://github.com/desk/code" } }
---
kind: Agent
name: graded
environment: here
done: [The answer is one sentence.]
outcome: done
---
kind: Deployment
name: daily
agent: reader
schedule: { cron: "0 9 * * *", timezone: Europe/Berlin }
"""
SCRIPT = """\
turns:
  - tools: [{ name: read, input: { file_path: /mnt/session/uploads/terms.csv } }]
  - expect: [{ tool: read, contains: "assets under management", is_error: false }]
    say: Assets under management.
"""
SKILL = "---\nname: house-style\ndescription: How answers are written.\n---\nBe brief.\n"

NOT_APPLIED = [
    "agent/lead",
    "agent/stylist",
    "deployment/daily",
    "memorystore/notes",
    "skill/style",
    "vault/keys",
    "vault/keys.warehouse",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("desk")
    (root / "style").mkdir()
    (root / "agentflow.yaml").write_text(PROJECT, encoding="utf-8")
    (root / "script.yaml").write_text(SCRIPT, encoding="utf-8")
    (root / "style" / "SKILL.md").write_text(SKILL, encoding="utf-8")
    (root / "terms.csv").write_text("AUM,assets under management\n", encoding="utf-8")
    return root


def test_plan_and_apply_say_what_they_leave_alone_and_do_the_rest(project: Path) -> None:
    planned = agentflow("plan", "--exit-code", cwd=project)
    assert planned.returncode == 5, planned.stderr
    assert "  Not applied: this version applies agents and environments" in planned.stdout
    assert "    · vault/keys\n" in planned.stdout
    assert "    · agent/stylist  (needs skill/style)\n" in planned.stdout
    assert "    · agent/lead  (needs agent/stylist)\n" in planned.stdout
    assert planned.stdout.endswith("Plan: 5 to create, 0 to update, 0 unchanged, 8 not applied.\n")

    as_json = json.loads(agentflow("plan", "--format", "json", cwd=project).stdout)
    schema = json.loads((ROOT / "schemas" / "plan.json").read_text(encoding="utf-8"))
    jsonschema.validate(as_json, schema)
    left = {item["address"]: item["needs"] for item in as_json["not_applied"]}
    assert [address for address in left if not address.startswith("file/")] == NOT_APPLIED
    assert left["agent/lead"] == ["agent/stylist"]
    assert left["vault/keys.warehouse"] == []

    applied = agentflow("apply", "--auto-approve", cwd=project)
    assert applied.returncode == 0, applied.stderr
    assert "· skill/style" in applied.stdout
    assert "5 done" in applied.stdout
    assert agentflow("plan", "--exit-code", cwd=project).returncode == 0


def test_files_of_an_agent_are_mounted_for_its_run(project: Path) -> None:
    done = agentflow("run", "reader", "--format", "json", cwd=project)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "completed"


@pytest.mark.parametrize(
    ("agent", "message", "hint"),
    [
        ("stylist", "agent/stylist needs skill/style, which this version", "`id:…`"),
        ("lead", "agent/lead needs agent/stylist, which this version", "`id:…`"),
        ("banker", "need memorystore/notes and vault/keys, which this version", "`id:…`"),
        ("guest", "have repositories and vaults, which the embedded service", "-t TARGET"),
        ("graded", "agent/graded has an `outcome`", "Remove `outcome`"),
    ],
)
def test_a_run_that_cannot_have_what_it_needs_is_refused(
    project: Path, agent: str, message: str, hint: str
) -> None:
    refused = agentflow("run", agent, cwd=project)
    assert refused.returncode == 2, refused.stderr
    assert message in refused.stderr
    assert hint in refused.stderr
    assert "Traceback" not in refused.stderr
