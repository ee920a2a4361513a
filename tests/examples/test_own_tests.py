"""Each example has tests of its own, of three layers or more, and they pass."""

from __future__ import annotations

import pytest

from agentflow.operations.check import open_project
from agentflow.testing.bench import Bench
from agentflow.testing.suite import run_cases
from agentflow.testing.telling import failure_lines
from tests.examples.support import NAMES
from tests.support.cli import EXAMPLES


@pytest.mark.parametrize("example", NAMES)
def test_the_tests_of_an_example_pass(example: str) -> None:
    bench = Bench.of(open_project(EXAMPLES / example))
    cases = bench.cases()
    assert len({case.spec.layer for case in cases}) >= 3
    results = run_cases(bench, cases, jobs=1)
    told = [line for result in results if result.is_bad for line in failure_lines(result)]
    assert not told, "\n".join(told)
    assert {result.outcome for result in results} == {"passed"}


@pytest.mark.parametrize("example", NAMES)
def test_nothing_of_a_machine_is_in_what_was_recorded(example: str) -> None:
    for path in (EXAMPLES / example / "tests").iterdir():
        text = path.read_text(encoding="utf-8")
        assert "/dev/shm" not in text
        assert "agentflow-test-" not in text
