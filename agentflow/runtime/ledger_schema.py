"""The tables of the ledger, one list of statements per format: each makes the next format of the last.

A ledger is what makes a run resumable, so formats are only ever added, and every old one is read.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["FORMAT", "upgrade"]

_FIRST = """
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

_RESUME = """
ALTER TABLE runs ADD COLUMN record TEXT;
ALTER TABLE runs ADD COLUMN wall_s REAL NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN seen_at TEXT;
ALTER TABLE runs ADD COLUMN resumes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN stop_asked TEXT;
CREATE TABLE messages (
  run_id TEXT NOT NULL REFERENCES runs(id),
  number INTEGER NOT NULL,
  text TEXT NOT NULL,
  begun_at TEXT NOT NULL,
  event_id TEXT,
  PRIMARY KEY (run_id, number)
) STRICT;
CREATE TABLE questions (
  session_id TEXT NOT NULL,
  call_id TEXT NOT NULL,
  run_id TEXT NOT NULL REFERENCES runs(id),
  kind TEXT NOT NULL,
  tool TEXT NOT NULL,
  input TEXT NOT NULL,
  rule TEXT,
  asked_at TEXT NOT NULL,
  until TEXT,
  closed_at TEXT,
  allowed INTEGER,
  answer TEXT,
  who TEXT,
  answered_at TEXT,
  PRIMARY KEY (session_id, call_id)
) STRICT;
CREATE INDEX questions_of_run ON questions(run_id);
ALTER TABLE approvals ADD COLUMN rule TEXT;
ALTER TABLE approvals ADD COLUMN who TEXT;
"""

_MONEY = """
CREATE TABLE pool_shares (
  pool TEXT NOT NULL,
  measure TEXT NOT NULL,
  period TEXT NOT NULL,
  run_id TEXT NOT NULL,
  spent INTEGER NOT NULL,
  held INTEGER NOT NULL,
  settled_at TEXT NOT NULL,
  PRIMARY KEY (pool, measure, period, run_id)
) STRICT;
CREATE INDEX shares_of_run ON pool_shares(run_id);
ALTER TABLE messages ADD COLUMN repair INTEGER;
"""

_PEOPLE = """
ALTER TABLE questions ADD COLUMN change TEXT;
CREATE TABLE remarks (
  id INTEGER PRIMARY KEY,
  run_id TEXT NOT NULL REFERENCES runs(id),
  text TEXT NOT NULL,
  steer INTEGER NOT NULL,
  who TEXT NOT NULL,
  at TEXT NOT NULL,
  begun_at TEXT,
  event_id TEXT,
  closed_at TEXT,
  reason TEXT
) STRICT;
CREATE INDEX remarks_of_run ON remarks(run_id);
"""

_LAST_WORD = """
ALTER TABLE runs ADD COLUMN deaf_at TEXT;
"""

_STEPS = (_FIRST, _RESUME, _MONEY, _PEOPLE, _LAST_WORD)

FORMAT = len(_STEPS)
"""Of the database; kept in its `user_version`."""


def upgrade(found: int) -> Iterator[str]:
    """The statements that bring a ledger of format `found` (0: an empty one) to `FORMAT`."""
    for step in _STEPS[found:]:
        for statement in step.split(";\n"):
            if statement.strip():
                yield statement
