"""What we show is in the layout that we ask of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentflow.operations.fmt import fmt
from agentflow.operations.init import init
from tests.support.cli import EXAMPLES

PROJECTS = sorted(path.parent for path in EXAMPLES.rglob("agentflow.yaml"))


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_an_example_is_formatted(project: Path) -> None:
    outcome = fmt(project, (), write=False)
    assert outcome.problems == ()
    assert [file.path for file in outcome.changed] == []


def test_a_new_project_is_formatted(tmp_path: Path) -> None:
    init(tmp_path)
    outcome = fmt(tmp_path, (), write=False)
    assert outcome.problems == ()
    assert len(outcome.files) == 1
    assert outcome.changed == ()
