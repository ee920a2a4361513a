"""Many runs: started a few at a time, on one clock, with few workers; none is another one's problem."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from agentflow.errors import StateError
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.pulse import Member, Pulse
from agentflow.runtime.supervisor import Ramp, SharedPool
from tests.runtime.bench import begin
from tests.runtime.support import HandClock, write_module


def test_a_ramp_lets_a_batch_through_and_then_waits() -> None:
    clock = HandClock()
    ramp = Ramp(clock, batch=3, gap_s=0.015)

    async def scene() -> list[float]:
        times = []
        for _ in range(8):
            await ramp.turn()
            times.append(round(clock.seconds, 6))
        clock.seconds += 10
        await ramp.turn()
        return [*times, clock.seconds - 10]

    assert asyncio.run(scene()) == pytest.approx(
        [0, 0, 0, 0.015, 0.015, 0.015, 0.03, 0.03, 0.03], abs=1e-6
    )


class Runs:
    """Members of a pulse that note their beats."""

    def __init__(self) -> None:
        self.beats: dict[str, int] = {}
        self.stopped: dict[str, str] = {}

    def member(self, run_id: str) -> Member:
        return Member(
            run_id=run_id,
            beat=lambda: self.beats.update({run_id: self.beats.get(run_id, 0) + 1}),
            wall_s=lambda: 7.5,
            stopped=lambda who: self.stopped.update({run_id: who}),
        )


class Stopped(Exception):
    pass


class ShortClock(HandClock):
    """Ends after some seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._end = seconds

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        if self.seconds > self._end + 1e-9:
            raise Stopped


def beat_for(seconds: float, ledger: Ledger, runs: Runs, names: list[str]) -> None:
    async def scene() -> None:
        pulse = Pulse(ShortClock(seconds), ledger, every_s=1.0, slices=4)
        with ExitStack() as stack:
            for name in names:
                stack.enter_context(pulse.member(runs.member(name)))
            await pulse.run()

    with pytest.raises(Stopped):
        asyncio.run(scene())


def test_each_member_beats_once_a_second(tmp_path: Path) -> None:
    names = [f"run{number}" for number in range(7)]
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        for name in names:
            begin(ledger, name)
        runs = Runs()
        beat_for(3.0, ledger, runs, names)
        assert runs.beats == dict.fromkeys(names, 3)
        entries = {entry.id: entry for entry in ledger.runs()}
    assert {entry.wall_s for entry in entries.values()} == {7.5}


def test_who_is_asked_to_stop_elsewhere_hears_of_it(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        begin(ledger, "run1")
        begin(ledger, "run2")
        ledger.ask_to_stop("run2", who="ada@desk")
        runs = Runs()
        beat_for(1.0, ledger, runs, ["run1", "run2"])
    assert runs.stopped == {"run2": "ada@desk"}


def test_a_heartbeat_of_many_is_one_transaction(tmp_path: Path) -> None:
    statements: list[str] = []
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        for number in range(5):
            begin(ledger, f"run{number}")
        ledger._db.set_trace_callback(statements.append)
        ledger.all_alive({f"run{number}": 1.0 for number in range(5)}, at="2026")
        assert [s for s in statements if s in ("BEGIN IMMEDIATE", "COMMIT")] == [
            "BEGIN IMMEDIATE",
            "COMMIT",
        ]
        assert sum(statement.startswith("UPDATE") for statement in statements) == 5
        ledger._db.execute("DROP TABLE tool_calls")
        ledger._db.execute("ALTER TABLE runs RENAME TO gone")
        with pytest.raises(StateError):
            ledger.all_alive({"run1": 1.0}, at="2026")
        assert not ledger._db.in_transaction


def test_calls_wait_for_a_worker_and_their_time_does_not(tmp_path: Path) -> None:
    write_module(
        tmp_path,
        {"shop.py": "import os, time\ndef slow():\n    time.sleep(0.3)\n    return os.getpid()\n"},
    )

    async def scene() -> list[Any]:
        pool = SharedPool(tmp_path, most=2)
        request: Mapping[str, Any] = {"run": "shop:slow", "input": {}}
        try:
            await asyncio.gather(*(pool.call(request, timeout_s=20) for _ in range(2)))
            # Each takes 0.3 s and may take 0.8: the last of six waits longer than that for its turn.
            return await asyncio.gather(*(pool.call(request, timeout_s=0.8) for _ in range(6)))
        finally:
            await pool.close()

    assert len(set(asyncio.run(scene()))) == 2
