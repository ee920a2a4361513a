"""[io] The runs of a project from any terminal: see them, answer what they ask, end them.

What is known of a run is in its ledger. A process that follows a run reads the ledger too, so an
answer, and the wish to end it, are written there; where nobody follows, the service is told.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from agentflow.compiler.manifest import Target
from agentflow.errors import Blocked, NotFound, ServiceError, StateError, UsageError
from agentflow.operations.clock import SystemClock
from agentflow.operations.connect import connect
from agentflow.operations.elsewhere import strays
from agentflow.operations.origin import target_of
from agentflow.operations.remembered import find_run
from agentflow.operations.workspace import ledger_path, local_root, run_dir, state_dir
from agentflow.ports import Clock
from agentflow.runtime.ledger import Ledger, RunEntry
from agentflow.runtime.opening import RUN_MARK
from agentflow.runtime.questions import (
    Question,
    answer_question,
    close_questions,
    me,
    questions,
)
from agentflow.runtime.remarks import RemarkEntry, close_remarks, remarks
from agentflow.runtime.run import STILL_OPEN, Verdict
from agentflow.runtime.stopping import stop_session
from agentflow.runtime.watching import is_watched
from agentflow.state.store import StateStore

__all__ = [
    "OPEN",
    "Decision",
    "Reaped",
    "RunDetail",
    "RunLine",
    "ToolLine",
    "decide",
    "interrupt",
    "is_known",
    "list_runs",
    "reap",
    "show_run",
    "target_of_run",
]

OPEN = (None, *STILL_OPEN)
"""Verdicts of runs whose sessions may work or wait; None: the process died."""

STOP_WAIT_S = 60.0
"""How long the process that follows a run, or its session, has to end."""
POLL_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    run_id: str
    agent: str
    target: str | None
    """None: an older version began the run, and did not keep it."""
    session_id: str | None
    state: str
    """`followed`: a process of this machine is at it. `waiting`: it ended because a person is needed.
    `abandoned`: it has no end, and nobody here follows it. Else the verdict."""
    waiting: int
    """Questions that want an answer."""
    started_at: str
    ended_at: str | None
    reason: str | None
    resumes: int
    cost_usd: str | None
    """Decimal text. None: it has no end yet, or is unpriced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Who let a tool run, or did not."""

    call_id: str
    tool: str
    allowed: bool
    by: str
    """`rule 1`, `person`, `webhook`, `timeout` or `default`."""
    rule: str | None
    """The rule that had a person asked."""
    who: str | None
    message: str | None
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolLine:
    """A custom tool call."""

    call_id: str
    tool: str
    attempts: int
    begun_at: str
    ended_at: str | None
    """None: whether it took place is not known."""
    is_error: bool | None
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetail:
    line: RunLine
    agent_version: int
    """Of the agent that its session has, for as long as it lives."""
    applied: str | None
    """What is applied by now instead, as the record of this machine has it. None: the same, or unknown."""
    questions: tuple[Question, ...]
    remarks: tuple[RemarkEntry, ...]
    """What was said to it while it went on."""
    decisions: tuple[Decision, ...]
    calls: tuple[ToolLine, ...]
    usage: Mapping[str, Any] | None
    """None: it has no end."""
    folder: str
    flow: str | None = None
    """The id of the flow that it is a step of. None: it is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaped:
    """A session that nobody follows."""

    run_id: str
    session_id: str
    target: str
    status: str
    """Of the session: as the service says, or `gone`, or `not served`."""
    ended: bool
    """It was interrupted, and rests now."""
    doubt: str | None = None
    """Why that is not known."""
    elsewhere: bool = False
    """No ledger here knows the run: somebody may follow it on another machine."""
    title: str | None = None
    """Of a session that was begun elsewhere, as the service has it."""
    started_at: str | None = None
    """The same."""


def _line(entry: RunEntry, root: Path, ledger: Ledger, waiting: int) -> RunLine:
    record = ledger.record(entry.id)
    if is_watched(run_dir(root, entry.id)):
        state = "followed"
    elif entry.verdict is None:
        state = "abandoned"
    elif entry.verdict == Verdict.NEEDS_PERSON:
        state = "waiting"
    else:
        state = entry.verdict
    return RunLine(
        run_id=entry.id,
        agent=entry.agent,
        target=None if record is None else target_of(record).name,
        session_id=entry.session_id,
        state=state,
        waiting=waiting,
        started_at=entry.started_at,
        ended_at=entry.ended_at,
        reason=entry.reason,
        resumes=entry.resumes,
        cost_usd=_cost(entry),
    )


def _cost(entry: RunEntry) -> str | None:
    cost = None if entry.usage is None else entry.usage.get("cost_usd")
    return None if cost in (None, "None") else str(cost)


def list_runs(
    root: Path, *, limit: int | None, wanted: Callable[[RunLine], bool] | None = None
) -> tuple[RunLine, ...]:
    """The runs in the ledger of a project, newest first.

    Args:
        root: of the project.
        limit: not more than that many. None: all.
        wanted: only those of which it is true.
    """
    with Ledger.open(ledger_path(root)) as ledger:
        waiting: dict[str, int] = {}
        for one in questions(ledger, only_open=True):
            waiting[one.run_id] = waiting.get(one.run_id, 0) + 1
        lines = (_line(one, root, ledger, waiting.get(one.id, 0)) for one in ledger.runs())
        return tuple(islice((one for one in lines if wanted is None or wanted(one)), limit))


def _applied_since(ledger: Ledger, entry: RunEntry, root: Path) -> str | None:
    """What is applied in place of the agent that a run was started with. None: the same, or unknown."""
    record = ledger.record(entry.id)
    if record is None:
        return None
    project = str(record.get("title") or "").removesuffix(f"/{entry.agent}")
    target = target_of_run(ledger, entry).name
    state, _ = StateStore(state_dir(root), project=project, target=target).read()
    now = state.resources.get(entry.agent)
    if now is None or (now.id, now.version) == (entry.agent_id, entry.agent_version):
        return None
    return f"version {now.version}" if now.id == entry.agent_id else f"another agent, {now.id}"


def show_run(root: Path, given: str) -> RunDetail:
    """All that the ledger says of a run. Raises as `find_run`."""
    with Ledger.open(ledger_path(root)) as ledger:
        entry = find_run(ledger, given)
        asked = questions(ledger, entry.id, only_open=False)
        open_now = sum(1 for one in asked if one.closed_at is None)
        decisions = ledger.rows(
            "SELECT call_id, tool, allowed, answered_by, rule, who, message, at FROM approvals "
            "WHERE run_id=? ORDER BY at, rowid",
            entry.id,
        )
        calls = ledger.rows(
            "SELECT call_id, tool, attempts, begun_at, ended_at, is_error, seconds FROM tool_calls "
            "WHERE run_id=? ORDER BY begun_at, rowid",
            entry.id,
        )
        return RunDetail(
            line=_line(entry, root, ledger, open_now),
            agent_version=entry.agent_version,
            applied=_applied_since(ledger, entry, root),
            questions=tuple(asked),
            remarks=tuple(remarks(ledger, entry.id)),
            decisions=tuple(
                Decision(
                    call_id=row[0],
                    tool=row[1],
                    allowed=bool(row[2]),
                    by=row[3],
                    rule=row[4],
                    who=row[5],
                    message=row[6],
                    at=row[7],
                )
                for row in decisions
            ),
            calls=tuple(
                ToolLine(
                    call_id=row[0],
                    tool=row[1],
                    attempts=row[2],
                    begun_at=row[3],
                    ended_at=row[4],
                    is_error=None if row[5] is None else bool(row[5]),
                    seconds=row[6],
                )
                for row in calls
            ),
            usage=entry.usage,
            folder=str(run_dir(root, entry.id)),
            flow=(ledger.record(entry.id) or {}).get("flow"),
        )


def is_known(root: Path, session_id: str) -> bool:
    """Whether the ledger has a run of a session."""
    with Ledger.open(ledger_path(root)) as ledger:
        return any(entry.session_id == session_id for entry in ledger.runs())


def decide(
    root: Path, given: str, call_id: str | None, *, kind: str, allowed: bool, answer: str | None
) -> tuple[Question, bool]:
    """Answer what a run asks; the question, and whether a process follows the run and goes on.

    Args:
        root: of the project.
        given: the run, as `find_run` takes it.
        call_id: which question, by the id or the end of it. None: the only one.
        kind: `approval` or `question`.
        allowed: whether the call may run; true for an answer.
        answer: what the agent is told.

    Raises:
        UsageError: there is no such question, there are several, or it was answered before.
    """
    with Ledger.open(ledger_path(root)) as ledger:
        entry = find_run(ledger, given)
        asked = questions(ledger, entry.id, only_open=False)
        one = _chosen(entry, [q for q in asked if q.kind == kind], call_id, kind)
        at = datetime.now(UTC).isoformat()
        if not answer_question(
            ledger, one.session_id, one.call_id, allowed=allowed, answer=answer, who=me(), at=at
        ):
            raise UsageError(_too_late(one))
        return one, is_watched(run_dir(root, entry.id))


def _chosen(entry: RunEntry, asked: list[Question], call_id: str | None, kind: str) -> Question:
    word = {"approval": "an approval", "question": "an answer"}[kind]
    if call_id is not None:
        found = [one for one in asked if one.call_id.endswith(call_id)]
        if len(found) == 1:
            return found[0]
        raise UsageError(
            f"Run {entry.id} has {'no' if not found else 'more than one'} call {call_id!r} that "
            f"wants {word}.",
            hint=f"agentflow sessions show {entry.id}",
        )
    wanted = [one for one in asked if one.closed_at is None]
    if len(wanted) == 1:
        return wanted[0]
    if not wanted:
        raise UsageError(
            f"Nothing in run {entry.id} wants {word}.",
            hint=f"agentflow sessions show {entry.id}",
        )
    ids = ", ".join(one.call_id for one in wanted)
    raise UsageError(
        f"Several calls of run {entry.id} want {word}: {ids}.", hint="Name one of them."
    )


def _too_late(one: Question) -> str:
    if one.answered_at is not None:
        verb = "answered" if one.kind == "question" else "allowed" if one.allowed else "denied"
        return f"Call {one.call_id} was {verb} by {one.who} at {one.answered_at}."
    return f"Call {one.call_id} wants no answer any more: it was closed at {one.closed_at}."


def is_served(root: Path) -> bool:
    """Whether a process serves the embedded service of the project. Without one, nothing in it runs."""
    try:
        with (local_root(root) / "service.lock").open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


async def interrupt(root: Path, given: str) -> str:
    """End a run: have the process that follows it do so, or interrupt its session. What came of it.

    Raises:
        UsageError: there is no such run, or it has ended.
        ServiceError: the session cannot be interrupted.
    """
    clock = SystemClock()
    with Ledger.open(ledger_path(root)) as ledger:
        entry = find_run(ledger, given)
        if is_watched(run_dir(root, entry.id)):
            ledger.ask_to_stop(entry.id, who=me())
            return await _followed(ledger, entry, root, clock)
        if entry.verdict not in OPEN:
            raise UsageError(f"Run {entry.id} has ended: {entry.verdict}.")
        target = target_of_run(ledger, entry)
        if entry.session_id is not None and (target.service != "local" or is_served(root)):
            doubt = await _stop(target, root, entry.session_id, clock)
            if doubt is not None:
                raise ServiceError(f"Session {entry.session_id} may still be running: {doubt}")
        _end(ledger, entry)
        return f"Run {entry.id} is ended; its session rests."


async def _followed(ledger: Ledger, entry: RunEntry, root: Path, clock: Clock) -> str:
    deadline = clock.monotonic() + STOP_WAIT_S
    while is_watched(run_dir(root, entry.id)):
        if clock.monotonic() > deadline:
            return f"Run {entry.id} was asked to end, and has not yet."
        await clock.sleep(POLL_S)
    now = ledger.run(entry.id)
    assert now is not None, "a run is never removed"
    return f"Run {entry.id} has ended: {now.verdict or 'its process died'}."


def _end(ledger: Ledger, entry: RunEntry) -> None:
    at = datetime.now(UTC).isoformat()
    close_questions(ledger, entry.id, at=at)
    close_remarks(ledger, entry.id, "The run was ended.", at=at)
    ledger.end_run(
        entry.id,
        verdict=Verdict.INTERRUPTED,
        reason=f"Ended by {me()}, while nobody followed it.",
        usage=entry.usage or {},
        at=at,
    )


def target_of_run(ledger: Ledger, entry: RunEntry) -> Target:
    """The target that a run was started on.

    Raises:
        UsageError: it was begun by a version that did not keep it.
        StateError: its record is damaged.
    """
    record = ledger.record(entry.id)
    if record is None:
        raise UsageError(f"Run {entry.id} was begun by a version that did not keep its target.")
    try:
        return target_of(record)
    except (KeyError, TypeError) as error:
        raise StateError(f"The record of run {entry.id} is damaged: {error!r}") from error


async def _stop(target: Target, root: Path, session_id: str, clock: Clock) -> str | None:
    async with connect(target, root) as connection:
        try:
            return await stop_session(
                connection.sessions, session_id, clock, wait_s=STOP_WAIT_S, tick_s=POLL_S
            )
        except NotFound:
            return None


async def reap(
    root: Path, *, end: bool, elsewhere: bool = False, target: Target | None = None
) -> tuple[Reaped, ...]:
    """Sessions of runs without an end that nobody on this machine follows.

    They are of runs in the ledger, and, on the targets that the ledger has runs on, of runs that it does
    not know: those were begun elsewhere, and somebody may follow them there.

    Args:
        root: of the project.
        end: interrupt those that run, and end their runs in the ledger.
        elsewhere: interrupt those of other ledgers too.
        target: look there as well. None: only where the ledger has runs.

    Raises:
        ServiceError: a service does not answer.
    """
    found = []
    with Ledger.open(ledger_path(root)) as ledger:
        entries = [entry for entry in ledger.runs() if ledger.record(entry.id)]
        for entry in entries:
            left = entry.verdict in (None, Verdict.UNKNOWN) and entry.session_id is not None
            if left and not is_watched(run_dir(root, entry.id)):
                found.append(await _reap(ledger, entry, root, end=end))
        known = frozenset(entry.id for entry in entries)
        targets = {_place(one): one for one in (target_of_run(ledger, e) for e in entries)}
    if target is not None:
        targets[_place(target)] = target
    for one in targets.values():
        if one.service != "local" or is_served(root):
            found += await _reap_strays(one, root, known, end=end and elsewhere)
    return tuple(found)


def _place(target: Target) -> tuple[str, str | None]:
    """What tells one service from another."""
    return target.service, target.workspace


async def _reap_strays(
    target: Target, root: Path, known: frozenset[str], *, end: bool
) -> list[Reaped]:
    found = []
    try:
        there = await strays(target, root, known)
    except Blocked:
        # A command has the embedded service to itself: what runs there is that command's.
        return []
    for info in there:
        doubt = await _stop(target, root, info.id, SystemClock()) if end else None
        found.append(
            Reaped(
                run_id=info.metadata[RUN_MARK],
                session_id=info.id,
                target=target.name,
                status=info.status,
                ended=end and doubt is None,
                elsewhere=True,
                title=info.title or None,
                started_at=info.created_at or None,
                doubt=doubt,
            )
        )
    return found


async def _reap(ledger: Ledger, entry: RunEntry, root: Path, *, end: bool) -> Reaped:
    assert entry.session_id is not None
    target = target_of_run(ledger, entry)
    doubt: str | None = None
    ended = False
    if target.service == "local" and not is_served(root):
        status = "not served"
    else:
        async with connect(target, root) as connection:
            try:
                status = (await connection.sessions.retrieve(entry.session_id)).status
            except NotFound:
                status = "gone"
        if end and status not in ("gone", "idle", "terminated"):
            doubt = await _stop(target, root, entry.session_id, SystemClock())
            ended = doubt is None
    if end and doubt is None:
        _end(ledger, entry)
    return Reaped(
        run_id=entry.id,
        session_id=entry.session_id,
        target=target.name,
        status=status,
        ended=ended,
        doubt=doubt,
    )
