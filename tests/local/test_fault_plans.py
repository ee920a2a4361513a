"""Faults by plan, over HTTP: each happens where the plan says, and holds for what the plan was given to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

from agentflow.local.fault_plan import HEADER, OPERATIONS, FaultPlan, plan_from_header
from agentflow.local.faults import Faults
from agentflow.local.routes import ROUTES
from tests.support.service import (
    ASKING,
    CUSTOM,
    TOOLSET,
    Bench,
    Running,
    message,
    only,
    running_service,
    types,
    until_stop,
)

SCRIPT = "turns: [{ say: One. }, { say: Two. }, { say: Three. }]"
SEVEN = """
turns:
  - say: Seven at once.
    tools: [%s]
  - { say: Done. }
"""
STOP = "session.status_idle"


def seven(name: str) -> str:
    calls = [f"{{ id: c{n}, name: {name}, input: {{ command: echo {n} }} }}" for n in range(7)]
    return SEVEN % ", ".join(calls)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One service without faults: each session brings its own."""
    root = tmp_path_factory.mktemp("service")
    with running_service(root, script=SCRIPT, toolbox=Bench()) as running:
        yield running


def faulty(running: Running, **plan: Any) -> str:
    """A session with a plan of its own."""
    return running.session(extra_headers={HEADER: json.dumps(plan)})


def stream(running: Running, session: str) -> list[dict[str, Any]]:
    """Data frames of one connection, up to its end, however it ends."""
    url = f"{running.base_url}/v1/sessions/{session}/events/stream"
    headers = {"x-api-key": running.token, "anthropic-beta": "managed-agents-2026-04-01"}
    found = []
    with httpx2.stream("GET", url, headers=headers) as answer:
        lines = answer.iter_lines()
        assert next(lines) == ": open"
        running.own.beta.sessions.events.send(session, events=[message("go")])  # type: ignore[list-item]
        for line in lines:
            if line.startswith("data: "):
                found.append(json.loads(line[6:]))
                if found[-1]["type"] == STOP:
                    break
    return found


# Streams


@pytest.mark.parametrize("n", [1, 4, 9])
def test_a_stream_cut_before_an_event_that_took_place(running: Running, n: int) -> None:
    session = faulty(running, cut_stream_before=n)
    seen: list[Any] = []
    with running.own.beta.sessions.events.stream(session) as events:
        running.own.beta.sessions.events.send(session, events=[message("go")])  # type: ignore[list-item]
        with pytest.raises(httpx2.RemoteProtocolError):
            seen.extend(events)
    assert len(seen) == n - 1
    # The session goes on without the stream, and may be on its way still.
    with running.own.beta.sessions.events.stream(session) as events:
        if STOP not in types(running.history(session)):
            until_stop(events)
    assert types(running.history(session))[-1] == STOP
    assert running.service.faults_of(session).fired == ["cut_stream_before"]


def test_a_stream_cut_in_the_middle_of_a_frame(running: Running) -> None:
    session = faulty(running, cut_stream_within=3)
    url = f"{running.base_url}/v1/sessions/{session}/events/stream"
    headers = {"x-api-key": running.token, "anthropic-beta": "managed-agents-2026-04-01"}
    parts: list[bytes] = []
    with httpx2.stream("GET", url, headers=headers) as answer:
        raw = answer.iter_raw()
        parts.append(next(raw))
        running.own.beta.sessions.events.send(session, events=[message("go")])  # type: ignore[list-item]
        with pytest.raises(httpx2.RemoteProtocolError):
            parts.extend(raw)
    frames = b"".join(parts).removeprefix(b": open\n\n").split(b"\n\n")
    assert len(frames) == 3
    assert frames[2].startswith(b"event: ")
    assert not frames[2].endswith(b"}")


def test_an_error_frame_ends_the_stream(running: Running) -> None:
    session = faulty(running, error_frame_after=2)
    seen: list[Any] = []
    with running.own.beta.sessions.events.stream(session) as events:
        running.own.beta.sessions.events.send(session, events=[message("go")])  # type: ignore[list-item]
        with pytest.raises(anthropic.APIStatusError, match="asked for"):
            seen.extend(events)
    assert types(e.to_dict() for e in seen) == ["user.message", "session.status_running"]


@pytest.mark.parametrize("kind", ["clean_end_after", "silent_after", "error_frame_after"])
def test_a_stream_may_go_wrong_before_its_first_event(running: Running, kind: str) -> None:
    session = faulty(running, **{kind: 0})
    with running.client(timeout=0.3) as client, client.beta.sessions.events.stream(session) as it:
        running.own.beta.sessions.events.send(session, events=[message("go")])  # type: ignore[list-item]
        if kind == "clean_end_after":
            assert list(it) == []
        else:
            with pytest.raises((httpx2.ReadTimeout, anthropic.APIStatusError)):
                list(it)
    assert running.service.faults_of(session).fired == [kind]


def test_several_connections_are_hit(running: Running) -> None:
    session = faulty(running, cut_stream_after=0, streams_hit=2)
    for _ in range(2):
        with (
            pytest.raises(httpx2.RemoteProtocolError),
            running.own.beta.sessions.events.stream(session) as events,
        ):
            list(events)
    assert stream(running, session)[-1]["type"] == STOP


# Answers


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ({"status": 500}, anthropic.InternalServerError),
        ({"status": 429, "retry_after_s": 0.5}, anthropic.RateLimitError),
        ({"status": 404}, anthropic.NotFoundError),
        ({"broken": True}, anthropic.APIConnectionError),
    ],
)
@pytest.mark.parametrize("to", ["events.list", "sessions.retrieve", "files.list", "events.stream"])
def test_an_answer_of_any_kind_goes_wrong(
    running: Running, to: str, how: dict[str, Any], error: type[Exception]
) -> None:
    session = faulty(running, answers=[{"to": to, "number": 2, "times": 2, **how}])

    if to == "events.stream" and how.get("broken"):
        error = httpx2.RemoteProtocolError  # the head of the answer had come

    def ask() -> None:
        client = running.own.beta
        match to:
            case "events.list":
                list(client.sessions.events.list(session))
            case "sessions.retrieve":
                client.sessions.retrieve(session)
            case "files.list":
                client.files.list(scope_id=session, betas=["managed-agents-2026-04-01"])
            case _:
                with client.sessions.events.stream(session) as events:
                    if faults.asked[to] in (2, 3):
                        list(events)

    faults = running.service.faults_of(session)
    ask()
    for _ in range(2):
        with pytest.raises(error):
            ask()
    ask()
    assert (faults.fired, faults.asked[to]) == (["answers"] * 2, 4)


def test_a_session_whose_creation_is_not_answered_exists(running: Running) -> None:
    before = len(list(running.own.beta.sessions.list()))
    with pytest.raises(anthropic.APIConnectionError):
        faulty(running, answers=[{"to": "sessions.create", "broken": True, "after_effect": True}])
    assert len(list(running.own.beta.sessions.list())) == before + 1
    with pytest.raises(anthropic.InternalServerError):
        faulty(running, answers=[{"to": "sessions.create", "status": 503}])
    assert len(list(running.own.beta.sessions.list())) == before + 1


class ToldClock:
    """The service's clock; who sleeps on it waits until it is told to go on."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.go_on = asyncio.Event()

    def now(self) -> datetime:
        return datetime(2026, 11, 22, 10, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self.go_on.wait()


def test_an_answer_is_slow_and_right(tmp_path: Path) -> None:
    clock = ToldClock()
    plan = {"answers": [{"to": "sessions.retrieve", "slow_s": 30}]}
    with running_service(tmp_path, script=SCRIPT, clock=clock) as running:
        session = faulty(running, **plan)
        with running.client(timeout=1.0) as hasty, pytest.raises(anthropic.APITimeoutError):
            hasty.beta.sessions.retrieve(session)
        assert clock.asked == [30.0]
        assert running.own.beta.sessions.retrieve(session).id == session


# Model requests


def turn(running: Running, **fault: Any) -> tuple[str, list[dict[str, Any]]]:
    session = faulty(running, requests=[{"number": 1, **fault}])
    return session, running.turn(session, message("go"))


@pytest.mark.parametrize("type", ["mcp_connection_failed_error", "mcp_authentication_failed_error"])
@pytest.mark.parametrize("retry", ["retrying", "exhausted"])
def test_an_mcp_server_fails_and_the_session_goes_on(
    running: Running, type: str, retry: str
) -> None:
    error = {"type": type, "retry": retry, "mcp_server_name": "warehouse"}
    _, events = turn(running, error=error)
    shown = only(events, "session.error")["error"]
    assert (shown["type"], shown["mcp_server_name"]) == (type, "warehouse")
    assert shown["retry_status"] == {"type": retry}
    assert types(events).count("span.model_request_start") == 1
    assert events[-1]["stop_reason"] == {"type": "end_turn"}


@pytest.mark.parametrize(
    ("retry", "last"),
    [
        ("retrying", {"type": "end_turn"}),
        ("exhausted", {"type": "retries_exhausted"}),
        ("terminal", None),
    ],
)
def test_a_model_request_fails(running: Running, retry: str, last: Any) -> None:
    _, events = turn(running, error={"type": "model_rate_limited_error", "retry": retry})
    assert only(events, "session.error")["error"]["type"] == "model_rate_limited_error"
    assert events[-1].get("stop_reason") == last
    assert events[-1]["type"] == (STOP if last else "session.status_terminated")
    rescheduled = types(events).count("session.status_rescheduled")
    assert rescheduled == (retry == "retrying")


@pytest.mark.parametrize("reason", ["refusal", "budget_reached", "retries_exhausted", "tea_break"])
def test_a_session_stops_for_any_reason(tmp_path: Path, reason: str) -> None:
    plan = FaultPlan.model_validate({"requests": [{"number": 1, "stop": reason}]})
    with running_service(tmp_path, script=SCRIPT, faults=Faults(plan)) as running:
        session = running.session()
        events = stream(running, session)
        assert events[-1]["stop_reason"] == {"type": reason}
        assert types(events)[-3:] == ["session.thread_status_idle", "session.usage", STOP]
        assert "span.model_request_start" not in types(events)
        details = events[-1]["stop_details"]
        assert (details is not None) is (reason == "refusal")
        if reason == "budget_reached":
            with pytest.raises(anthropic.BadRequestError, match="raise it first"):
                stream(running, session)
        else:
            assert stream(running, session)[-1]["stop_reason"] == {"type": "end_turn"}


def test_a_session_is_rescheduled_without_an_error(running: Running) -> None:
    _, events = turn(running, reschedule=True)
    found = types(events)
    at = found.index("session.status_rescheduled")
    assert found[at : at + 3] == [
        "session.status_rescheduled",
        "session.thread_status_rescheduled",
        "session.status_running",
    ]
    assert "session.error" not in found
    assert events[-1]["stop_reason"] == {"type": "end_turn"}


def test_somebody_elses_message_joins_the_turn(running: Running) -> None:
    session, events = turn(running, message="Be brief.")
    assert types(events).count("session.status_running") == 1
    texts = [
        e["content"][0]["text"] for e in running.history(session) if e["type"] == "user.message"
    ]
    assert texts == ["go", "Be brief."]
    assert types(events).count("agent.message") == 1


def test_a_message_that_is_sent_meanwhile_joins_the_running_turn(tmp_path: Path) -> None:
    clock = ToldClock()
    script = """
turns:
  - { say: First., tools: [{ id: a, name: bash, input: { command: one } }] }
  - { say: "You said ${input.text}" }
"""
    plan = {"requests": [{"number": 1, "slow_s": 9}]}
    with running_service(tmp_path, script=script, clock=clock, toolbox=Bench()) as running:
        session = running.session(
            agent={"tools": [TOOLSET]}, extra_headers={HEADER: json.dumps(plan)}
        )
        send = running.own.beta.sessions.events.send
        with running.own.beta.sessions.events.stream(session) as events:
            send(session, events=[message("go")])  # type: ignore[list-item]
            seen = []
            for event in events:
                seen.append(event.model_dump(mode="json"))
                if event.type == "span.model_request_start" and not clock.go_on.is_set():
                    send(session, events=[message("And tea.")])  # type: ignore[list-item]
                    loop = running.service.loop
                    loop.call_soon_threadsafe(clock.go_on.set)
                if event.type == STOP:
                    break
    assert types(seen).count(STOP) == 1
    assert [e["content"][0]["text"] for e in seen if e["type"] == "agent.message"] == [
        "First.",
        "You said And tea.",
    ]


# Calls


def answer_all(running: Running, session: str, events: list[dict[str, Any]]) -> None:
    for call in [e for e in events if e["type"] == "agent.custom_tool_use"]:
        result = {
            "type": "user.custom_tool_result",
            "custom_tool_use_id": call["id"],
            "content": [{"type": "text", "text": "1"}],
        }
        running.own.beta.sessions.events.send(session, events=[result])  # type: ignore[list-item]


@pytest.mark.parametrize(("window", "named"), [("unset", 5), (1, 1), (None, 7)])
def test_more_calls_are_pending_than_are_named(tmp_path: Path, window: Any, named: int) -> None:
    plan = {} if window == "unset" else {"event_id_window": window}
    with running_service(tmp_path, script=seven("rate")) as running:
        session = running.session(
            agent={"tools": [CUSTOM]}, extra_headers={HEADER: json.dumps(plan)}
        )
        events = running.turn(session, message("go"))
        assert len(events[-1]["stop_reason"]["event_ids"]) == named
        answer_all(running, session, events)
        assert types(running.history(session)).count("user.custom_tool_result") == 7


def test_parallel_calls_come_before_all_of_their_results(tmp_path: Path) -> None:
    with running_service(tmp_path, script=seven("bash"), toolbox=Bench()) as running:
        found = types(running.turn(running.session(agent={"tools": [TOOLSET]}), message("go")))
    calls = [type for type in found if type in ("agent.tool_use", "agent.tool_result")]
    assert calls == ["agent.tool_use"] * 7 + ["agent.tool_result"] * 7
    assert found.index("agent.tool_result") > found.index("span.model_request_end")


@pytest.mark.parametrize("what", ["refuse", "accept", "ignore"])
@pytest.mark.parametrize("custom", [True, False])
def test_what_becomes_of_a_second_answer(tmp_path: Path, what: str, custom: bool) -> None:
    name = "rate" if custom else "bash"
    script = f"turns: [{{ tools: [{{ id: a, name: {name}, input: {{}} }}] }}, {{ say: Done. }}]"
    with running_service(tmp_path, script=script, toolbox=Bench()) as running:
        session = running.session(
            agent={"tools": [CUSTOM if custom else ASKING]},
            extra_headers={HEADER: json.dumps({"second_answers": what})},
        )
        [id] = running.turn(session, message("go"))[-1]["stop_reason"]["event_ids"]
        result: dict[str, Any] = {
            "type": "user.tool_confirmation",
            "tool_use_id": id,
            "result": "allow",
        }
        if custom:
            result = {"type": "user.custom_tool_result", "custom_tool_use_id": id, "content": []}
        running.turn(session, result)
        before = running.history(session)
        send = running.own.beta.sessions.events.send
        if what == "refuse":
            with pytest.raises(anthropic.BadRequestError, match="already"):
                send(session, events=[result])  # type: ignore[list-item]
        elif what == "ignore":
            [kept] = send(session, events=[result]).data or []  # type: ignore[list-item]
            assert kept.type == result["type"]
        else:
            assert running.turn(session, result)[-1]["stop_reason"] == {"type": "end_turn"}
        after = running.history(session)
    assert types(after).count(result["type"]) == (2 if what == "accept" else 1)
    assert (after == before) is (what != "accept")


def test_the_end_of_a_turn_is_listed_late(running: Running) -> None:
    session = faulty(running, late_events=1)
    running.turn(session, message("go"))
    assert types(running.history(session))[-1] == "session.usage"
    assert types(running.history(session))[-1] == STOP


# What a plan holds for


def test_faults_of_a_session_are_those_of_no_other(running: Running) -> None:
    one, other = faulty(running, duplicate_event=2), running.session()
    assert len(stream(running, one)) == len(stream(running, other)) + 1


def test_faults_of_a_request_are_those_of_no_other(running: Running) -> None:
    session = running.session()
    plan = json.dumps({"answers": [{"to": "sessions.retrieve", "status": 503}]})
    with pytest.raises(anthropic.InternalServerError):
        running.own.beta.sessions.retrieve(session, extra_headers={HEADER: plan})
    assert running.own.beta.sessions.retrieve(session).status == "idle"


@pytest.mark.parametrize(
    ("header", "named"),
    [("{", HEADER), ('{"cut": 1}', "cut"), ('{"late_files": "two"}', "late_files")],
)
def test_a_header_that_is_no_plan_is_refused(running: Running, header: str, named: str) -> None:
    with pytest.raises(anthropic.BadRequestError, match=named):
        running.session(extra_headers={HEADER: header})
    with pytest.raises(ValueError, match=named):
        plan_from_header(header)


def test_a_plan_is_not_shown_and_survives_a_restart(tmp_path: Path) -> None:
    with running_service(tmp_path, script=SCRIPT) as running:
        session = faulty(running, clean_end_after=1)
        assert "faults" not in running.own.beta.sessions.retrieve(session).to_json()
    with (
        running_service(tmp_path, script=SCRIPT) as running,
        running.own.beta.sessions.events.stream(session) as events,
    ):
        running.own.beta.sessions.events.send(session, events=[message("go")])  # type: ignore[list-item]
        assert [event.type for event in events] == ["user.message"]


def test_every_operation_of_the_service_can_go_wrong() -> None:
    assert sorted(route.operation for route in ROUTES) == sorted(OPERATIONS)
