"""What a session used and what that costs, in the service's own shapes.

Metering: https://platform.claude.com/docs/en/managed-agents/budgets
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from agentflow.local.prices import Tokens, running_usd
from agentflow.local.state import SessionState

__all__ = ["cents", "consumed_usd", "over_budget", "request_usage", "session_usage", "thread_usage"]

_CENT = Decimal("0.01")


def cents(usd: Decimal) -> str:
    """Rounded to whole cents, as text: reported values are, enforced ones are not."""
    return str(int((usd / _CENT).to_integral_value(ROUND_HALF_UP)))


def consumed_usd(state: SessionState, active_s: float) -> Decimal | None:
    """Tokens and running time, unrounded. None: the model has no list price."""
    return None if state.token_usd is None else state.token_usd + running_usd(active_s)


def over_budget(budget: Mapping[str, Any] | None, consumed: Decimal | None) -> bool:
    if budget is None or consumed is None:
        return False
    return consumed >= Decimal(budget["max_list_cost"]["amount"]) * _CENT


def session_usage(state: SessionState, active_s: float) -> dict[str, Any]:
    return _usage(state.tokens, active_s, consumed_usd(state, active_s))


def thread_usage(state: SessionState, active_s: float) -> dict[str, Any]:
    """A thread's cost is without running time."""
    return _usage(state.tokens, active_s, state.token_usd)


def _usage(tokens: Tokens, active_s: float, usd: Decimal | None) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "input_tokens": tokens.input,
        "output_tokens": tokens.output,
        "cache_read_input_tokens": tokens.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": tokens.cache_write,
            "ephemeral_1h_input_tokens": 0,
        },
        "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
        "active_seconds": round(active_s, 3),
    }
    if usd is not None:
        usage["list_cost"] = {"amount": cents(usd), "currency": "USD"}
    return usage


def request_usage(tokens: Tokens) -> dict[str, Any]:
    return {
        "input_tokens": tokens.input,
        "output_tokens": tokens.output,
        "cache_creation_input_tokens": tokens.cache_write,
        "cache_read_input_tokens": tokens.cache_read,
    }
