"""Plan and apply from the command line, against a service in a process of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from agentflow.operations.workspace import state_dir
from agentflow.state.store import StateStore
from tests.support.cli import agentflow, copy_example, started


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_example("sales-report", tmp_path)


@pytest.fixture
def served(project: Path) -> Iterator[Mapping[str, str]]:
    """`agentflow serve` for the project, and the `staging` target that calls it by its address."""
    server = started("serve", cwd=project)
    environ = {}
    for _ in range(2):
        line = server.stdout.readline()
        assert line, server.stderr.read() if server.stderr else ""
        name, _, value = line.removeprefix("export ").strip().partition("=")
        environ[name] = value
    specs = project / "agentflow.yaml"
    text = specs.read_text(encoding="utf-8")
    staging = f"  staging:\n    service: {environ['ANTHROPIC_BASE_URL']}\n"
    specs.write_text(text.replace("  prod:\n", staging + "  prod:\n"), encoding="utf-8")
    try:
        yield environ
    finally:
        server.terminate()
        server.communicate(timeout=30)


def test_after_apply_the_plan_is_empty_and_an_edit_shows(project: Path) -> None:
    first = agentflow("plan", "--exit-code", cwd=project)
    assert first.returncode == 5, first.stderr
    assert "+ agent/sales-analyst" in first.stdout
    assert "+ environment/analytics" in first.stdout

    applied = agentflow("apply", "--auto-approve", cwd=project)
    assert applied.returncode == 0, applied.stderr
    assert "Plan: 2 to create" in applied.stdout
    assert "2 done" in applied.stdout

    again = agentflow("plan", "--exit-code", cwd=project)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "0 to create, 0 to update, 2 unchanged" in again.stdout

    prompt = project / "prompts" / "analyst.md"
    text = prompt.read_text(encoding="utf-8")
    prompt.write_text(text.replace("people act on", "people can act on"), encoding="utf-8")
    edited = agentflow("plan", "--exit-code", cwd=project)
    assert edited.returncode == 5
    assert "~ agent/sales-analyst" in edited.stdout
    assert "{+can +}act on" in edited.stdout or "{+can+}" in edited.stdout
    assert "1 to update, 1 unchanged" in edited.stdout

    assert agentflow("apply", "--auto-approve", cwd=project).returncode == 0
    assert agentflow("plan", "--exit-code", cwd=project).returncode == 0


def test_apply_asks_and_changes_nothing_without_an_answer(project: Path) -> None:
    refused = agentflow("apply", cwd=project)
    assert refused.returncode == 2
    assert "+ agent/sales-analyst" in refused.stdout
    assert "--auto-approve" in refused.stderr
    assert agentflow("plan", "--exit-code", cwd=project).returncode == 5


def test_runs_with_nothing_to_apply_do_not_wait_for_each_other(
    project: Path, served: Mapping[str, str]
) -> None:
    assert agentflow("apply", "--auto-approve", cwd=project).returncode == 0
    store = StateStore(state_dir(project), project="sales-report", target="local")
    with store.lock():
        done = agentflow("run", cwd=project)
        assert done.returncode == 0, done.stderr

        prompt = project / "prompts" / "analyst.md"
        prompt.write_text(prompt.read_text(encoding="utf-8") + "\nBe brief.\n", encoding="utf-8")
        refused = agentflow("run", cwd=project)
        assert refused.returncode != 0
        assert "Target 'local' is being applied" in refused.stderr


def test_elsewhere_only_what_is_applied_runs(project: Path, served: Mapping[str, str]) -> None:
    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return agentflow(*words, "-t", "staging", cwd=project, environ=served)

    refused = command("run")
    assert refused.returncode == 6, refused.stderr
    assert "agentflow apply -t staging" in refused.stderr

    assert command("apply", "--auto-approve").returncode == 0
    done = command("run", "--format", "json", "--out", str(project / "out"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "completed"

    prompt = project / "prompts" / "analyst.md"
    prompt.write_text(prompt.read_text(encoding="utf-8") + "\nBe brief.\n", encoding="utf-8")
    differs = command("run")
    assert differs.returncode == 6
    assert "agentflow apply -t staging" in differs.stderr
    assert "--as-applied" in differs.stderr
    assert command("run", "--as-applied", "--out", str(project / "out2")).returncode == 0


def test_without_credentials_the_way_out_is_named(project: Path) -> None:
    refused = agentflow("plan", "-t", "prod", cwd=project)
    assert refused.returncode == 2
    assert "There are no credentials" in refused.stderr
    assert "ANTHROPIC_API_KEY" in refused.stderr


def test_a_key_that_is_wrong_is_said_and_not_shown(
    project: Path, served: Mapping[str, str]
) -> None:
    wrong = {**served, "ANTHROPIC_API_KEY": "sk-ant-not-this-one"}
    refused = agentflow("plan", "-t", "staging", cwd=project, environ=wrong)
    assert refused.returncode == 4
    assert "not-this-one" not in refused.stdout + refused.stderr
    assert "Traceback" not in refused.stderr
