"""Runs over the embedded service, audited from their ledgers: evidence, who decided, and the line to change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentflow.cli.main import main

PROJECT = """\
apiVersion: agentflow/v1
kind: Project
name: desk
targets: { local: { service: local, driver: { script: ./script.yaml } } }
---
kind: Agent
name: writer
model: claude-opus-5-5
environment: room
prompt: You write reports.
task: Write the report.
tools:
  write: allow
  bash: ask
outputs:
  report: { path: report.md, sections: [Findings] }
approvals:
  - { tool: bash, match: { command: "ls *" }, answer: allow }
repair: 0
done: [The report has findings.]
uncertainty: assume
budget:
  usd: 1
  turns: 5
---
kind: Environment
name: room
"""


def audited(
    tmp_path: Path, turns: str, capsys: pytest.CaptureFixture[str], *, repair: int = 0
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """The findings of a run, by code, and its events, by id."""
    (tmp_path / "agentflow.yaml").write_text(PROJECT.replace("repair: 0", f"repair: {repair}"))
    (tmp_path / "script.yaml").write_text("turns:\n" + turns)
    main(["run", "-C", str(tmp_path)])
    capsys.readouterr()
    here = ["-C", str(tmp_path)]
    assert main(["sessions", "audit", "last", *here, "--format", "json", "--exit-zero"]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert main(["sessions", "events", "last", *here]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {one["code"]: one for one in findings}, {event["id"]: event for event in events}


def line_of(text: str) -> int:
    return next(n for n, line in enumerate(PROJECT.splitlines(), 1) if line.startswith(text))


WRITE = (
    "  - tools: [{ name: write, input: { file_path: %s, content: '# Findings' } }]\n"
    "  - say: Done.\n"
)
OUTPUT = WRITE % "/mnt/session/outputs/report.md"


def test_a_denial_by_default_names_the_rules(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turns = "  - tools: [{ name: bash, input: { command: rm notes.txt } }]\n" + OUTPUT
    findings, events = audited(tmp_path, turns, capsys)
    assert set(findings) == {"AU404"}
    found = findings["AU404"]
    types = [events[id]["type"] for id in found["evidence"]]
    assert types == ["agent.tool_use", "user.tool_confirmation"]
    assert found["source"]["file"] == "agentflow.yaml"
    assert found["source"]["line"] == line_of("  - { tool: bash")


def test_a_report_that_was_never_delivered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    findings, events = audited(tmp_path, WRITE % "/workspace/report.md", capsys)
    assert set(findings) == {"AU202"}
    found = findings["AU202"]
    assert events[found["evidence"][0]]["stop_reason"] == {"type": "end_turn"}
    assert found["source"]["line"] == line_of("  report:")


def test_a_limit_that_stopped_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    look = "  - tools: [{ name: bash, input: { command: ls %d } }]\n"
    turns = "".join(look % number for number in range(6)) + OUTPUT
    findings, _ = audited(tmp_path, turns, capsys)
    assert findings["AU305"]["source"]["line"] == line_of("  turns: 5")
    assert "budget.turns was used to 100%" in findings["AU305"]["message"]


def test_a_repair_is_no_message_that_joins_a_turn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turns = WRITE % "/workspace/report.md" + OUTPUT
    findings, events = audited(tmp_path, turns, capsys, repair=1)
    assert sum(event["type"] == "user.message" for event in events.values()) == 2
    assert findings == {}


def test_a_good_run_has_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    turns = "  - tools: [{ name: bash, input: { command: ls /tmp } }]\n" + OUTPUT
    findings, _ = audited(tmp_path, turns, capsys)
    assert findings == {}


def test_a_model_that_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = "  - error: { type: model_overloaded_error, message: Busy., retry: %s }\n"
    findings, events = audited(tmp_path, error % "retrying" + error % "exhausted", capsys)
    assert {"AU503", "AU504"} <= set(findings)
    assert events[findings["AU504"]["evidence"][0]]["error"]["retry_status"]["type"] == "exhausted"


def test_a_refusal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    findings, events = audited(tmp_path, "  - { say: No., stop: refusal }\n", capsys)
    assert events[findings["AU506"]["evidence"][0]]["stop_reason"]["type"] == "refusal"
