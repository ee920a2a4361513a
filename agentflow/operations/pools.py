"""[io] How far the pools of a project are used now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from agentflow.operations.check import Project, compiled
from agentflow.operations.workspace import ledger_path
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.pools import measure_text, measures, period_of, pool_key, refill, standing

__all__ = ["PoolLine", "list_pools"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLine:
    pool: str
    measure: str
    """`usd` or `tokens`."""
    period: str
    """A day or a month, in the pool's time zone."""
    limit: str
    used: str
    held: str
    """By runs in flight, beyond what they used."""
    runs: int
    """In flight."""
    full_again: str


def list_pools(
    project: Project, *, target: str, variables: Mapping[str, str], settings: tuple[str, ...]
) -> tuple[PoolLine, ...]:
    """The pools that agents draw from by the day or the month; others last for one run or flow.

    Raises:
        ProblemsFound: the project has errors.
        StateError: the ledger cannot be used.
    """
    built, _ = compiled(project, target=target, variables=variables, settings=settings)
    manifest = built.manifest
    budgets = [policy.budget for policy in manifest.agents.values()]
    pools = {pool.name: pool for budget in budgets if budget for pool in budget.pools}
    pools_of = manifest.target.name if manifest.target.service == "local" else None
    now = datetime.now(UTC)
    lines = []
    with Ledger.open(ledger_path(project.root)) as ledger:
        for name, pool in sorted(pools.items()):
            full = refill(pool, now)
            if full is None:
                continue
            period = period_of(pool, now, "", None)
            for measure in measures([pool]):
                key = (pool_key(name, pools_of), measure.name, period)
                found = standing(ledger, key, measure.limit, now)
                lines.append(
                    PoolLine(
                        pool=name,
                        measure=measure.name,
                        period=period,
                        limit=measure_text(measure, measure.limit),
                        used=measure_text(measure, found.used),
                        held=measure_text(measure, found.held),
                        runs=found.runs,
                        full_again=full.isoformat(),
                    )
                )
    return tuple(lines)
