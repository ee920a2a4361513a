"""The crash matrix: the runner is killed at every write of the ledger and every send, and the run resumed.

A real process dies by SIGKILL before or after the write or the send, and another goes on. Runs with a
repair are killed in `tests/runtime/test_resume.py`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from agentflow.compiler.template import render_task
from agentflow.runtime.events import text_of
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.record import write_record
from tests.matrix.bench import IDLE_LEFT_OPEN, Stage
from tests.matrix.laws import nothing_twice
from tests.matrix.shapes import SHAPES, Shape
from tests.matrix.stage import Theatre
from tests.runtime.crash_runner import Order, Runner

KILLED = -9
PLAYED = [shape for shape in SHAPES if not shape.repair]
pytestmark = pytest.mark.filterwarnings(IDLE_LEFT_OPEN)
each_shape = pytest.mark.parametrize("shape", PLAYED, ids=lambda shape: shape.name)


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.close()


class Mortal:
    """One run in a directory of its own, that processes take up where others have died."""

    def __init__(self, stage: Stage, runner: Runner, shape: Shape, root: Path) -> None:
        self.stage = stage
        self.runner = runner
        self.root = root
        root.mkdir()
        # Sessions are found again by it, and all of them are on one service.
        self.run_id = f"{shape.name}-{root.name}"
        request = stage.request(shape, self.run_id, root)
        task = render_task(request.policy.task or "", {})
        record = json.dumps(write_record(request, task))
        (root / "record.json").write_text(record, encoding="utf-8")

    async def live(self, until: int) -> int:
        """The exit code of a process that runs, or goes on, and dies at a point; 0: at none."""
        service = self.stage.service
        order = Order(service.base_url, service.token, str(self.root), self.run_id, until)
        return await asyncio.to_thread(self.runner.run, order)

    @property
    def printed(self) -> str:
        return (self.root / "printed.txt").read_text(encoding="utf-8")

    @property
    def report(self) -> bytes:
        return (self.root / "out" / self.run_id / "report.md").read_bytes()

    async def broken_laws(self, report: bytes) -> list[str]:
        """`report` is what a run delivers that nobody killed."""
        with Ledger.open(self.root / "ledger.db") as ledger:
            entry = ledger.run(self.run_id)
        assert entry is not None
        played = await self.stage.look(entry.session_id or "")
        found = list(nothing_twice(played))
        unknown = {
            event["custom_tool_use_id"]
            for event in played.of("user.custom_tool_result")
            if "is not known" in text_of(event["content"])
        }
        for id, count in played.effects.items():
            if count == 0 and id not in unknown:
                found.append(f"{id} never took effect, and nobody was told")
        if entry.verdict != "completed":
            found.append(f"the verdict is {entry.verdict}: {self.printed[-500:]}")
        elif self.report != report and not unknown:
            found.append(f"it delivered {self.report!r}")
        return found


async def points_of(
    stage: Stage, runner: Runner, shape: Shape, root: Path
) -> tuple[Sequence[int], bytes]:
    """Every point at which a run can be killed, and what it delivers if it is not."""
    whole = Mortal(stage, runner, shape, root / "whole")
    assert await whole.live(0) == 0, whole.printed
    passed, verdict = whole.printed.split()
    assert verdict == "completed"
    return range(1, int(passed) + 1), whole.report


async def play(
    stage: Stage, runner: Runner, shape: Shape, root: Path, sample: int | None
) -> tuple[int, list[str]]:
    """How many runs were killed, and the laws that they broke; of a sample, or (None) at all points."""
    points, report = await points_of(stage, runner, shape, root)
    chosen = points if sample is None else points[2 :: len(points) // sample + 1]
    broken: list[str] = []
    for point in chosen:
        run = Mortal(stage, runner, shape, root / f"at{point}")
        code = await run.live(point)
        # Concurrent calls do not always make the same number of writes and sends.
        if code != KILLED and point < len(points) - 4:
            broken.append(f"{shape.name} {point}: not killed but {code}: {run.printed[-500:]}")
            continue
        if code == KILLED and await run.live(0) != 0:
            broken.append(f"{shape.name} {point}: {run.printed[-500:]}")
            continue
        broken += [f"{shape.name} {point}: {law}" for law in await run.broken_laws(report)]
    return len(chosen), broken


def judge(played: tuple[int, list[str]], request: pytest.FixtureRequest) -> None:
    cases, broken = played
    failed = {text.partition(": ")[0] for text in broken}
    request.node.user_properties.append(("crash matrix", [cases, len(failed)]))
    assert not broken, "\n".join(broken[:20])


def test_a_sample_of_the_crash_matrix(
    theatre: Theatre, runner: Runner, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    [shape] = [shape for shape in PLAYED if shape.name == "approvals"]
    judge(theatre.runner.run(play(theatre.stage, runner, shape, tmp_path, 5)), request)


@pytest.mark.matrix
@each_shape
def test_the_crash_matrix(
    theatre: Theatre,
    runner: Runner,
    shape: Shape,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    judge(theatre.runner.run(play(theatre.stage, runner, shape, tmp_path, None)), request)
