"""Choosing tests, running them on several processes, and telling what came of them."""

from __future__ import annotations

import json
import os
import signal
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.errors import UsageError
from agentflow.operations.check import open_project
from agentflow.testing import suite
from agentflow.testing.bench import Bench, Case
from agentflow.testing.layers import LAYERS
from agentflow.testing.report import Report
from agentflow.testing.results import Miss, Result
from agentflow.testing.selecting import Selection, expression, remember, remembered
from agentflow.testing.suite import run_cases
from agentflow.testing.watching import changes, stamps
from tests.testing.command import agentflow
from tests.testing.desk import make_desk

TESTS = """\
apiVersion: agentflow/v1
kind: Test
name: tool-works
layer: handler
agent: analyst
calls: [{{ tool: rate, arguments: {{ currency: EUR }}, contains: ["{rate}"] }}]
---
kind: Test
name: run-works
description: A whole run.
layer: loop
agent: analyst
script: ./script.yaml
stubs: {{ rate: {{ result: {{ value: 1.1 }} }}, bash: {{ result: "42" }} }}
---
kind: Test
name: prompt-stays
layer: render
agent: analyst
golden: ./golden.md
---
kind: Test
name: for-real
layer: live
agent: analyst
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    root = make_desk(tmp_path)
    (root / "tests.yaml").write_text(TESTS.format(rate="1.1"), encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("works", ["run-works", "tool-works"]),
        ("works and not loop", ["tool-works"]),
        ("render or live", ["for-real", "prompt-stays"]),
        ("not (works or live)", ["prompt-stays"]),
        ("analyst and loop", ["run-works"]),
        ("not not loop", ["run-works"]),
        ("nothing", []),
    ],
)
def test_an_expression_chooses(text: str, chosen: list[str], desk: Path) -> None:
    cases = Bench.of(open_project(desk)).cases()
    assert [case.name for case in Selection(text=text).of(cases)] == chosen


@pytest.mark.parametrize(
    "text", ["", "and", "a and", "(a", "a)", "a b", "not", "a or or b", "a & b"]
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no expression"):
        expression(text)


_EXPRESSIONS = st.recursive(
    st.sampled_from(["a", "b", "c"]),
    lambda inner: st.one_of(
        inner.map(lambda one: f"not {one}"),
        inner.map(lambda one: f"({one})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join),
    ),
)


@given(_EXPRESSIONS, st.sets(st.sampled_from(["a", "b", "c"])))
def test_expressions_mean_what_they_mean_in_python(text: str, true: set[str]) -> None:
    values = {word: word in true for word in "abc"}
    assert expression(text)(lambda word: word in true) == eval(text, {}, values)


def test_names_are_globs_and_mistakes_are_told(desk: Path) -> None:
    cases = Bench.of(open_project(desk)).cases()
    chosen = Selection(["test/*-works"], layers={"loop", "live"}).of(cases)
    assert [case.name for case in chosen] == ["run-works"]
    with pytest.raises(UsageError) as caught:
        Selection(["run-work"]).of(cases)
    assert caught.value.hint == "Did you mean 'run-works'?"


def test_what_failed_is_remembered_until_it_passes(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    (desk / "tests.yaml").write_text(TESTS.format(rate="9.9"), encoding="utf-8")
    bench = Bench.of(open_project(desk))
    known = [case.name for case in bench.cases()]
    remember(desk, run_cases(bench, bench.cases(), jobs=1), known)
    assert sorted(remembered(desk) or ()) == ["prompt-stays", "tool-works"]
    (desk / "tests.yaml").write_text(TESTS.format(rate="1.1"), encoding="utf-8")
    bench = Bench.of(open_project(desk))
    remember(desk, run_cases(bench, Selection(layers={"handler"}).of(bench.cases()), jobs=1), known)
    # Of what did not run nothing new is known.
    assert sorted(remembered(desk) or ()) == ["prompt-stays"]
    remember(desk, [], ["another"])  # what is gone cannot fail
    assert remembered(desk) is None
    (desk / ".agentflow" / "tests.json").write_text("[", encoding="utf-8")
    assert remembered(desk) is None


def _many(bench: Bench, count: int) -> list[Case]:
    """So many tests by other names, of a project that has one."""

    class Named(Case):
        number = 0

        @property
        def name(self) -> str:
            return f"case-{self.number}"

    made = []
    for number in range(count):
        case = Named(bench.graph.tests["tool-works"], bench)
        case.number = number
        made.append(case)
    return made  # type: ignore[return-value]


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Case], None]], None]:
    """Have every layer do something else."""

    def fake(work: Callable[[Case], None]) -> None:
        async def run(case: Case) -> Report:
            work(case)
            return Report(note=str(os.getpid()))

        monkeypatch.setattr(suite, "LAYERS", dict.fromkeys(LAYERS, run))
        monkeypatch.setattr(suite, "_result", _named(suite._result))

    return fake


def _named(make: Any) -> Any:
    """Results by the name of the case, which is not that of its document here."""

    def result(case: Case, *how: Any, **more: Any) -> Result:
        from dataclasses import replace

        made: Result = make(case, *how, **more)
        return replace(made, name=case.name)

    return result


def test_several_processes_share_the_work(desk: Path, faked: Any) -> None:
    parent = os.getpid()
    faked(lambda case: None)
    cases = _many(Bench.of(open_project(desk)), 40)
    results = run_cases(cases[0].bench, cases, jobs=2)
    assert [result.name for result in results] == [case.name for case in cases]
    pids = {int(result.note or 0) for result in results}
    assert parent not in pids
    assert len(pids) <= 2


def test_a_process_that_dies_takes_one_test_with_it(desk: Path, faked: Any) -> None:
    def die(case: Case) -> None:
        if case.name == "case-7":
            os.kill(os.getpid(), signal.SIGKILL)

    faked(die)
    cases = _many(Bench.of(open_project(desk)), 20)
    results = run_cases(cases[0].bench, cases, jobs=2)
    bad = [result for result in results if result.is_bad]
    assert [result.name for result in bad] == ["case-7"]
    assert "died" in bad[0].failures[0].message


def test_a_bug_of_ours_is_a_result_too(desk: Path, faked: Any) -> None:
    def fall(case: Case) -> None:
        raise ZeroDivisionError("no")

    faked(fall)
    [result] = run_cases(b := Bench.of(open_project(desk)), _many(b, 1), jobs=1)
    assert result.outcome == "error"
    assert "ZeroDivisionError: no" in result.failures[0].message


def test_the_command_tells_people_programs_and_ci(desk: Path) -> None:
    done = agentflow(
        "test", "--format", "json", "--junit", "junit.xml", "--update", "-n", "1", cwd=desk
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert {k: report[k] for k in ("passed", "failed", "error", "skipped")} == {
        "passed": 3,
        "failed": 0,
        "error": 0,
        "skipped": 1,
    }
    assert "ok      loop    run-works" in done.stderr
    suite_ = ElementTree.parse(desk / "junit.xml").getroot().find("testsuite")
    assert suite_ is not None
    assert (suite_.get("tests"), suite_.get("failures"), suite_.get("skipped")) == ("4", "0", "1")

    (desk / "golden.md").write_text("another\n", encoding="utf-8")
    failed = agentflow("test", "--junit", "junit.xml", "-q", cwd=desk)
    assert failed.returncode == 1
    assert "FAILED  render  prompt-stays" in failed.stdout
    assert "tests.yaml:20:9: What is compiled is another text" in failed.stdout
    assert "run-works" not in failed.stdout
    assert "1 failed" in failed.stdout
    failure = ElementTree.parse(desk / "junit.xml").getroot().find(".//failure")
    assert failure is not None
    assert "another text" in str(failure.get("message"))

    again = agentflow("test", "--last-failed", "--list", cwd=desk)
    assert again.stdout.splitlines()[0].split() == ["render", "prompt-stays", "analyst"]
    wrong = agentflow("test", "--watch", "--list", cwd=desk)
    assert wrong.returncode == 2


def test_a_project_with_errors_is_told_as_by_lint(desk: Path) -> None:
    (desk / "tests.yaml").write_text(
        TESTS.replace("agent: analyst", "agent: analist"), encoding="utf-8"
    )
    done = agentflow("test", cwd=desk)
    assert done.returncode == 1
    assert "Did you mean 'analyst'?" in done.stderr


def test_watching_tells_what_changed_and_forgets_what_a_round_wrote(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("1", encoding="utf-8")
    steps = iter(["b.yaml", "a.yaml"])

    def edit() -> None:
        (tmp_path / next(steps)).write_text("edited", encoding="utf-8")

    rounds = changes(tmp_path, pause=edit)
    assert next(rounds) == []
    (tmp_path / "golden.md").write_text("written by the round", encoding="utf-8")
    assert next(rounds) == ["b.yaml"]
    assert next(rounds) == ["a.yaml"]


def test_what_is_hidden_or_made_is_not_watched(tmp_path: Path) -> None:
    for name in (".agentflow/x", "__pycache__/y.pyc", "kept.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x", encoding="utf-8")
    assert list(stamps(tmp_path)) == ["kept.py"]


def test_a_miss_of_any_kind_is_placed(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(case: Case) -> Report:
        return Report(misses=[Miss(("stubs", "rate", "result"), "It is so.", "a", "b")])

    monkeypatch.setattr(suite, "LAYERS", dict.fromkeys(LAYERS, run))
    bench = Bench.of(open_project(desk))
    [case] = Selection(["run-works"]).of(bench.cases())
    [result] = run_cases(bench, [case], jobs=1)
    [failure] = result.failures
    assert (failure.span and failure.span.line) == 14


GATED = """\
apiVersion: agentflow/v1
kind: Project
name: desk
targets: { local: { service: local, tests: [render] } }
"""


def test_apply_changes_nothing_while_a_required_test_fails(desk: Path) -> None:
    text = (desk / "agentflow.yaml").read_text(encoding="utf-8")
    head = text[: text.index("---")]
    (desk / "agentflow.yaml").write_text(text.replace(head, GATED), encoding="utf-8")
    refused = agentflow("apply", "--auto-approve", "--require-tests", cwd=desk)
    assert refused.returncode == 6, refused.stderr
    assert "prompt-stays" in refused.stderr
    assert "Nothing was changed." in refused.stderr
    assert not (desk / ".agentflow" / "local").exists()

    assert agentflow("test", "--update", "--layer", "render", cwd=desk).returncode == 0
    applied = agentflow("apply", "--auto-approve", "--require-tests", cwd=desk)
    assert applied.returncode == 0, applied.stderr
    assert "1 passed" in applied.stderr
    assert "2 to create" in applied.stdout

    (desk / "tests.yaml").unlink()
    none = agentflow("apply", "--auto-approve", "--require-tests", cwd=desk)
    assert none.returncode == 6
    assert "the project has none" in none.stderr
