"""[io] The records of the service in SQLite: resources, agent versions, sessions, events, files.

A resource is one JSON document. `seq` is its place in creation order, which every list pages by.
An event's `position` is its place in the history: a client event that is still queued moves to the
end when it is processed, because history is ordered by `processed_at`.

One connection, used only on the service's event loop, in write-ahead mode: a killed process loses
no transaction that was committed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agentflow.local.paging import Order, Page, Slice, paginate

__all__ = ["Document", "Store"]

Document = dict[str, Any]

_VERSION = 1
_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE resources (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL UNIQUE, scope TEXT,
    created_at TEXT NOT NULL, archived INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX resources_by_kind ON resources (kind, seq);
CREATE INDEX resources_by_scope ON resources (scope, seq) WHERE scope IS NOT NULL;
CREATE TABLE agent_versions (
    agent_id TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (agent_id, version));
CREATE TABLE session_states (session_id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE events (
    position INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL, processed_at TEXT, body TEXT NOT NULL);
CREATE INDEX events_by_session ON events (session_id, position);
"""


class Store:
    def __init__(self, path: Path) -> None:
        """Open the records at `path`, or start them; `path`'s folder must exist."""
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA busy_timeout = 5000")
        self._depth = 0
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self._db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
        elif version != _VERSION:
            self._db.close()
            raise ValueError(f"{path} was written by another version of agentflow: move it away.")

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside happen together or not at all; one inside another joins it."""
        self._depth += 1
        try:
            if self._depth == 1:
                self._db.execute("BEGIN IMMEDIATE")
            yield
        except BaseException:
            if self._depth == 1:
                self._db.execute("ROLLBACK")
            raise
        else:
            if self._depth == 1:
                self._db.execute("COMMIT")
        finally:
            self._depth -= 1

    def fact(self, name: str, default: str) -> str:
        """A value that is fixed by its first reader, such as the organisation's id."""
        self._db.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, default))
        (value,) = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return str(value)

    def add(self, kind: str, body: Document, *, scope: str | None = None) -> None:
        """Keep a new resource. `scope` is the session that a file belongs to."""
        self._db.execute(
            "INSERT INTO resources (kind, id, scope, created_at, archived, body)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (kind, body["id"], scope, body["created_at"], _archived(body), _dump(body)),
        )

    def put(self, kind: str, body: Document) -> None:
        """Replace a resource that exists."""
        self._db.execute(
            "UPDATE resources SET archived = ?, body = ? WHERE kind = ? AND id = ?",
            (_archived(body), _dump(body), kind, body["id"]),
        )

    def get(self, kind: str, id: str) -> Document | None:
        row = self._db.execute(
            "SELECT body FROM resources WHERE kind = ? AND id = ?", (kind, id)
        ).fetchone()
        return _load(row[0]) if row else None

    def drop(self, kind: str, id: str) -> None:
        self._db.execute("DELETE FROM resources WHERE kind = ? AND id = ?", (kind, id))

    def scoped(self, kind: str, scope: str) -> list[Document]:
        """Every resource of one session, oldest first."""
        rows = self._db.execute(
            "SELECT body FROM resources WHERE kind = ? AND scope = ? ORDER BY seq", (kind, scope)
        )
        return [_load(body) for (body,) in rows]

    def resources(
        self,
        kind: str,
        *,
        limit: int,
        cursor: str | None = None,
        order: Order = "desc",
        archived: bool = True,
        scope: str | None = None,
        where: Sequence[tuple[str, Sequence[object]]] = (),
    ) -> Page[Document]:
        """A page in creation order. `where` holds conditions of our own making, with their values."""
        conditions = [("kind = ?", [kind]), *where]
        if not archived:
            conditions.append(("archived = 0", []))
        if scope is not None:
            conditions.append(("scope = ?", [scope]))

        def fetch(part: Slice) -> list[tuple[int, Document]]:
            return self._rows("resources", "seq", conditions, part)

        return paginate(fetch, scope=kind, order=order, limit=limit, cursor=cursor)

    def _rows(
        self, table: str, key: str, conditions: Sequence[tuple[str, Sequence[object]]], part: Slice
    ) -> list[tuple[int, Document]]:
        texts = [text for text, _ in conditions]
        values = [value for _, group in conditions for value in group]
        if part.after is not None:
            texts.append(f"{key} {'>' if part.order == 'asc' else '<'} ?")
            values.append(part.after)
        rows = self._db.execute(
            f"SELECT {key}, body FROM {table} WHERE {' AND '.join(texts)}"
            f" ORDER BY {key} {part.order} LIMIT ?",
            [*values, part.limit],
        )
        return [(position, _load(body)) for position, body in rows]

    def add_agent_version(self, body: Document) -> None:
        self._db.execute(
            "INSERT INTO agent_versions VALUES (?, ?, ?)",
            (body["id"], body["version"], _dump(body)),
        )

    def agent_version(self, id: str, version: int) -> Document | None:
        row = self._db.execute(
            "SELECT body FROM agent_versions WHERE agent_id = ? AND version = ?", (id, version)
        ).fetchone()
        return _load(row[0]) if row else None

    def agent_versions(self, id: str, *, limit: int, cursor: str | None) -> Page[Document]:
        """Newest first."""

        def fetch(part: Slice) -> list[tuple[int, Document]]:
            return self._rows("agent_versions", "version", [("agent_id = ?", [id])], part)

        return paginate(fetch, scope=f"versions {id}", order="desc", limit=limit, cursor=cursor)

    def state(self, session_id: str) -> Document | None:
        row = self._db.execute(
            "SELECT body FROM session_states WHERE session_id = ?", (session_id,)
        ).fetchone()
        return _load(row[0]) if row else None

    def put_state(self, session_id: str, body: Mapping[str, Any]) -> None:
        self._db.execute(
            "INSERT INTO session_states VALUES (?, ?)"
            " ON CONFLICT (session_id) DO UPDATE SET body = excluded.body",
            (session_id, _dump(body)),
        )

    def sessions_with_status(self, statuses: Sequence[str]) -> list[str]:
        marks = ",".join("?" * len(statuses))
        rows = self._db.execute(
            "SELECT id FROM resources WHERE kind = 'session' AND"
            f" json_extract(body, '$.status') IN ({marks}) ORDER BY seq",
            list(statuses),
        )
        return [str(id) for (id,) in rows]

    def add_event(self, session_id: str, body: Document) -> None:
        self._db.execute(
            "INSERT INTO events (session_id, id, type, processed_at, body) VALUES (?, ?, ?, ?, ?)",
            (session_id, body["id"], body["type"], body["processed_at"], _dump(body)),
        )

    def process_event(self, session_id: str, body: Document) -> None:
        """Keep a queued event as processed: it takes its place at the end of the history."""
        self._db.execute("DELETE FROM events WHERE id = ?", (body["id"],))
        self.add_event(session_id, body)

    def queued_events(self, session_id: str) -> list[Document]:
        rows = self._db.execute(
            "SELECT body FROM events WHERE session_id = ? AND processed_at IS NULL"
            " ORDER BY position",
            (session_id,),
        )
        return [_load(body) for (body,) in rows]

    def history(self, session_id: str) -> list[Document]:
        """Every event of a session, in order."""
        rows = self._db.execute(
            "SELECT body FROM events WHERE session_id = ? ORDER BY position", (session_id,)
        )
        return [_load(body) for (body,) in rows]

    def events(
        self,
        session_id: str,
        *,
        limit: int,
        cursor: str | None,
        order: Order,
        where: Sequence[tuple[str, Sequence[object]]] = (),
    ) -> Page[Document]:
        conditions = [("session_id = ?", [session_id]), *where]

        def fetch(part: Slice) -> list[tuple[int, Document]]:
            return self._rows("events", "position", conditions, part)

        scope = f"events {session_id}"
        return paginate(fetch, scope=scope, order=order, limit=limit, cursor=cursor)

    def drop_session(self, session_id: str, threads: Sequence[str] = ()) -> None:
        """Forget a session: its record, state, events and files, and the events of its threads."""
        with self.transaction():
            places = [(place,) for place in (session_id, *threads)]
            self._db.executemany("DELETE FROM events WHERE session_id = ?", places)
            self._db.execute("DELETE FROM session_states WHERE session_id = ?", (session_id,))
            self._db.execute("DELETE FROM resources WHERE scope = ?", (session_id,))
            self.drop("session", session_id)


def _archived(body: Mapping[str, Any]) -> int:
    return int(body.get("archived_at") is not None)


def _dump(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _load(text: str) -> Document:
    loaded: Document = json.loads(text)
    return loaded
