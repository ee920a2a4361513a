"""[io] Say something to a run, or to a session, that is under way.

A run that is followed gets it through its ledger, because whoever follows it knows when a turn is over. A
message that is sent in the middle of a turn joins that turn, and can take the place of the answer to what was
asked before; so that happens only if it is asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from agentflow.compiler.manifest import Target
from agentflow.errors import Blocked, ServiceError, UsageError
from agentflow.operations.elsewhere import Reached, is_session, reach, refuse_busy
from agentflow.operations.remembered import find_run, look_up
from agentflow.operations.sessions import OPEN, is_served, target_of_run
from agentflow.operations.workspace import ledger_path, run_dir
from agentflow.runtime.ledger import Ledger, RunEntry
from agentflow.runtime.questions import me
from agentflow.runtime.remarks import (
    begin_remark,
    close_remark,
    confirm_remark,
    hear_again,
    make_remark,
)
from agentflow.runtime.watching import is_watched

__all__ = ["say"]

_AGAIN_S = 0.1


async def say(
    root: Path, given: str, text: str, *, steer: bool, target: Callable[[], Target]
) -> str:
    """Send a message to a run or a session, or leave it for whoever follows the run; what came of it.

    Args:
        root: of the project.
        given: the run, as `find_run` takes it; or a session.
        steer: it may join a turn that is under way.
        target: where a session is that the ledger does not know.

    Raises:
        UsageError: there is no such run, or there is nothing to say.
        Blocked: it cannot be sent now.
        ServiceError: it was not sent.
    """
    if not text.strip():
        raise UsageError("There is nothing to say: the message is empty.")
    with Ledger.open(ledger_path(root)) as ledger:
        entry = look_up(ledger, given)
        if entry is None and is_session(given):
            return await _to_session(target(), root, given, text, steer=steer)
        entry = entry or find_run(ledger, given)
        while is_watched(run_dir(root, entry.id)):
            if _leave(ledger, entry, text, steer=steer) is not None:
                when = "now, in the running turn" if steer else "when its turn is over"
                return f"Run {entry.id} gets it {when}."
            # Its outputs are looked at: in a moment it either goes on, to have them repaired, or is gone.
            await asyncio.sleep(_AGAIN_S)
        return await _to_run(ledger, find_run(ledger, entry.id), root, text, steer=steer)


def _leave(ledger: Ledger, entry: RunEntry, text: str, *, steer: bool) -> int | None:
    at = datetime.now(UTC).isoformat()
    return make_remark(ledger, entry.id, text, steer=steer, who=me(), at=at)


async def _to_run(ledger: Ledger, entry: RunEntry, root: Path, text: str, *, steer: bool) -> str:
    """To the session of a run that nobody follows; whoever does so later finds it in the ledger."""
    if entry.verdict not in OPEN or entry.session_id is None:
        name = entry.agent.partition("/")[2]
        raise Blocked(
            f"Run {entry.id} has ended: {entry.verdict}.",
            hint=f"Give its session another task: agentflow run {name} --session {entry.id}",
        )
    target = target_of_run(ledger, entry)
    if target.service == "local" and not is_served(root):
        raise Blocked(
            f"Nobody follows run {entry.id}, and its service does not run.",
            hint=f"Go on with it: agentflow run --resume {entry.id}",
        )
    async with reach(target, root, entry.session_id) as reached:
        await _check(reached, entry.session_id, steer=steer, run=entry)
        # Whoever followed it may have been killed while it was ending.
        hear_again(ledger, entry.id)
        id = _leave(ledger, entry, text, steer=steer)
        assert id is not None
        begin_remark(ledger, id, at=datetime.now(UTC).isoformat())
        try:
            event_id = await reached.sender.message(text)
        except ServiceError as error:
            close_remark(ledger, id, error.message, at=datetime.now(UTC).isoformat())
            raise
        confirm_remark(ledger, id, event_id)
    return (
        f"Session {entry.session_id} has it. Nobody follows the run: "
        f"agentflow sessions attach {entry.id}"
    )


async def _to_session(
    target: Target, root: Path, session_id: str, text: str, *, steer: bool
) -> str:
    async with reach(target, root, session_id) as reached:
        await _check(reached, session_id, steer=steer, run=None)
        await reached.sender.message(text)
    return f"Session {session_id} has it. Nobody here follows it."


async def _check(reached: Reached, session_id: str, *, steer: bool, run: RunEntry | None) -> None:
    """Raise `Blocked` for a session that cannot take a message, or would take it for another's."""
    found = await reached.standing()
    refuse_busy(session_id, found)
    if found.state == "works" and not steer:
        wait = "Wait until it rests"
        if run is not None:
            wait = f"Follow it, and say it then: agentflow sessions attach {run.id}"
        raise Blocked(
            f"Session {session_id} is at work, and nobody here follows it: a message would join its turn.",
            hint=f"{wait}. Or have it join: --steer",
        )
