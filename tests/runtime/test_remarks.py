"""What people say to a run while it goes on: once, in its place, and not lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from agentflow.compiler.manifest import OutputPolicy
from agentflow.errors import LostAnswer, Rejected, Unavailable
from agentflow.runtime.driver import resume_session
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.notices import Note, Notice, Said
from agentflow.runtime.record import read_record, write_record
from agentflow.runtime.remarks import begin_remark, make_remark, remarks
from agentflow.runtime.run import RunRequest, Verdict
from tests.runtime.desk import Desk, Raw, idle, running
from tests.runtime.support import AT, agent_policy, budget_policy
from tests.runtime.test_driver import KNOBS, Trial


def says(text: str) -> Raw:
    return {"type": "agent.message", "content": [{"type": "text", "text": text}]}


def answers(event: Mapping[str, Any]) -> Sequence[Raw]:
    """The task is begun and not ended; everything else is answered at once."""
    if event["type"] == "user.interrupt":
        return [idle()]
    if event["type"] != "user.message":
        return []
    text = event["content"][0]["text"]
    if text == "Do it.":
        return [running(), says("Working.")]
    return [running(), says(f"Answer to {text}"), idle()]


class Talk:
    """A run to which something is said as soon as the agent says something."""

    def __init__(self, root: Path, *said: tuple[str, bool], policy: Any = None) -> None:
        self.desk = Desk(answers)
        self.trial = Trial(root, self.desk, policy)
        self.root = root
        self.said = list(said)
        self.heard: Callable[[str], None] = lambda text: self.desk.emit(idle())
        """What happens once the run has heard of what was said."""

    def notice(self, notice: Notice) -> None:
        self.trial.notices.append(notice)
        if isinstance(notice, Said) and notice.text == "Working.":
            self.say()
        elif isinstance(notice, Note) and " says: " in notice.text:
            self.heard(notice.text)

    def say(self) -> None:
        with Ledger.open(self.root / "ledger.db") as ledger:
            for text, steer in self.said:
                make_remark(ledger, "run1", text, steer=steer, who="ann@desk", at="2026")
        self.said = []

    def run(self) -> Any:
        return self.trial.run(observer=self.notice)

    @property
    def sent(self) -> list[str]:
        events = (e for e in self.desk.sent if e["type"] == "user.message")
        return [event["content"][0]["text"] for event in events]

    @property
    def kept(self) -> list[tuple[str, bool, str | None]]:
        with Ledger.open(self.root / "ledger.db") as ledger:
            entries = remarks(ledger, "run1")
        return [(entry.text, entry.event_id is not None, entry.reason) for entry in entries]


def test_a_message_waits_until_the_turn_is_over(tmp_path: Path) -> None:
    talk = Talk(tmp_path, ("And the chair?", False))
    order: list[str] = []

    def heard(text: str) -> None:
        order.extend(talk.sent)
        talk.desk.emit(says("First done."), idle())

    talk.heard = heard
    result = talk.run()
    assert result.verdict is Verdict.COMPLETED
    assert order == ["Do it."]
    assert talk.sent == ["Do it.", "And the chair?"]
    assert result.final_message == "Answer to And the chair?"
    assert talk.kept == [("And the chair?", True, None)]
    assert any("It is told when this turn is over" in str(n) for n in talk.trial.notices)


def test_each_of_several_messages_has_a_turn_of_its_own(tmp_path: Path) -> None:
    talk = Talk(tmp_path, ("One?", False), ("Two?", False))
    result = talk.run()
    assert talk.sent == ["Do it.", "One?", "Two?"]
    assert result.final_message == "Answer to Two?"
    types = [event["type"] for event in talk.desk.events]
    one, two = (
        next(
            place
            for place, event in enumerate(talk.desk.events)
            if event["type"] == "user.message" and event["content"][0]["text"] == text
        )
        for text in ("One?", "Two?")
    )
    assert "session.status_idle" in types[one:two]


def test_steering_joins_the_turn(tmp_path: Path) -> None:
    talk = Talk(tmp_path, ("Blue, not red.", True))
    talk.heard = lambda text: None
    result = talk.run()
    assert result.verdict is Verdict.COMPLETED
    assert talk.sent == ["Do it.", "Blue, not red."]
    before = [e["type"] for e in talk.desk.events]
    first = before.index("session.status_idle")
    assert before[:first].count("user.message") == 2


def test_what_comes_too_late_to_steer_is_told_behind(tmp_path: Path) -> None:
    talk = Talk(tmp_path, ("Blue.", True))

    def heard(text: str) -> None:
        # The turn has come to a stop meanwhile, where the service takes no message.
        talk.desk.send_faults = [("before", Rejected("It waits for answers.", status=400))]
        talk.desk.emit(idle())

    talk.heard = heard
    result = talk.run()
    assert result.verdict is Verdict.COMPLETED
    assert talk.sent == ["Do it.", "Blue."]
    assert talk.kept == [("Blue.", True, None)]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("fault", [LostAnswer("Broke."), Unavailable("Busy.", status=529)], ids=str)
def test_it_is_sent_once_whatever_happens_to_the_request(
    tmp_path: Path, when: str, fault: Exception
) -> None:
    talk = Talk(tmp_path, ("And the chair?", False))

    def heard(text: str) -> None:
        talk.desk.send_faults = [(when, fault)]
        talk.desk.emit(idle())

    talk.heard = heard
    result = talk.run()
    assert result.verdict is Verdict.COMPLETED
    assert talk.sent.count("And the chair?") == 1
    assert result.final_message == "Answer to And the chair?"


def test_what_the_service_refuses_is_told_and_ends_nothing(tmp_path: Path) -> None:
    talk = Talk(tmp_path, ("And the chair?", False))

    def heard(text: str) -> None:
        talk.desk.send_faults = [("before", Rejected("No.", status=400))]
        talk.desk.emit(idle())

    talk.heard = heard
    result = talk.run()
    assert result.verdict is Verdict.COMPLETED
    assert talk.sent == ["Do it."]
    assert talk.kept == [("And the chair?", False, "No.")]
    assert "What was said could not be sent: No." in result.warnings


def test_a_run_that_ends_says_what_it_did_not_send(tmp_path: Path) -> None:
    policy = agent_policy(budget=budget_policy(wall_s=3.0))
    talk = Talk(tmp_path, ("And the chair?", False), policy=policy)
    talk.heard = lambda text: None
    result = talk.run()
    assert result.verdict is Verdict.BUDGET
    assert talk.sent == ["Do it."]
    assert talk.kept == [("And the chair?", False, "The run ended: budget.")]
    assert "The run ended before this was sent: ann@desk says: And the chair?" in result.warnings


def test_what_is_said_while_outputs_are_looked_at_is_still_sent(tmp_path: Path) -> None:
    talk = Talk(tmp_path)

    class Slow(Desk):
        async def files(self, session_id: str) -> Any:
            if talk.said:
                talk.say()
                await talk.trial.clock.sleep(2.0)
                for _ in range(50):
                    await talk.trial.clock.sleep(0.1)
            return await super().files(session_id)

    talk.desk = talk.trial.desk = Slow(
        lambda e: [*answers(e), idle()] if e["type"] == "user.message" else answers(e)
    )
    talk.said = [("One more.", False)]
    talk.trial.notices.clear()
    result = talk.trial.run()
    assert result.verdict is Verdict.COMPLETED
    assert talk.sent == ["Do it.", "One more."]
    assert result.final_message == "Answer to One more."


class LastLook(Desk):
    """Something is said while the files are listed, with no time between that and the end."""

    def __init__(self, talk: Talk, react: Callable[[Mapping[str, Any]], Sequence[Raw]]) -> None:
        super().__init__(react)
        self.talk = talk
        self.looks = 0

    async def files(self, session_id: str) -> Any:
        self.looks += 1
        if self.looks == 1:
            self.talk.say()
        return await super().files(session_id)


def test_what_is_said_a_moment_before_the_end_is_sent(tmp_path: Path) -> None:
    talk = Talk(tmp_path, ("One more.", False))
    talk.desk = talk.trial.desk = LastLook(talk, lambda event: [*answers(event), idle()])
    result = talk.trial.run()
    assert talk.sent == ["Do it.", "One more."]
    assert result.final_message == "Answer to One more."


def test_a_run_that_has_ended_takes_nothing_more(tmp_path: Path) -> None:
    talk = Talk(tmp_path, ("One?", False))
    talk.run()
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        late = make_remark(ledger, "run1", "Two?", steer=False, who="ann@desk", at="2026")
    assert late is None
    assert talk.kept == [("One?", True, None)]


def test_a_run_that_has_its_outputs_repaired_hears_again(tmp_path: Path) -> None:
    note = OutputPolicy(path="note.md", required=True, schema=None, sections=())
    policy = agent_policy(outputs={"note": note}, repair=1)
    talk = Talk(tmp_path, ("And the chair?", False), policy=policy)

    def answered(event: Mapping[str, Any]) -> Sequence[Raw]:
        if event["type"] != "user.message":
            return answers(event)
        text = event["content"][0]["text"]
        if talk.said and text != "Do it.":
            talk.say()
        return [running(), says("Done."), idle()]

    talk.desk = talk.trial.desk = Desk(answered)
    result = talk.trial.run()
    assert result.verdict is Verdict.INCOMPLETE
    assert talk.sent[2:] == ["And the chair?"]


def message(id: str, text: str) -> Raw:
    return {"type": "user.message", "id": id, "content": [{"type": "text", "text": text}]}


@pytest.mark.parametrize("arrived", [True, False])
def test_after_a_crash_it_is_looked_for_before_it_is_sent_again(
    tmp_path: Path, arrived: bool
) -> None:
    """The process died between the send and the note that it was taken."""
    talk = Talk(tmp_path)
    request = RunRequest(
        run_id="run1",
        agent="agent/a",
        agent_id="agent_1",
        agent_version=1,
        environment_id="env_1",
        policy=agent_policy(),
        inputs={},
        out_dir=tmp_path / "out",
        project_root=tmp_path,
    )
    record = write_record(request, "Do it.")
    talk.desk.emit(message("m1", "Do it."), running(), says("Working."), idle())
    if arrived:
        talk.desk.emit(message("m2", "And the chair?"), running(), says("Yes."), idle())
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.begin_run(
            "run1", agent="agent/a", agent_id="agent_1", agent_version=1, at=AT, record=record
        )
        ledger.set_session("run1", "sesn_1")
        ledger.claim_message("run1", 0, "Do it.", at=AT)
        ledger.confirm_message("run1", 0, "m1")
        id = make_remark(ledger, "run1", "And the chair?", steer=False, who="ann", at=AT)
        assert id is not None
        begin_remark(ledger, id, at=AT)
        result = asyncio.run(
            resume_session(
                read_record("run1", record, root=tmp_path, secrets={}),
                sessions=talk.desk,
                ledger=ledger,
                clock=talk.trial.clock,
                observer=talk.trial.notices.append,
                person=None,
                knobs=KNOBS,
                draw=lambda: 0.5,
            )
        )
    assert result.verdict is Verdict.COMPLETED
    assert talk.sent == ([] if arrived else ["And the chair?"])
    assert talk.kept == [("And the chair?", True, None)]
    assert result.final_message == ("Yes." if arrived else "Answer to And the chair?")
