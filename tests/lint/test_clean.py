"""What we ship has no finding at the level that hears everything, and suppresses none."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentflow.diagnostics import Level
from agentflow.lint.selection import Choice
from agentflow.operations.check import check, open_project
from agentflow.operations.init import TEMPLATES, init
from tests.support.cli import EXAMPLES

PROJECTS = sorted(path.parent.name for path in EXAMPLES.glob("*/agentflow.yaml"))


def findings(root: Path) -> list[str]:
    """Of every target of a project."""
    graph = check(open_project(root)).build.graph
    assert graph is not None
    assert graph.project.spec.lint == type(graph.project.spec.lint)()
    assert not any("agentflow: ignore" in document.source for document in graph.documents)
    reports = [
        check(open_project(root), target=target, choice=Choice(level=Level.AUDITOR))
        for target in sorted({"local", *graph.project.spec.targets})
    ]
    return [f"{p.span}: {p.code} {p.message}" for report in reports for p in report.problems]


@pytest.mark.parametrize("name", PROJECTS)
def test_an_example_is_clean(name: str) -> None:
    assert not findings(EXAMPLES / name)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_is_clean(template: str, tmp_path: Path) -> None:
    init(tmp_path, template=template)
    assert not findings(tmp_path)
