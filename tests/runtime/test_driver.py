"""The driver's patience and its ways out, against a service in memory that fails on command."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentflow.compiler.manifest import AgentPolicy, InputPolicy, OutputPolicy
from agentflow.errors import (
    LostAnswer,
    NotFound,
    Rejected,
    ServiceError,
    StreamLost,
    Unavailable,
    UsageError,
)
from agentflow.operations.clock import SystemClock
from agentflow.runtime.approvals import Answer
from agentflow.runtime.driver import Knobs, run_session
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.notices import Approval, Notice, Reconnecting, ToolStarted
from agentflow.runtime.run import RunRequest, RunResult, Verdict
from agentflow.runtime.session import Call
from tests.runtime.desk import Desk, Raw, custom_use, idle, remote_file, running
from tests.runtime.support import HandClock, agent_policy, budget_policy, custom_policy, rule

KNOBS = Knobs(silence_s=30.0, give_up_s=60.0, stop_wait_s=10.0, settle_s=2.0, tick_s=0.25)


def works(*events: Raw) -> Any:
    """A session that does `events` when it gets a message, and rests when it is interrupted."""

    def react(event: Mapping[str, Any]) -> Sequence[Raw]:
        if event["type"] == "user.message":
            return [running(), *map(dict, events)]
        if event["type"] == "user.interrupt":
            return [idle()]
        return []

    return react


class Trial:
    def __init__(self, root: Path, desk: Desk, policy: AgentPolicy | None = None) -> None:
        self.root = root
        self.desk = desk
        self.policy = policy or agent_policy()
        self.notices: list[Notice] = []
        self.clock = HandClock()
        self.inputs: dict[str, Any] = {}

    def run(self, **more: Any) -> RunResult:
        return asyncio.run(self.go(**more))

    async def go(self, **more: Any) -> RunResult:
        request = RunRequest(
            run_id="run1",
            agent="agent/a",
            agent_id="agent_1",
            agent_version=3,
            environment_id="env_1",
            policy=self.policy,
            inputs=self.inputs,
            out_dir=self.root / "out",
            project_root=self.root,
        )
        given: dict[str, Any] = {
            "sessions": self.desk,
            "clock": self.clock,
            "observer": self.notices.append,
            "person": None,
            "knobs": KNOBS,
            "draw": lambda: 0.5,
        }
        with Ledger.open(self.root / "ledger.db") as ledger:
            return await run_session(request, ledger=ledger, **{**given, **more})

    def verdict_in_ledger(self) -> str | None:
        with Ledger.open(self.root / "ledger.db") as ledger:
            return ledger.runs()[0].verdict

    @property
    def interrupts(self) -> int:
        return sum(event["type"] == "user.interrupt" for event in self.desk.sent)


def test_a_whole_run(tmp_path: Path) -> None:
    said = {"type": "agent.message", "content": [{"type": "text", "text": "Done."}]}
    trial = Trial(tmp_path, Desk(works(said, idle())))
    result = trial.run()
    assert result.verdict is Verdict.COMPLETED
    assert result.final_message == "Done."
    assert trial.desk.opened == 1
    assert trial.interrupts == 0
    assert trial.verdict_in_ledger() == "completed"
    [body] = trial.desk.bodies
    assert body["agent"] == {"type": "agent", "id": "agent_1", "version": 3}
    assert body["metadata"] == {"agentflow.run": "run1", "agentflow.address": "agent/a"}
    assert "budget" not in body
    assert "resources" not in body


def test_inputs_are_mounted_and_the_budget_is_set(tmp_path: Path) -> None:
    policy = agent_policy(
        task="Read {{ inputs.orders }}.",
        inputs={
            "orders": InputPolicy(
                type="file", required=True, default=None, enum=None, description=None
            )
        },
        budget=budget_policy(usd="2.50"),
    )
    trial = Trial(tmp_path, Desk(works(idle())), policy)
    trial.inputs = {"orders": tmp_path / "orders.csv"}
    trial.run()
    [body] = trial.desk.bodies
    resource = {"type": "file", "file_id": "file_1", "mount_path": "/orders.csv"}
    assert body["resources"] == [resource]
    assert body["budget"]["max_list_cost"] == {"amount": "250", "currency": "USD"}
    assert trial.desk.sent[0]["content"][0]["text"] == "Read /mnt/session/uploads/orders.csv."


def test_two_files_of_one_name_cannot_be_mounted(tmp_path: Path) -> None:
    trial = Trial(tmp_path, Desk())
    trial.inputs = {"a": tmp_path / "x/a.csv", "b": tmp_path / "y/a.csv"}
    with pytest.raises(UsageError, match=r"both|another"):
        trial.run()
    assert trial.verdict_in_ledger() == "failed"


@pytest.mark.parametrize("fault", [Unavailable("Busy.", status=529), LostAnswer("Broke.")], ids=str)
def test_creating_is_tried_again(fault: ServiceError, tmp_path: Path) -> None:
    trial = Trial(tmp_path, Desk(works(idle())))
    trial.desk.create_faults = [fault, fault]
    assert trial.run().verdict is Verdict.COMPLETED
    assert len(trial.desk.bodies) == 3


def test_a_session_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    trial = Trial(tmp_path, Desk())
    trial.desk.create_faults = [Rejected("model_not_budgetable", status=400)]
    with pytest.raises(Rejected):
        trial.run()
    assert trial.verdict_in_ledger() == "failed"


def test_a_silent_stream_is_opened_again_without_ado(tmp_path: Path) -> None:
    trial = Trial(tmp_path, Desk(works(idle())))
    trial.desk.deaf = {1, 2}
    result = trial.run()
    assert result.verdict is Verdict.COMPLETED
    assert trial.desk.opened in (2, 3)
    assert result.reconnects == 0
    assert trial.clock.seconds >= 30.0


@pytest.mark.parametrize(
    "fault", [StreamLost("Cut."), LostAnswer("Broke."), Unavailable("Busy.", status=503)], ids=str
)
def test_a_stream_that_does_not_open_is_tried_again(fault: Exception, tmp_path: Path) -> None:
    trial = Trial(tmp_path, Desk(works(idle())))
    trial.desk.stream_faults = [fault, fault]
    result = trial.run()
    assert result.verdict is Verdict.COMPLETED
    assert result.reconnects == 2
    delays = [n.delay_s for n in trial.notices if isinstance(n, Reconnecting)]
    assert delays == [0.25, 0.5]


def test_a_service_that_stays_away_ends_the_run_as_unknown(tmp_path: Path) -> None:
    trial = Trial(tmp_path, Desk())
    trial.desk.stream_faults = [StreamLost("Cut.")] * 1000
    result = trial.run()
    assert result.verdict is Verdict.UNKNOWN
    assert result.verdict.exit_code == 4
    assert "Cut." in result.reason
    assert trial.clock.seconds >= 60.0


def test_a_session_deleted_meanwhile_is_a_failure(tmp_path: Path) -> None:
    trial = Trial(tmp_path, Desk(works()))
    trial.desk.stream_faults = [StreamLost("Cut."), NotFound("Gone.", status=404)]
    result = trial.run()
    assert (result.verdict, result.verdict.exit_code) == (Verdict.FAILED, 1)
    assert "deleted" in result.reason


def test_a_key_that_is_refused_does_not_retry_for_minutes(tmp_path: Path) -> None:
    trial = Trial(tmp_path, Desk(works()))
    trial.desk.stream_faults = [Rejected("Invalid key.", status=401)]
    assert trial.run().verdict is Verdict.UNKNOWN
    assert trial.desk.opened == 1


def test_a_wall_limit_interrupts_and_collects(tmp_path: Path) -> None:
    policy = agent_policy(
        budget=budget_policy(wall_s=5.0),
        outputs={"r": OutputPolicy(path="r.md", required=True, schema=None, sections=())},
    )
    trial = Trial(tmp_path, Desk(works()), policy)
    trial.desk.stored = [(remote_file("f1", "r.md"), b"partial")]
    result = trial.run()
    assert result.verdict is Verdict.BUDGET
    assert result.limit is not None
    assert result.limit.name == "wall"
    assert trial.interrupts == 1
    assert (tmp_path / "out/r.md").read_bytes() == b"partial"


def test_an_interrupt_that_changes_nothing_is_given_up(tmp_path: Path) -> None:
    desk = Desk(lambda event: [running()] if event["type"] == "user.message" else [])
    result = Trial(tmp_path, desk, agent_policy(budget=budget_policy(wall_s=1.0))).run()
    assert result.verdict is Verdict.BUDGET
    assert "may still be running" in (result.hint or "")


def test_the_stop_event_interrupts_and_gives_a_result(tmp_path: Path) -> None:
    trial = Trial(tmp_path, Desk(works()))

    async def scenario() -> RunResult:
        stop = asyncio.Event()
        stop.set()
        return await trial.go(stop=stop)

    result = asyncio.run(scenario())
    assert (result.verdict, result.verdict.exit_code) == (Verdict.INTERRUPTED, 130)
    assert trial.desk.status != "running"


def test_cancelling_interrupts_the_session(tmp_path: Path) -> None:
    trial = Trial(tmp_path, Desk(works()))
    working = asyncio.Event()

    async def scenario() -> None:
        def react(event: Mapping[str, Any]) -> Sequence[Raw]:
            working.set()
            events: Sequence[Raw] = works()(event)
            return events

        trial.desk.react = react
        task = asyncio.create_task(trial.go())
        await working.wait()
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(scenario())
    assert trial.interrupts == 1
    assert trial.desk.status == "idle"
    assert trial.verdict_in_ledger() == "interrupted"


def test_an_exception_of_ours_interrupts_the_session(tmp_path: Path) -> None:
    trial = Trial(tmp_path, Desk(works(custom_use("c1"))))

    def watch(notice: Notice) -> None:
        if isinstance(notice, ToolStarted):
            raise RuntimeError("a bug in a view")  # noqa: TRY004

    with pytest.raises(RuntimeError, match="a bug in a view"):
        trial.run(observer=watch)
    assert trial.interrupts == 1
    assert trial.desk.status == "idle"


def test_a_task_that_is_refused_fails_the_run(tmp_path: Path) -> None:
    trial = Trial(tmp_path, Desk(works()))
    trial.desk.send_faults = [("before", Rejected("Too long.", status=400))]
    result = trial.run()
    assert result.verdict is Verdict.FAILED
    assert result.reason == "The task could not be sent: Too long."


class Clerk:
    def __init__(self, answer: Answer | None) -> None:
        self.said = answer

    async def approve(self, call: Call, wait_s: float | None) -> Answer | None:
        return self.said

    async def answer(self, question: str) -> str | None:
        return None


ASKED = [
    (rule("bash", None, wait_s=5.0), Clerk(Answer(True)), "allow", "person", None),
    (rule("bash", None), Clerk(Answer(False, "No!")), "deny", "person", "No!"),
    (rule("bash", None, message="Ask me."), Clerk(Answer(False)), "deny", "person", "Ask me."),
    (rule("bash", None, wait_s=5.0), Clerk(None), "deny", "timeout", "within 5 s"),
    (rule("bash", None), None, "deny", "rule 1", "Nobody is there"),
    (rule("bash"), None, "allow", "rule 1", None),
    (rule("bash", "deny", message="Never."), None, "deny", "rule 1", "Never."),
    (rule("write"), None, "deny", "default", "No approval rule"),
]


@pytest.mark.parametrize(("given", "person", "result", "by", "words"), ASKED)
def test_who_answers_a_call_that_asks(
    given: Any, person: Any, result: str, by: str, words: str | None, tmp_path: Path
) -> None:
    asks = {
        "type": "agent.tool_use",
        "id": "t1",
        "name": "bash",
        "input": {"command": "ls"},
        "evaluated_permission": "ask",
    }

    def react(event: Mapping[str, Any]) -> Sequence[Raw]:
        if event["type"] == "user.message":
            return [running(), dict(asks), idle("requires_action", event_ids=["t1"])]
        return [running(), idle()]

    trial = Trial(tmp_path, Desk(react), agent_policy(approvals=(given,)))
    assert trial.run(person=person).verdict is Verdict.COMPLETED
    confirmation = trial.desk.sent[1]
    assert (confirmation["tool_use_id"], confirmation["result"]) == ("t1", result)
    assert (words or "") in confirmation.get("deny_message", "")
    [told] = [n for n in trial.notices if isinstance(n, Approval)]
    assert (told.by, told.allowed) == (by, result == "allow")


@pytest.mark.parametrize("person", [None, Clerk(None)])
def test_a_rule_can_halt_where_nobody_answers(person: Any, tmp_path: Path) -> None:
    policy = agent_policy(
        approvals=(rule("rate", None, on_timeout="halt"),),
        custom={"rate": custom_policy(policy="ask")},
    )
    blocked = idle("requires_action", event_ids=["c1"])
    trial = Trial(tmp_path, Desk(works(custom_use("c1"), blocked)), policy)
    result = trial.run(person=person)
    assert (result.verdict, result.verdict.exit_code) == (Verdict.NEEDS_PERSON, 8)
    assert "rule 1" in result.reason
    assert result.hint is not None
    assert "agentflow run --resume run1" in result.hint
    # The session costs nothing while it waits, and somebody may still answer.
    assert trial.interrupts == 0


def test_outputs_that_cannot_be_fetched_leave_the_end_unknown(tmp_path: Path) -> None:
    class NoFiles(Desk):
        async def files(self, session_id: str) -> Any:
            raise Rejected("No.", status=403)

    result = Trial(tmp_path, NoFiles(works(idle()))).run()
    assert result.verdict is Verdict.UNKNOWN
    assert "outputs cannot be fetched" in result.reason


def test_a_repair_names_what_is_missing(tmp_path: Path) -> None:
    desk = Desk()

    def react(event: Mapping[str, Any]) -> Sequence[Raw]:
        if "repair 1 of 1" in event["content"][0]["text"]:
            desk.stored = [(remote_file("f1", "r.md"), b"there")]
        return [running(), idle()]

    desk.react = react
    outputs = {"r": OutputPolicy(path="r.md", required=True, schema=None, sections=())}
    trial = Trial(tmp_path, desk, agent_policy(outputs=outputs))
    result = trial.run()
    assert (result.verdict, result.repairs) == (Verdict.COMPLETED, 1)
    assert "r.md was not delivered" in desk.sent[1]["content"][0]["text"]
    unrepaired = Trial(tmp_path / "two", Desk(works(idle())), replace(trial.policy, repair=0)).run()
    assert unrepaired.verdict is Verdict.INCOMPLETE


class Hesitant(Clerk):
    """Never comes to a decision."""

    async def approve(self, call: Call, wait_s: float | None) -> Answer | None:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


def test_a_person_who_does_not_come_to_a_decision_is_not_waited_for(tmp_path: Path) -> None:
    policy = agent_policy(
        approvals=(rule("rate", None, wait_s=0.05, on_timeout="halt"),),
        custom={"rate": custom_policy(policy="ask")},
    )
    blocked = idle("requires_action", event_ids=["c1"])
    trial = Trial(tmp_path, Desk(works(custom_use("c1"), blocked)), policy)
    # On real time, which the limit of a person is kept in.
    result = trial.run(person=Hesitant(None), clock=SystemClock())
    assert result.verdict is Verdict.NEEDS_PERSON
    assert "within 0.05 s" in result.reason


def test_an_output_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file, where a directory has to be")
    outputs = {"r": OutputPolicy(path="r.md", required=True, schema=None, sections=())}
    trial = Trial(tmp_path, Desk(works(idle())), agent_policy(outputs=outputs))
    trial.desk.stored = [(remote_file("f1", "r.md"), b"there")]
    with pytest.raises(UsageError, match="cannot be written"):
        trial.run()


def test_an_interrupt_does_not_overtake_the_task(tmp_path: Path) -> None:
    """Stopped while the task is on its way: what is sent last is the interrupt."""
    trial = Trial(tmp_path, Desk(works()))
    trial.desk.send_faults = [("after", LostAnswer("x")), ("before", LostAnswer("x"))]

    async def scenario() -> RunResult:
        stop = asyncio.Event()
        send = trial.desk.send

        async def slow(session_id: str, events: Any) -> Any:
            stop.set()
            for _ in range(20):
                await asyncio.sleep(0)
            return await send(session_id, events)

        trial.desk.send = slow  # type: ignore[method-assign]
        return await trial.go(stop=stop)

    assert asyncio.run(scenario()).verdict is Verdict.INTERRUPTED
    assert [event["type"] for event in trial.desk.sent] == ["user.message", "user.interrupt"]
    assert trial.desk.status == "idle"
