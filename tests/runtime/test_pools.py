"""What runs draw from together: who gets what, what is given back, and that it holds."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentflow.compiler.manifest import PoolPolicy
from agentflow.diagnostics import Span
from agentflow.errors import BudgetReached, UsageError
from agentflow.runtime.budget import Limits, Usage
from agentflow.runtime.events import TokenUsage
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.pools import DEAD_AFTER_S, Purse, part, period_of, refill, standing
from tests.runtime.support import MODEL, HandClock, budget_policy
from tests.support.cli import clean_environment


def pool(**changes: object) -> PoolPolicy:
    usual = PoolPolicy(name="desk", usd=None, tokens=1000, per="day", timezone="UTC")
    return replace(usual, **changes)  # type: ignore[arg-type]  # checked where it is used


def purse(
    ledger: Ledger,
    run_id: str,
    clock: HandClock,
    *pools: PoolPolicy,
    model: str = MODEL,
    flow: str | None = None,
    **budget: object,
) -> Purse:
    limits = Limits(
        agent="agent/a",
        model=model,
        budget=budget_policy(pools=pools or (pool(),), **budget),
        sources={"agent/a#budget.pools.desk": Span("agentflow.yaml", 5, 3, 5, 30)},
    )
    return Purse(ledger, limits, run_id=run_id, flow=flow, clock=clock)


def used(tokens: int, usd: str = "0") -> Usage:
    return Usage(summed=TokenUsage(input=tokens), token_cost_usd=Decimal(usd))


def begin(ledger: Ledger, clock: HandClock) -> None:
    at = clock.now().isoformat()
    ledger.begin_run("r1", agent="agent/a", agent_id="agent_1", agent_version=1, at=at)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(tmp_path / "ledger.db")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.mark.parametrize(
    ("per", "zone", "at", "period", "full"),
    [
        ("day", "UTC", "2026-11-22T23:59:59+00:00", "2026-11-22", "2026-11-23T00:00:00+00:00"),
        ("day", "Asia/Tokyo", "2026-11-22T16:00:00+00:00", "2026-11-23", "2026-11-23T15:00:00+00:00"),
        # The night has 25 hours.
        ("day", "Europe/Berlin", "2026-10-24T23:00:00+00:00", "2026-10-25", "2026-10-25T23:00:00+00:00"),
        ("month", "UTC", "2026-12-31T10:00:00+00:00", "2026-12", "2027-01-01T00:00:00+00:00"),
        ("month", "UTC", "2027-01-31T10:00:00+00:00", "2027-01", "2027-02-01T00:00:00+00:00"),
        ("run", "UTC", "2026-11-22T10:00:00+00:00", "r1", None),
        ("flow", "UTC", "2026-11-22T10:00:00+00:00", "f1", None),
    ],
)  # fmt: skip
def test_a_period_ends_at_midnight_of_its_zone(
    per: str, zone: str, at: str, period: str, full: str | None
) -> None:
    one, now = pool(per=per, timezone=zone), datetime.fromisoformat(at)
    assert period_of(one, now, "r1", "f1") == period
    again = refill(one, now)
    assert (again and again.astimezone(UTC).isoformat()) == full


def test_a_run_outside_of_flows_has_a_pool_of_a_flow_to_itself() -> None:
    assert period_of(pool(per="flow"), datetime(2026, 11, 22, tzinfo=UTC), "r1", None) == "r1"


@given(st.integers(-5, 10**12), st.none() | st.integers(-5, 10**12))
def test_a_part_is_never_more_than_is_left(room: int, own: int | None) -> None:
    got = part(room, own)
    assert 0 <= got <= max(0, room)
    assert own is None or got <= max(0, own)
    assert got > 0 or room <= 0 or (own is not None and own <= 0)


def test_what_others_hold_is_not_there(ledger: Ledger, clock: HandClock) -> None:
    one, two = purse(ledger, "r1", clock), purse(ledger, "r2", clock)
    one.open()
    two.open()
    now = standing(ledger, ("desk", "tokens", "2026-11-22"), 1000, clock.now())
    assert (now.used, now.held, now.runs) == (0, 100 + 90, 2)
    assert one.settle(used(899)) is None
    hit = one.settle(used(910))
    assert hit is not None
    assert (hit.name, hit.limit, hit.used) == (
        "pools.desk",
        "1,000 tokens per day",
        "1,000 tokens",
    )
    assert str(hit.source) == "agentflow.yaml:5:3"
    assert hit.advice is not None
    assert hit.advice.startswith("It is full again at 2026-11-23 00:00 UTC.")
    two.close(used(0))
    assert one.settle(used(911)) is None


def test_a_run_does_not_start_on_an_empty_pool(ledger: Ledger, clock: HandClock) -> None:
    one = purse(ledger, "r1", clock, pool(usd="2"), pool(name="team", tokens=500, usd=None))
    one.open()
    one.close(used(400, "2.01"))
    with pytest.raises(BudgetReached) as caught:
        purse(ledger, "r2", clock, pool(usd="2")).open()
    assert caught.value.exit_code == 7
    assert caught.value.message == (
        "The pool 'desk' is used up: $2.01 of $2.00 are used (agentflow.yaml:5:3)."
    )
    assert caught.value.hint == (
        "It is full again at 2026-11-23 00:00 UTC. To go on before, raise its limit at agentflow.yaml:5:3."
    )
    purse(ledger, "r3", clock, pool(name="team", tokens=500)).open()
    clock.seconds += 86_400
    purse(ledger, "r4", clock, pool(usd="2")).open()


def test_one_that_is_refused_holds_nothing(ledger: Ledger, clock: HandClock) -> None:
    purse(ledger, "r1", clock, pool(name="team", tokens=1)).open()
    with pytest.raises(BudgetReached, match="and 1 token are held by 1 run in flight"):
        purse(ledger, "r2", clock, pool(), pool(name="team", tokens=1)).open()
    assert standing(ledger, ("desk", "tokens", "2026-11-22"), 1000, clock.now()).held == 0


def test_a_run_that_died_keeps_what_it_used_and_no_more(ledger: Ledger, clock: HandClock) -> None:
    begin(ledger, clock)
    one = purse(ledger, "r1", clock)
    one.open()
    one.settle(used(300))
    key = ("desk", "tokens", "2026-11-22")
    assert standing(ledger, key, 1000, clock.now()).held == 70
    ledger.alive("r1", wall_s=1, at=(clock.now() + timedelta(seconds=30)).isoformat())
    clock.seconds += DEAD_AFTER_S + 29
    assert standing(ledger, key, 1000, clock.now()).held == 70
    clock.seconds += 1
    dead = standing(ledger, key, 1000, clock.now())
    assert (dead.used, dead.held) == (300, 0)

    # Whoever goes on with it tells what its session has really used.
    again = purse(ledger, "r1", clock)
    again.open()
    again.settle(used(450))
    assert standing(ledger, key, 1000, clock.now()).used == 450
    again.close(used(450))
    assert standing(ledger, key, 1000, clock.now()).held == 0


def test_a_session_left_to_itself_holds_all_that_it_may_use(
    ledger: Ledger, clock: HandClock
) -> None:
    begin(ledger, clock)
    one = purse(ledger, "r1", clock, tokens=400)
    one.open(detached=True)
    one.close(used(10), keep=True)
    ledger.end_run("r1", verdict="detached", reason="", usage={}, at="2026")
    clock.seconds += 3600
    left = standing(ledger, ("desk", "tokens", "2026-11-22"), 1000, clock.now())
    assert (left.used, left.held) == (10, 390)


def test_what_a_run_used_before_midnight_was_taken_from_that_day(
    ledger: Ledger, clock: HandClock
) -> None:
    one = purse(ledger, "r1", clock)
    one.open()
    one.close(used(900))
    clock.seconds += 86_400
    again = purse(ledger, "r1", clock)
    again.open()
    again.close(used(1500))
    days = [
        standing(ledger, ("desk", "tokens", f"2026-11-{day}"), 1000, clock.now()).used
        for day in (22, 23)
    ]
    assert days == [900, 600]


def test_the_service_never_gets_more_than_the_pool_has(ledger: Ledger, clock: HandClock) -> None:
    one = purse(ledger, "r1", clock, pool(usd="5"), usd="3")
    one.open()
    assert one.cap_usd == Decimal(5)
    assert one.cap_hit() is None
    one.close(used(1, "4.25"))
    two = purse(ledger, "r2", clock, pool(usd="5"), usd="3")
    two.open()
    assert two.cap_usd == Decimal("0.75")
    hit = two.cap_hit()
    assert hit is not None
    assert (hit.name, hit.used) == ("pools.desk", "$5.00")


def test_dollars_are_not_counted_for_a_model_without_a_price(
    ledger: Ledger, clock: HandClock
) -> None:
    with pytest.raises(UsageError, match="The pool 'desk' counts dollars, and 'gpt-oss' has no"):
        purse(ledger, "r1", clock, pool(usd="5"), model="gpt-oss").open()
    purse(ledger, "r1", clock, model="gpt-oss").open()


TURNS = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 300)), max_size=60)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(turns=TURNS, limit=st.integers(1, 1500))
def test_no_order_of_turns_uses_more_than_a_turn_of_each_run(
    tmp_path_factory: pytest.TempPathFactory, turns: list[tuple[int, int]], limit: int
) -> None:
    clock = HandClock()
    with Ledger.open(tmp_path_factory.mktemp("pool") / "ledger.db") as ledger:
        spent, last, stopped = check_law(ledger, clock, turns, limit)
        total = standing(ledger, ("desk", "tokens", "2026-11-22"), limit, clock.now())
    assert total.used == sum(spent.values())
    assert total.held == 0
    assert total.used <= limit + sum(last.values())
    if stopped:
        assert total.used >= limit - sum(last.values()) - limit // 2


def check_law(
    ledger: Ledger, clock: HandClock, turns: list[tuple[int, int]], limit: int
) -> tuple[dict[int, int], dict[int, int], set[int]]:
    """Let runs take turns as they come: what each has used, its last turn, and who was stopped."""
    purses: dict[int, Purse] = {}
    spent: dict[int, int] = {}
    last: dict[int, int] = {}
    stopped: set[int] = set()
    for run, tokens in turns:
        if run in stopped:
            continue
        if run not in purses:
            one = purse(ledger, f"r{run}", clock, pool(tokens=limit))
            try:
                one.open()
            except BudgetReached:
                stopped.add(run)
                continue
            purses[run] = one
        spent[run] = spent.get(run, 0) + tokens
        last[run] = tokens
        if purses[run].settle(used(spent[run])) is not None:
            stopped.add(run)
    for run, one in purses.items():
        one.close(used(spent[run]))
    return spent, last, stopped


WORKER = """
import sys
from pathlib import Path
from agentflow.errors import BudgetReached
from agentflow.runtime.ledger import Ledger
from tests.runtime.support import HandClock
from tests.runtime.test_pools import pool, purse, used

with Ledger.open(Path(sys.argv[1])) as ledger:
    for number in range(8):
        one = purse(ledger, f"{sys.argv[2]}-{number}", HandClock(), pool(tokens=2000))
        try:
            one.open()
        except BudgetReached:
            continue
        total = 0
        for _ in range(20):
            total += 25
            if one.settle(used(total)) is not None:
                break
        one.close(used(total))
"""


def test_a_pool_holds_over_several_processes(tmp_path: Path, ledger: Ledger) -> None:
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path / "ledger.db"), name],
            cwd=Path(__file__).parents[2],
            env=clean_environment(),
            stderr=subprocess.PIPE,
        )
        for name in "abc"
    ]
    for worker in workers:
        _, said = worker.communicate(timeout=60)
        assert worker.returncode == 0, said
    now = standing(ledger, ("desk", "tokens", "2026-11-22"), 2000, HandClock().now())
    # They ask for 12,000; three are at it at a time.
    assert 2000 - 200 <= now.used <= 2000 + 3 * 25
