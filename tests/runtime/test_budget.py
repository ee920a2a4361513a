"""What is counted, what it costs, and how a limit is told."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.diagnostics import Span
from agentflow.runtime import backoff, prices
from agentflow.runtime.budget import (
    Limits,
    Usage,
    budget_cents,
    can_warn_agent,
    exceeded,
    fold,
    reached_on_service,
    tick,
    warnings,
)
from agentflow.runtime.events import Event, TokenUsage
from tests.runtime.support import MODEL, budget_policy, event, idle, request_end, running


def usage_event(
    id: str, *, cents: str | None = None, active: float | None = None, **tokens: int
) -> Event:
    usage: dict[str, object] = {**tokens, "active_seconds": active}
    if cents is not None:
        usage["list_cost"] = {"amount": cents, "currency": "USD"}
    return event("session.usage", id, usage=usage)


def count(*events: Event, model: str = MODEL) -> Usage:
    usage = Usage()
    for one in events:
        usage = fold(usage, one, model)
    return usage


def test_all_four_classes_count_and_cost() -> None:
    usage = count(request_end("e", input=1000, output=1000, read=1000, write=1000))
    assert usage.tokens.total == 4000
    # Opus 5.5: 4 + 20 + 0.20 + 5 dollars per million.
    assert usage.cost_usd == Decimal("0.0292")
    assert usage.cost_is_estimate


def test_the_price_of_the_service_is_preferred_until_more_is_spent() -> None:
    usage = count(request_end("e1"), usage_event("u1", cents="7", active=3.0, input_tokens=500))
    assert (usage.cost_usd, usage.cost_is_estimate) == (Decimal("0.07"), False)
    assert usage.tokens.total == 500
    later = fold(usage, request_end("e2", input=900), MODEL)
    assert later.cost_is_estimate
    assert later.tokens.total == 1020


def test_a_model_without_a_price_costs_an_unknown_amount() -> None:
    usage = count(request_end("e1"), request_end("e2"), model="gpt-oss")
    assert usage.cost_usd is None
    assert exceeded(limits(usd="0.01"), usage) is None


@pytest.mark.parametrize(
    ("model", "tokens", "usd"),
    [
        ("claude-haiku-5-5", TokenUsage(input=100_000), "0.01"),
        ("claude-haiku-5-5", TokenUsage(input=1, cache_read=100_000), "0.0050005"),
        ("claude-haiku-5-5", TokenUsage(input=50_000, cache_write=50_001), "0.056250625"),
        ("claude-haiku-4-5-20251001", TokenUsage(output=1_000_000), "5"),
        ("claude-fable-5-2", TokenUsage(cache_read=1_000_000), "0.2"),
    ],
)
def test_prices(model: str, tokens: TokenUsage, usd: str) -> None:
    assert prices.request_cost_usd(model, tokens) == Decimal(usd)


def test_running_time_costs_and_idle_time_does_not() -> None:
    usage = tick(count(running("r1")), 1800.0)
    assert usage.active_s == 1800.0
    usage = tick(fold(usage, idle("i1"), MODEL), 9999.0)
    assert usage.active_s == 1800.0
    assert usage.cost_usd == Decimal("0.04")


def test_the_service_knows_the_active_time_better() -> None:
    usage = tick(count(running("r1")), 10.0)
    usage = fold(usage, usage_event("u1", active=4.0), MODEL)
    assert tick(usage, 13.0).active_s == 7.0


def limits(**values: object) -> Limits:
    span = Span("agents/a.yaml", 12, 9, 12, 13)
    return Limits(
        agent="agent/a",
        model=MODEL,
        budget=budget_policy(**values),
        sources={"agent/a#budget.tokens": span},
    )


def test_a_hit_names_limit_value_and_line() -> None:
    hit = exceeded(limits(tokens=400_000), count(request_end("e", input=412_300, output=0)))
    assert hit is not None
    assert (hit.name, hit.limit, hit.used) == ("tokens", "400,000 tokens", "412,300 tokens")
    assert str(hit.source) == "agents/a.yaml:12:9"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"usd": "2.50"}, "$2.50"),
        ({"usd": "0.004"}, "$0.004"),
        ({"active_s": 90.0}, "1 min 30 s"),
        ({"wall_s": 3600.0}, "1 h"),
        ({"wall_s": 0.25}, "0.25 s"),
        ({"turns": 1}, "1 turn"),
    ],
)
def test_limits_are_told_with_their_unit(values: dict[str, object], text: str) -> None:
    spent = Usage(turns=2, token_cost_usd=Decimal(9), active_base_s=9999.0, wall_s=9999.0)
    hit = exceeded(limits(**values), spent)
    assert hit is not None
    assert hit.limit == text


def test_what_the_service_stopped_is_a_hit_even_without_a_price() -> None:
    hit = reached_on_service(limits(usd="1"), count(request_end("e"), model="gpt-oss"))
    assert (hit.name, hit.limit, hit.used) == ("usd", "$1.00", "an unknown amount")
    no_budget = Limits(agent="agent/a", model=MODEL, budget=None, sources={})
    assert reached_on_service(no_budget, Usage()).limit == "the session's budget"


def test_warnings_begin_at_the_share() -> None:
    assert warnings(limits(tokens=1000), count(request_end("e", input=789))) == ()
    [(name, text)] = warnings(limits(tokens=1000), count(request_end("e", input=790)))
    assert name == "tokens"
    assert "800 tokens of 1,000 tokens" in text


@pytest.mark.parametrize(
    ("usd", "cents"), [("2.50", "250"), ("0.019", "1"), ("0.001", "1"), ("100", "10000")]
)
def test_the_service_takes_whole_cents(usd: str, cents: str) -> None:
    assert budget_cents(usd) == cents


def test_the_price_table_is_dated_and_whole() -> None:
    assert prices.as_of() >= "2026-11-22"
    for model in prices.known_models():
        cost = prices.request_cost_usd(
            model, TokenUsage(input=1, output=1, cache_read=1, cache_write=1)
        )
        assert cost is not None
        assert cost > 0
    assert can_warn_agent(MODEL)
    assert not can_warn_agent("claude-haiku-4-5")


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_backoff_stays_below_its_cap(attempt: int, draw: float) -> None:
    delay = backoff.delay_s(attempt, draw)
    assert 0 <= delay <= min(backoff.CAP_S, backoff.BASE_S * 2 ** min(attempt, 20))


def test_backoff_counts_from_zero() -> None:
    with pytest.raises(ValueError, match="negative"):
        backoff.delay_s(-1, 0.5)


def test_totals_of_the_service_that_come_late_are_not_its_last() -> None:
    """Totals only grow, so smaller ones are older: the list showed late what the stream missed."""
    usage = count(
        request_end("r1", input=100, output=0),
        request_end("r2", input=100, output=0),
        usage_event("u2", cents="50", input_tokens=200),
        usage_event("u1", cents="20", input_tokens=100),
    )
    assert usage.tokens.total == 200
    assert usage.cost_usd == Decimal("0.50")
