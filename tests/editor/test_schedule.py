"""When work is done again, on a clock that is turned by hand."""

from __future__ import annotations

import asyncio

from agentflow.editor.schedule import Schedule


class Loop(asyncio.SelectorEventLoop):
    """Time goes on only when nothing else is left to do."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now = max(self.now, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def run(touches: list[float], *, work_s: float = 0.0) -> list[float]:
    """When the work begins, if something changes at these times."""
    loop = Loop()
    begun: list[float] = []

    async def work(key: str) -> None:
        assert key == "a"
        begun.append(round(loop.time(), 3))
        await asyncio.sleep(work_s)

    async def main() -> None:
        schedule = Schedule(work, quiet_s=1.0, longest_s=3.0)
        for time in touches:
            await asyncio.sleep(time - loop.time())
            schedule.touch("a")
        await asyncio.sleep(20)

    loop.run_until_complete(main())
    loop.close()
    return begun


def test_it_waits_until_nothing_has_changed_for_a_while() -> None:
    assert run([0.0]) == [1.0]
    assert run([0.0, 0.5, 0.9]) == [1.9]


def test_it_does_not_wait_for_ever() -> None:
    assert run([n / 2 for n in range(10)]) == [3.0, 5.5]


def test_what_changes_meanwhile_is_worked_out_again() -> None:
    assert run([0.0, 1.5], work_s=2.0) == [1.0, 3.0]
    assert run([0.0, 5.0]) == [1.0, 6.0]


def test_what_is_dropped_is_not_done() -> None:
    loop = Loop()
    begun: list[str] = []

    async def work(key: str) -> None:
        begun.append(key)

    async def main() -> None:
        schedule = Schedule(work, quiet_s=1.0)
        schedule.touch("a")
        schedule.touch("b")
        schedule.drop("a")
        await asyncio.sleep(5)
        schedule.touch("a")
        await asyncio.sleep(5)

    loop.run_until_complete(main())
    loop.close()
    assert begun == ["b", "a"]
