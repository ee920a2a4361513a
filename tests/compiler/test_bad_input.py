"""Every bad input has one clear message, at its place, whatever stage finds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentflow.compiler.pipeline import build
from agentflow.diagnostics import Severity
from agentflow.operations.callables import ImportedCallables
from agentflow.operations.project import ProjectFiles
from tests.support.bad_input import CASES, BadInput


def test_there_are_enough_and_each_has_its_name() -> None:
    assert len(CASES) >= 30
    assert len({case.id for case in CASES}) == len(CASES)


@pytest.mark.parametrize(
    "case", [case for case in CASES if "AF26" <= case.code < "AF4"], ids=lambda case: case.id
)
def test_whoever_wants_no_manifest_hears_the_same(case: BadInput, tmp_path: Path) -> None:
    """Of what shows late: circles of references and templates."""
    case.write(tmp_path)
    found = [
        build(
            ProjectFiles(tmp_path),
            target=case.target,
            variables=case.variables,
            environ={},
            manifest=manifest,
        ).problems
        for manifest in (True, False)
    ]
    assert found[0] == found[1]
    assert found[0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_bad_input_has_one_clear_message(case: BadInput, tmp_path: Path) -> None:
    case.write(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with ImportedCallables(tmp_path) as callables:
        built, problems = build(
            ProjectFiles(tmp_path),
            target=case.target,
            variables=case.variables,
            environ={},
            callables=callables,
        )
    assert [(problem.code, problem.severity) for problem in problems] == [
        (case.code, Severity.ERROR)
    ]
    (problem,) = problems
    if case.placed:
        assert str(problem.span) == f"{case.file}:{case.line}:{case.column}"
    else:
        assert problem.span is None
    assert case.message in problem.message
    assert problem.message.endswith(".")
    if case.hint is None:
        assert problem.hint is None
    else:
        assert problem.hint is not None
        assert case.hint in problem.hint
    assert built.compiled is None
    assert sorted(tmp_path.rglob("*")) == before
