"""Tests that have to pass before a target is changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from agentflow.errors import Blocked
from agentflow.operations.check import Project
from agentflow.testing.bench import Bench
from agentflow.testing.results import Result
from agentflow.testing.selecting import Selection
from agentflow.testing.suite import Heard, run_cases

__all__ = ["DEFAULT_LAYERS", "run_required"]

DEFAULT_LAYERS = ("handler", "render", "loop", "replay")
"""Of a target that names none: those that cost nothing."""

_NAMED = 5
"""Tests that are named in the message."""


def run_required(
    project: Project,
    *,
    target: str,
    variables: Mapping[str, str],
    settings: tuple[str, ...],
    heard: Heard,
    totals: Callable[[Sequence[Result], float], None],
) -> list[Result]:
    """Run the tests of the layers that a target asks for, on what is compiled for it.

    Args:
        project: whose tests.
        target: its name.
        variables: of the command line.
        settings: `--set` of the command line.
        heard: told of each result.
        totals: told of all of them, and how many seconds they took.

    Raises:
        Blocked: one does not pass, or there is none.
        ProblemsFound: the project has errors.
    """
    began = time.perf_counter()
    bench = Bench.of(project, target=target, variables=variables, settings=settings)
    layers = bench.graph.target.tests
    wanted = DEFAULT_LAYERS if layers is None else tuple(layers)
    bench = bench.with_live("live" in wanted)
    cases = Selection(layers=wanted).of(bench.cases())
    if not cases:
        raise Blocked(
            f"Target {target!r} requires tests, and the project has none of the layers "
            f"{', '.join(wanted)}.",
            hint="Write one (docs/testing.md), or apply without --require-tests.",
        )
    results = run_cases(bench, cases, heard=heard)
    totals(results, time.perf_counter() - began)
    bad = [result.name for result in results if result.is_bad]
    if bad:
        more = f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
        raise Blocked(
            f"Tests that target {target!r} requires do not pass: {', '.join(bad[:_NAMED])}{more}. "
            "Nothing was changed.",
            hint=f"agentflow test -t {target} {' '.join(bad[:_NAMED])}",
        )
    return results
