"""What goes wrong on purpose, as a client meets it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

from agentflow.local.fault_plan import AnswerFault
from agentflow.local.faults import Faults
from tests.support.service import (
    CUSTOM,
    Running,
    message,
    running_service,
    send_fault,
    types,
    until_stop,
)

HELLO = "turns: [{ say: One. }, { say: Two. }]"
RATE = "turns: [{ tools: [{ id: r, name: rate }] }, { say: Done. }]"
FRAMES = 10
"""Data frames of one turn of `HELLO`."""


def read_all(running: Running, session: str) -> list[str]:
    """Types seen until the stream breaks or stops."""
    seen: list[str] = []
    client = running.own
    with client.beta.sessions.events.stream(session) as stream:
        client.beta.sessions.events.send(session, events=[message("go")])  # type: ignore[list-item]
        for event in stream:
            seen.append(event.type)
            if event.type == "session.status_idle":
                break
    return seen


@pytest.mark.parametrize("after", range(1, FRAMES))
def test_a_cut_stream_breaks_after_that_frame_and_loses_nothing(tmp_path: Path, after: int) -> None:
    faults = Faults(cut_stream_after=after)
    with running_service(tmp_path, script=HELLO, faults=faults) as running:
        session = running.session()
        client = running.own
        seen: list[str] = []
        with client.beta.sessions.events.stream(session) as stream:
            client.beta.sessions.events.send(session, events=[message("go")])  # type: ignore[list-item]
            with pytest.raises(httpx2.RemoteProtocolError):
                seen.extend(event.type for event in stream)
        assert len(seen) == after
        assert faults.fired == ["cut_stream_after"]
        second = running.turn(session, message("more"))
        assert types(second)[-1] == "session.status_idle"


def test_a_stream_cut_before_its_first_frame(tmp_path: Path) -> None:
    with running_service(tmp_path, script=HELLO, faults=Faults(cut_stream_after=0)) as running:
        session = running.session()
        with (
            pytest.raises(httpx2.RemoteProtocolError),
            running.own.beta.sessions.events.stream(session) as stream,
        ):
            list(stream)


def test_a_clean_end_comes_without_an_error(tmp_path: Path) -> None:
    faults = Faults(clean_end_after=2)
    with running_service(tmp_path, script=HELLO, faults=faults) as running:
        assert read_all(running, running.session()) == ["user.message", "session.status_running"]


def test_a_silent_stream_stays_open(tmp_path: Path) -> None:
    faults = Faults(silent_after=2)
    with running_service(tmp_path, script=HELLO, faults=faults) as running:
        session = running.session()
        options: Any = {"timeout": 0.5}
        with running.client(**options) as client:
            seen: list[str] = []
            with client.beta.sessions.events.stream(session) as stream:
                client.beta.sessions.events.send(session, events=[message("go")])  # type: ignore[list-item]
                with pytest.raises(httpx2.ReadTimeout):
                    seen.extend(event.type for event in stream)
        assert len(seen) == 2
        assert types(running.history(session))[-1] == "session.status_idle"


def test_a_duplicate_is_the_same_event(tmp_path: Path) -> None:
    faults = Faults(duplicate_event=3)
    with running_service(tmp_path, script=HELLO, faults=faults) as running:
        events = running.turn(running.session(), message("go"))
    assert events[2] == events[3]
    assert len({(e["id"], e["processed_at"]) for e in events}) == len(events) - 1


def test_an_unknown_event_is_on_the_stream_and_in_the_history(tmp_path: Path) -> None:
    faults = Faults(unknown_event_after=4)
    with running_service(tmp_path, script=HELLO, faults=faults) as running:
        session = running.session()
        with running.client(_strict_response_validation=False) as client:
            with client.beta.sessions.events.stream(session) as stream:
                client.beta.sessions.events.send(session, events=[message("go")])  # type: ignore[list-item]
                seen = types(until_stop(stream))
            listed: list[str] = [event.type for event in client.beta.sessions.events.list(session)]
    assert seen.count("session.weather_changed") == 1
    assert listed.count("session.weather_changed") == 1


def test_a_pending_call_is_announced_again_while_its_answer_is_on_the_way(
    tmp_path: Path,
) -> None:
    faults = Faults(reannounce_pending=1)
    with running_service(tmp_path, script=RATE, faults=faults) as running:
        session = running.session(agent={"tools": [CUSTOM]})
        [id] = running.turn(session, message("go"))[-1]["stop_reason"]["event_ids"]
        result = {"type": "user.custom_tool_result", "custom_tool_use_id": id, "content": []}
        client = running.own
        with client.beta.sessions.events.stream(session) as stream:
            client.beta.sessions.events.send(session, events=[result])  # type: ignore[list-item]
            again, rest = until_stop(stream), until_stop(stream)
    assert again[0]["stop_reason"] == {"type": "requires_action", "event_ids": [id]}
    assert rest[0]["type"] == "user.custom_tool_result"
    assert rest[-1]["stop_reason"] == {"type": "end_turn"}


@pytest.mark.parametrize(
    ("fault", "error", "kept"),
    [
        (send_fault(status=500), anthropic.InternalServerError, False),
        (send_fault(status=500, after_effect=True), anthropic.InternalServerError, True),
        (send_fault(status=429, retry_after_s=0.25), anthropic.RateLimitError, False),
        (send_fault(status=429), anthropic.RateLimitError, False),
        (send_fault(status=529), anthropic.APIStatusError, False),
        (send_fault(broken=True), anthropic.APIConnectionError, False),
        (send_fault(broken=True, after_effect=True), anthropic.APIConnectionError, True),
    ],
)
def test_a_send_that_fails(
    tmp_path: Path, fault: AnswerFault, error: type[Exception], kept: bool
) -> None:
    with running_service(tmp_path, script=HELLO, faults=Faults(answers=[fault])) as running:
        session = running.session()
        with pytest.raises(error) as caught:
            running.turn(session, message("go"))
        if fault.status == 429:
            assert isinstance(caught.value, anthropic.APIStatusError)
            expected = "0.25" if fault.retry_after_s else None
            assert caught.value.response.headers.get("retry-after") == expected
        assert ("user.message" in types(running.history(session))) is kept
        assert running.faults.fired == ["answers"]


def test_an_answer_may_race_the_record_of_its_call(tmp_path: Path) -> None:
    with running_service(tmp_path, script=RATE, faults=Faults(mismatch_answers=1)) as running:
        session = running.session(agent={"tools": [CUSTOM]})
        [id] = running.turn(session, message("go"))[-1]["stop_reason"]["event_ids"]
        result = {"type": "user.custom_tool_result", "custom_tool_use_id": id, "content": []}
        with pytest.raises(anthropic.BadRequestError, match="does not match any"):
            running.turn(session, result)
        assert running.turn(session, result)[-1]["stop_reason"] == {"type": "end_turn"}


def test_a_second_answer_may_wake_the_session_for_nothing(tmp_path: Path) -> None:
    faults = Faults(second_answers="accept")
    with running_service(tmp_path, script=RATE, faults=faults) as running:
        session = running.session(agent={"tools": [CUSTOM]})
        [id] = running.turn(session, message("go"))[-1]["stop_reason"]["event_ids"]
        result = {"type": "user.custom_tool_result", "custom_tool_use_id": id, "content": []}
        running.turn(session, result)
        again = running.turn(session, result)
    assert "span.model_request_start" not in types(again)
    assert again[-1]["stop_reason"] == {"type": "end_turn"}


def test_heartbeats_keep_a_quiet_stream_alive(tmp_path: Path) -> None:
    with running_service(tmp_path, script=HELLO, heartbeat_s=0.01) as running:
        session = running.session()
        url = f"{running.base_url}/v1/sessions/{session}/events/stream"
        headers = {
            "x-api-key": running.token,
            "anthropic-beta": "managed-agents-2026-04-01",
        }
        with httpx2.stream("GET", url, headers=headers) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = answer.iter_lines()
            found = [next(lines) for _ in range(5)]
    assert found == [": open", "", ": heartbeat", "", ": heartbeat"]


def test_many_listeners_get_the_same_events_with_the_async_client(tmp_path: Path) -> None:
    async def listen(client: anthropic.AsyncAnthropic, session: str, ready: asyncio.Event) -> Any:
        async with await client.beta.sessions.events.stream(session) as stream:
            ready.set()
            seen = []
            async for event in stream:
                seen.append((event.to_dict().get("id"), event.type))
                if event.type == "session.status_idle":
                    return seen

    async def main(running: Running, session: str) -> list[Any]:
        async with running.async_client() as client:
            ready = [asyncio.Event() for _ in range(20)]
            tasks = [asyncio.create_task(listen(client, session, flag)) for flag in ready]
            for flag in ready:
                await flag.wait()
            await client.beta.sessions.events.send(session, events=[message("go")])  # type: ignore[list-item]
            return await asyncio.gather(*tasks)

    with running_service(tmp_path, script=HELLO) as running:
        seen = asyncio.run(main(running, running.session()))
    assert all(one == seen[0] for one in seen)
    assert seen[0][-1][1] == "session.status_idle"


def test_stopping_ends_streams_properly(tmp_path: Path) -> None:
    with running_service(tmp_path, script=HELLO) as running:
        session = running.session()
        with running.own.beta.sessions.events.stream(session) as stream:
            running.service.stop()
            assert list(stream) == []
