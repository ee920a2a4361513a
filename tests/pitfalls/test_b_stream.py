"""B: streams, reconnects, retries, and what a session does after we have gone."""

from __future__ import annotations

import importlib.metadata
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agentflow.errors import EXIT_BUDGET, EXIT_PROBLEMS
from agentflow.local.fault_plan import FaultPlan
from agentflow.operations.doctor import Health, machine
from agentflow.operations.workspace import run_dir
from agentflow.remote.resources import RemoteResources
from agentflow.runtime import backoff
from agentflow.runtime.driver import Knobs
from agentflow.runtime.notices import Reconnecting
from agentflow.runtime.opening import RUN_MARK
from agentflow.runtime.run import Verdict
from agentflow.runtime.stopping import stop_session
from agentflow.runtime.watching import watch
from tests.matrix.bench import CaseSessions, Frames, Played
from tests.matrix.shapes import Shape, rate_call, turn
from tests.pitfalls.pit import REPORT, Pit
from tests.runtime.support import budget_policy

DONE = turn("Done.")
RATE = turn("A rate.", rate_call("EUR"))
WRITES = turn("The report.", REPORT)
SLOW_MODEL = {"requests": [{"number": 1, "slow_s": 60.0}]}
SHORT = budget_policy(wall_s=0.6)


def reconnects(played: Played) -> list[Reconnecting]:
    return [notice for notice in played.notices if isinstance(notice, Reconnecting)]


def errors(played: Played) -> list[str]:
    return [str(event["error"]["type"]) for event in played.of("session.error")]


def test_19_an_sdk_whose_streams_yield_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    known = importlib.metadata.version

    def version(name: str) -> str:
        return "0.93.0" if name == "anthropic" else known(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    [finding] = [one for one in machine() if one.subject == "anthropic"]
    assert finding.health is Health.BROKEN
    assert "yield nothing" in finding.text
    assert finding.hint is not None


def test_19_events_with_names_that_nobody_knows_come_through(pit: Pit) -> None:
    played = pit.play(WRITES, DONE, faults={"unknown_event_after": 2})
    assert played.result.verdict is Verdict.COMPLETED
    assert played.fired == ["unknown_event_after"]


def test_20_a_stream_that_breaks_before_any_event_is_opened_again(pit: Pit) -> None:
    played = pit.play(WRITES, DONE, faults={"cut_stream_after": 0, "streams_hit": 4})
    assert played.result.verdict is Verdict.COMPLETED
    assert played.result.reconnects == 4
    assert [notice.attempt for notice in reconnects(played)][:3] == [1, 2, 3]
    # What is waited in between grows, and does not grow for ever.
    waits = [backoff.delay_s(attempt, 1.0) for attempt in range(12)]
    assert waits == sorted(waits)
    assert waits[0] < waits[3]
    assert waits[-1] == waits[-2] <= 60


def test_21_a_stream_that_breaks_loses_nothing_and_repeats_nothing(pit: Pit) -> None:
    played = pit.play(
        RATE,
        WRITES,
        DONE,
        faults={
            "cut_stream_after": 3,
            "answers": [{"to": "events.send", "broken": True, "after_effect": True}],
        },
    )
    assert played.result.verdict is Verdict.COMPLETED
    assert len(played.of("user.message")) == 1
    assert played.said == ["A rate.", "The report.", "Done."]
    assert list(played.effects.values()) == [1]


@pytest.mark.parametrize("how", [{"status": 500}, {"status": 503}, {"broken": True}])
def test_22_a_send_is_looked_for_before_it_is_repeated(pit: Pit, how: Mapping[str, Any]) -> None:
    answers = [{"to": "events.send", "number": n, "after_effect": True, **how} for n in (1, 2)]
    played = pit.play(RATE, WRITES, DONE, faults={"answers": answers})
    assert played.result.verdict is Verdict.COMPLETED
    assert played.fired.count("answers") == 2
    assert len(played.of("user.message")) == 1
    assert len(played.of("user.custom_tool_result")) == 1
    assert played.asked["events.send"] == 2


def test_22_a_service_that_refuses_every_send_is_told_in_plain_words(pit: Pit) -> None:
    answers = [{"to": "events.send", "times": 99, "status": 503}]
    knobs = Knobs(stop_wait_s=2.0, settle_s=0.2, settle_stopped_s=0.1, tick_s=0.05, tries=3)
    played = pit.play(WRITES, DONE, faults={"answers": answers}, knobs=knobs)
    assert played.result.verdict is Verdict.FAILED
    assert played.result.reason.startswith("The task could not be sent: ")
    assert "{" not in played.result.reason
    assert played.of("user.message") == []


def test_23_silence_is_normal_and_a_dead_stream_is_opened_again(pit: Pit) -> None:
    knobs = Knobs(silence_s=0.3, settle_s=1.0, tick_s=0.05)
    played = pit.play(RATE, WRITES, DONE, faults={"silent_after": 4}, knobs=knobs)
    assert played.result.verdict is Verdict.COMPLETED
    assert played.fired == ["silent_after"]
    # Nobody is told of what is normal.
    assert reconnects(played) == []
    slow = {"requests": [{"number": 2, "slow_s": 1.0}]}
    played = pit.play(RATE, WRITES, DONE, faults=slow, knobs=knobs)
    assert played.result.verdict is Verdict.COMPLETED
    assert played.result.reconnects == 0


class Ordered(CaseSessions):
    """Writes down in which order it is asked for things."""

    order: list[str]

    async def send(
        self, session_id: str, events: Sequence[Mapping[str, Any]]
    ) -> Sequence[Mapping[str, Any]]:
        Ordered.order.append(str(events[0]["type"]))
        return await super().send(session_id, events)

    @asynccontextmanager
    async def stream(self, session_id: str) -> AsyncIterator[Frames]:
        Ordered.order.append("stream")
        async with super().stream(session_id) as frames:
            yield frames


def test_24_the_stream_is_open_before_the_task_is_sent(pit: Pit) -> None:
    Ordered.order = []
    # The answer of the stream comes late: the task waits for it.
    slow = {"answers": [{"to": "events.stream", "slow_s": 0.2}]}
    played = pit.play(WRITES, DONE, make=Ordered, faults=slow)
    assert played.result.verdict is Verdict.COMPLETED
    assert Ordered.order == ["stream", "user.message"]
    assert played.result.reconnects == 0


@pytest.fixture(scope="module")
def late(pit: Pit) -> Played:
    """A run whose time is up before the model has said anything."""
    return pit.play(WRITES, DONE, faults=SLOW_MODEL, changes={"budget": SHORT})


def test_25_a_deadline_is_a_clock_of_its_own(late: Played) -> None:
    assert late.result.verdict is Verdict.BUDGET
    assert late.result.verdict.exit_code == EXIT_BUDGET
    assert late.result.limit is not None
    assert late.result.limit.name == "wall"
    assert len(late.of("user.interrupt")) == 1


def test_26_an_interrupted_session_has_come_to_rest_before_it_is_let_go(
    pit: Pit, late: Played
) -> None:
    assert late.status == "idle"
    # An interrupt that was taken and not yet applied would answer this with 400.
    id = str(late.result.session_id)
    assert pit.do(pit.sessions.archive(id)) is None
    assert pit.do(pit.sessions.retrieve(id)).archived


def test_27_nothing_goes_on_and_costs_money_after_we_have_left(pit: Pit) -> None:
    answers = [
        {"to": "events.stream", "number": 2, "times": 999, "status": 503},
        {"to": "events.list", "times": 999, "status": 503},
    ]
    played = pit.play(
        WRITES,
        DONE,
        faults={**SLOW_MODEL, "cut_stream_after": 4, "answers": answers},
        knobs=Knobs(
            give_up_s=0.3, stop_wait_s=5.0, settle_s=0.2, settle_stopped_s=0.1, tick_s=0.05
        ),
    )
    assert played.result.verdict is Verdict.UNKNOWN
    assert played.status == "idle"
    assert len(played.of("user.interrupt")) == 1


def test_27_doctor_names_runs_that_go_on_and_that_nobody_follows(pit: Pit) -> None:
    assert pit.doctor()["sessions"].health is Health.OK
    turns = Shape("left", (turn("Slowly."),))
    pit.do(pit.stage.cast(turns))
    plan = FaultPlan.model_validate(SLOW_MODEL)
    sessions = CaseSessions(pit.stage.client, pit.stage.streams, plan)
    body = {
        "agent": {"type": "agent", "id": pit.stage.agents["left"], "version": 1},
        "environment_id": pit.stage.environment_id,
        "metadata": {RUN_MARK: "left-behind"},
    }
    session = pit.do(sessions.create(body))
    text = [{"type": "text", "text": "Go."}]
    pit.do(sessions.send(session.id, [{"type": "user.message", "content": text}]))
    found = pit.doctor()["sessions"]
    assert found.health is Health.WARNING
    assert session.id in found.text
    assert "agentflow sessions reap" in str(found.hint)
    with watch(run_dir(pit.stage.root, "left-behind"), "left-behind"):
        assert pit.doctor()["sessions"].health is Health.OK
    pit.do(stop_session(sessions, session.id, pit.stage.clock, wait_s=5.0, tick_s=0.05))


def test_28_doctor_names_work_that_no_worker_takes(pit: Pit) -> None:
    assert "worker" not in pit.doctor()
    resources = RemoteResources(pit.stage.client)
    body = {"name": "basement", "config": {"type": "self_hosted"}}
    place = pit.do(resources.create("environment", body))
    assert pit.doctor()["worker"].health is Health.OK
    pit.stage.service.faults.reset(old_work_s=90.0)
    try:
        found = pit.doctor()["worker"]
    finally:
        pit.stage.service.faults.reset()
        pit.do(pit.stage.client.beta.environments.archive(place.id))
    assert found.health is Health.BROKEN
    assert found.text.startswith("basement: a session has waited for a worker for 9")
    assert "keep it running" in str(found.hint)


@pytest.mark.parametrize(("retry", "ends"), [("exhausted", "idle"), ("terminal", "terminated")])
def test_29_only_an_error_that_is_final_ends_a_run_and_is_named(
    pit: Pit, retry: str, ends: str
) -> None:
    error = {"type": "model_rate_limited_error", "message": "Slow down.", "retry": retry}
    passing = {"type": "model_overloaded_error", "retry": "retrying"}
    requests = [{"number": 1, "error": passing}, {"number": 2, "error": error}]
    played = pit.play(WRITES, DONE, faults={"requests": requests})
    assert errors(played) == ["model_overloaded_error", "model_rate_limited_error"]
    assert played.result.verdict is Verdict.FAILED
    assert played.result.verdict.exit_code == EXIT_PROBLEMS
    assert "model_rate_limited_error (Slow down.)" in played.result.reason
    assert played.status == ends
