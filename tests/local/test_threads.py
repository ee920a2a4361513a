"""Sub-agents that a script lets work: what a session shows of their threads, and what the threads show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.service import (
    AGENT,
    ASKING,
    CUSTOM,
    Bench,
    Running,
    message,
    only,
    running_service,
    types,
)

SCRIPT = """
turns:
  - say: You two.
    tools:
      - { id: eur, name: rate, input: { currency: EUR }, thread: clerk }
      - { id: look, name: bash, input: { command: echo hi }, thread: scribe }
  - say: "${result.eur} and ${result.look}"
  - { say: More., tools: [{ name: rate, input: {}, thread: nobody }] }
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    root = tmp_path_factory.mktemp("service")
    with running_service(root, script=SCRIPT, toolbox=Bench()) as running:
        yield running


def team(running: Running) -> dict[str, Any]:
    """An agent that delegates to two others, of which one may use bash if it is confirmed."""
    create: Any = running.own.beta.agents.create
    clerk = create(**{**AGENT, "name": "clerk", "tools": [CUSTOM]})
    scribe = create(**{**AGENT, "name": "scribe", "tools": [ASKING]})
    members = [{"type": "agent", "id": one.id, "version": 1} for one in (clerk, scribe)]
    return {"multiagent": {"type": "coordinator", "agents": members}}


def answers(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    custom, builtin = only(events, "agent.custom_tool_use"), only(events, "agent.tool_use")
    text = [{"type": "text", "text": "1.00"}]
    return [
        {"type": "user.custom_tool_result", "custom_tool_use_id": custom["id"], "content": text},
        {"type": "user.tool_confirmation", "tool_use_id": builtin["id"], "result": "allow"},
    ]


def test_a_turn_with_two_threads(running: Running) -> None:
    session = running.session(agent=team(running))
    first = running.turn(session, message("go"))
    created = [e for e in first if e["type"] == "session.thread_created"]
    assert [e["agent_name"] for e in created] == ["clerk", "scribe"]
    calls = [e for e in first if e["type"].endswith("tool_use")]
    assert [e["session_thread_id"] for e in calls] == [e["session_thread_id"] for e in created]
    # What counts is the session: its own thread waits for the others, and not for the client.
    assert first[-1]["stop_reason"]["event_ids"] == [e["id"] for e in calls]
    own = [e for e in first if e["type"] == "session.thread_status_idle"][-1]
    assert (own["agent_name"], own["stop_reason"]) == ("helper", {"type": "end_turn"})

    result, confirmation = answers(first)
    partly = running.turn(session, confirmation)
    assert partly[0]["session_thread_id"] == created[1]["session_thread_id"]
    assert partly[-1]["stop_reason"]["event_ids"] == [calls[0]["id"]]
    rest = running.turn(session, result)
    told = [e["from_agent_name"] for e in rest if e["type"] == "agent.thread_message_received"]
    assert told == ["clerk", "scribe"]
    assert only(rest, "agent.message")["content"][0]["text"] == "1.00 and echo hi"
    assert "agent.tool_result" not in types(running.history(session))


def test_threads_are_listed_with_their_own_events(running: Running) -> None:
    session = running.session(agent=team(running))
    first = running.turn(session, message("go"))
    result, confirmation = answers(first)
    running.turn(session, confirmation)
    running.turn(session, result)
    threads = running.own.beta.sessions.threads
    primary, clerk, scribe = threads.list(session)
    assert primary.parent_thread_id is None
    for thread, name in ((clerk, "clerk"), (scribe, "scribe")):
        assert thread.parent_thread_id == primary.id
        assert thread.agent.type == "agent"
        assert (thread.agent.name, thread.status) == (name, "idle")
        assert threads.retrieve(thread.id, session_id=session) == thread
    listed = [event.type for event in threads.events.list(scribe.id, session_id=session)]
    assert listed == [
        "agent.thread_message_received",
        "session.thread_status_running",
        "agent.tool_use",
        "session.thread_status_idle",
        "user.tool_confirmation",
        "session.thread_status_running",
        "agent.tool_result",
        "agent.message",
        "session.thread_status_idle",
    ]
    running.own.beta.sessions.delete(session)


def test_an_interrupt_ends_the_threads(running: Running) -> None:
    session = running.session(agent=team(running))
    running.turn(session, message("go"))
    events = running.turn(session, {"type": "user.interrupt"})
    assert events[-1]["stop_reason"] == {"type": "end_turn"}
    idle = [thread.status for thread in running.own.beta.sessions.threads.list(session)]
    assert idle == ["idle"] * 3


def test_threads_survive_a_restart(tmp_path: Path) -> None:
    with running_service(tmp_path, script=SCRIPT, toolbox=Bench()) as running:
        session = running.session(agent=team(running))
        first = running.turn(session, message("go"))
    with running_service(tmp_path, script=SCRIPT, toolbox=Bench()) as running:
        *_, last = [running.turn(session, answer) for answer in answers(first)]
        assert last[-1]["stop_reason"] == {"type": "end_turn"}
        assert len(list(running.own.beta.sessions.threads.list(session))) == 3


def test_a_member_that_the_team_does_not_have(running: Running) -> None:
    session = running.session(agent=team(running))
    for answer in answers(running.turn(session, message("go"))):
        running.turn(session, answer)
    error = only(running.turn(session, message("more")), "session.error")["error"]
    assert error["message"] == (
        "The model script delegates to 'nobody'; the agent may to: clerk, scribe."
    )
