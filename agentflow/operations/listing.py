"""[io] Which sessions are meant: by agent, state, time and cost; and those that the service has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from agentflow.errors import UsageError
from agentflow.operations.check import Project, compiled
from agentflow.operations.connect import connect
from agentflow.operations.sessions import RunLine
from agentflow.runtime.opening import RUN_MARK

__all__ = ["ServiceLine", "Wanted", "amount", "instant", "on_service"]

_AGO = re.compile(r"(\d+)\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a run has to be like. None, everywhere: that does not matter."""

    agent: str | None = None
    """Name or address."""
    state: str | None = None
    """As `RunLine.state` has it."""
    since: datetime | None = None
    until: datetime | None = None
    cost_usd: Decimal | None = None
    """It cost at least this. What it cost has to be known."""

    def __call__(self, line: RunLine) -> bool:
        started = datetime.fromisoformat(line.started_at)
        return (
            (self.agent is None or self.agent in (line.agent, line.agent.removeprefix("agent/")))
            and (self.state is None or line.state == self.state)
            and (self.since is None or started >= self.since)
            and (self.until is None or started < self.until)
            and (self.cost_usd is None or _cost(line) >= self.cost_usd)
        )


def _cost(line: RunLine) -> Decimal:
    return Decimal(-1) if line.cost_usd is None else Decimal(line.cost_usd)


def instant(text: str, *, option: str, now: datetime) -> datetime:
    """A day, a time, or how long ago: `2026-11-20`, `2026-11-20T09:30`, `2d`, `90m`.

    Without a zone it is UTC.

    Raises:
        UsageError: it is none of these.
    """
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        try:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is neither a day nor a time ago.",
            hint="Write 2026-11-20, 2026-11-20T09:30, 2d or 90m.",
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def amount(text: str, *, option: str) -> Decimal:
    """Dollars.

    Raises:
        UsageError: it is no amount.
    """
    try:
        value = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise UsageError(f"{option} {text!r} is no amount of dollars.", hint="Write 1.50.")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLine:
    """A session as the service has it, whoever began it."""

    session_id: str
    status: str
    agent: str
    """Address, if agentflow began it; else the id."""
    agent_version: int
    run_id: str | None
    """None: agentflow did not begin it."""
    title: str
    created_at: str


async def on_service(project: Project, *, target: str) -> tuple[ServiceLine, ...]:
    """Every session of a target's service that is not archived, newest first.

    Raises:
        ServiceError: it cannot be reached.
    """
    place = compiled(project, target=target)[0].manifest.target
    async with connect(place, project.root) as connection:
        found = await connection.sessions.list()
    return tuple(
        ServiceLine(
            session_id=info.id,
            status=info.status,
            agent=info.metadata.get("agentflow.address", info.agent_id),
            agent_version=info.agent_version,
            run_id=info.metadata.get(RUN_MARK),
            title=info.title,
            created_at=info.created_at,
        )
        for info in found
    )
