"""Formatting a project changes nothing that the compiler and the linter say about it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from agentflow.compiler.pipeline import build
from agentflow.diagnostics import Diagnostic
from agentflow.lint.engine import lint
from agentflow.lint.rule import Context
from agentflow.operations.fmt import fmt
from tests.support.memory_files import MemoryFiles
from tests.support.projects import directory

CASES = Path(__file__).parents[1] / "cases"
PROJECTS = sorted(path.parent for path in CASES.rglob("agentflow.yaml"))

COVERED = """\
apiVersion: agentflow/v1
kind: Project
name: p
---
# agentflow: ignore[AF801]
name: first
kind: Agent
prompt: Work.
model: claude-opus-5-5
approvals:
  - answer: allow # agentflow: ignore[AF604]
    tool: read
  - answer: deny
    # agentflow: ignore[AF604]
    tool: edit
outputs: { a: { path: a.md }, # agentflow: ignore[AF703]
  b: { path: b.md } }
tools:
  # agentflow: ignore[AF602]
  bash: allow
  read: allow # agentflow: ignore[AF603]
---
name: second
# agentflow: ignore[AF801]
kind: Agent
model: claude-opus-5-5
prompt: Work.
"""


def findings(files: MemoryFiles) -> Counter[tuple[str, str]]:
    built = build(files)
    problems: tuple[Diagnostic, ...] = built.problems
    if built.value.graph is not None:
        context = Context(built.value.graph, built.value.compiled)
        problems = tuple(lint(context, found=problems))
    return Counter((problem.code, problem.message) for problem in problems)


def formatted(files: MemoryFiles, directory: Path) -> MemoryFiles:
    for name, text in files.files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    outcome = fmt(directory, [], write=False)
    assert outcome.problems == ()
    return MemoryFiles({**files.files, **{file.path: file.after for file in outcome.files}})


@pytest.mark.parametrize("root", PROJECTS, ids=lambda path: str(path.relative_to(CASES)))
def test_the_findings_of_a_project_stay(root: Path, tmp_path: Path) -> None:
    files = directory(root)
    assert findings(formatted(files, tmp_path)) == findings(files)


def test_comments_to_the_linter_cover_what_they_covered(tmp_path: Path) -> None:
    files = MemoryFiles({"agentflow.yaml": COVERED})
    after = formatted(files, tmp_path)
    assert after.files != files.files
    assert findings(after) == findings(files)
