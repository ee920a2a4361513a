"""What a run will probably use, from what earlier runs of the same agent used. Pure.

Nothing is assumed of how costs are spread: what is told is what half and nine in ten of those runs stayed
within. A run that its budget stopped counts with what it had used by then, so it is on the low side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil

from agentflow.compiler.manifest import BudgetPolicy
from agentflow.runtime.budget import amount_text

__all__ = ["MOST", "Forecast", "Past", "Reach", "Spread", "forecast", "in_a_line"]

MOST = 50
"""Runs that a forecast rests on: the newest ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What one run used. None: that is not known."""

    cost_usd: Decimal | None
    tokens: int | None
    turns: int | None
    tool_calls: int | None
    active_s: float | None
    wall_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    p50: Decimal
    """Half of the runs used no more."""
    p90: Decimal
    """Nine in ten used no more."""
    runs: int
    """That it is known of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How often a limit of the budget would have stopped a run."""

    name: str
    limit: Decimal
    reached: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    agent: str
    """Address."""
    runs: int
    """It rests on so many."""
    cost_usd: Spread | None
    """None, here and below: it is known of no run. Runs of models without a price are left out."""
    tokens: Spread | None
    wall_s: Spread | None
    limits: tuple[Reach, ...]
    """Of the budget as it is now, those that some run can be held against."""

    @property
    def likeliest(self) -> Reach | None:
        """The limit that is reached most often. None: none ever was."""
        hit = [one for one in self.limits if one.reached]
        return max(hit, key=lambda one: one.reached / one.of) if hit else None


def forecast(agent: str, past: Sequence[Past], budget: BudgetPolicy | None) -> Forecast:
    """Args: `past`, the newest first."""
    past = past[:MOST]
    return Forecast(
        agent=agent,
        runs=len(past),
        cost_usd=_spread(run.cost_usd for run in past),
        tokens=_spread(run.tokens for run in past),
        wall_s=_spread(run.wall_s for run in past),
        limits=tuple(_reaches(past, budget)) if budget is not None else (),
    )


def in_a_line(found: Forecast) -> str:
    """For the head of a run."""
    parts = []
    if found.cost_usd is not None:
        half, most = (amount_text("usd", cost) for cost in (found.cost_usd.p50, found.cost_usd.p90))
        parts.append(f"{half}, nine in ten up to {most}")
    if found.tokens is not None:
        parts.append(amount_text("tokens", found.tokens.p50))
    if found.wall_s is not None:
        parts.append(amount_text("wall", found.wall_s.p50))
    likely = found.likeliest
    if likely is not None:
        limit = amount_text(likely.name, likely.limit)
        parts.append(f"{likely.reached} of {likely.of} reached budget.{likely.name} ({limit})")
    runs = "1 earlier run" if found.runs == 1 else f"{found.runs} earlier runs"
    return f"{'; '.join(parts)} (by {runs})"


def _known(values: Iterable[Decimal | float | None]) -> list[Decimal]:
    return sorted(Decimal(str(value)) for value in values if value is not None)


def _spread(values: Iterable[Decimal | float | None]) -> Spread | None:
    known = _known(values)
    if not known:
        return None
    # By nearest rank: a figure that a run really had.
    return Spread(
        p50=known[ceil(len(known) * 0.5) - 1],
        p90=known[ceil(len(known) * 0.9) - 1],
        runs=len(known),
    )


def _reaches(past: Sequence[Past], budget: BudgetPolicy) -> Iterable[Reach]:
    measures = (
        ("usd", budget.usd, [run.cost_usd for run in past]),
        ("tokens", budget.tokens, [run.tokens for run in past]),
        ("turns", budget.turns, [run.turns for run in past]),
        ("tool_calls", budget.tool_calls, [run.tool_calls for run in past]),
        ("active", budget.active_s, [run.active_s for run in past]),
        ("wall", budget.wall_s, [run.wall_s for run in past]),
    )
    for name, written, used in measures:
        known = _known(used)
        if written is None or not known:
            continue
        limit = Decimal(str(written))
        reached = sum(one >= limit for one in known)
        yield Reach(name=name, limit=limit, reached=reached, of=len(known))
