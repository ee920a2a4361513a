"""What a model request costs at list price: `prices.json`, dated, beside this module."""

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
    text = files("agentflow.local").joinpath("prices.json").read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = json.loads(text)
    return loaded


def models() -> tuple[str, ...]:
    """Every model that has a list price, in the table's order."""
    return tuple(dict.fromkeys(id for row in _table()["models"] for id in row["ids"]))


def request_usd(model: str, tokens: Tokens) -> Decimal | None:
    """List price of one request, unrounded. None: the model has none.

    A model may be dearer above a size of the whole prompt; its rows go from small to large.
    """
    prompt = tokens.input + tokens.cache_read + tokens.cache_write
    for row in _table()["models"]:
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
    return milliseconds / 1000 * Decimal(_table()["session_usd_per_hour"]) / _HOUR_S
