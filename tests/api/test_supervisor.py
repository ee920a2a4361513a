"""Many runs at once: none of them is another one's problem, and all of them end."""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path

import pytest

import agentflow
from agentflow.errors import ProblemsFound, UsageError
from agentflow.operations.supervisor import FILES_OF_A_RUN, Started, _room_for
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.notices import Failed, Notice, Received


def test_a_run_that_fails_takes_no_other_with_it(desk: Path) -> None:
    told: list[tuple[Started, Notice]] = []

    async def scene() -> tuple[list[agentflow.RunResult], Started]:
        def tell(run: Started, notice: Notice) -> None:
            told.append((run, notice))

        async with agentflow.Supervisor(project=desk, on_event=tell) as supervisor:
            good = [supervisor.start("clerk", inputs={"times": n}) for n in range(12)]
            bad = supervisor.start("clark")
            other = supervisor.start("dreamer")
            with pytest.raises(UsageError, match="no agent 'clark'"):
                await bad
            return [await run for run in [*good, other]], bad

    results, bad = asyncio.run(scene())
    assert [result.verdict.value for result in results] == ["completed"] * 12 + ["incomplete"]
    assert len({result.run_id for result in results}) == 13
    assert [type(notice) for run, notice in told if run is bad] == [Failed]
    with Ledger.open(desk / ".agentflow" / "ledger.db") as ledger:
        assert {entry.verdict for entry in ledger.runs()} == {"completed", "incomplete"}
    runs = {run.run_id for run, notice in told if isinstance(notice, Received)}
    assert runs == {result.run_id for result in results}


def test_leaving_waits_for_what_was_started(desk: Path) -> None:
    async def scene() -> list[Started]:
        async with agentflow.Supervisor(project=desk, at_once=2) as supervisor:
            runs = [supervisor.start("clerk") for _ in range(5)]
            assert not any(run.done for run in runs)
        assert all(run.done for run in runs)
        with pytest.raises(UsageError, match="within `async with` alone"):
            supervisor.start("clerk")
        return runs

    for run in asyncio.run(scene()):
        assert run.run_id is not None


def test_no_more_than_so_many_run_at_once(desk: Path) -> None:
    running: set[Started] = set()
    most = 0

    def tell(run: Started, notice: Notice) -> None:
        nonlocal most
        if isinstance(notice, Received):
            running.add(run)
            running.difference_update([one for one in running if one.done])
            most = max(most, len(running))

    async def scene() -> None:
        async with agentflow.Supervisor(project=desk, at_once=2, on_event=tell) as supervisor:
            for _ in range(6):
                supervisor.start("clerk")

    asyncio.run(scene())
    assert most == 2


def test_stopping_interrupts_every_run(desk: Path) -> None:
    waiting = (desk / "agentflow.yaml").read_text(encoding="utf-8")
    waiting = waiting.replace("on_timeout: halt", "wait: 10m, on_timeout: halt")
    (desk / "agentflow.yaml").write_text(waiting, encoding="utf-8")

    async def scene() -> list[agentflow.RunResult]:
        asked = asyncio.Event()

        def tell(run: Started, notice: Notice) -> None:
            if isinstance(notice, Received) and notice.event["type"] == "session.status_idle":
                asked.set()

        async with agentflow.Supervisor(project=desk, on_event=tell) as supervisor:
            runs = [supervisor.start("asker") for _ in range(3)]
            await asked.wait()
            supervisor.stop()
            return list(await asyncio.gather(*runs))

    assert {result.verdict.value for result in asyncio.run(scene())} == {"interrupted"}


def test_an_exception_in_the_body_interrupts_every_run(desk: Path) -> None:
    runs: list[Started] = []

    async def scene() -> None:
        seen = asyncio.Event()
        async with agentflow.Supervisor(
            project=desk, on_event=lambda run, notice: seen.set()
        ) as supervisor:
            runs.extend(supervisor.start("clerk") for _ in range(3))
            await seen.wait()
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        asyncio.run(scene())
    assert all(run.done for run in runs)
    with Ledger.open(desk / ".agentflow" / "ledger.db") as ledger:
        assert all(entry.ended_at for entry in ledger.runs())


def test_a_project_with_errors_is_refused_at_the_door(desk: Path) -> None:
    (desk / "agentflow.yaml").write_text("kind: Nothing\n", encoding="utf-8")

    async def scene() -> None:
        async with agentflow.Supervisor(project=desk):
            pytest.fail("it was let in")

    with pytest.raises(ProblemsFound):
        asyncio.run(scene())


def test_as_many_run_as_files_may_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"now": (1024, 4096)}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: limits["now"])
    monkeypatch.setattr(resource, "setrlimit", lambda kind, new: limits.update(now=new))
    assert _room_for(100) == 100
    assert limits["now"] == (1024, 4096)
    assert _room_for(500) == 500
    assert limits["now"] == (200 + 500 * FILES_OF_A_RUN, 4096)
    assert _room_for(100_000) == (4096 - 200) // FILES_OF_A_RUN
    assert limits["now"] == (4096, 4096)
    with pytest.raises(UsageError, match="at_once is 0"):
        _room_for(0)
