"""Whole projects: what is fine is left alone, and what is wrong is found, at its place and nothing else.

`good/` holds projects as people write them. `bad/` holds projects that mark what is wrong in them and how
it would be right (see `marked.py`): each is linted both ways, so that a rule is seen to speak up and to
be silent on two projects that differ in the lines in question.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from agentflow.compiler.pipeline import build
from agentflow.diagnostics import Diagnostic, Level, Span
from agentflow.lint.engine import project_choice, scan
from agentflow.lint.registry import RULES
from agentflow.lint.rule import Context
from agentflow.lint.selection import Choice, select
from tests.lint.marked import Expected, read_files, right, wrong
from tests.support.golden import check_golden
from tests.support.memory_files import MemoryFiles

CASES = Path(__file__).parents[1] / "cases" / "lint"
GOOD = sorted(path.name for path in (CASES / "good").iterdir())
BAD = sorted(path.name for path in (CASES / "bad").iterdir())


def found_in(texts: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    """All that compiler and linter say at the level that hears everything."""
    files = MemoryFiles(texts)
    built = build(files, environ={})
    assert built.value.graph is not None, built.problems
    context = Context(built.value.graph, built.value.compiled, files=files)
    found = scan(context, found=built.problems)
    return select(found, Choice(level=Level.AUDITOR).over(project_choice(built.value.graph)))


def told(found: tuple[Diagnostic, ...]) -> str:
    return "\n".join(f"{problem.span}: {problem.code} {problem.message}" for problem in found)


@pytest.mark.parametrize("name", GOOD)
def test_a_good_project_is_left_alone(name: str) -> None:
    found = found_in(read_files(CASES / "good" / name))
    assert not found, told(found)


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_found_and_nothing_else(name: str) -> None:
    texts, expected = wrong(read_files(CASES / "bad" / name))
    found = found_in(texts)
    assert all(problem.span is not None for problem in found), told(found)
    places = sorted(
        Expected(problem.code, problem.span.file, problem.span.line)
        for problem in found
        if problem.span is not None
    )
    assert places == expected, told(found)


def in_full(problem: Diagnostic) -> str:
    """A finding with all that belongs to it: exact places, the hint, and whether a fix is safe."""
    lines = [f"{exact(problem.span)}: {problem.severity} {problem.code} {problem.message}"]
    lines += [f"  hint: {problem.hint}"]
    lines += [f"  {exact(span)}: {label}" for span, label in problem.related]
    if problem.fix is not None:
        lines += [f"  fix ({'safe' if problem.fix.safe else 'unsafe'}): {problem.fix.title}"]
    return "\n".join(lines)


def exact(span: Span | None) -> str:
    assert span is not None
    return f"{span}-{span.end_line}:{span.end_column}"


@pytest.mark.parametrize("name", BAD)
def test_each_finding_says_all_that_it_is_to_say(name: str) -> None:
    found = found_in(wrong(read_files(CASES / "bad" / name))[0])
    check_golden(CASES / "told" / f"{name}.txt", "\n".join(map(in_full, found)) + "\n")


@pytest.mark.parametrize("name", BAD)
def test_the_same_project_set_right_is_left_alone(name: str) -> None:
    found = found_in(right(read_files(CASES / "bad" / name)))
    assert not found, told(found)


@cache
def covered() -> Counter[str]:
    """Findings by code, over all the projects that are wrong and have several files."""
    counts: Counter[str] = Counter()
    for name in BAD:
        files = read_files(CASES / "bad" / name)
        if len(files) > 1:
            counts.update(found.code for found in wrong(files)[1])
    return counts


@pytest.mark.parametrize("id", [rule.code.id for rule in RULES])
def test_a_rule_is_seen_at_work_in_a_whole_project(id: str) -> None:
    assert covered()[id]
