"""What a run is counted to have cost, how far it goes beyond a limit, and how it goes on after one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.runtime import machine, prices
from agentflow.runtime.budget import Usage, exceeded, fold, way_on
from agentflow.runtime.events import Event, TokenUsage, parse_event
from agentflow.runtime.ledger import MessageEntry
from agentflow.runtime.resuming import Earlier, resumed
from agentflow.runtime.run import LimitHit, Verdict
from agentflow.runtime.session import (
    CheckOutputs,
    LimitReached,
    OutputsChecked,
    Resumed,
    SendConfirmed,
    SendInterrupt,
    SendMessage,
    Started,
    State,
)
from tests.runtime.support import (
    MODEL,
    budget_policy,
    deeds,
    event,
    idle,
    message,
    play,
    request_end,
    request_start,
    running,
    setup,
)

# Beyond a limit

LIMITS = st.sampled_from(
    [{"tokens": 2_000}, {"tokens": 1}, {"usd": "0.01"}, {"turns": 3}, {"turns": 1, "tokens": 900}]
)


@given(
    LIMITS,
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 700)), max_size=60),
)
def test_a_run_goes_beyond_a_limit_by_one_turn_of_each_thread(
    limit: dict[str, Any], turns: list[tuple[int, int]]
) -> None:
    policy = budget_policy(**limit)
    state, _ = play(
        machine.begin(setup(budget=policy)), [Started(), SendConfirmed("m1"), message()]
    )
    under_way: dict[int, int] = {}
    dearest: dict[int, int] = {}
    stopped = False
    for number, (thread, tokens) in enumerate(turns):
        if thread in under_way:
            given_ = request_end(f"e{number}", input=under_way.pop(thread), output=0)
        elif stopped:
            continue  # the service starts nothing after an interrupt
        else:
            under_way[thread] = tokens
            dearest[thread] = max(dearest.get(thread, 0), tokens)
            given_ = request_start(f"s{number}")
        state, commands = play(state, [given_])
        stopped = stopped or SendInterrupt() in commands
    usage = state.usage
    beyond = sum(dearest.values())
    if policy.tokens is not None:
        assert usage.tokens.total <= policy.tokens + beyond
    if policy.usd is not None:
        # Opus 5.5: 4 dollars per million tokens sent.
        assert (usage.cost_usd or 0) <= Decimal(policy.usd) + Decimal(4 * beyond) / 1_000_000
    if policy.turns is not None:
        assert usage.turns <= policy.turns + len(dearest)
    assert stopped == (exceeded(state.setup.limits, usage) is not None)


# What is counted


def counted(*events: Event, model: str = MODEL) -> Usage:
    usage = Usage()
    for one in events:
        usage = fold(usage, one, model)
    return usage


def reported(id: str, cents: str, *, searches: int = 0, **tokens: int) -> Event:
    usage = {
        **tokens,
        "list_cost": {"amount": cents, "currency": "USD"},
        "server_tool_use": {"web_search_requests": searches},
    }
    return event("session.usage", id, usage=usage)


def test_what_the_service_said_stays_known_while_more_is_spent() -> None:
    usage = counted(request_end("e1", input=10_000, output=0), reported("u1", "90"))
    # A thread whose requests do not show: the service alone knows of it.
    assert usage.cost_usd == Decimal("0.90")
    usage = fold(usage, request_end("e2", input=10_000, output=0), MODEL)
    assert usage.cost_is_estimate
    assert usage.cost_usd == Decimal("0.895") + Decimal("0.04")


def test_a_price_of_the_service_is_known_for_a_model_without_one() -> None:
    usage = counted(request_end("e1"), reported("u1", "90"), request_end("e2"), model="gpt-oss")
    assert usage.estimated_cost_usd is None
    assert usage.cost_usd == Decimal("0.895")


def test_searches_have_a_price_and_are_counted_once() -> None:
    call = event("agent.tool_use", "c1", name="web_search", input={"query": "x"})
    usage = counted(call)
    assert (usage.searches, usage.cost_usd) == (1, Decimal("0.01"))
    usage = fold(usage, reported("u1", "3", searches=3), MODEL)
    assert usage.searches == 3
    assert counted(call, reported("u1", "0", searches=1)).cost_usd == Decimal("0.01")


def test_fast_requests_cost_more() -> None:
    usage = {"input_tokens": 1_000_000, "output_tokens": 0, "speed": "fast"}
    fast = event("span.model_request_end", "e1", model_usage=usage)
    assert counted(fast, model="claude-opus-5").cost_usd == Decimal(10)


@pytest.mark.parametrize(
    ("on", "usd"), [("2026-10-06", "0.2"), ("2026-10-07", "0.1"), ("", "0.1"), ("2020-01-01", "0.2")]
)  # fmt: skip
def test_a_price_holds_from_its_day_to_its_day(on: str, usd: str) -> None:
    read = TokenUsage(cache_read=1_000_000)
    assert prices.request_cost_usd("claude-sonnet-5-5", read, on=on) == Decimal(usd)


def test_every_price_says_where_it_is_from() -> None:
    table = prices._table()
    for row in (*table["models"], table["session_hour"], table["web_search"], table["fast"]):
        assert row["source"] in table["sources"], row
    for model in prices.known_models():
        days = {"", "2026-01-01", "2026-10-06", "2026-10-07", "2026-12-31"}
        for day in days:
            tiers = prices.rows(model, day)
            assert [t.get("up_to_prompt_tokens", 10**9) for t in tiers][-1] == 10**9, (model, day)
    assert prices.is_priced("claude-opus-5-5-20260101")
    assert not prices.is_priced("gpt-oss")


# Going on


def stopped_by_us() -> list[Event]:
    return [
        message(),
        running("r1"),
        request_start("s1"),
        request_end("e1", input=900),
        event("user.interrupt", "x1"),
        idle("i1"),
    ]


def gone_on(events: list[Event], **changes: Any) -> tuple[State, list[Any]]:
    given_ = Resumed(
        events=tuple(events),
        at_s=tuple(range(len(events))),
        now_s=60.0,
        wall_s=20.0,
        message="m1",
        repairs=0,
        verify=False,
        warned=False,
        go_on=True,
    )
    return play(machine.begin(setup()), [replace(given_, **changes)])


def test_a_session_that_we_stopped_is_told_to_go_on() -> None:
    state, commands = gone_on(stopped_by_us())
    assert deeds(commands) == [SendMessage(machine.GO_ON)]
    assert (state.continued, state.usage.tokens.total) == (1, 910)
    state, commands = play(state, [SendConfirmed("m2"), message("m2"), running("r2"), idle("i2")])
    assert deeds(commands) == [CheckOutputs()]


def test_one_that_the_service_stopped_goes_on_by_itself() -> None:
    events = [message(), running("r1"), idle("i1", "budget_reached")]
    state, commands = gone_on(events)
    assert deeds(commands) == []
    assert state.running
    state, commands = play(state, [running("r2"), idle("i2")])
    assert deeds(commands) == [CheckOutputs()]


def test_a_pool_that_is_used_up_stops_a_run_and_forbids_a_repair() -> None:
    hit = LimitHit(name="pools.desk", limit="$5.00 per day", used="$5.01", source=None, advice="Wait.")  # fmt: skip
    begun, _ = play(machine.begin(setup()), [Started(), SendConfirmed("m1"), message()])
    state, commands = play(begun, [LimitReached(hit), idle("i1")])
    assert deeds(commands)[0] == SendInterrupt()
    assert state.ending is not None
    assert (state.ending.verdict, state.ending.limit) == (Verdict.BUDGET, hit)
    assert state.ending.hint == "Wait.\nGo on then: agentflow run --resume last"

    state, commands = play(begun, [idle("i1"), LimitReached(hit), OutputsChecked(("No report.",))])
    assert deeds(commands)[0] == CheckOutputs()
    assert state.ending is not None
    assert state.ending.verdict is Verdict.BUDGET
    state, _ = play(begun, [idle("i1"), LimitReached(hit), OutputsChecked(())])
    assert state.ending is not None
    assert state.ending.verdict is Verdict.COMPLETED


@pytest.mark.parametrize(
    ("name", "option"), [("usd", "--usd 5"), ("tool_calls", "--tool-calls 500")]
)
def test_a_hint_names_the_command_that_raises_a_limit(name: str, option: str) -> None:
    hint = way_on(LimitHit(name=name, limit="1", used="1", source=None), "r1")
    assert f"agentflow sessions budget r1 {option}\n" in hint
    assert hint.endswith("agentflow run --resume r1")


RAW: dict[str, Any] = {"processed_at": "2026-11-22T10:00:00Z"}
BEGUN = [
    {**RAW, "type": "user.message", "id": "m1", "content": []},
    {**RAW, "type": "session.status_running", "id": "r1"},
]
INTERRUPTED = [*BEGUN, {**RAW, "type": "user.interrupt", "id": "x1"}]
AT_BUDGET = [
    *BEGUN,
    {**RAW, "type": "session.status_idle", "id": "i1", "stop_reason": {"type": "budget_reached"}},
]
ENDED = [
    *BEGUN,
    {**RAW, "type": "session.status_idle", "id": "i1", "stop_reason": {"type": "end_turn"}},
]
TASK = MessageEntry(number=0, text="Do it.", event_id="m1", repair=0)
REPAIR = MessageEntry(number=1, text="Again.", event_id=None, repair=1)
WORDS = MessageEntry(number=1, text="Go on.", event_id=None, repair=0)


@pytest.mark.parametrize(
    ("history", "stopped", "messages", "expected"),
    [
        (INTERRUPTED, True, [TASK], {"go_on": True, "verify": False}),
        (AT_BUDGET, True, [TASK], {"go_on": True, "verify": False}),
        (ENDED, True, [TASK], {"go_on": False, "verify": True}),
        (ENDED, False, [TASK], {"go_on": False, "verify": False}),
        (INTERRUPTED, False, [TASK], {"go_on": False, "verify": False}),
        (INTERRUPTED, False, [TASK, WORDS], {"go_on": True, "verify": False}),
        (ENDED, False, [TASK, REPAIR], {"go_on": False, "verify": True}),
        (
            INTERRUPTED,
            False,
            [TASK, replace(WORDS, event_id="m2"), replace(REPAIR, number=2, event_id="m3")],
            {"go_on": False, "verify": False, "repairs": 1, "continued": 1, "message": "m3"},
        ),
        # As older versions kept it: every message but the first is a repair.
        (ENDED, False, [replace(TASK, repair=None)], {"repairs": 0, "continued": 0}),
        (
            ENDED,
            False,
            [TASK, replace(REPAIR, event_id="m2", repair=None)],
            {"repairs": 1, "continued": 0},
        ),
    ],
)
def test_how_a_run_goes_on_follows_from_its_messages_and_its_history(
    history: list[Any], stopped: bool, messages: list[MessageEntry], expected: dict[str, Any]
) -> None:
    start = datetime(2026, 11, 22, 10, tzinfo=UTC)
    earlier = Earlier(
        session_id="s1", started_at=start, wall_s=1.0, messages=tuple(messages), stopped=stopped
    )
    found = resumed(earlier, messages, history, start)
    assert {name: getattr(found, name) for name in expected} == expected
    assert found.events == tuple(parse_event(raw) for raw in history)
