"""What a run has used, and which of its limits that reaches. Pure: time comes in as numbers.

`usd` is enforced by the service too, at the session; the check here holds the exact amount, which
the service only knows in whole cents, against the estimate. Everything else is kept here alone.

Limits that are measured (tokens, dollars, time) are reached at their value. Limits that are counted
(turns, tool calls) allow as many as they say: the next one is what is stopped, before it is sent
where it is ours to send.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from agentflow.compiler.manifest import BudgetPolicy
from agentflow.diagnostics import Span
from agentflow.runtime import prices
from agentflow.runtime.copying import changed
from agentflow.runtime.events import (
    AgentToolUse,
    CustomToolUse,
    Event,
    ModelRequestEnd,
    ModelRequestStart,
    SessionUsage,
    StatusIdle,
    StatusRescheduled,
    StatusRunning,
    StatusTerminated,
    TokenUsage,
)
from agentflow.runtime.run import LimitHit

__all__ = [
    "Limits",
    "Usage",
    "amount_text",
    "budget_cents",
    "can_warn_agent",
    "exceeded",
    "fold",
    "no_more_work",
    "reached_on_service",
    "rebase",
    "tick",
    "warnings",
    "way_on",
]

_MID_CONVERSATION_SYSTEM = (
    "claude-fable-5-2",
    "claude-fable-5-1",
    "claude-fable-5",
    "claude-mythos-5-1",
    "claude-mythos-5",
    "claude-opus-5-5",
    "claude-opus-5",
    "claude-opus-4-8",
    "claude-sonnet-5-5",
    "claude-haiku-5-5",
)
"""Models that take a `system.message` in the middle of a session, as of 2026-11-22."""


_NO_TOKENS = TokenUsage()
_HALF_A_CENT = Decimal("0.005")


def can_warn_agent(model: str) -> bool:
    return model in _MID_CONVERSATION_SYSTEM


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The budget of one agent, and where each of its values was written."""

    agent: str
    """Address."""
    model: str
    budget: BudgetPolicy | None
    """None: no limit at all."""
    sources: Mapping[str, Span]
    """As in `Compiled.sources`."""
    shared: LimitHit | None = None
    """What the budget of the session comes from, if it is less than the agent's own: a pool."""

    def source(self, name: str) -> Span | None:
        for key in (f"{self.agent}#budget.{name}", f"{self.agent}#budget", self.agent):
            if key in self.sources:
                return self.sources[key]
        return None


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a run has used. It has no slots, so that it can be `changed` quickly."""

    turns: int = 0
    """Model requests that started."""
    tool_calls: int = 0
    summed: TokenUsage = _NO_TOKENS
    """Of the model requests that ended."""
    token_cost_usd: Decimal | None = Decimal(0)
    """Estimate. None: a model without a known price was used."""
    reported: TokenUsage | None = None
    """The service's own totals. None: not reported yet."""
    list_cost_cents: int | None = None
    """The service's own price. None: not reported."""
    priced: TokenUsage = _NO_TOKENS
    """`summed` as it was when the service last priced the session."""
    priced_cost_usd: Decimal = Decimal(0)
    """The estimate at that time."""
    searches: int = 0
    """On the web: calls seen, or what the service reported if that is more."""
    active_base_s: float = 0.0
    running_since_s: float | None = None
    """On the run's clock. None: not running."""
    wall_s: float = 0.0

    @property
    def tokens(self) -> TokenUsage:
        """The service's totals, unless requests have ended since it reported them."""
        if self.reported is not None and self.reported.total >= self.summed.total:
            return self.reported
        return self.summed

    @property
    def active_s(self) -> float:
        running = 0.0 if self.running_since_s is None else self.wall_s - self.running_since_s
        return self.active_base_s + max(0.0, running)

    @property
    def cost_is_estimate(self) -> bool:
        # Whole cents say nothing about a run that cost less than one.
        return not self.list_cost_cents or self.priced != self.summed

    @property
    def estimated_cost_usd(self) -> Decimal | None:
        if self.token_cost_usd is None:
            return None
        beside = prices.session_time_cost_usd(self.active_s) + prices.searches_cost_usd(
            self.searches
        )
        return self.token_cost_usd + beside

    @property
    def cost_usd(self) -> Decimal | None:
        """The service's price if it is up to date, else the estimate. None: neither is known."""
        if self.list_cost_cents and not self.cost_is_estimate:
            return Decimal(self.list_cost_cents) / 100
        return self.known_cost_usd

    @property
    def known_cost_usd(self) -> Decimal | None:
        """What was spent at least: the estimate, or what the service said and what came since.

        The service knows of threads and of prices that no request shows. It rounds to whole cents, so
        half of one is not certain. None: a model has no price, and the service told none.
        """
        estimate, cents = self.estimated_cost_usd, self.list_cost_cents
        if not cents:
            return estimate
        told = Decimal(cents) / 100 - _HALF_A_CENT
        if estimate is None:
            return told
        return max(estimate, told + max(Decimal(0), estimate - self.priced_cost_usd))


def fold(usage: Usage, event: Event, model: str) -> Usage:
    """Count one event, which must not have been counted before."""
    match event:
        case ModelRequestStart():
            return changed(usage, turns=usage.turns + 1)
        case ModelRequestEnd():
            day = (event.processed_at or "")[:10]
            cost = prices.request_cost_usd(model, event.tokens, on=day, speed=event.speed)
            before = usage.token_cost_usd
            total = None if before is None or cost is None else before + cost
            return changed(usage, summed=usage.summed + event.tokens, token_cost_usd=total)
        case AgentToolUse() | CustomToolUse():
            searched = event.name == "web_search" and isinstance(event, AgentToolUse)
            return changed(
                usage, tool_calls=usage.tool_calls + 1, searches=usage.searches + searched
            )
        case SessionUsage():
            return _report(usage, event)
        case StatusRunning():
            since = usage.running_since_s if usage.running_since_s is not None else usage.wall_s
            return changed(usage, running_since_s=since)
        case StatusIdle() | StatusRescheduled() | StatusTerminated():
            return changed(usage, active_base_s=usage.active_s, running_since_s=None)
        case _:
            return usage


def _report(usage: Usage, event: SessionUsage) -> Usage:
    if usage.reported is not None and event.tokens.total < usage.reported.total:
        # Totals only grow: these are older than what is known.
        return usage
    active = usage.active_s if event.active_s is None else event.active_s
    running = usage.running_since_s is not None
    reported = changed(
        usage,
        reported=event.tokens,
        list_cost_cents=event.list_cost_cents,
        priced=usage.summed,
        searches=max(usage.searches, event.searches),
        active_base_s=active,
        running_since_s=usage.wall_s if running else None,
    )
    return changed(reported, priced_cost_usd=reported.estimated_cost_usd or Decimal(0))


def tick(usage: Usage, wall_s: float) -> Usage:
    """`wall_s` seconds have passed since the run started."""
    return usage if wall_s <= usage.wall_s else changed(usage, wall_s=wall_s)


def rebase(usage: Usage, wall_s: float) -> Usage:
    """The same on another clock: it is `wall_s` now, and what was active stays counted."""
    running = usage.running_since_s is not None
    return changed(
        usage,
        active_base_s=usage.active_s,
        running_since_s=wall_s if running else None,
        wall_s=wall_s,
    )


def exceeded(limits: Limits, usage: Usage) -> LimitHit | None:
    """The first limit that stops a run in progress."""
    budget = limits.budget
    if budget is None:
        return None
    if budget.usd is not None:
        cost = usage.known_cost_usd
        if cost is not None and cost >= _limits(budget)["usd"]:
            return _hit(limits, "usd", usage)
    if budget.tokens is not None and usage.tokens.total >= budget.tokens:
        return _hit(limits, "tokens", usage)
    if budget.turns is not None and usage.turns > budget.turns:
        return _hit(limits, "turns", usage)
    if budget.tool_calls is not None and usage.tool_calls > budget.tool_calls:
        return _hit(limits, "tool_calls", usage)
    if budget.active_s is not None and usage.active_s >= budget.active_s:
        return _hit(limits, "active", usage)
    if budget.wall_s is not None and usage.wall_s >= budget.wall_s:
        return _hit(limits, "wall", usage)
    return None


def no_more_work(limits: Limits, usage: Usage) -> LimitHit | None:
    """The limit that forbids to send anything that starts another model request."""
    hit = exceeded(limits, usage)
    turns = limits.budget.turns if limits.budget else None
    if hit is None and turns is not None and usage.turns >= turns:
        return _hit(limits, "turns", usage)
    return hit


def reached_on_service(limits: Limits, usage: Usage) -> LimitHit:
    """For a session that the service itself stopped: only dollars are known to it."""
    if limits.shared is not None:
        return limits.shared
    return _hit(limits, "usd", usage)


_NEXT = {
    "usd": "5",
    "tokens": "1M",
    "turns": "100",
    "tool_calls": "500",
    "active": "1h",
    "wall": "2h",
}
"""What hints write where the figure is the reader's to choose."""


def way_on(limit: LimitHit, run_id: str) -> str:
    """How a run goes on that a limit stopped."""
    resume = f"agentflow run --resume {run_id}" if run_id else "agentflow run --resume last"
    if limit.advice is not None:
        return f"{limit.advice}\nGo on then: {resume}"
    flag = f"--{limit.name.replace('_', '-')} {_NEXT.get(limit.name, 'MORE')}"
    return (
        f"Raise it if the work is worth it: agentflow sessions budget {run_id or 'last'} {flag}\n"
        f"and go on: {resume}"
    )


def warnings(
    limits: Limits, usage: Usage, *, but: Container[str] = ()
) -> tuple[tuple[str, str], ...]:
    """Limits that are used up to `warn_at`: name and a sentence, in the order of the budget.

    Args:
        but: names that nobody asks about.
    """
    budget = limits.budget
    if budget is None:
        return ()
    found = []
    for name, mark in _marks(budget):
        if name in but or not _is_used(name, usage, mark):
            continue
        used, limit = _used(name, usage), _limits(budget)[name]
        assert used is not None
        spent = f"{amount_text(name, used)} of {amount_text(name, limit)}"
        found.append((name, f"{spent} are used: budget.{name} stops the run at its limit."))
    return tuple(found)


def _is_used(name: str, usage: Usage, mark: Decimal | float) -> bool:
    """Whether so much is used. Asked for every limit at every event, so numbers are taken as they are."""
    match name:
        case "turns":
            return usage.turns >= mark
        case "tool_calls":
            return usage.tool_calls >= mark
        case "wall":
            return usage.wall_s >= mark
        case "active":
            return usage.active_s >= mark
        case "tokens":
            return usage.tokens.total >= mark
        case _:
            cost = usage.cost_usd
            return cost is not None and cost >= mark


@lru_cache(maxsize=64)
def _marks(budget: BudgetPolicy) -> tuple[tuple[str, Decimal | float], ...]:
    """From which amount on each limit is warned of: dollars exactly, the rest as numbers."""
    share = Decimal(budget.warn_at)
    return tuple(
        (name, share * limit if name == "usd" else float(share * limit))
        for name, limit in _limits(budget).items()
        if limit
    )


def budget_cents(usd: str) -> str:
    """The session budget of the service: whole cents as text, at least one, never more than asked.

    A fraction of a cent is cut off; what is below one cent becomes one, the least there is, and
    the exact amount is held by the runner.
    """
    return str(max(1, int(Decimal(usd) * 100)))


@lru_cache(maxsize=64)
def _limits(budget: BudgetPolicy) -> dict[str, Decimal]:
    """By name. 0: none."""

    def number(value: float | str | None) -> Decimal:
        return Decimal(0) if value is None else Decimal(str(value))

    return {
        "usd": number(budget.usd),
        "tokens": number(budget.tokens),
        "turns": number(budget.turns),
        "tool_calls": number(budget.tool_calls),
        "active": number(budget.active_s),
        "wall": number(budget.wall_s),
    }


_USED: dict[str, Callable[[Usage], Decimal | None]] = {
    "usd": lambda usage: usage.cost_usd,
    "tokens": lambda usage: Decimal(usage.tokens.total),
    "turns": lambda usage: Decimal(usage.turns),
    "tool_calls": lambda usage: Decimal(usage.tool_calls),
    "active": lambda usage: Decimal(str(usage.active_s)),
    "wall": lambda usage: Decimal(str(usage.wall_s)),
}


def _used(name: str, usage: Usage) -> Decimal | None:
    """What is used of a limit. None: it is not known."""
    return _USED[name](usage)


def _hit(limits: Limits, name: str, usage: Usage) -> LimitHit:
    assert limits.budget is not None or name == "usd"
    limit: Decimal | None = None
    used = usage.cost_usd
    if limits.budget is not None:
        limit, used = _limits(limits.budget)[name], _used(name, usage)
    return LimitHit(
        name=name,
        limit=amount_text(name, limit) if limit else "the session's budget",
        used=amount_text(name, used) if used is not None else "an unknown amount",
        source=limits.source(name),
    )


def amount_text(name: str, value: Decimal) -> str:
    """An amount of a limit, as a person reads it: with its unit."""
    if name == "usd":
        return _dollars(value)
    if name in ("active", "wall"):
        return _duration(float(value))
    unit = {"tokens": "token", "turns": "turn", "tool_calls": "tool call"}[name]
    return f"{int(value):,} {unit}{'' if value == 1 else 's'}"


def _dollars(value: Decimal) -> str:
    cents = value.quantize(Decimal("0.01"))
    if cents == value or value >= 1:
        return f"${cents}"
    # Four digits say what a cent hides; of less than that, the first two that are something.
    digits = max(4, 1 - value.adjusted()) if value else 2
    short = value.quantize(Decimal(1).scaleb(-digits))
    return f"${cents}" if short == cents else f"${short.normalize():f}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
