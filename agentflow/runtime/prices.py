"""List prices, as dated data: an estimate for the time until the service reports its own cost.

They are in `agentflow/prices.json`, where each row says from where it is and from when to when it
holds. Cache writes are priced at the five-minute rate, because a model request's usage does not tell
the two rates apart; so the estimate is a lower bound for prompts cached for an hour, and for inference
that is kept in one country.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from agentflow.runtime.events import TokenUsage

__all__ = [
    "as_of",
    "is_priced",
    "known_models",
    "request_cost_usd",
    "rows",
    "searches_cost_usd",
    "session_time_cost_usd",
]

_MILLION = Decimal(1_000_000)
_DATED = re.compile(r"-\d{8}$")
"""A snapshot of a model, such as `-20251001`, costs what the model costs."""


@cache
def _table() -> dict[str, Any]:
    text = (Path(__file__).parents[1] / "prices.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


@cache
def _models() -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in _table()["models"]:
        for id in row["ids"]:
            found.setdefault(id, []).append(row)
    return found


def as_of() -> str:
    """The day the table was last compared with the published prices."""
    return str(_table()["as_of"])


def known_models() -> tuple[str, ...]:
    return tuple(_models())


def is_priced(model: str) -> bool:
    return model in _models() or _DATED.sub("", model) in _models()


@cache
def rows(model: str, on: str = "") -> tuple[Mapping[str, Any], ...]:
    """The rows of a model that hold on a day, small prompts first. Empty: it has no price.

    Args:
        model: its id, or that of a snapshot.
        on: an ISO date. Empty: the day of the table. Before the first price the first one holds.
    """
    every = _models().get(model) or _models().get(_DATED.sub("", model)) or []
    day = on or as_of()
    holding = tuple(_holding(every, day))
    return holding or tuple(every[:1])


def _holding(every: list[Mapping[str, Any]], day: str) -> Iterator[Mapping[str, Any]]:
    for row in every:
        if row.get("valid_from", "") <= day < row.get("valid_until", "9999"):
            yield row


def request_cost_usd(
    model: str, tokens: TokenUsage, *, on: str = "", speed: str | None = None
) -> Decimal | None:
    """What one model request costs. None: the model is not in the table.

    A model with tiers is priced by the size of the whole prompt, cached parts included.

    Args:
        model: its id.
        tokens: of the request.
        on: the day it was made, as an ISO date. Empty: the day of the table.
        speed: as the service reports it; `fast` is dearer.
    """
    prompt = tokens.input + tokens.cache_read + tokens.cache_write
    tiers = rows(model, on)
    if not tiers:
        return None
    tier = next((t for t in tiers if prompt <= t.get("up_to_prompt_tokens", prompt)), tiers[-1])
    total = (
        tokens.input * Decimal(tier["input"])
        + tokens.output * Decimal(tier["output"])
        + tokens.cache_read * Decimal(tier["cache_read"])
        + tokens.cache_write * Decimal(tier["cache_write_5m"])
    )
    if speed == "fast":
        total *= Decimal(_table()["fast"]["factor"])
    return total / _MILLION


def session_time_cost_usd(active_s: float) -> Decimal:
    """What running a session costs beside its tokens; idle time is free."""
    return _hour_usd() * round(active_s * 1_000_000) / 3_600_000_000


def searches_cost_usd(searches: int) -> Decimal:
    """What web searches cost beside the tokens of their results."""
    return searches * Decimal(_table()["web_search"]["usd"]) if searches else Decimal(0)


@cache
def _hour_usd() -> Decimal:
    return Decimal(_table()["session_hour"]["usd"])
