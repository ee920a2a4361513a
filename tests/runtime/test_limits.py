"""Limits and ways out against the embedded service: the session never goes on without us."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from agentflow.runtime.notices import Notice, SessionStarted, ToolStarted
from agentflow.runtime.run import RunResult, Verdict
from tests.runtime.counter import (
    RATE_SCHEMA,
    SCRIPT,
    Counter,
    counter_policy,
    open_counter,
)
from tests.runtime.support import budget_policy, custom_policy, write_module

TURNS = "turns:\n" + "".join(
    f"""  - say: Turn {n}.
    tools:
      - {{ id: w{n}, name: write, input: {{ file_path: /mnt/session/outputs/report.md, content: "# Rates {n}" }} }}
    usage: {{ input: 100, output: 1000, cache_read: 0, cache_write: 0 }}
"""
    for n in range(60)
)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    """An agent that never comes to an end by itself."""
    with open_counter(tmp_path_factory.mktemp("busy"), TURNS) as counter:
        yield counter


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    with open_counter(tmp_path_factory.mktemp("counter"), SCRIPT) as counter:
        yield counter


def at_rest(counter: Counter, result: RunResult) -> bool:
    return counter.session_status(result.session_id or "") in ("idle", "terminated")


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("usd", {"usd": "0.05"}),
        ("tokens", {"tokens": 3000}),
        ("turns", {"turns": 3}),
        ("tool_calls", {"tool_calls": 2}),
        ("active", {"active_s": 0.001}),
    ],
)
def test_each_limit_stops_a_session(busy: Counter, name: str, limit: dict[str, Any]) -> None:
    result = busy.run(counter_policy(budget=budget_policy(**limit)))
    assert (result.verdict, result.verdict.exit_code) == (Verdict.BUDGET, 7)
    assert result.limit is not None
    assert result.limit.name == name
    assert f"budget.{name}" in result.reason
    assert result.turns < 30
    assert at_rest(busy, result)


def slow_policy(**changes: Any) -> Any:
    slow = custom_policy("shop.slow:rate", input_schema=RATE_SCHEMA, timeout_s=600.0)
    return counter_policy(custom={"rate": slow}, **changes)


SLOW = "import time\n\ndef rate(currency):\n    time.sleep(600)\n"


def test_the_wall_limit_ends_a_tool_that_does_not_return(counter: Counter) -> None:
    write_module(counter.root / f"run{counter.runs + 1}", {"shop/slow.py": SLOW})
    result = counter.run(slow_policy(budget=budget_policy(wall_s=1.5)))
    assert result.verdict is Verdict.BUDGET
    assert result.limit is not None
    assert result.limit.name == "wall"
    assert result.wall_s < 60
    assert at_rest(counter, result)


def test_the_stop_event_ends_a_tool_that_does_not_return(counter: Counter) -> None:
    write_module(counter.root / f"run{counter.runs + 1}", {"shop/slow.py": SLOW})

    async def scenario() -> RunResult:
        stop = asyncio.Event()

        def watch(notice: Notice) -> None:
            if isinstance(notice, ToolStarted):
                stop.set()

        return await counter.go(slow_policy(), observer=watch, stop=stop)

    result = asyncio.run(scenario())
    assert result.verdict is Verdict.INTERRUPTED
    assert at_rest(counter, result)


def test_an_exception_on_our_side_interrupts_the_session(counter: Counter) -> None:
    seen: list[str] = []

    def watch(notice: Notice) -> None:
        if isinstance(notice, SessionStarted):
            seen.append(notice.session_id)
        if isinstance(notice, ToolStarted):
            raise KeyError("a bug in a view")

    with pytest.raises(KeyError, match="a bug"):
        counter.run(observer=watch)
    assert counter.session_status(seen[0]) == "idle"
    assert counter.history(seen[0])[-1]["stop_reason"]["type"] == "end_turn"


def test_a_warning_reaches_the_agent_with_a_result(counter: Counter) -> None:
    result = counter.run(counter_policy(budget=budget_policy(tokens=5000, warn_at="0.05")))
    assert result.verdict is Verdict.COMPLETED
    assert "budget.tokens" in result.warnings[0]
    types = [event["type"] for event in counter.history(result.session_id or "")]
    assert types.count("user.custom_tool_result") == 2
    assert types.count("system.message") == 1


def test_an_output_that_never_comes_is_asked_for_and_then_missing(counter: Counter) -> None:
    outputs = dict(counter_policy().outputs)
    outputs["totals"] = type(outputs["report"])(
        path="totals.json", required=True, schema={}, sections=()
    )
    result = counter.run(counter_policy(outputs=outputs))
    # The script has nothing more to say, so the repair fails in the service.
    assert result.verdict is Verdict.FAILED
    assert result.repairs == 1
    sent = [e for e in counter.history(result.session_id or "") if e["type"] == "user.message"]
    assert "totals.json was not delivered" in sent[1]["content"][0]["text"]
    assert [o.path is not None for o in result.outputs] == [True, False]
