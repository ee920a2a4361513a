"""What the service charges: list prices of today.

The table is the one that runs estimate with, `agentflow/prices.json`: what is published is a fact, and
two copies of it would only drift apart. What is done with it is this module's own, so that a mistake in
the estimate shows as a difference from what the service reports.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["Tokens", "models", "request_usd", "running_usd"]

_MILLION = Decimal(1_000_000)
_HOUR_S = Decimal(3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The four classes of one request or of many; no class is part of another."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            input=self.input + other.input,
            output=self.output + other.output,
            cache_read=self.cache_read + other.cache_read,
            cache_write=self.cache_write + other.cache_write,
        )


@cache
def _table() -> Mapping[str, Any]:
    text = files("agentflow").joinpath("prices.json").read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = json.loads(text)
    return loaded


def models() -> tuple[str, ...]:
    """Every model that has a list price and is open to all, in the table's order."""
    ids = dict.fromkeys(id for row in _rows() for id in row["ids"])
    return tuple(id for id in ids if id not in _table()["restricted"])


@cache
def _rows() -> tuple[Mapping[str, Any], ...]:
    """Those that hold on the day of the table."""
    day = _table()["as_of"]
    return tuple(
        row
        for row in _table()["models"]
        if row.get("valid_from", day) <= day and row.get("valid_until", "9999") > day
    )


def request_usd(model: str, tokens: Tokens) -> Decimal | None:
    """List price of one request, unrounded. None: the model has none.

    A model may be dearer above a size of the whole prompt; its rows go from small to large.
    """
    prompt = tokens.input + tokens.cache_read + tokens.cache_write
    for row in _rows():
        if model in row["ids"] and prompt <= row.get("up_to_prompt_tokens", prompt):
            cost = (
                tokens.input * Decimal(row["input"])
                + tokens.output * Decimal(row["output"])
                + tokens.cache_read * Decimal(row["cache_read"])
                + tokens.cache_write * Decimal(row["cache_write_5m"])
            )
            return cost / _MILLION
    return None


def running_usd(active_s: float) -> Decimal:
    """What a session costs for `active_s` seconds in status `running`, metered to the millisecond."""
    milliseconds = Decimal(round(active_s * 1000))
    return milliseconds / 1000 * Decimal(_table()["session_hour"]["usd"]) / _HOUR_S
