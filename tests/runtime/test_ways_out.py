"""What happens when the way out of a run is itself disturbed: sends that fail late, waits that are long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agentflow.compiler.manifest import OutputPolicy
from agentflow.errors import LostAnswer, Rejected, ServiceError, Unavailable
from agentflow.runtime.notices import Note, ToolStarted
from agentflow.runtime.run import Verdict
from tests.runtime.desk import Desk, Raw, custom_use, idle, remote_file, running
from tests.runtime.support import agent_policy, budget_policy, custom_policy, rule, write_module
from tests.runtime.test_driver import Trial, works

REPORT = {"r": OutputPolicy(path="r.md", required=True, schema=None, sections=())}


def test_what_a_stopped_repair_delivered_is_collected(tmp_path: Path) -> None:
    """The report of the time before the repair is not the report of the run."""
    desk = Desk()

    def react(event: Mapping[str, Any]) -> Sequence[Raw]:
        if event["type"] == "user.interrupt":
            return [idle()]
        if "repair 1 of 1" not in event["content"][0]["text"]:
            return [running(), idle()]
        desk.stored = [(remote_file("f1", "r.md"), b"there")]
        return [running()]

    desk.react = react
    policy = agent_policy(outputs=REPORT, budget=budget_policy(wall_s=500.0))
    result = Trial(tmp_path, desk, policy).run()
    assert (result.verdict, result.repairs) == (Verdict.BUDGET, 1)
    assert [output.problems for output in result.outputs] == [()]
    assert (tmp_path / "out/r.md").read_bytes() == b"there"


@pytest.mark.parametrize("fault", [Unavailable("Busy.", status=429), LostAnswer("Broke.")], ids=str)
def test_an_interrupt_on_the_way_out_is_tried_again(fault: ServiceError, tmp_path: Path) -> None:
    trial = Trial(tmp_path, Desk(works(custom_use("c1"))))

    def watch(notice: object) -> None:
        if isinstance(notice, ToolStarted):
            trial.desk.send_faults = [("before", fault)] * 2
            raise RuntimeError("a bug in a view")  # noqa: TRY004

    with pytest.raises(RuntimeError, match="a bug in a view"):
        trial.run(observer=watch)
    assert trial.desk.status == "idle"


def test_a_session_that_may_still_run_is_told(tmp_path: Path) -> None:
    """The key is refused when the stream is opened again, and the interrupt changes nothing."""
    desk = Desk()
    desk.stream_faults = [None, Rejected("Invalid key.", status=401)]

    def react(event: Mapping[str, Any]) -> Sequence[Raw]:
        asyncio.get_running_loop().call_soon(desk.cut)
        return [running()] if event["type"] == "user.message" else []

    desk.react = react
    trial = Trial(tmp_path, desk)
    assert trial.run().verdict is Verdict.UNKNOWN
    notes = [n.text for n in trial.notices if isinstance(n, Note)]
    assert any("may still be running" in text for text in notes)


def test_a_task_that_is_refused_is_told_at_once(tmp_path: Path) -> None:
    """An interrupt of a session that rests is taken and changes nothing: no idle event follows."""
    trial = Trial(tmp_path, Desk())
    trial.desk.send_faults = [("before", Rejected("Too long.", status=400))]
    result = trial.run()
    assert result.verdict is Verdict.FAILED
    assert result.hint == f"See what took place: agentflow sessions show {result.run_id}"
    assert trial.clock.seconds < 5.0


def test_a_send_that_hangs_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """The interrupt must not overtake the message, but nor must it wait for ever behind it."""

    class Hanging(Desk):
        async def send(self, session_id: str, events: Sequence[Mapping[str, Any]]) -> Any:
            if events[0]["type"] == "user.message":
                await asyncio.Event().wait()
            return await super().send(session_id, events)

    trial = Trial(tmp_path, Hanging(works()), agent_policy(budget=budget_policy(wall_s=5.0)))

    async def scenario() -> Any:
        async with asyncio.timeout(5):
            return await trial.go()

    assert asyncio.run(scenario()).verdict is Verdict.BUDGET
    assert trial.desk.sent[-1]["type"] == "user.interrupt"


def test_a_stopped_run_tries_again_to_fetch_its_files(tmp_path: Path) -> None:
    class Hiccup(Desk):
        hiccups = 1

        async def files(self, session_id: str) -> Any:
            if self.hiccups:
                self.hiccups -= 1
                raise Unavailable("Busy.", status=503)
            return await super().files(session_id)

    policy = agent_policy(outputs=REPORT, budget=budget_policy(wall_s=5.0))
    trial = Trial(tmp_path, Hiccup(works()), policy)
    trial.desk.stored = [(remote_file("f1", "r.md"), b"partial")]
    assert trial.run().verdict is Verdict.BUDGET
    assert (tmp_path / "out/r.md").read_bytes() == b"partial"


def test_a_stream_whose_opening_hangs_is_given_up(tmp_path: Path) -> None:
    class Stuck(Desk):
        @asynccontextmanager
        async def stream(self, session_id: str) -> AsyncIterator[Any]:
            if self.opened == 0:
                self.opened += 1
                await asyncio.Event().wait()
            async with super().stream(session_id) as frames:
                yield frames

    trial = Trial(tmp_path, Stuck(works(idle())))

    async def scenario() -> Any:
        async with asyncio.timeout(5):
            return await trial.go()

    result = asyncio.run(scenario())
    assert result.verdict is Verdict.COMPLETED
    assert result.reconnects == 1


def test_half_a_character_from_the_agent_ends_nothing(tmp_path: Path) -> None:
    """A text cut in UTF-16 may end in half a character, which has no bytes in UTF-8."""
    half = "cut \ud83d"
    asked = {
        "type": "agent.tool_use",
        "name": "bash",
        "input": {"command": half},
        "evaluated_permission": "ask",
    }
    called = custom_use("c1", currency=half)

    def react(event: Mapping[str, Any]) -> Sequence[Raw]:
        if event["type"] == "user.message":
            blocks = idle("requires_action", event_ids=["t1", "c1"])
            return [running(), {**asked, "id": "t1"}, called, blocks]
        return [running(), idle()] if event["type"] == "user.custom_tool_result" else []

    policy = agent_policy(
        custom={"rate": custom_policy("shop.tools:rate")}, approvals=(rule("bash", "deny"),)
    )
    write_module(tmp_path, {"shop/tools.py": "def rate(currency): return currency"})
    assert Trial(tmp_path, Desk(react), policy).run().verdict is Verdict.COMPLETED


@pytest.mark.parametrize(
    ("error", "verdict"),
    [(asyncio.CancelledError(), "interrupted"), (PermissionError(13, "No."), "failed")],
    ids=["cancelled", "unreadable"],
)
def test_a_run_that_ends_before_its_session_is_ended_in_the_ledger(
    error: BaseException, verdict: str, tmp_path: Path
) -> None:
    """Else it would count as one that still runs, for ever."""

    class Unwilling(Desk):
        async def create(self, body: Mapping[str, Any]) -> Any:
            raise error

    trial = Trial(tmp_path, Unwilling())
    with pytest.raises(type(error)):
        trial.run()
    assert trial.verdict_in_ledger() == verdict


def test_an_hour_that_the_service_asks_for_before_the_session_is_not_waited(
    tmp_path: Path,
) -> None:
    trial = Trial(tmp_path, Desk(works(idle())))
    trial.desk.create_faults = [Unavailable("Slow down.", status=429, retry_after_s=3600.0)]
    with pytest.raises(Unavailable, match="Slow down"):
        trial.run()
    assert trial.clock.seconds == 0.0
    assert trial.verdict_in_ledger() == "failed"
