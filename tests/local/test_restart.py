"""A service that ends at any moment loses nothing, and says honestly what it does not know."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import anthropic

from tests.support.service import (
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

TWO = "turns: [{ say: One. }, { say: Two. }]"
HANGS = """
turns:
  - tools: [{ id: a, name: bash, input: { command: hang } }]
  - say: "It said: ${result.a}"
"""
RATE = "turns: [{ tools: [{ id: r, name: rate }] }, { say: 'Rate ${result.r}.' }]"


def settled(running: Running, session: str) -> list[dict[str, Any]]:
    """The history once the session has stopped."""
    with running.own.beta.sessions.events.stream(session) as stream:
        history = running.history(session)
        if history[-1]["type"] != "session.status_idle":
            until_stop(stream)
    return running.history(session)


def test_records_events_and_the_place_in_the_script_are_kept(tmp_path: Path) -> None:
    with running_service(tmp_path, script=TWO) as running:
        session = running.session(title="T", metadata={"a": "b"})
        running.turn(session, message("go"))
        before = running.history(session)
        record = running.own.beta.sessions.retrieve(session)
        organization = running.own.with_raw_response.beta.sessions.retrieve(session).headers
    with running_service(tmp_path, script=TWO) as running:
        assert running.history(session) == before
        again = running.own.beta.sessions.retrieve(session)
        assert (again.usage, again.title, again.metadata) == (
            record.usage,
            record.title,
            record.metadata,
        )
        raw = running.own.with_raw_response.beta.sessions.retrieve(session).headers
        name = "anthropic-organization-id"
        assert raw[name] == organization[name]
        events = running.turn(session, message("more"))
    assert only(events, "agent.message")["content"][0]["text"] == "Two."


def test_a_call_that_was_running_is_not_run_again(tmp_path: Path) -> None:
    first, second = Bench(), Bench()
    with running_service(tmp_path, script=HANGS, toolbox=first) as running:
        session = running.session(agent={"tools": [TOOLSET]})
        with running.own.beta.sessions.events.stream(session) as stream:
            running.own.beta.sessions.events.send(session, events=[message("go")])  # type: ignore[list-item]
            for event in stream:
                if event.type == "span.model_request_end":
                    break
        assert running.own.beta.sessions.retrieve(session).status == "running"
    with running_service(tmp_path, script=HANGS, toolbox=second) as running:
        history = settled(running, session)
    assert second.made == []
    error = only(history, "session.error")["error"]
    assert error["retry_status"] == {"type": "retrying"}
    assert "restarted" in error["message"]
    result = only(history, "agent.tool_result")
    assert result["is_error"]
    assert "unknown" in result["content"][0]["text"]
    assert types(history).count("session.status_rescheduled") == 1
    assert only(history, "agent.message")["content"][0]["text"].startswith("It said: The service")
    assert history[-1]["stop_reason"] == {"type": "end_turn"}


def test_a_call_that_waits_still_waits(tmp_path: Path) -> None:
    with running_service(tmp_path, script=RATE) as running:
        session = running.session(agent={"tools": [CUSTOM]})
        [id] = running.turn(session, message("go"))[-1]["stop_reason"]["event_ids"]
    with running_service(tmp_path, script=RATE) as running:
        assert running.own.beta.sessions.retrieve(session).status == "idle"
        content = [{"type": "text", "text": "1.5"}]
        result = {"type": "user.custom_tool_result", "custom_tool_use_id": id, "content": content}
        events = running.turn(session, result)
    assert only(events, "agent.message")["content"][0]["text"] == "Rate 1.5."


KILLED = """
import sys, threading
from pathlib import Path
from tests.support.service import HangingDriver
from agentflow.local.server import ServiceConfig, start
service = start(ServiceConfig(root=Path(sys.argv[1]), driver=HangingDriver(), token="t",
                              unsafe_no_sandbox=True))
print(service.base_url, flush=True)
threading.Event().wait()
"""


def test_a_killed_service_makes_the_model_request_again(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with anthropic.Anthropic(base_url=url, api_key="t") as client:
            agent = client.beta.agents.create(name="a", model="claude-opus-5-5")
            place = client.beta.environments.create(name="e")
            session = client.beta.sessions.create(agent=agent.id, environment_id=place.id).id
            with client.beta.sessions.events.stream(session) as stream:
                client.beta.sessions.events.send(session, events=[message("go")])  # type: ignore[list-item]
                for event in stream:
                    if event.type == "span.model_request_start":
                        break
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    with running_service(tmp_path, script=TWO) as running:
        history = settled(running, session)
    spans = [e for e in history if e["type"].startswith("span.")]
    assert [e["type"].rpartition("_")[2] for e in spans] == ["start", "end", "start", "end"]
    assert [e["is_error"] for e in spans[1::2]] == [True, False]
    assert spans[1]["model_request_start_id"] == spans[0]["id"]
    assert only(history, "agent.message")["content"][0]["text"] == "One."
