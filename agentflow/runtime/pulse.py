"""[io] One clock for many runs: what each does every second, a few of them at a time.

A run on its own has a task that wakes up four times a second. A thousand such tasks would cost more than
the events of a thousand sessions; and what they tell the ledger can be one transaction for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from agentflow.ports import Clock
from agentflow.runtime.ledger import Ledger

__all__ = ["Member", "Pulse"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Member:
    """A run that is followed."""

    run_id: str
    beat: Callable[[], None]
    """Look at the clock."""
    wall_s: Callable[[], float]
    stopped: Callable[[str], None]
    """Somebody elsewhere wants the run to end: who."""


class Pulse:
    """Beats for each member once in `every_s`, and says in the ledger at every other beat that it lives."""

    def __init__(
        self, clock: Clock, ledger: Ledger, *, every_s: float = 1.0, slices: int = 20
    ) -> None:
        """`slices`: in how many parts of `every_s` the members are looked at, so that none waits long."""
        self._clock = clock
        self._ledger = ledger
        self._pause_s = every_s / slices
        self._slices = slices
        self._members: dict[Member, None] = {}
        self._told: set[Member] = set()

    @contextmanager
    def member(self, member: Member) -> Iterator[None]:
        self._members[member] = None
        try:
            yield
        finally:
            del self._members[member]
            self._told.discard(member)

    async def run(self) -> None:
        """Beat until cancelled. Raises `StateError`: the ledger cannot be used."""
        while True:
            round_ = list(self._members)
            each = iter(round_)
            size = -(-len(round_) // self._slices)
            for _ in range(self._slices):
                await self._clock.sleep(self._pause_s)
                # Whoever has left meanwhile has nothing to say any more.
                self._beat([one for one in islice(each, size) if one in self._members])

    def _beat(self, members: list[Member]) -> None:
        for member in members:
            member.beat()
        due = [member for member in members if member not in self._told]
        self._told.difference_update(members)
        self._told.update(due)
        if not due:
            return
        at = self._clock.now().isoformat()
        asked = self._ledger.all_alive({one.run_id: one.wall_s() for one in due}, at=at)
        for member in due:
            if member.run_id in asked:
                member.stopped(asked[member.run_id])
