"""The fault matrix: every shape of session, disturbed by every fault at every place, comes to the same end.

`pytest -m matrix` plays all of it; a sample is played in every run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from agentflow.local.fault_plan import FaultPlan
from agentflow.runtime.run import Verdict
from tests.matrix.bench import AT_ONCE, IDLE_LEFT_OPEN, Played, Stage
from tests.matrix.cases import GROUPS, Case, cases_of
from tests.matrix.laws import broken_laws
from tests.matrix.shapes import SHAPES, Shape
from tests.matrix.stage import Theatre

SAMPLE = 7
"""Cases of each shape in every run."""
MISSES = 0.1
"""The share of cases whose fault may find no occasion, as when a run is over a frame earlier."""

pytestmark = pytest.mark.filterwarnings(IDLE_LEFT_OPEN)
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)


async def play(
    stage: Stage, shape: Shape, base: Played, cases: Sequence[Case]
) -> tuple[list[str], list[str]]:
    """The laws that were broken, and the cases whose fault found no occasion."""
    room = asyncio.Semaphore(AT_ONCE)
    broken: list[str] = []
    missed: list[str] = []

    async def one(case: Case) -> None:
        async with room:
            try:
                got = await stage.play(shape, case.plan, make=case.client)
            except Exception as error:
                broken.append(f"{shape.name} {case.name}: {error!r}")
                return
        if case.fires and not got.fired:
            missed.append(case.name)
            case = Case(case.name, case.plan, client=case.client)
        broken.extend(f"{shape.name} {case.name}: {law}" for law in broken_laws(case, base, got))

    await asyncio.gather(*(one(case) for case in cases))
    return broken, missed


def judge(
    theatre: Theatre, shape: Shape, cases: Sequence[Case], record: pytest.FixtureRequest
) -> None:
    broken, missed = theatre.runner.run(play(theatre.stage, shape, theatre.base(shape), cases))
    failed = {text.partition(": ")[0] for text in broken}
    record.node.user_properties.append(("fault matrix", [len(cases), len(failed)]))
    assert not broken, "\n".join(broken[:20])
    assert len(missed) <= 3 + MISSES * len(cases), missed


@each_shape
def test_a_shape_without_faults(theatre: Theatre, shape: Shape) -> None:
    base = theatre.base(shape)
    assert base.result.verdict is Verdict.COMPLETED, base.result.reason
    assert broken_laws(Case("", FaultPlan()), base, base) == []
    assert base.frames >= 15
    assert set(base.effects.values()) <= {1}
    assert base.result.repairs == shape.repair


def test_the_matrix_has_thousands_of_cases(theatre: Theatre) -> None:
    names = [f"{shape.name} {c.name}" for shape in SHAPES for c in cases_of(theatre.base(shape))]
    assert len(set(names)) == len(names) > 3000


@each_shape
def test_a_sample_of_the_matrix(
    theatre: Theatre, shape: Shape, request: pytest.FixtureRequest
) -> None:
    cases = cases_of(theatre.base(shape))
    offset = SHAPES.index(shape) * 11
    judge(theatre, shape, cases[offset :: len(cases) // SAMPLE][:SAMPLE], request)


@pytest.mark.matrix
@pytest.mark.parametrize("group", GROUPS)
@each_shape
def test_the_matrix(
    theatre: Theatre, shape: Shape, group: str, request: pytest.FixtureRequest
) -> None:
    judge(theatre, shape, cases_of(theatre.base(shape), group), request)
