"""List prices, as dated data: an estimate for the time until the service reports its own cost.

Cache writes are priced at the five-minute rate, because a model request's usage does not tell the
two rates apart; so the estimate is a lower bound for prompts cached for an hour.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from agentflow.runtime.events import TokenUsage

__all__ = ["as_of", "known_models", "request_cost_usd", "session_time_cost_usd"]

_MILLION = Decimal(1_000_000)
_DATED = re.compile(r"-\d{8}$")
"""A snapshot of a model, such as `-20251001`, costs what the model costs."""


@cache
def _table() -> dict[str, Any]:
    text = Path(__file__).with_name("prices.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def as_of() -> str:
    """The day the table was last compared with the published prices."""
    return str(_table()["as_of"])


def known_models() -> tuple[str, ...]:
    return tuple(_table()["models"])


def request_cost_usd(model: str, tokens: TokenUsage) -> Decimal | None:
    """What one model request costs. None: the model is not in the table.

    A model with tiers is priced by the size of the whole prompt, cached parts included.
    """
    models = _table()["models"]
    tiers = models.get(model) or models.get(_DATED.sub("", model))
    if tiers is None:
        return None
    prompt = tokens.input + tokens.cache_read + tokens.cache_write
    tier = next(t for t in tiers if prompt <= t.get("up_to_prompt_tokens", prompt))
    total = (
        tokens.input * Decimal(tier["input"])
        + tokens.output * Decimal(tier["output"])
        + tokens.cache_read * Decimal(tier["cache_read"])
        + tokens.cache_write * Decimal(tier["cache_write"])
    )
    return total / _MILLION


def session_time_cost_usd(active_s: float) -> Decimal:
    """What running a session costs beside its tokens; idle time is free."""
    return Decimal(_table()["session_hour"]) * Decimal(str(active_s)) / Decimal(3600)
