"""Run tests: each by its layer, on as many processes as there is work for.

Processes are forked once everything is imported and compiled, so that a test costs what it does and nothing
besides. Those of the layer `live` wait for the network and not for a processor: they run here, in a loop whose
time is real.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait

from agentflow.diagnostics import Span
from agentflow.errors import AgentflowError, ProblemsFound
from agentflow.testing.bench import Bench, Case
from agentflow.testing.clock import limited, run_jumping
from agentflow.testing.layers import LAYERS
from agentflow.testing.report import Report, Skipped
from agentflow.testing.results import Failure, Miss, Outcome, Result

__all__ = ["Heard", "run_alone", "run_case", "run_cases"]

Heard = Callable[[Result], None]
"""Told of each result when it is there."""

_WORTH = 4
"""Tests for which another process is worth its start."""


def run_cases(
    bench: Bench, cases: Sequence[Case], *, jobs: int | None = None, heard: Heard | None = None
) -> list[Result]:
    """The results of tests, in their order.

    Args:
        bench: of these tests.
        cases: what to run.
        jobs: processes. None: as many as there are processors.
        heard: told of each result, in the order in which they come.
    """
    tell = heard or (lambda result: None)
    quick = [case for case in cases if case.spec.layer != "live"]
    found: dict[str, Result] = {}

    def keep(result: Result) -> None:
        found[result.name] = result
        tell(result)

    count = min(jobs or os.cpu_count() or 1, max(1, len(quick) // _WORTH))
    try:
        if count > 1:
            _forked(quick, count, keep)
        else:
            run_jumping(_one_by_one(quick, keep))
        asyncio.run(_one_by_one([case for case in cases if case.spec.layer == "live"], keep))
    finally:
        bench.programs.close()
    return [found[case.name] for case in cases]


async def _one_by_one(cases: Iterable[Case], keep: Heard) -> None:
    for case in cases:
        keep(await run_case(case))


def _forked(cases: Sequence[Case], count: int, keep: Heard) -> None:
    """Have processes take tests one at a time until there are none left."""
    context = multiprocessing.get_context("fork")
    taken = context.Value("i", 0)
    gc.freeze()  # what is here already is shared, and stays so if nobody touches it
    open_ends: list[Connection] = []
    processes = []
    for _ in range(count):
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(cases, taken, there), daemon=True)
        process.start()
        there.close()
        open_ends.append(here)
        processes.append(process)
    done: set[str] = set()
    try:
        while open_ends:
            for end in wait(open_ends):
                assert isinstance(end, Connection)
                try:
                    result = end.recv()
                except EOFError:
                    open_ends.remove(end)
                    end.close()
                    continue
                done.add(result.name)
                keep(result)
    finally:
        # Nobody waits for them any more, if somebody has interrupted us.
        for process in processes:
            if open_ends:
                process.terminate()
            process.join()
    for case in cases:
        if case.name not in done:
            keep(_broken(case, "The process that ran it died.", 0.0))


def _work(cases: Sequence[Case], taken: object, there: Connection) -> None:
    with suppress(KeyboardInterrupt):  # the parent says so
        run_jumping(_one_by_one(_claimed(cases, taken), there.send))
    cases[0].bench.programs.close()
    there.close()


def _claimed(cases: Sequence[Case], taken: object) -> Iterator[Case]:
    while True:
        with taken.get_lock():  # type: ignore[attr-defined]
            index = taken.value  # type: ignore[attr-defined]
            taken.value = index + 1  # type: ignore[attr-defined]
        if index >= len(cases):
            return
        yield cases[index]


def run_alone(case: Case) -> Result:
    """One test in a loop of its own, for whoever runs tests one at a time."""
    if case.spec.layer == "live":
        return asyncio.run(run_case(case))
    return run_jumping(run_case(case))


async def run_case(case: Case) -> Result:
    """One test. Whatever goes wrong with it is its result."""
    began = time.perf_counter()

    def took() -> float:
        return time.perf_counter() - began

    try:
        report = await _in_time(case)
    except Skipped as reason:
        return _result(case, "skipped", took(), note=str(reason))
    except TimeoutError:
        limit = f"{case.spec.timeout:g} s"
        miss = Miss(("timeout",), "It took too long.", f"at most {limit}", "it was stopped")
        return _result(case, "failed", took(), failures=[_placed(case, miss)])
    except ProblemsFound as error:
        failures = [
            Failure(message=problem.message, span=problem.span, hint=problem.hint)
            for problem in error.problems
        ]
        return _result(case, "error", took(), failures=failures)
    except AgentflowError as error:
        return _broken(case, error.message, took(), hint=error.hint)
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        return _broken(case, text, took(), hint="This is a bug in agentflow, or in a check.")
    return _told(case, report, took())


async def _in_time(case: Case) -> Report:
    """Run it for as long as it may take.

    Raises:
        TimeoutError: it takes longer. A run that waits for hours takes no time; on a tape there is
            nothing to wait for.
    """
    run = LAYERS[case.spec.layer]
    if case.spec.layer in ("live", "replay"):
        async with asyncio.timeout(case.spec.timeout):
            return await run(case)
    with limited(case.spec.timeout):
        return await run(case)


def _told(case: Case, report: Report, seconds: float) -> Result:
    failures = [_placed(case, miss) for miss in report.misses]
    return _result(
        case,
        "failed" if failures else "passed",
        seconds,
        failures=failures,
        note=report.note,
        written=report.written,
        cost_usd=report.cost_usd,
    )


def _placed(case: Case, miss: Miss) -> Failure:
    return Failure(
        message=miss.message,
        expected=miss.expected,
        got=miss.got,
        span=case.test.span(*miss.path),
        evidence=None if miss.evidence is None else str(miss.evidence),
    )


def _broken(case: Case, message: str, seconds: float, *, hint: str | None = None) -> Result:
    failure = Failure(message=message, hint=hint, span=case.test.span("name"))
    return _result(case, "error", seconds, failures=[failure])


def _result(
    case: Case,
    outcome: Outcome,
    seconds: float,
    *,
    failures: Sequence[Failure] = (),
    note: str | None = None,
    written: tuple[str, ...] = (),
    cost_usd: str | None = None,
) -> Result:
    span: Span = case.test.span("name")
    return Result(
        name=case.name,
        layer=case.spec.layer,
        agent=case.spec.agent,
        outcome=outcome,
        seconds=seconds,
        span=span,
        failures=tuple(failures),
        note=note,
        written=written,
        cost_usd=cost_usd,
    )
