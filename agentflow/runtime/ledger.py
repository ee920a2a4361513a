"""[io] The local record of runs, tool calls and approvals, in SQLite.

A tool call is written before its effect, and its outcome once, before it is sent. So the same call
never has its effect twice: whoever finds a call with an outcome sends that outcome again, and whoever
finds one without it knows that the effect may or may not have taken place.

Connections are opened per thread of use and are not shared; WAL lets several processes write.
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
from agentflow.runtime.session import Outcome

__all__ = ["FORMAT", "CallEntry", "Claim", "Ledger", "RunEntry"]

FORMAT = 1
"""Of the database; kept in its `user_version`."""

_SCHEMA = """
CREATE TABLE runs (
  id TEXT PRIMARY KEY,
  agent TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  agent_version INTEGER NOT NULL,
  session_id TEXT,
  started_at TEXT NOT NULL,
  ended_at TEXT,
  verdict TEXT,
  reason TEXT,
  usage TEXT
) STRICT;
CREATE TABLE tool_calls (
  session_id TEXT NOT NULL,
  call_id TEXT NOT NULL,
  run_id TEXT NOT NULL REFERENCES runs(id),
  tool TEXT NOT NULL,
  input TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 1,
  begun_at TEXT NOT NULL,
  ended_at TEXT,
  text TEXT,
  is_error INTEGER,
  seconds REAL,
  PRIMARY KEY (session_id, call_id)
) STRICT;
CREATE INDEX calls_of_run ON tool_calls(run_id, tool);
CREATE TABLE approvals (
  session_id TEXT NOT NULL,
  call_id TEXT NOT NULL,
  run_id TEXT NOT NULL REFERENCES runs(id),
  tool TEXT NOT NULL,
  allowed INTEGER NOT NULL,
  answered_by TEXT NOT NULL,
  message TEXT,
  at TEXT NOT NULL,
  PRIMARY KEY (session_id, call_id)
) STRICT;
"""


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
class RunEntry:
    id: str
    agent: str
    session_id: str | None
    """None: no session was created."""
    started_at: str
    ended_at: str | None
    """None: it still runs, or its process died."""
    verdict: str | None
    reason: str | None


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
            # An effect that cannot be repeated follows each write, so each one reaches the disk.
            self._db.execute("PRAGMA synchronous=FULL")
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
        if found == 0:
            for statement in _SCHEMA.split(";\n"):
                if statement.strip():
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

    def _run(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        try:
            with closing(self._db.execute(sql, values)) as cursor:
                return cursor.fetchall()
        except sqlite3.Error as error:
            raise StateError(f"The ledger {self._path} cannot be used: {error}") from error

    # Runs

    def begin_run(
        self, run_id: str, *, agent: str, agent_id: str, agent_version: int, at: str
    ) -> None:
        self._run(
            "INSERT INTO runs(id, agent, agent_id, agent_version, started_at) VALUES (?,?,?,?,?)",
            run_id,
            agent,
            agent_id,
            agent_version,
            at,
        )

    def set_session(self, run_id: str, session_id: str) -> None:
        self._run("UPDATE runs SET session_id=? WHERE id=?", session_id, run_id)

    def end_run(
        self, run_id: str, *, verdict: str, reason: str, usage: Mapping[str, Any], at: str
    ) -> None:
        self._run(
            "UPDATE runs SET verdict=?, reason=?, usage=?, ended_at=? WHERE id=?",
            verdict,
            reason,
            json.dumps(usage, sort_keys=True),
            at,
            run_id,
        )

    def runs(self) -> list[RunEntry]:
        """All runs, newest first."""
        rows = self._run(
            "SELECT id, agent, session_id, started_at, ended_at, verdict, reason FROM runs "
            "ORDER BY started_at DESC, id DESC"
        )
        return [
            RunEntry(
                id=row[0],
                agent=row[1],
                session_id=row[2],
                started_at=row[3],
                ended_at=row[4],
                verdict=row[5],
                reason=row[6],
            )
            for row in rows
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
        # A model that breaks off an escape sends half a character, which no database takes.
        text = text.encode("utf-8", "replace").decode()
        inserted = self._run(
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
        self._run(
            "UPDATE tool_calls SET attempts=attempts+1, begun_at=? "
            "WHERE session_id=? AND call_id=?",
            at,
            session_id,
            call_id,
        )
        return CallEntry(claim=Claim.FRESH, outcome=None, calls=calls)

    def finish_call(self, session_id: str, call_id: str, outcome: Outcome, *, at: str) -> None:
        """Write the outcome of a call. A second outcome is ignored: the first one was sent."""
        self._run(
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
        rows = self._run(
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
        rows = self._run("SELECT count(*) FROM tool_calls WHERE run_id=? AND tool=?", run_id, tool)
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
    ) -> None:
        """Write down an answer before it is sent. The first one stays."""
        self._run(
            "INSERT INTO approvals VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
            session_id,
            call_id,
            run_id,
            tool,
            int(allowed),
            by,
            message,
            at,
        )

    def approvals(self, run_id: str) -> list[tuple[str, str, bool, str]]:
        """Call id, tool, whether it was allowed, and by whom; in the order of the answers."""
        rows = self._run(
            "SELECT call_id, tool, allowed, answered_by FROM approvals WHERE run_id=? "
            "ORDER BY at, rowid",
            run_id,
        )
        return [(row[0], row[1], bool(row[2]), row[3]) for row in rows]
