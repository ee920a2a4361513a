"""What acts on our side of a session, and what lets it act."""

from __future__ import annotations

from functools import partial

from agentflow.runtime.around import Around
from agentflow.runtime.asking import Approver
from agentflow.runtime.changes import shown_in
from agentflow.runtime.notices import Observer
from agentflow.runtime.people import People
from agentflow.runtime.pool import WorkerPool
from agentflow.runtime.results import Results
from agentflow.runtime.run import RunRequest
from agentflow.runtime.tools import ToolHost

__all__ = ["hands"]


def hands(
    request: RunRequest, session_id: str, around: Around, pool: WorkerPool, tell: Observer
) -> tuple[ToolHost, Approver]:
    """What acts on our side of the session, and what lets it act."""
    people = People(
        run_id=request.run_id,
        session_id=session_id,
        ledger=around.ledger,
        clock=around.clock,
        person=around.person,
        tell=tell,
        agent=request.agent,
        unsure=request.policy.uncertainty,
        secrets=request.secrets,
        draw=around.draw,
    )
    host = ToolHost(
        request.policy.custom,
        run_id=request.run_id,
        session_id=session_id,
        pool=pool,
        ledger=around.ledger,
        clock=around.clock,
        people=people,
        secrets=request.secrets,
        results=Results(request.directory / "results"),
    )
    approver = Approver(
        request.policy.approvals,
        run_id=request.run_id,
        session_id=session_id,
        ledger=around.ledger,
        clock=around.clock,
        people=people,
        tell=tell,
        shown=partial(shown_in, request.directory / "transcript.jsonl"),
    )
    return host, approver
