"""What sessions cost: four classes of tokens, what the cache saved, running time and searches.

The estimate is from list prices; beside it stands what the service reports. A model without a list price
makes an estimate unknown, never zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from agentflow.audit.money import SEARCH_USD, cents_reported, session_time_usd
from agentflow.audit.story import Story
from agentflow.runtime import prices
from agentflow.runtime.events import TokenUsage

__all__ = ["CostLine", "cost_of", "together", "turn_costs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """One row: a turn, a run, or all runs of an agent, a day or a project."""

    label: str
    runs: int
    turns: int
    tokens: TokenUsage
    tokens_usd: Decimal | None
    """Estimate. None: a model without a list price is among them."""
    saved_usd: Decimal | None
    """What the cache saved: the same tokens without it, less what they cost. Below zero: it did not pay."""
    active_s: float
    wall_s: float
    runtime_usd: Decimal
    searches: int
    searches_usd: Decimal
    reported_usd: Decimal | None
    """The service's own list cost, in whole cents. None: it reported none, for at least one of them."""

    @property
    def estimate_usd(self) -> Decimal | None:
        if self.tokens_usd is None:
            return None
        return self.tokens_usd + self.runtime_usd + self.searches_usd

    @property
    def cache_ratio(self) -> float | None:
        """Cache reads over everything on the input side, 0 to 1. None: nothing was read."""
        base = self.tokens.input + self.tokens.cache_read + self.tokens.cache_write
        return self.tokens.cache_read / base if base else None


def _tokens_usd(model: str | None, tokens: TokenUsage) -> Decimal | None:
    if not tokens.total:
        return Decimal(0)
    return None if model is None else prices.request_cost_usd(model, tokens)


def _saved(model: str | None, tokens: TokenUsage) -> Decimal | None:
    plain = TokenUsage(
        input=tokens.input + tokens.cache_read + tokens.cache_write, output=tokens.output
    )
    without, actual = _tokens_usd(model, plain), _tokens_usd(model, tokens)
    return None if without is None or actual is None else without - actual


def turn_costs(story: Story, model: str | None) -> tuple[CostLine, ...]:
    """A line for each turn, and one for all that threads used, if the service counts more than the turns.

    Running time and searches belong to the session, not to one of its turns.
    """
    lines = [
        _line(str(turn.number), turn.tokens, model, (turn.ended_s or turn.began_s) - turn.began_s)
        for turn in story.turns
    ]
    if story.elsewhere.total:
        # Which models the threads ran is not in the events of the session.
        lines.append(_line("threads", story.elsewhere, None, 0.0))
    return tuple(lines)


def _line(label: str, tokens: TokenUsage, model: str | None, seconds: float) -> CostLine:
    return CostLine(
        label=label,
        runs=0,
        turns=int(label != "threads"),
        tokens=tokens,
        tokens_usd=_tokens_usd(model, tokens),
        saved_usd=_saved(model, tokens),
        active_s=seconds,
        wall_s=seconds,
        runtime_usd=Decimal(0),
        searches=0,
        searches_usd=Decimal(0),
        reported_usd=None,
    )


def cost_of(label: str, story: Story, model: str | None) -> CostLine:
    """The line of one session."""
    turns = turn_costs(story, model)
    cents = cents_reported(story)
    return CostLine(
        label=label,
        runs=1,
        turns=len(story.turns),
        tokens=story.tokens + story.elsewhere,
        tokens_usd=_sum(line.tokens_usd for line in turns),
        saved_usd=_sum(line.saved_usd for line in turns),
        active_s=story.active_s,
        wall_s=story.wall_s,
        runtime_usd=session_time_usd(story),
        searches=story.searches,
        searches_usd=SEARCH_USD * story.searches,
        reported_usd=None if cents is None else Decimal(cents) / 100,
    )


def together(label: str, lines: Iterable[CostLine]) -> CostLine:
    """The sum of several lines."""
    all_ = tuple(lines)
    tokens = TokenUsage()
    for line in all_:
        tokens += line.tokens
    return CostLine(
        label=label,
        runs=sum(line.runs for line in all_),
        turns=sum(line.turns for line in all_),
        tokens=tokens,
        tokens_usd=_sum(line.tokens_usd for line in all_),
        saved_usd=_sum(line.saved_usd for line in all_),
        active_s=sum(line.active_s for line in all_),
        wall_s=sum(line.wall_s for line in all_),
        runtime_usd=sum((line.runtime_usd for line in all_), Decimal(0)),
        searches=sum(line.searches for line in all_),
        searches_usd=sum((line.searches_usd for line in all_), Decimal(0)),
        reported_usd=_sum(line.reported_usd for line in all_),
    )


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total
