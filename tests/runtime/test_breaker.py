"""A tool that gives the same error turn after turn ends a run; everything else is left alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.runtime import breaker, machine
from agentflow.runtime.breaker import Streak, count, error_of, tripped
from agentflow.runtime.events import Event
from agentflow.runtime.run import Verdict
from agentflow.runtime.session import Input, SendConfirmed, SendInterrupt, Started, State
from tests.runtime.support import (
    builtin,
    custom,
    deeds,
    event,
    idle,
    message,
    play,
    request_start,
    setup,
)


def feed(results: list[tuple[int, str, bool]], tool: str = "bash") -> Mapping[str, Streak]:
    streaks: Mapping[str, Streak] = {}
    for turn, text, is_error in results:
        streaks = count(streaks, tool, text, is_error=is_error, turn=turn)
    return streaks


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("No such file: a.txt (attempt 1)", "no such  file: a.txt (attempt 22)"),
        ("job 3f2504e0-4f89-11d3-9a0c-0305e82c3301 failed", "job 3f2504e0-4f89-11d3-9a0c-000000000000 failed"),
        ("segfault at 0x7ffd12", "segfault at 0x0001"),
        ("\x1b[31mbroken\x1b[0m", "broken"),
        ("{'code': 'url_not_allowed', 'url': 'https://a.example'}", "url_not_allowed: https://b.example"),
    ],
)  # fmt: skip
def test_what_is_volatile_is_no_difference(one: str, other: str) -> None:
    assert error_of(one, is_error=True) == error_of(other, is_error=True)


def test_another_file_is_another_error() -> None:
    errors = {error_of(f"No such file: {name}", is_error=True) for name in ("a.txt", "b.txt")}
    assert len(errors) == 2


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("url_not_in_prior_context", "url_not_in_prior_context"),
        ("<error>url_not_allowed</error>", "url_not_allowed"),
        (
            "curl: (56) CONNECT tunnel failed, response 403",
            "blocked by the network (403)",
        ),
        ("HTTP/1.1 403 Forbidden\nx-deny-reason: host_not_allowed", "blocked by the network (403)"),
        ("403 Forbidden by egress proxy", "blocked by the network (403)"),
        ("HTTP/1.1 403 Forbidden", None),
        ("All is well.", None),
        ("x" * 5_000 + " url_not_allowed", None),
    ],
)
def test_some_errors_look_like_ordinary_results(text: str, error: str | None) -> None:
    assert error_of(text, is_error=False) == error


def test_only_turns_in_a_row_count() -> None:
    assert feed([(1, "no", True)] * 5)["bash"].turns == 1
    assert feed([(turn, "no", True) for turn in range(1, 6)])["bash"].turns == 5
    assert feed([(1, "no", True), (2, "yes", False), (3, "no", True)])["bash"].turns == 1
    assert feed([(1, "no", True), (2, "never", True), (3, "never", True)])["bash"].turns == 2
    assert feed([(1, "no", True), (2, "fine", False)]) == {}
    # A service that tells no turns: every result is one.
    assert feed([(0, "no", True)] * 3)["bash"].turns == 3


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from(["x", "y"]), st.booleans()), max_size=40
    ),
    st.integers(1, 6),
)
def test_it_trips_for_no_tool_that_got_somewhere(
    results: list[tuple[str, str, bool]], limit: int
) -> None:
    streaks: Mapping[str, Streak] = {}
    for turn, (tool, text, is_error) in enumerate(results, start=1):
        streaks = count(streaks, tool, text, is_error=is_error, turn=turn)
    for tool in "ab":
        own = [(text, is_error) for name, text, is_error in results if name == tool]
        row = 0
        while row < len(own) and own[-1 - row] == own[-1] and own[-1][1]:
            row += 1
        assert (streaks[tool].turns if tool in streaks else 0) == row
    hit = tripped(streaks, limit)
    assert (hit is not None) == any(one.turns >= limit for one in streaks.values())
    assert tripped(streaks, None) is None


def failing(turns: int, *, is_error: bool = True, text: str = "url_not_allowed") -> list[Input]:
    events: list[Input] = []
    for turn in range(turns):
        events += [
            request_start(f"s{turn}"),
            builtin(f"c{turn}", "web_fetch", "allow", url=f"https://{turn}.example"),
            event(
                "agent.tool_result",
                f"r{turn}",
                tool_use_id=f"c{turn}",
                content=[{"type": "text", "text": text}],
                is_error=is_error,
            ),
        ]
    return events


def begun() -> State:
    state, _ = play(machine.begin(setup()), [Started(), SendConfirmed("m1"), message()])
    return state


@pytest.mark.parametrize("is_error", [True, False])
def test_a_run_that_gets_nowhere_is_stopped(is_error: bool) -> None:
    state, commands = play(begun(), failing(4, is_error=is_error))
    assert deeds(commands) == []
    state, commands = play(begun(), [*failing(5, is_error=is_error), *failing(6)])
    assert deeds(commands) == [SendInterrupt()]
    state, _ = play(state, [idle("i1")])
    assert state.ending is not None
    assert state.ending.verdict is Verdict.FAILED
    assert state.ending.reason == (
        "The tool 'web_fetch' gave the same error in 5 turns in a row: url_not_allowed"
    )
    assert state.ending.hint is not None
    assert "add its host to `network.hosts`" in state.ending.hint
    assert "budget: { same_error: 20 }" in state.ending.hint


def test_a_custom_tool_counts_by_what_the_service_shows() -> None:
    events: list[Event] = []
    for turn in range(5):
        events += [
            request_start(f"s{turn}"),
            custom(f"c{turn}"),
            event(
                "user.custom_tool_result",
                f"r{turn}",
                custom_tool_use_id=f"c{turn}",
                is_error=True,
                content=[{"type": "text", "text": "Traceback (most recent call last):\n  x\nKeyError: 7"}],
            ),
        ]  # fmt: skip
    state, _ = play(begun(), events)
    assert state.stop is not None
    assert state.stop.reason.endswith("5 turns in a row: KeyError: 7")


def test_it_is_off_when_it_is_told_to_be() -> None:
    off = machine.begin(replace(setup(), same_error=None))
    state, _ = play(off, [Started(), SendConfirmed("m1"), message(), *failing(30)])
    assert state.stop is None


def test_a_long_error_is_cut_where_it_is_shown() -> None:
    [streak] = feed([(1, "x" * 900, True)]).values()
    assert len(streak.shown) == 201
    reason, hint = breaker.ending_text("bash", streak)
    assert reason.endswith("…")
    assert hint.startswith("Mend what the error names")
