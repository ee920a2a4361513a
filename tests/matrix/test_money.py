"""What runs cost, against the service that counts it, and pools under fifty runs at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from agentflow.compiler.manifest import PoolPolicy
from agentflow.errors import BudgetReached
from agentflow.local.fault_plan import FaultPlan
from agentflow.remote.sessions import RemoteSessions
from agentflow.runtime.driver import resume_session, run_session
from agentflow.runtime.events import TokenUsage
from agentflow.runtime.pools import period_of, standing
from agentflow.runtime.record import Recorded
from agentflow.runtime.run import RunRequest, RunResult, Verdict
from tests.matrix.bench import KNOBS, Played, Stage, open_stage
from tests.matrix.shapes import SHAPES, Shape
from tests.runtime.support import budget_policy

USAGES = (
    {"input": 31_000, "output": 2_300, "cache_read": 0, "cache_write": 17_000},
    {"input": 900, "output": 4_100, "cache_read": 48_000, "cache_write": 1_200},
    {"input": 1, "output": 1, "cache_read": 120_000, "cache_write": 0},
)
CLASSES = ("input", "output", "cache_read", "cache_write")


def dear(shape: Shape) -> Shape:
    turns = tuple(
        {**turn, "usage": USAGES[number % len(USAGES)]} for number, turn in enumerate(shape.turns)
    )
    return replace(shape, turns=turns)


TURN = {"input": 600, "output": 300, "cache_read": 60, "cache_write": 40}
"""A thousand tokens."""
MANY = Shape(
    "many",
    tuple(
        {
            "say": f"Rate {number}.",
            "tools": [{"id": f"r{number}", "name": "rate", "input": {"currency": "EUR"}}],
            "usage": TURN,
        }
        for number in range(8)
    ),
)
COUNTED = ("plain", "custom", "threads", "repair")
"""What differs in what is counted; the other shapes differ in who answers."""
DEAR = tuple(dear(shape) for shape in SHAPES if shape.name in COUNTED)


class Play:
    """The stage for these tests, and the loop that it is on."""

    def __init__(self, runner: asyncio.Runner, stage: Stage) -> None:
        self.runner = runner
        self.stage = stage


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        opening = open_stage(tmp_path_factory.mktemp("money"), (*DEAR, MANY))
        stage = runner.run(stack.enter_async_context(opening))
        try:
            yield Play(runner, stage)
        finally:
            runner.run(stack.aclose())


def spans(history: list[Mapping[str, Any]]) -> TokenUsage:
    """The sum of what every model request says of itself."""
    total = TokenUsage()
    for event in history:
        if event["type"] == "span.model_request_end":
            used = event["model_usage"]
            total += TokenUsage(
                input=used["input_tokens"],
                output=used["output_tokens"],
                cache_read=used["cache_read_input_tokens"],
                cache_write=used["cache_creation_input_tokens"],
            )
    return total


@pytest.mark.parametrize("shape", DEAR, ids=lambda shape: shape.name)
def test_what_a_run_says_is_what_its_spans_and_the_service_say(play: Play, shape: Shape) -> None:
    played: Played = play.runner.run(play.stage.play(shape, FaultPlan()))
    result = played.result
    assert result.verdict is Verdict.COMPLETED, result.reason
    summed = spans(list(played.history))
    for name in CLASSES:
        assert getattr(result.tokens, name) == getattr(summed, name), name
    told = played.of("session.usage")[-1]["usage"]
    cents = Decimal(told["list_cost"]["amount"])
    assert cents >= 10
    assert result.cost_usd is not None
    assert abs(result.cost_usd * 100 - cents) <= 1
    assert not result.cost_is_estimate
    # The estimate is there for the time until the service says it: it is no other price.
    assert abs(estimate(played, summed) * 100 - cents) <= 1


async def left_and_followed(stage: Stage, shape: Shape) -> tuple[RunResult, list[Any], Any]:
    request = stage.request(shape, f"resumed-{shape.name}", stage.root)
    sessions = RemoteSessions(stage.client, stage.streams)
    around: dict[str, Any] = {
        "sessions": sessions,
        "ledger": stage.ledger,
        "clock": stage.clock,
        "observer": lambda notice: None,
        "person": None,
        "knobs": KNOBS,
        "draw": lambda: 0.0,
    }
    left = await run_session(replace(request, detach=True), **around)
    assert left.verdict is Verdict.DETACHED, left.reason
    task = request.policy.task or ""
    result = await resume_session(Recorded(request, task), **around)
    assert result.session_id is not None
    history = list(await sessions.history(result.session_id))
    return result, history, (await sessions.retrieve(result.session_id)).usage


@pytest.mark.parametrize("shape", DEAR[1:3], ids=lambda shape: shape.name)
def test_it_is_the_same_for_a_run_that_was_left_and_followed_later(
    play: Play, shape: Shape
) -> None:
    result, history, told = play.runner.run(left_and_followed(play.stage, shape))
    assert result.verdict is Verdict.COMPLETED, result.reason
    assert result.tokens == spans(history)
    assert result.cost_usd is not None
    assert abs(result.cost_usd * 100 - Decimal(told["list_cost"]["amount"])) <= 1


def estimate(played: Played, summed: TokenUsage) -> Decimal:
    # Opus 5.5: 4, 20, 0.20 and 5 dollars per million; 8 cents per hour.
    tokens = (
        4 * summed.input
        + 20 * summed.output
        + Decimal("0.2") * summed.cache_read
        + 5 * summed.cache_write
    )
    seconds = Decimal(str(played.result.active_s))
    return tokens / 1_000_000 + seconds * Decimal("0.08") / 3600


async def many(stage: Stage, pool: PoolPolicy, runs: int) -> list[RunResult | BudgetReached]:
    async def one(number: int) -> RunResult | BudgetReached:
        run_id = f"{pool.name}{number}"
        request: RunRequest = stage.request(MANY, run_id, stage.root)
        policy = replace(request.policy, budget=budget_policy(pools=(pool,)), outputs={})
        try:
            return await run_session(
                replace(request, policy=policy),
                sessions=RemoteSessions(stage.client, stage.streams),
                ledger=stage.ledger,
                clock=stage.clock,
                observer=lambda notice: None,
                person=None,
                knobs=KNOBS,
                draw=lambda: 0.0,
            )
        except BudgetReached as error:
            return error

    return await asyncio.gather(*(one(number) for number in range(runs)))


def test_a_pool_holds_under_fifty_runs_at_once(play: Play) -> None:
    limit, runs, turn = 30_000, 50, 1_000
    pool = PoolPolicy(name="desk", usd=None, tokens=limit, per="day", timezone="UTC")
    came = play.runner.run(many(play.stage, pool, runs))
    results = [one for one in came if isinstance(one, RunResult)]
    in_all = sum(one.tokens.total for one in results)
    # They would use 400,000: the pool is used up, and each run goes beyond it by one turn at most.
    assert limit - runs * turn <= in_all <= limit + len(results) * turn
    assert {one.verdict for one in results} == {Verdict.BUDGET}
    for one in results:
        assert one.limit is not None
        assert one.limit.name == "pools.desk"
    clock = play.stage.clock
    key = ("desk", "tokens", period_of(pool, clock.now(), "", None))
    now = standing(play.stage.ledger, key, limit, clock.now())
    assert (now.used, now.held) == (in_all, 0)
    told = [play.stage.ledger.run(one.run_id) for one in results]
    assert sum(json.loads(json.dumps(run.usage))["tokens"] for run in told if run) == in_all
    if now.used >= limit:
        [refused] = play.runner.run(many(play.stage, replace(pool), 1))
        assert isinstance(refused, BudgetReached)
