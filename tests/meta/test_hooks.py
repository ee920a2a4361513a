"""The hooks of `.pre-commit-hooks.yaml` are commands that exist and work in a project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentflow.source.yaml import parse
from tests.support.cli import ROOT, agentflow, copy_example


def hooks() -> list[dict[str, Any]]:
    name = ".pre-commit-hooks.yaml"
    [document] = parse(name, (ROOT / name).read_text(encoding="utf-8")).value
    return list(document.data)


def test_both_are_there() -> None:
    assert {hook["id"] for hook in hooks()} == {"agentflow-lint", "agentflow-fmt"}


@pytest.mark.parametrize("hook", hooks(), ids=lambda hook: hook["id"])
def test_a_hook_runs(hook: dict[str, Any], tmp_path: Path) -> None:
    """As pre-commit does it: the words of `entry`, then `args`, in the repository's directory."""
    assert hook["language"] == "python"
    assert hook["pass_filenames"] is False
    program, *words = hook["entry"].split()
    assert program == "agentflow"
    project = copy_example("sales-report", tmp_path)
    result = agentflow(*words, cwd=project)
    assert result.returncode == 0, result.stdout + result.stderr
    result = agentflow(*words, "-C", project.name, cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    (project / "agentflow.yaml").write_text("kind: [", encoding="utf-8")
    assert agentflow(*words, cwd=project).returncode == 1
