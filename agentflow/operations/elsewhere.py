"""[io] Sessions that no ledger here knows: begun on another machine, by a deployment, or by hand.

All that is known of them is what the service says: their history tells what they wait for, and what is
sent is verified there. What was sent from here is kept below `.agentflow/sessions`.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from agentflow.compiler.manifest import Target
from agentflow.errors import Blocked, NotFound, UsageError
from agentflow.operations.clock import SystemClock
from agentflow.operations.connect import connect
from agentflow.operations.workspace import workspace
from agentflow.ports import SessionInfo, Sessions
from agentflow.runtime.blocking import Standing, standing
from agentflow.runtime.opening import RUN_MARK
from agentflow.runtime.sending import Sender
from agentflow.runtime.session import Call, Decided, Outcome
from agentflow.runtime.transcript import Transcript

__all__ = ["Reached", "answer_elsewhere", "is_session", "reach", "strays"]

TRIES = 5


def is_session(given: str) -> bool:
    """Whether somebody typed the id of a session, and not that of a run."""
    return given.startswith(("sesn_", "session_"))


class Reached:
    """A session, and the way to send to it."""

    def __init__(self, session_id: str, sessions: Sessions, transcript: Transcript) -> None:
        self.session_id = session_id
        self._sessions = sessions
        self.sender = Sender(
            sessions,
            session_id,
            transcript=transcript,
            clock=SystemClock(),
            draw=random.random,
            tries=TRIES,
        )

    async def info(self) -> SessionInfo:
        """Raises `NotFound`."""
        return await self._sessions.retrieve(self.session_id)

    async def standing(self) -> Standing:
        """What it does. Its messages so far are no proof of one that is sent from here."""
        history = await self._sessions.history(self.session_id)
        for event in history:
            if event.get("type") == "user.message":
                self.sender.has_sent(str(event.get("id")))
        return standing(history)


@asynccontextmanager
async def reach(target: Target, root: Path, session_id: str) -> AsyncIterator[Reached]:
    """Connect to the service that has a session.

    Raises:
        NotFound: it has none of that id.
    """
    directory = workspace(root) / "sessions"
    directory.mkdir(exist_ok=True)
    async with connect(target, root) as connection:
        with Transcript(directory / f"{session_id}.jsonl", SystemClock()) as transcript:
            reached = Reached(session_id, connection.sessions, transcript)
            try:
                await reached.info()
            except NotFound as error:
                raise NotFound(
                    f"Session {session_id} does not exist on target {target.name}.",
                    hint="Name the target it is on: -t TARGET",
                    status=error.status,
                ) from error
            yield reached


async def answer_elsewhere(
    target: Target,
    root: Path,
    session_id: str,
    call_id: str | None,
    *,
    kind: str,
    allowed: bool,
    answer: str | None,
) -> Call:
    """Answer what a session waits for; which call that was.

    Args:
        call_id: which, by the id or the end of it. None: the only one.
        kind: `approval` for a tool of the service, `question` for one that runs elsewhere.
        allowed: whether the call may run; true for an answer.
        answer: what the agent is told.

    Raises:
        UsageError: it waits for no such thing, or for several.
        ServiceError: the service does not take the answer.
    """
    async with reach(target, root, session_id) as reached:
        found = await reached.standing()
        call = _chosen(session_id, found, call_id, custom=kind == "question")
        if call.custom:
            await reached.sender.result(call, Outcome(text=answer or ""), None)
        else:
            await reached.sender.confirmation(call, Decided(call.id, allowed, answer))
        return call


def _chosen(session_id: str, found: Standing, call_id: str | None, *, custom: bool) -> Call:
    if found.state != "waits":
        says = {"works": "works", "new": "has no task yet", "gone": "is terminated"}
        word = says.get(found.state, f"rests ({found.reason})")
        raise UsageError(f"Session {session_id} waits for nobody: it {word}.")
    wanted = [call for call in found.calls if call_id is None or call.id.endswith(call_id)]
    fitting = [call for call in wanted if call.custom is custom]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        ids = ", ".join(f"{call.id} ({call.name})" for call in fitting)
        raise UsageError(
            f"Session {session_id} waits for answers to several calls: {ids}.",
            hint="Name one of them.",
        )
    if wanted:
        hint = (
            f"agentflow sessions approve {session_id}, or deny"
            if custom
            else f"agentflow sessions answer {session_id} TEXT"
        )
        other = ", ".join(f"{call.id} ({call.name})" for call in wanted)
        needs = "an approval" if custom else "a result, because it runs on your side"
        raise UsageError(f"What waits needs {needs}: {other}.", hint=hint)
    ids = ", ".join(call.id for call in found.calls)
    raise UsageError(f"Session {session_id} does not wait for {call_id!r}, but for: {ids}.")


async def strays(target: Target, root: Path, known: frozenset[str]) -> list[SessionInfo]:
    """Sessions of agentflow that run on a target, or wait, and that no ledger here knows.

    Args:
        known: ids of runs in the ledger.
    """
    async with connect(target, root) as connection:
        listed = await connection.sessions.list(statuses=("running", "rescheduling"))
    return [
        one for one in listed if RUN_MARK in one.metadata and one.metadata[RUN_MARK] not in known
    ]


def refuse_busy(session_id: str, found: Standing) -> None:
    """Nothing can be said to a session that is gone, or waits for something else.

    Raises:
        Blocked: it is.
    """
    if found.state == "gone":
        raise Blocked(f"Session {session_id} is terminated, and takes nothing any more.")
    if found.state == "waits":
        names = ", ".join(f"{call.name} ({call.id})" for call in found.calls)
        raise Blocked(
            f"Session {session_id} waits for answers first: {names}.",
            hint=f"agentflow sessions approve {session_id}, deny or answer",
        )
    if found.state == "rests" and found.reason == "budget_reached":
        raise Blocked(f"Session {session_id} has reached its budget: raise that first.")
