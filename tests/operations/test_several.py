"""Which projects files belong to, and how what is found in several is told as one."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentflow.diagnostics import SETTINGS_FILE, Diagnostic, Edit, Fix, Severity, Span
from agentflow.operations.several import (
    by_project,
    common_root,
    prefix_of,
    rebased,
    select_projects,
    together,
)
from agentflow.operations.traced import Trace


def span(file: str, line: int = 3) -> Span:
    return Span(file, line, 5, line, 9)


PROBLEM = Diagnostic(
    code="AF999",
    name="example",
    severity=Severity.WARNING,
    message="Something is wrong.",
    span=span("a.yaml"),
    related=((span("b.yaml"), "here too"), (span(SETTINGS_FILE), "set here")),
    fix=Fix("Mend it", (Edit(span("a.yaml"), "x"), Edit(span("b.yaml"), "y")), safe=True),
    hides=(span("c.yaml"),),
    anchor="agent/writer tools",
)


def test_every_place_of_a_problem_is_told_from_above() -> None:
    moved = rebased(PROBLEM, "desk/")
    assert moved == Diagnostic(
        code="AF999",
        name="example",
        severity=Severity.WARNING,
        message="Something is wrong.",
        span=span("desk/a.yaml"),
        related=((span("desk/b.yaml"), "here too"), (span(SETTINGS_FILE), "set here")),
        fix=Fix(
            "Mend it", (Edit(span("desk/a.yaml"), "x"), Edit(span("desk/b.yaml"), "y")), safe=True
        ),
        hides=(span("desk/c.yaml"),),
    )
    assert "desk/" in moved.anchor
    assert moved.anchor.endswith(PROBLEM.anchor)


def test_a_problem_without_a_place_stays_so() -> None:
    bare = Diagnostic(code="AF1", name="n", severity=Severity.ERROR, message="m", span=None)
    assert rebased(bare, "desk/") == bare
    assert rebased(PROBLEM, "") is PROBLEM


@pytest.mark.parametrize(
    ("roots", "common", "prefixes"),
    [
        (["/r/desk"], "/r/desk", [""]),
        (["/r/desk", "/r/shop"], "/r", ["desk/", "shop/"]),
        (["/r", "/r/shop"], "/r", ["", "shop/"]),
        (["/r/desk", "/r/desks/new"], "/r", ["desk/", "desks/new/"]),
    ],
)
def test_the_directory_above_all(roots: list[str], common: str, prefixes: list[str]) -> None:
    root = common_root([Path(each) for each in roots])
    assert root == Path(common)
    assert [prefix_of(root, Path(each)) for each in roots] == prefixes


def test_nothing_at_all_is_told_from_here() -> None:
    root, findings = together([])
    assert root == Path.cwd()
    assert (findings.problems, findings.files, findings.specs) == ((), 0, 0)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A project with two directories."""
    root = tmp_path / "desk"
    for name in ("one", "two"):
        (root / name).mkdir(parents=True)
    (root / "agentflow.yaml").touch()
    return root


def test_files_belong_to_the_nearest_project(desk: Path) -> None:
    (desk / "two" / "agentflow.yaml").touch()
    files = [desk / "two/x.yaml", desk / "one/x.md", desk.parent / "x", desk / "one/gone/x.csv"]
    assert by_project([*files, desk / "two", desk]) == {
        desk / "two": [desk / "two/x.yaml", desk / "two"],
        desk: [desk / "one/x.md", desk / "one/gone/x.csv", desk],
        None: [desk.parent / "x"],
    }


def test_an_answer_rests_on_there_being_no_other_project_below(desk: Path) -> None:
    """For each of the files, whichever comes first."""
    trace = Trace()
    [project] = select_projects(desk, [desk / "one/x.yaml", desk / "two/x.yaml"], trace=trace)
    assert project.trace is trace
    assert {("-", "one/agentflow.yaml"), ("-", "two/agentflow.yaml")} <= trace.facts.keys()
    (desk / "two" / "agentflow.yaml").touch()
    both = select_projects(desk, [desk / "one/x.yaml", desk / "two/x.yaml"], trace=Trace())
    assert [project.root for project in both] == [desk, desk / "two"]
    assert [project.trace for project in both] == [None, None]
