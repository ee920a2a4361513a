"""How far a run goes beyond a limit, against the embedded service over HTTP.

A model takes longer than it takes us to hear that it began and to say that it shall stop. Here that is so
on any machine, however slow: a request to the model does not end before the run knows of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.local.drivers.base import Turn, TurnContext
from agentflow.local.fault_plan import FaultPlan
from agentflow.runtime import machine
from agentflow.runtime.events import ModelRequestStart
from agentflow.runtime.run import Verdict
from agentflow.runtime.session import Input, Phase, State
from tests.matrix.bench import IDLE_LEFT_OPEN, KNOBS, Played, Repertoire, Stage, open_stage
from tests.matrix.shapes import Shape, write_call
from tests.runtime.support import budget_policy

pytestmark = pytest.mark.filterwarnings(IDLE_LEFT_OPEN)

Drawn = tuple[int, int]
"""Tokens that a turn sends, and how many calls it makes at once."""

LIMITS = st.one_of(
    st.fixed_dictionaries({"turns": st.integers(1, 4)}),
    st.fixed_dictionaries({"tokens": st.integers(1, 4_000)}),
    st.fixed_dictionaries({"usd": st.sampled_from(["0.01", "0.015", "0.02", "0.04"])}),
    st.fixed_dictionaries({"tool_calls": st.integers(1, 8)}),
    st.fixed_dictionaries({"turns": st.integers(1, 6), "tokens": st.integers(1, 4_000)}),
)
TURNS = st.lists(st.tuples(st.integers(1, 2_000), st.integers(1, 3)), min_size=1, max_size=8)


class Gate:
    """Lets a model request go on once the run has heard of it and has not asked for the end."""

    def __init__(self) -> None:
        self._opened: dict[str, asyncio.Event] = {}
        self.loop: asyncio.AbstractEventLoop

    async def next_turn(self, repertoire: Repertoire, context: TurnContext) -> Turn:
        begun = [e for e in context.history if e["type"] == "span.model_request_start"]
        await self._at(begun[-1]["id"]).wait()
        return await PLAY(repertoire, context)

    def step(self, state: State, given: Input, **more: Any) -> machine.Step:
        done = STEP(state, given, **more)
        if isinstance(given, ModelRequestStart) and done.state.phase is Phase.WORKING:
            self.loop.call_soon_threadsafe(lambda: self._at(given.id).set())
        return done

    def _at(self, id: str) -> asyncio.Event:
        return self._opened.setdefault(id, asyncio.Event())


KNOBS_NOW = replace(KNOBS, settle_s=0.0, settle_stopped_s=0.0)
PLAY, STEP = Repertoire.next_turn, machine.step


def shape(name: str, turns: list[Drawn], limits: dict[str, Any]) -> Shape:
    """Calls in each turn, and at the end none."""
    played = [
        {
            "say": f"Turn {number}.",
            "tools": [
                {**write_call("report.md"), "id": f"w{number}_{call}"} for call in range(calls)
            ],
            "usage": {"input": tokens, "output": 0, "cache_read": 0, "cache_write": 0},
        }
        for number, (tokens, calls) in enumerate([*turns, (1, 0)])
    ]
    return Shape(name, tuple(played), changes={"budget": budget_policy(**limits)})


@dataclass
class Bench:
    """One service for all examples."""

    runner: asyncio.Runner
    stage: Stage

    def play(self, turns: list[Drawn], limits: dict[str, Any]) -> Played:
        one = shape(f"spender{self.stage.runs}", turns, limits)
        return self.runner.run(self.stage.play(one, FaultPlan(), knobs=KNOBS_NOW))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    gate = Gate()
    with (
        pytest.MonkeyPatch.context() as patch,
        asyncio.Runner() as runner,
        contextlib.ExitStack() as stack,
    ):
        opened = open_stage(tmp_path_factory.mktemp("spend"), ())
        stage = runner.run(opened.__aenter__())
        stack.callback(lambda: runner.run(opened.__aexit__(None, None, None)))
        gate.loop = stage.service.loop
        patch.setattr(Repertoire, "next_turn", lambda self, context: gate.next_turn(self, context))
        patch.setattr(machine, "step", gate.step)
        yield Bench(runner, stage)


def spent(played: Played) -> tuple[list[int], int]:
    """The tokens of each model request that came to its end, and how many calls were made."""
    ends = [e for e in played.of("span.model_request_end") if not e["is_error"]]
    return [e["model_usage"]["input_tokens"] for e in ends], len(played.of("agent.tool_use"))


@settings(max_examples=20)
@given(LIMITS, TURNS)
def test_a_run_goes_beyond_a_limit_by_one_turn_at_most(
    bench: Bench, limits: dict[str, Any], turns: list[Drawn]
) -> None:
    played = bench.play(turns, limits)
    tokens, calls = spent(played)
    dearest, widest = max(n for n, _ in turns), max(n for _, n in turns)
    if "turns" in limits:
        # What a tool came to is not sent where no turn is left for it, so there is nothing beyond.
        assert len(tokens) <= limits["turns"]
    if "tokens" in limits:
        assert sum(tokens) < limits["tokens"] + dearest
    if "usd" in limits:
        # Opus 5.5: 4 dollars per million tokens sent; and a little time.
        assert Decimal(4 * (sum(tokens) - dearest)) / 1_000_000 < Decimal(limits["usd"])
    if "tool_calls" in limits:
        assert calls <= limits["tool_calls"] + widest
    assert played.status == "idle"
    ended = len(tokens) == len(turns) + 1
    assert played.result.verdict is (Verdict.COMPLETED if ended else Verdict.BUDGET)
