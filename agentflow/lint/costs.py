"""What the shortest plausible run of an agent costs, at least.

Three model requests: one that reads the task and acts, one that sees what came of it, one that ends.
Each sends the prompt with the descriptions of the tools, the later ones from the cache. Every figure
is on the low side, so that a budget below the sum is too small for certain.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from agentflow.compiler.dated import LIST_PRICES
from agentflow.records import NamedTuple

__all__ = ["PRICES", "Price", "price_of", "prompt_tokens", "run_floor_usd", "tokens_ceiling_usd"]


class Price(NamedTuple):
    """US dollars for a million tokens, at list price."""

    input: Decimal
    cache_read: Decimal
    output: Decimal


PRICES: dict[str, Price] = {
    model: Price(*map(Decimal, price)) for model, price in LIST_PRICES.value.items()
}
"""By model. A snapshot, such as one that ends in `-20251001`, costs what the model costs."""

_BESIDE = 1_200
"""Tokens of a request beside the prompt: the descriptions of tools, and the conversation."""
_ANSWER = 300
"""Tokens of one short answer or one tool call, with the thinking before it."""
_CHARACTERS = 5
"""Of a token, at most, in ordinary prose."""


def prompt_tokens(characters: int) -> int:
    """Tokens that every request sends, at least, with a prompt of so many characters."""
    return _BESIDE + characters // _CHARACTERS


def price_of(model: str) -> Price | None:
    """None: it is not known, or there is none."""
    name, _, day = model.rpartition("-")
    return PRICES.get(name if len(day) == 8 and day.isdecimal() else model)


_DEAREST = 6
"""How much more a token costs at most, by long prompts, fast mode and the place of inference."""


def tokens_ceiling_usd(models: Iterable[str], tokens: int) -> Decimal | None:
    """The most that so many tokens of these models cost. None: the price of one is not known."""
    prices = [price_of(model) for model in models]
    known = [price.output for price in prices if price is not None]
    if len(known) < len(prices):
        return None
    return tokens * max(known) * _DEAREST / 1_000_000


def run_floor_usd(model: str, characters: int) -> Decimal | None:
    """The least that a run costs. None: the price of the model is not known."""
    price = price_of(model)
    if price is None:
        return None
    sent = prompt_tokens(characters)
    micro_usd = sent * price.input + 2 * sent * price.cache_read + 3 * _ANSWER * price.output
    return micro_usd / 1_000_000
