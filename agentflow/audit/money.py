"""What a session cost: by turn from the list prices, and as the service reports it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from agentflow.audit.story import Story, Turn
from agentflow.runtime import prices

__all__ = ["cents_reported", "session_time_usd", "story_cost_usd", "turn_cost_usd"]

SEARCH_USD = Decimal("0.01")
"""$10 for a thousand web searches."""


def turn_cost_usd(model: str, turn: Turn) -> Decimal | None:
    """Dollars at list price. None: the model has none here."""
    return prices.request_cost_usd(model, turn.tokens)


def session_time_usd(story: Story) -> Decimal:
    return prices.session_time_cost_usd(story.active_s)


def story_cost_usd(story: Story, model: str | None) -> Decimal | None:
    """The estimate for the whole session: turns, running time and web searches.

    None: the model is not known, or has no list price.
    """
    if model is None:
        return None
    total = session_time_usd(story) + SEARCH_USD * story.searches
    for turn in story.turns:
        cost = turn_cost_usd(model, turn)
        if cost is None:
            return None
        total += cost
    return total


def cents_reported(story: Story) -> int | None:
    """The service's own list cost, in whole cents. None: it reported none."""
    cost = story.reported.get("list_cost")
    amount = cost.get("amount") if isinstance(cost, Mapping) else None
    try:
        return None if amount is None else int(str(amount))
    except ValueError:
        return None
