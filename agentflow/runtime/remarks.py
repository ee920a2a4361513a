"""[io] What people say to a run from any terminal: kept in its ledger, and sent by whoever follows it.

A remark is written down by whoever makes it. Whoever follows the run finds it there, and its machine
decides when it is sent: at the end of a turn, or at once if it is to steer the turn. It is written down
again before it is sent, and after, so after a crash it is looked for in the history, as a task is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from agentflow.errors import Rejected, ServiceError
from agentflow.ports import Clock
from agentflow.runtime.ledger import Ledger, MessageEntry, storable
from agentflow.runtime.resuming import Raw, placed
from agentflow.runtime.sending import Sender
from agentflow.runtime.session import (
    Input,
    Remark,
    RemarkKept,
    RemarkRefused,
    RemarkSent,
)

__all__ = [
    "RemarkEntry",
    "Remarks",
    "begin_remark",
    "close_remark",
    "close_remarks",
    "confirm_remark",
    "find_sent",
    "hear_again",
    "last_of",
    "make_remark",
    "remarks",
]


LOOK_EVERY_S = 1.0
"""How often the ledger is looked at for something new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemarkEntry:
    id: int
    run_id: str
    text: str
    steer: bool
    who: str
    at: str
    begun_at: str | None
    """When it was about to be sent. None: it waits."""
    event_id: str | None
    """None: whether the service has it is not known, or it has not."""
    closed_at: str | None
    """When it was given up. None: it was not."""
    reason: str | None
    """Why it was."""


def make_remark(
    ledger: Ledger, run_id: str, text: str, *, steer: bool, who: str, at: str
) -> int | None:
    """Leave something for whoever follows the run; its id. None: the run is ending, and hears no more."""
    found = ledger.rows(
        "INSERT INTO remarks(run_id, text, steer, who, at) SELECT id, ?, ?, ?, ? FROM runs "
        "WHERE id=? AND deaf_at IS NULL RETURNING id",
        storable(text),
        int(steer),
        who,
        at,
        run_id,
    )
    return int(found[0][0]) if found else None


def hear_again(ledger: Ledger, run_id: str) -> None:
    """The run does not end after all; or nobody is left who would."""
    ledger.note("UPDATE runs SET deaf_at=NULL WHERE id=?", run_id)


def remarks(ledger: Ledger, run_id: str) -> list[RemarkEntry]:
    """All that was said to a run, in order."""
    rows = ledger.rows(
        "SELECT id, run_id, text, steer, who, at, begun_at, event_id, closed_at, reason FROM remarks "
        "WHERE run_id=? ORDER BY id",
        run_id,
    )
    return [_entry(row) for row in rows]


def _entry(row: tuple[Any, ...]) -> RemarkEntry:
    return RemarkEntry(
        id=row[0],
        run_id=row[1],
        text=row[2],
        steer=bool(row[3]),
        who=row[4],
        at=row[5],
        begun_at=row[6],
        event_id=row[7],
        closed_at=row[8],
        reason=row[9],
    )


def begin_remark(ledger: Ledger, id: int, *, at: str) -> None:
    """It is about to be sent."""
    ledger.rows("UPDATE remarks SET begun_at=? WHERE id=?", at, id)


def confirm_remark(ledger: Ledger, id: int, event_id: str) -> None:
    """The service has it, under this id."""
    ledger.rows("UPDATE remarks SET event_id=? WHERE id=?", event_id, id)


def close_remark(ledger: Ledger, id: int, reason: str, *, at: str) -> None:
    """It will not be sent."""
    ledger.rows(
        "UPDATE remarks SET closed_at=?, reason=? WHERE id=? AND event_id IS NULL",
        at,
        storable(reason),
        id,
    )


def close_remarks(ledger: Ledger, run_id: str, reason: str, *, at: str) -> None:
    """Nobody will send them any more, nor what is said from now on."""
    ledger.note("UPDATE runs SET deaf_at=? WHERE id=?", at, run_id)
    ledger.rows(
        "UPDATE remarks SET closed_at=?, reason=? "
        "WHERE run_id=? AND event_id IS NULL AND closed_at IS NULL",
        at,
        reason,
        run_id,
    )


def find_sent(ledger: Ledger, run_id: str, history: Sequence[Raw]) -> list[str]:
    """Ids of the events that were said, each looked up where a crash hid whether it was sent."""
    begun = [entry for entry in remarks(ledger, run_id) if entry.begun_at is not None]
    entries = [MessageEntry(number=e.id, text=e.text, event_id=e.event_id) for e in begun]
    found = []
    for entry in placed(entries, history):
        if entry.event_id is not None:
            confirm_remark(ledger, entry.number, entry.event_id)
            found.append(entry.event_id)
    return found


class Remarks:
    """Brings what is said to one run from its ledger to its machine, and from there to its session."""

    def __init__(
        self,
        run_id: str,
        *,
        ledger: Ledger,
        sender: Sender,
        clock: Clock,
        put: Callable[[Input], None],
    ) -> None:
        self._run_id = run_id
        self._ledger = ledger
        self._sender = sender
        self._clock = clock
        self._put = put
        self._told: set[int] = set()
        self._looked_at = clock.monotonic() - LOOK_EVERY_S

    def look(self) -> None:
        """Tell the machine of what has been said since the last look. Meant to be called all the time."""
        now = self._clock.monotonic()
        if now - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = now
        self._tell_new()

    def _tell_new(self) -> None:
        for entry in self._waiting():
            if entry.id not in self._told:
                self._told.add(entry.id)
                self._put(Remark(id=entry.id, text=entry.text, steer=entry.steer, who=entry.who))

    def _waiting(self) -> list[RemarkEntry]:
        known = remarks(self._ledger, self._run_id)
        return [one for one in known if one.event_id is None and one.closed_at is None]

    def unsent(self) -> list[str]:
        """What was said by whom and not sent."""
        return [f"{entry.who} says: {entry.text}" for entry in self._waiting()]

    def look_last(self) -> None:
        """Tell the machine what it has not heard, and take nothing more: it is about to end the run.

        Whoever speaks too late is told so, instead of being written down and never read. To be followed by
        `hear_again` if the run goes on.
        """
        self._ledger.note("UPDATE runs SET deaf_at=? WHERE id=?", self._now(), self._run_id)
        self._tell_new()

    def hear_again(self) -> None:
        hear_again(self._ledger, self._run_id)

    async def deliver(self, remark: Remark) -> None:
        """Send one; the machine is told what came of it."""
        begin_remark(self._ledger, remark.id, at=self._now())
        try:
            event_id = await self._sender.message(remark.text)
        except Rejected as error:
            if remark.steer:
                # The turn has come to a stop meanwhile, where nothing but answers are taken.
                self._put(RemarkKept(remark.id))
            else:
                self._refuse(remark, error)
        except ServiceError as error:
            self._refuse(remark, error)
        else:
            confirm_remark(self._ledger, remark.id, event_id)
            self._put(RemarkSent(remark.id, event_id))

    def _refuse(self, remark: Remark, error: ServiceError) -> None:
        close_remark(self._ledger, remark.id, error.message, at=self._now())
        self._put(RemarkRefused(remark.id, error.message))

    def _now(self) -> str:
        return self._clock.now().isoformat()


def last_of(ids: Iterable[str | None], history: Sequence[Raw]) -> str | None:
    """Which of the events comes last in a history. None: it has none of them."""
    wanted = {id for id in ids if id is not None}
    return next(
        (str(event["id"]) for event in reversed(history) if event.get("id") in wanted), None
    )
