"""[io] The local record of runs, tool calls and approvals, in SQLite.

A tool call is written before its effect, and its outcome once, before it is sent. So the same call
never has its effect twice: whoever finds a call with an outcome sends that outcome again, and whoever
finds one without it knows that the effect may or may not have taken place. A message is written before
it is sent, and the id it got right after, so that whoever goes on knows what to look for.

What a run was started with is kept too, as `record.py` has it. Secrets never are.

Connections are opened per thread of use and are not shared; WAL lets several processes write.

Every write outlives the process. What stands before an effect that cannot be repeated outlives the
machine too, and with it everything written before: that costs a wait for the disk. The rest (`note`) is
looked up from the service where it is lost; a call whose outcome is lost with the machine counts as begun.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from agentflow.errors import StateError
from agentflow.runtime.ledger_schema import FORMAT, upgrade
from agentflow.runtime.session import Outcome
from agentflow.secret import mask, masked

__all__ = ["FORMAT", "CallEntry", "Claim", "Ledger", "MessageEntry", "RunEntry", "storable"]


class Claim(StrEnum):
    """What a call that is about to run is found to be."""

    FRESH = "fresh"
    """Ours to run: it was written down just now."""
    FINISHED = "finished"
    """It ran before; its outcome is in the entry."""
    UNFINISHED = "unfinished"
    """It was begun, here or elsewhere, and whether it took place is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEntry:
    claim: Claim
    outcome: Outcome | None
    """None: no outcome was written."""
    calls: int
    """Calls of this tool in this run, this one included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEntry:
    """A user message of a run, as it was about to be sent."""

    number: int
    """In the order of sending: 0 for the task, then repairs, and words to go on with."""
    text: str
    event_id: str | None
    """None: whether the service took it was not known when this was written."""
    repair: int | None = None
    """The newest repair by then. None: every message but the first is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEntry:
    id: str
    agent: str
    agent_id: str
    agent_version: int
    session_id: str | None
    """None: no session was created."""
    started_at: str
    ended_at: str | None
    """None: it still runs, or its process died."""
    verdict: str | None
    reason: str | None
    usage: Mapping[str, Any] | None
    """As it was told at the end. None: there was no end."""
    wall_s: float
    """How long it has been watched, as far as it was written down."""
    seen_at: str | None
    """When its process last said that it lives."""
    resumes: int
    stop_asked: str | None
    """Who asked to end it, in another process. None: nobody."""


_RUN = (
    "SELECT id, agent, agent_id, agent_version, session_id, started_at, ended_at, verdict, reason, "
    "usage, wall_s, seen_at, resumes, stop_asked FROM runs"
)


def _run_entry(row: tuple[Any, ...]) -> RunEntry:
    return RunEntry(
        id=row[0],
        agent=row[1],
        agent_id=row[2],
        agent_version=row[3],
        session_id=row[4],
        started_at=row[5],
        ended_at=row[6],
        verdict=row[7],
        reason=row[8],
        usage=json.loads(row[9]) if row[9] else None,
        wall_s=row[10],
        seen_at=row[11],
        resumes=row[12],
        stop_asked=row[13],
    )


def storable(text: str) -> str:
    """A text as the ledger keeps it: without known secrets, and without halves of characters.

    A model that breaks off an escape sends half a character, which no database takes.
    """
    return mask(text.encode("utf-8", "replace").decode())


class Ledger:
    """Every method raises `StateError` if the database cannot be used."""

    def __init__(self, path: Path) -> None:
        """Open the ledger at `path`, making it and its directory if they are absent."""
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=10.0, isolation_level=None)
        except (sqlite3.Error, OSError) as error:
            raise StateError(f"The ledger {path} cannot be opened: {error}") from error
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._full = True
            self._db.execute("PRAGMA foreign_keys=ON")
            self._migrate()
        except sqlite3.Error as error:
            self._db.close()
            raise StateError(f"The ledger {path} cannot be opened: {error}") from error

    def _migrate(self) -> None:
        (found,) = self._db.execute("PRAGMA user_version").fetchone()
        if found > FORMAT:
            self._db.close()
            raise StateError(
                f"The ledger {self._path} has format {found}; this version reads up to {FORMAT}.",
                hint="Update agentflow.",
            )
        if found == FORMAT:
            return
        self._db.execute("BEGIN IMMEDIATE")
        (found,) = self._db.execute("PRAGMA user_version").fetchone()
        for statement in upgrade(found):
            self._db.execute(statement)
        self._db.execute(f"PRAGMA user_version={FORMAT}")
        self._db.execute("COMMIT")

    @classmethod
    def open(cls, path: Path) -> Self:
        return cls(path)

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What a statement finds; each is a transaction of its own. No value in it keeps a secret.

        When it returns, what it wrote is on the disk.
        """
        if not self._full and not sql.startswith("SELECT"):
            self._wait_for_the_disk(True)
        return self._execute(sql, values)

    def note(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """As `rows`, for a write that may be lost if the machine fails. Not within a transaction."""
        if self._full:
            self._wait_for_the_disk(False)
        return self._execute(sql, values)

    def _wait_for_the_disk(self, full: bool) -> None:
        self._execute(f"PRAGMA synchronous={'FULL' if full else 'NORMAL'}", ())
        self._full = full

    def _execute(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        try:
            with closing(self._db.execute(sql, masked(values))) as cursor:
                return cursor.fetchall()
        except sqlite3.Error as error:
            raise StateError(f"The ledger {self._path} cannot be used: {error}") from error

    # Runs

    def begin_run(
        self,
        run_id: str,
        *,
        agent: str,
        agent_id: str,
        agent_version: int,
        at: str,
        record: Mapping[str, Any] | None = None,
    ) -> None:
        """`record`: what `record.py` needs to go on with the run. None: nobody can."""
        self.note(
            "INSERT INTO runs(id, agent, agent_id, agent_version, started_at, seen_at, record) "
            "VALUES (?,?,?,?,?,?,?)",
            run_id,
            agent,
            agent_id,
            agent_version,
            at,
            at,
            None if record is None else storable(json.dumps(record, ensure_ascii=False)),
        )

    def resume_run(self, run_id: str, *, at: str) -> None:
        """Somebody goes on with a run that had no end, or one that can be taken back."""
        self.rows(
            "UPDATE runs SET resumes=resumes+1, seen_at=?, ended_at=NULL, verdict=NULL, "
            "reason=NULL, stop_asked=NULL, deaf_at=NULL WHERE id=?",
            at,
            run_id,
        )

    def alive(self, run_id: str, *, wall_s: float, at: str) -> str | None:
        """Say that the run is being watched. Who asked to end it; None: nobody."""
        found = self.note(
            "UPDATE runs SET wall_s=?, seen_at=? WHERE id=? RETURNING stop_asked",
            wall_s,
            at,
            run_id,
        )
        return found[0][0] if found else None

    def all_alive(self, walls: Mapping[str, float], *, at: str) -> Mapping[str, str]:
        """As `alive`, for many runs in one transaction. Who asked to end which."""
        self.note("BEGIN IMMEDIATE")
        try:
            for run_id, wall_s in walls.items():
                self.note("UPDATE runs SET wall_s=?, seen_at=? WHERE id=?", wall_s, at, run_id)
            asked = self.note(
                "SELECT id, stop_asked FROM runs WHERE stop_asked IS NOT NULL AND ended_at IS NULL"
            )
        except BaseException:
            self.note("ROLLBACK")
            raise
        self.note("COMMIT")
        return {run_id: who for run_id, who in asked if run_id in walls}

    def ask_to_stop(self, run_id: str, *, who: str) -> None:
        """Have the process that watches the run interrupt it."""
        self.rows("UPDATE runs SET stop_asked=? WHERE id=? AND ended_at IS NULL", who, run_id)

    def set_session(self, run_id: str, session_id: str) -> None:
        self.note("UPDATE runs SET session_id=? WHERE id=?", session_id, run_id)

    def end_run(
        self, run_id: str, *, verdict: str, reason: str, usage: Mapping[str, Any], at: str
    ) -> None:
        self.note(
            "UPDATE runs SET verdict=?, reason=?, usage=?, ended_at=? WHERE id=?",
            verdict,
            storable(reason),
            json.dumps(usage, sort_keys=True),
            at,
            run_id,
        )

    def runs(self) -> list[RunEntry]:
        """All runs, newest first."""
        return [_run_entry(row) for row in self.rows(f"{_RUN} ORDER BY started_at DESC, id DESC")]

    def run(self, run_id: str) -> RunEntry | None:
        rows = self.rows(f"{_RUN} WHERE id=?", run_id)
        return _run_entry(rows[0]) if rows else None

    def record(self, run_id: str) -> Mapping[str, Any] | None:
        """What the run was started with. None: an older version began it, and kept nothing."""
        [(text,)] = self.rows("SELECT record FROM runs WHERE id=?", run_id)
        found: Mapping[str, Any] | None = json.loads(text) if text else None
        return found

    def set_record(self, run_id: str, record: Mapping[str, Any]) -> None:
        """Change what a run goes on with."""
        text = storable(json.dumps(record, ensure_ascii=False))
        self.rows("UPDATE runs SET record=? WHERE id=?", text, run_id)

    # Messages

    def claim_message(
        self, run_id: str, number: int, text: str, *, at: str, repair: int | None = None
    ) -> None:
        """Write down what is about to be sent. What was sent stays as it is."""
        self.rows(
            "INSERT INTO messages(run_id, number, text, begun_at, repair) VALUES (?,?,?,?,?) "
            "ON CONFLICT DO UPDATE SET text=excluded.text, begun_at=excluded.begun_at, "
            "repair=excluded.repair WHERE event_id IS NULL",
            run_id,
            number,
            storable(text),
            at,
            repair,
        )

    def confirm_message(self, run_id: str, number: int, event_id: str) -> None:
        """The service has it, under this id."""
        self.note(
            "UPDATE messages SET event_id=? WHERE run_id=? AND number=?", event_id, run_id, number
        )

    def messages(self, run_id: str) -> list[MessageEntry]:
        """In the order of sending."""
        rows = self.rows(
            "SELECT number, text, event_id, repair FROM messages WHERE run_id=? ORDER BY number",
            run_id,
        )
        return [
            MessageEntry(number=row[0], text=row[1], event_id=row[2], repair=row[3]) for row in rows
        ]

    # Tool calls

    def claim_call(
        self,
        *,
        run_id: str,
        session_id: str,
        call_id: str,
        tool: str,
        input: Mapping[str, Any],
        idempotent: bool,
        at: str,
    ) -> CallEntry:
        """Write down that a call is about to run, and say whether it may.

        An idempotent call that was begun and not finished may run again, so it is FRESH.
        """
        text = json.dumps(input, sort_keys=True, ensure_ascii=False, default=str)
        text = storable(text)
        inserted = self.rows(
            "INSERT INTO tool_calls(session_id, call_id, run_id, tool, input, begun_at) "
            "VALUES (?,?,?,?,?,?) ON CONFLICT DO NOTHING RETURNING call_id",
            session_id,
            call_id,
            run_id,
            tool,
            text,
            at,
        )
        calls = self._count(run_id, tool)
        if inserted:
            return CallEntry(claim=Claim.FRESH, outcome=None, calls=calls)
        outcome = self.outcome(session_id, call_id)
        if outcome is not None:
            return CallEntry(claim=Claim.FINISHED, outcome=outcome, calls=calls)
        if not idempotent:
            return CallEntry(claim=Claim.UNFINISHED, outcome=None, calls=calls)
        self.rows(
            "UPDATE tool_calls SET attempts=attempts+1, begun_at=? "
            "WHERE session_id=? AND call_id=?",
            at,
            session_id,
            call_id,
        )
        return CallEntry(claim=Claim.FRESH, outcome=None, calls=calls)

    def finish_call(self, session_id: str, call_id: str, outcome: Outcome, *, at: str) -> None:
        """Write the outcome of a call. A second outcome is ignored: the first one was sent."""
        self.note(
            "UPDATE tool_calls SET text=?, is_error=?, seconds=?, ended_at=? "
            "WHERE session_id=? AND call_id=? AND ended_at IS NULL",
            outcome.text,
            int(outcome.is_error),
            outcome.seconds,
            at,
            session_id,
            call_id,
        )

    def outcome(self, session_id: str, call_id: str) -> Outcome | None:
        rows = self.rows(
            "SELECT text, is_error, seconds FROM tool_calls "
            "WHERE session_id=? AND call_id=? AND ended_at IS NOT NULL",
            session_id,
            call_id,
        )
        if not rows:
            return None
        text, is_error, seconds = rows[0]
        return Outcome(text=text, is_error=bool(is_error), seconds=seconds)

    def _count(self, run_id: str, tool: str) -> int:
        rows = self.rows("SELECT count(*) FROM tool_calls WHERE run_id=? AND tool=?", run_id, tool)
        return int(rows[0][0])

    # Approvals

    def record_approval(
        self,
        *,
        run_id: str,
        session_id: str,
        call_id: str,
        tool: str,
        allowed: bool,
        by: str,
        message: str | None,
        at: str,
        rule: str | None = None,
        who: str | None = None,
    ) -> None:
        """Write down an answer before it is sent. The first one stays.

        Args:
            by: `rule 1`, `person`, `webhook`, `default` or `timeout`.
            rule: the rule that had somebody asked, as `rule 1`. None: `by` says it all.
            who: the person. None: no person answered.
        """
        self.rows(
            "INSERT INTO approvals(session_id, call_id, run_id, tool, allowed, answered_by, "
            "message, at, rule, who) VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
            session_id,
            call_id,
            run_id,
            tool,
            int(allowed),
            by,
            None if message is None else storable(message),
            at,
            rule,
            who,
        )

    def approval(self, session_id: str, call_id: str) -> tuple[bool, str | None] | None:
        """Whether a call was allowed, and what the agent is told. None: not decided."""
        rows = self.rows(
            "SELECT allowed, message FROM approvals WHERE session_id=? AND call_id=?",
            session_id,
            call_id,
        )
        return (bool(rows[0][0]), rows[0][1]) if rows else None

    def approvals(self, run_id: str) -> list[tuple[str, str, bool, str]]:
        """Call id, tool, whether it was allowed, and by whom; in the order of the answers."""
        rows = self.rows(
            "SELECT call_id, tool, allowed, answered_by FROM approvals WHERE run_id=? "
            "ORDER BY at, rowid",
            run_id,
        )
        return [(row[0], row[1], bool(row[2]), row[3]) for row in rows]
