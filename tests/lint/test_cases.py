"""Whole projects, and exactly what a person and a program are shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentflow.compiler.pipeline import build
from agentflow.lint.engine import lint
from agentflow.lint.rule import Context
from agentflow.output.human import render_human
from agentflow.output.json import render_json
from tests.support.golden import check_golden
from tests.support.memory_files import MemoryFiles

CASES = Path(__file__).parents[1] / "cases" / "lint" / "golden"


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_a_project_gets_the_expected_findings(case: str) -> None:
    root = CASES / case
    files = {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.startswith("expected.")
    }
    built = build(MemoryFiles(files))
    assert built.value.graph is not None
    found = lint(Context(built.value.graph, built.value.compiled), found=built.problems)
    summary = f"{len(found)} findings"
    check_golden(root / "expected.txt", render_human(found, files, color=False, summary=summary))
    check_golden(root / "expected.json", render_json(found) + "\n")
