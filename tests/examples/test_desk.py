"""The desk of examples/yield-desk can be changed from the command line, as far as it says itself."""

from __future__ import annotations

import pytest

from agentflow.operations.check import check, open_project
from tests.support.cli import EXAMPLES

SETTINGS = [
    # target, --set, the code of the problem
    ("prod", "agent/analyst.budget.usd=9", None),
    ("prod", "agent/analyst.budget.usd=11", "AF270"),  # the house's policy
    ("prod", "agent/analyst.tools.edit=allow", "AF227"),  # loosen: [budget]
    ("prod", "environment/closed.network.hosts+=[data.treasury.gov]", "AF227"),
    ("prod", "agent/collector.model.id=claude-opus-5", "AF270"),
    ("dev", "agent/editor.budget.usd=0.25", None),
    ("dev", "agent/editor.budget.usd=9", "AF227"),  # nothing may be looser there
]


@pytest.mark.parametrize(("target", "setting", "code"), SETTINGS)
def test_a_value_from_the_command_line(target: str, setting: str, code: str | None) -> None:
    found = check(open_project(EXAMPLES / "yield-desk"), target=target, settings=[setting])
    assert {problem.code for problem in found.problems} == ({code} if code else set())
