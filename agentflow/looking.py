"""Looking at sessions from Python: what `agentflow sessions audit`, `cost` and `diff` do on the command line.

A session is named as there: a run of the project (its id, the end of it, or `last`), the id of a session of
the target's service, or a file with events, which needs no project. Inside an event loop that runs already,
the same is in `agentflow.operations.audits`.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from agentflow.audit.cost import CostLine
from agentflow.audit.finding import Finding
from agentflow.operations.audits import Audited, Compared, costs
from agentflow.operations.audits import audit_session as audit_one
from agentflow.operations.audits import compare_sessions as compare_two
from agentflow.operations.check import Project, open_project
from agentflow.operations.project import find_project

__all__ = [
    "Audited",
    "Compared",
    "CostLine",
    "Finding",
    "audit_session",
    "compare_sessions",
    "session_costs",
]


def audit_session(
    session: str = "last",
    *,
    project: str | os.PathLike[str] = ".",
    target: str = "local",
    from_service: bool = False,
    model: str | None = None,
) -> Audited:
    """What a session did and what it cost, with findings and their evidence.

    Args:
        session: which one.
        project: its directory, or one below it.
        target: whose service knows a session that the ledger does not.
        from_service: read the events from the service, also of a run that has a transcript.
        model: for the prices of a session of which nothing says what model it has.

    Raises:
        AgentflowError: there is no such session, or its service cannot be reached.
    """
    found = _project(project)
    return asyncio.run(
        audit_one(found, session, target=target, ask_service=from_service, model=model)
    )


def session_costs(
    *sessions: str,
    by: str = "run",
    project: str | os.PathLike[str] = ".",
    target: str = "local",
    model: str | None = None,
) -> tuple[CostLine, ...]:
    """What sessions cost: a line for each `turn`, `run`, `agent`, `flow` or `day`, or one for the `project`.

    Args:
        sessions: which ones; none: all runs of the project.
        by: what a line stands for. A `turn` is one of a single session.
        project: its directory, or one below it.
        target: as for `audit_session`.
        model: the same.

    Raises:
        AgentflowError: as `audit_session`; or there are no runs.
    """
    return asyncio.run(costs(_project(project), sessions, by=by, target=target, model=model))


def compare_sessions(
    before: str, after: str, *, project: str | os.PathLike[str] = ".", target: str = "local"
) -> Compared:
    """Two sessions side by side.

    Raises:
        AgentflowError: as `audit_session`.
    """
    return asyncio.run(compare_two(_project(project), before, after, target=target))


def _project(directory: str | os.PathLike[str]) -> Project | None:
    path = Path(directory)
    return None if find_project(path) is None else open_project(path)
