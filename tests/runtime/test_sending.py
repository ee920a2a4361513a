"""Sends that fail before or after their effect: made once, and repeated only when proven absent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentflow.errors import LostAnswer, Rejected, ServiceError, Unavailable
from agentflow.runtime.sending import Sender
from agentflow.runtime.session import Call, Decided, Outcome, Stage
from agentflow.runtime.transcript import Transcript, read_transcript
from tests.runtime.desk import Desk
from tests.runtime.support import HandClock

CALL = Call(
    id="c1", name="rate", input={}, custom=True, server=None, stage=Stage.RUNNING, began_s=0
)

FAULTS: list[ServiceError] = [
    Unavailable("Internal error.", status=500),
    Unavailable("Slow down.", status=429, retry_after_s=7.0),
    LostAnswer("The connection broke."),
]


@pytest.fixture
def transcript(tmp_path: Path) -> Iterator[Transcript]:
    transcript = Transcript(tmp_path / "t.jsonl", HandClock())
    yield transcript
    transcript.close()


def sender(desk: Desk, transcript: Transcript, clock: HandClock | None = None) -> Sender:
    clock = clock or HandClock()
    return Sender(desk, "sesn_1", transcript=transcript, clock=clock, draw=lambda: 0.5, tries=3)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_everything_arrives_exactly_once(
    when: str, fault: ServiceError, transcript: Transcript, tmp_path: Path
) -> None:
    desk = Desk()
    one = sender(desk, transcript)

    async def scenario() -> str:
        desk.send_faults = [(when, fault)]
        id = await one.message("Do it.")
        desk.send_faults = [(when, fault)]
        await one.result(CALL, Outcome(text="1.1"), None)
        desk.send_faults = [(when, fault)]
        await one.confirmation(CALL, Decided("c1", False, "No."))
        return id

    assert asyncio.run(scenario()) == "sevt_1"
    assert [event["type"] for event in desk.sent] == [
        "user.message",
        "user.custom_tool_result",
        "user.tool_confirmation",
    ]
    assert desk.sent[2]["deny_message"] == "No."
    assert [line.sent for line in read_transcript(tmp_path / "t.jsonl")] == [True] * 3


def test_the_same_text_twice_is_two_messages(transcript: Transcript) -> None:
    desk = Desk()
    one = sender(desk, transcript)

    async def scenario() -> list[str]:
        first = await one.message("Again.")
        desk.send_faults = [("before", LostAnswer("x"))]
        return [first, await one.message("Again.")]

    assert asyncio.run(scenario()) == ["sevt_1", "sevt_2"]


def test_what_the_service_asks_to_wait_is_waited(transcript: Transcript) -> None:
    clock = HandClock()
    desk = Desk()
    desk.send_faults = [("before", Unavailable("Slow down.", status=429, retry_after_s=7.0))]
    asyncio.run(sender(desk, transcript, clock).message("Do it."))
    assert clock.seconds == 7.0


def test_an_answer_that_was_given_already_is_a_success(transcript: Transcript) -> None:
    desk = Desk()
    desk.send_faults = [("before", Rejected("Event c1 was already answered.", status=400))]
    asyncio.run(sender(desk, transcript).result(CALL, Outcome(text="1"), None))
    assert desk.sent == []


def test_a_call_the_service_does_not_know_yet_is_tried_again(transcript: Transcript) -> None:
    desk = Desk()
    text = "tool_use_id c1 does not match any agent.tool_use event"
    desk.send_faults = [("before", Rejected(text, status=400))] * 2
    asyncio.run(sender(desk, transcript).confirmation(CALL, Decided("c1", True)))
    assert len(desk.sent) == 1


@pytest.mark.parametrize("fault", [Rejected("Bad.", status=400), Unavailable("No.", status=503)])
def test_what_cannot_be_sent_is_raised(fault: ServiceError, transcript: Transcript) -> None:
    desk = Desk()
    desk.send_faults = [("before", fault)] * 3
    with pytest.raises(type(fault)):
        asyncio.run(sender(desk, transcript).message("Do it."))
    assert desk.sent == []


def test_nothing_is_repeated_without_the_history(transcript: Transcript) -> None:
    desk = Desk()
    desk.send_faults = [("after", LostAnswer("x"))]
    desk.history_faults = [Unavailable("No.", status=503)] * 3
    with pytest.raises(LostAnswer, match="cannot be found out"):
        asyncio.run(sender(desk, transcript).message("Do it."))
    assert len(desk.sent) == 1


def test_a_warning_travels_behind_a_result_or_not_at_all(transcript: Transcript) -> None:
    desk = Desk()
    one = sender(desk, transcript)
    asyncio.run(one.result(CALL, Outcome(text=""), "Hurry."))
    assert [e["type"] for e in desk.sent] == ["user.custom_tool_result", "system.message"]
    assert desk.sent[0]["content"][0]["text"] == "(no output)"
    desk = Desk()
    desk.send_faults = [("before", Rejected("model_does_not_support", status=400))]
    asyncio.run(sender(desk, transcript).result(CALL, Outcome(text="1"), "Hurry."))
    assert [e["type"] for e in desk.sent] == ["user.custom_tool_result"]


def test_an_answer_is_repeated_only_if_the_history_lacks_it(transcript: Transcript) -> None:
    desk = Desk()
    one = sender(desk, transcript)
    asyncio.run(one.result(CALL, Outcome(text="1"), None))
    asyncio.run(one.result(CALL, Outcome(text="1"), None, again=True))
    assert len(desk.sent) == 1
    desk.events.clear()
    asyncio.run(one.result(CALL, Outcome(text="1"), None, again=True))
    assert len(desk.sent) == 2


def test_a_message_taken_without_an_id_is_looked_up(transcript: Transcript) -> None:
    class Terse(Desk):
        async def send(self, session_id: str, events: Any) -> Any:
            await super().send(session_id, events)
            return []

    desk = Terse()
    assert asyncio.run(sender(desk, transcript).message("Do it.")) == "sevt_1"
    assert len(desk.sent) == 1


HALF = "cut \ud83d"
"""Half of a character outside the basic plane, as a text cut at a length in UTF-16 ends."""


def test_half_a_character_is_written_down_and_read_as_a_question_mark(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path / "half.jsonl", HandClock())
    transcript.received({"type": "agent.message", "text": HALF})
    transcript.close()
    [line] = read_transcript(tmp_path / "half.jsonl")
    assert line.event["text"] == "cut ?"
