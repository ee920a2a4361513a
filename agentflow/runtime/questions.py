"""What waits for a person, in the ledger: asked by one process, answered by another, on the same tables.

A question is open until it was answered, or until nobody needs the answer any more. The first answer
stays. Functions here are of the ledger; nothing waits.
"""

from __future__ import annotations

import getpass
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from agentflow.runtime.ledger import Ledger, storable

__all__ = [
    "Kind",
    "Question",
    "answer_question",
    "close_question",
    "close_questions",
    "me",
    "open_question",
    "question",
    "questions",
]

Kind = Literal["approval", "question"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    run_id: str
    session_id: str
    call_id: str
    kind: str
    """`approval`: may this call run? `question`: what the agent asked."""
    tool: str
    input: Mapping[str, Any]
    rule: str | None
    """The rule that has a person asked, as `rule 1`. None: the agent asked."""
    change: str | None
    """A unified diff of what the call would change. None: none was made."""
    asked_at: str
    until: str | None
    """When the process that waits gives up. None: nobody waits, or without limit."""
    closed_at: str | None
    """None: an answer is still wanted."""
    allowed: bool | None
    """None: not answered; of a question always true once it is."""
    answer: str | None
    """What the agent is told."""
    who: str | None
    answered_at: str | None


def me() -> str:
    """Whoever runs this process, as the ledger names people: `alice@desk`."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (OSError, KeyError):
        return f"somebody@{socket.gethostname()}"


def open_question(
    ledger: Ledger,
    *,
    run_id: str,
    session_id: str,
    call_id: str,
    kind: Kind,
    tool: str,
    input: Mapping[str, Any],
    rule: str | None,
    at: str,
    until: str | None,
    change: str | None = None,
) -> None:
    """Ask, or ask again what nobody has answered."""
    text = json.dumps(input, ensure_ascii=False, default=str)
    ledger.rows(
        "INSERT INTO questions(session_id, call_id, run_id, kind, tool, input, rule, asked_at, until, change) "
        "VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET until=excluded.until, closed_at=NULL "
        "WHERE answered_at IS NULL",
        session_id,
        call_id,
        run_id,
        kind,
        storable(tool),
        storable(text),
        rule,
        at,
        until,
        None if change is None else storable(change),
    )


def answer_question(
    ledger: Ledger,
    session_id: str,
    call_id: str,
    *,
    allowed: bool,
    answer: str | None,
    who: str,
    at: str,
) -> bool:
    """Whether this answer counts. False: another one came first, or none is wanted any more."""
    found = ledger.rows(
        "UPDATE questions SET allowed=?, answer=?, who=?, answered_at=?, closed_at=? "
        "WHERE session_id=? AND call_id=? AND closed_at IS NULL RETURNING call_id",
        int(allowed),
        None if answer is None else storable(answer),
        who,
        at,
        at,
        session_id,
        call_id,
    )
    return bool(found)


def close_question(ledger: Ledger, session_id: str, call_id: str, *, at: str) -> None:
    """It was decided without a person."""
    ledger.rows(
        "UPDATE questions SET closed_at=? WHERE session_id=? AND call_id=? AND closed_at IS NULL",
        at,
        session_id,
        call_id,
    )


def close_questions(ledger: Ledger, run_id: str, *, at: str) -> None:
    """The run is over."""
    ledger.rows("UPDATE questions SET closed_at=? WHERE run_id=? AND closed_at IS NULL", at, run_id)


_COLUMNS = (
    "run_id, session_id, call_id, kind, tool, input, rule, asked_at, until, closed_at, allowed, "
    "answer, who, answered_at, change"
)


def question(ledger: Ledger, session_id: str, call_id: str) -> Question | None:
    rows = ledger.rows(
        f"SELECT {_COLUMNS} FROM questions WHERE session_id=? AND call_id=?", session_id, call_id
    )
    return _question(rows[0]) if rows else None


def questions(ledger: Ledger, run_id: str | None = None, *, only_open: bool) -> list[Question]:
    """Of one run, or of all, in the order of asking."""
    rows = ledger.rows(
        f"SELECT {_COLUMNS} FROM questions WHERE (? IS NULL OR run_id=?) "
        "AND (? = 0 OR closed_at IS NULL) ORDER BY asked_at, rowid",
        run_id,
        run_id,
        int(only_open),
    )
    return [_question(row) for row in rows]


def _question(row: tuple[Any, ...]) -> Question:
    return Question(
        run_id=row[0],
        session_id=row[1],
        call_id=row[2],
        kind=row[3],
        tool=row[4],
        input=json.loads(row[5]),
        rule=row[6],
        asked_at=row[7],
        until=row[8],
        closed_at=row[9],
        allowed=None if row[10] is None else bool(row[10]),
        answer=row[11],
        who=row[12],
        answered_at=row[13],
        change=row[14],
    )
