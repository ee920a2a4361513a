"""The parts that need no service: cursors, prices, accounting."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.local.errors import ApiError
from agentflow.local.ids import RandomIds, SequentialIds
from agentflow.local.paging import Order, Slice, paginate
from agentflow.local.prices import Tokens, models, request_usd, running_usd
from agentflow.local.state import OpenCall, SessionState
from agentflow.local.usage import cents, over_budget

orders = st.sampled_from(["asc", "desc"])


def fetch_from(count: int) -> Any:
    def fetch(part: Slice) -> list[tuple[int, int]]:
        rows = list(range(count)) if part.order == "asc" else list(range(count))[::-1]
        if part.after is not None:
            after = part.after
            rows = [r for r in rows if (r > after if part.order == "asc" else r < after)]
        return [(row, row) for row in rows[: part.limit]]

    return fetch


@given(st.integers(0, 30), st.integers(1, 7), orders)
def test_pages_hold_every_row_once_and_lead_back(count: int, limit: int, order: Order) -> None:
    seen: list[list[int]] = []
    cursor, previous = None, None
    while True:
        page = paginate(fetch_from(count), scope="s", order=order, limit=limit, cursor=cursor)
        if seen and page.prev_page:
            back = paginate(
                fetch_from(count), scope="s", order=order, limit=limit, cursor=page.prev_page
            )
            assert back.data == seen[-1]
        seen.append(page.data)
        assert previous is None or page.data
        previous, cursor = page, page.next_page
        if cursor is None:
            break
    rows = list(range(count))
    assert [row for data in seen for row in data] == (rows if order == "asc" else rows[::-1])


@given(st.text() | st.binary().map(lambda b: base64.urlsafe_b64encode(b).decode()))
def test_any_text_is_a_cursor_or_a_refusal(text: str) -> None:
    for cursor in (text, f"page_{text}"):
        if cursor:
            with pytest.raises(ApiError) as caught:
                paginate(fetch_from(3), scope="s", order="asc", limit=2, cursor=cursor)
            assert caught.value.status == 400


@pytest.mark.parametrize(
    ("model", "tokens", "usd"),
    [
        ("claude-opus-5-5", Tokens(input=1_000_000), "4"),
        ("claude-opus-5-5", Tokens(output=1_000_000), "20"),
        ("claude-opus-5-5", Tokens(cache_read=1_000_000), "0.20"),
        ("claude-opus-5-5", Tokens(cache_write=1_000_000), "5"),
        ("claude-haiku-5-5", Tokens(input=100_000), "0.01"),
        ("claude-haiku-5-5", Tokens(input=50_000, cache_read=50_001), "0.02750005"),
        ("claude-haiku-5-5", Tokens(input=1, output=1_000_000), "0.5000001"),
        ("claude-of-my-own", Tokens(input=1), None),
    ],
)
def test_list_prices(model: str, tokens: Tokens, usd: str | None) -> None:
    assert request_usd(model, tokens) == (None if usd is None else Decimal(usd))


def test_every_model_has_a_price_for_any_size() -> None:
    for model in models():
        assert request_usd(model, Tokens(input=10_000_000)) is not None


def test_running_time_is_metered_to_the_millisecond() -> None:
    assert running_usd(3600) == Decimal("0.08")
    assert running_usd(0.0004) == 0
    assert running_usd(0.001) > 0


@pytest.mark.parametrize(
    ("usd", "text"), [("0", "0"), ("0.005", "1"), ("0.0049", "0"), ("12.345", "1235")]
)
def test_reported_cost_is_rounded_to_cents(usd: str, text: str) -> None:
    assert cents(Decimal(usd)) == text


def test_the_enforced_cost_is_not_rounded() -> None:
    budget = {"type": "limit", "max_list_cost": {"amount": "100", "currency": "USD"}}
    assert not over_budget(budget, Decimal("0.9999"))
    assert over_budget(budget, Decimal("1.0000"))
    assert not over_budget(None, Decimal(99))
    assert not over_budget(budget, None)


names = st.text(max_size=5)
calls = st.builds(
    OpenCall,
    id=names,
    kind=st.sampled_from(["builtin", "custom"]),
    name=names,
    input=st.dictionaries(names, st.integers()),
    waiting=st.booleans(),
    refused=st.none() | names,
    started=st.booleans(),
    done=st.booleans(),
)
states = st.builds(
    SessionState,
    thread_id=names,
    tokens=st.builds(Tokens, input=st.integers(0), output=st.integers(0)),
    token_usd=st.none() | st.decimals(0, 100, places=6),
    calls=st.lists(calls, max_size=3),
    keys=st.dictionaries(names, names),
    needs_turn=st.booleans(),
    stop=st.none() | names,
)


@given(states)
def test_a_state_is_read_back_as_it_was(state: SessionState) -> None:
    assert SessionState.from_json(state.to_json()) == state


def test_ids_carry_their_prefix() -> None:
    random, numbered = RandomIds(), SequentialIds()
    assert len({random.new("sevt") for _ in range(1000)}) == 1000
    assert random.new("sevt").startswith("sevt_01")
    assert numbered.new("a")[-1] + numbered.new("a")[-1] + numbered.new("b")[-1] == "121"
