"""What a session does: the order of events, permissions, custom tools, interrupts, money, failures."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anthropic
import pytest

from agentflow.local.drivers.base import Turn, TurnContext
from agentflow.local.faults import Faults
from agentflow.local.toolset import ToolOutcome
from tests.support.service import (
    ASKING,
    CUSTOM,
    TOOLSET,
    Bench,
    EchoTools,
    Running,
    message,
    only,
    request_error,
    running_service,
    types,
    until_stop,
)

SAY = "turns: [{ think: true, say: Hello. }]"
ONE_CALL = """
turns:
  - { say: Working., tools: [{ id: a, name: bash, input: { command: first } }] }
  - { say: "Got ${result.a}." }
"""
RATES = """
turns:
  - tools:
      - { id: eur, name: rate, input: { currency: EUR } }
      - { id: gbp, name: rate, input: { currency: GBP } }
  - { say: "EUR ${result.eur.value}, GBP ${result.gbp}." }
"""


def answer(id: str, text: str, **more: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": text}]
    return {"type": "user.custom_tool_result", "custom_tool_use_id": id, "content": content, **more}


def confirm(id: str, result: str = "allow", **more: Any) -> dict[str, Any]:
    return {"type": "user.tool_confirmation", "tool_use_id": id, "result": result, **more}


def stop_of(events: list[dict[str, Any]]) -> dict[str, Any]:
    assert events[-1]["type"] == "session.status_idle"
    stop: dict[str, Any] = events[-1]["stop_reason"]
    return stop


def refused(running: Running, session: str, *events: Any) -> str:
    """The message of the 400 that these events get; nothing of them may be kept."""
    before = running.history(session)
    with running.client() as client, pytest.raises(anthropic.BadRequestError) as caught:
        client.beta.sessions.events.send(session, events=list(events))
    assert running.history(session) == before
    assert isinstance(caught.value.body, dict)
    return str(caught.value.body["error"]["message"])


def test_a_turn_has_the_documented_order(tmp_path: Path) -> None:
    with running_service(tmp_path, script=SAY) as running:
        events = running.turn(running.session(), message("hi"))
    assert types(events) == [
        "user.message",
        "session.status_running",
        "session.thread_status_running",
        "user.message",
        "span.model_request_start",
        "agent.thinking",
        "agent.message",
        "span.model_request_end",
        "session.thread_status_idle",
        "session.usage",
        "session.status_idle",
    ]
    queued, processed = [event for event in events if event["type"] == "user.message"]
    assert (queued["id"], queued["processed_at"]) == (processed["id"], None)
    assert processed["processed_at"] is not None
    assert stop_of(events) == {"type": "end_turn"}


def test_history_holds_what_the_stream_showed_with_client_events_once(tmp_path: Path) -> None:
    with running_service(tmp_path, script=SAY) as running:
        session = running.session()
        streamed = running.turn(session, message("hi"))
        history = running.history(session)
    last = {event["id"]: event for event in streamed}
    assert {event["id"]: event for event in history} == last
    assert [event["id"] for event in history] == list(
        dict.fromkeys(event["id"] for event in streamed if event["processed_at"])
    )


def test_an_allowed_tool_runs_and_its_result_reaches_the_model(tmp_path: Path) -> None:
    with running_service(tmp_path, script=ONE_CALL, toolbox=Bench()) as running:
        events = running.turn(running.session(agent={"tools": [TOOLSET]}), message("go"))
    use, result = only(events, "agent.tool_use"), only(events, "agent.tool_result")
    assert (use["evaluated_permission"], use["evaluation"]) == ("allow", {"type": "always_allow"})
    assert (result["tool_use_id"], result["is_error"]) == (use["id"], False)
    assert [e["content"][0]["text"] for e in events if e["type"] == "agent.message"] == [
        "Working.",
        "Got first.",
    ]


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        ([], "not enabled"),
        ([{**TOOLSET, "configs": [{"name": "bash", "enabled": False}]}], "not enabled"),
    ],
)
def test_a_tool_that_is_off_gets_an_error_result(
    tmp_path: Path, tools: list[Any], expected: str
) -> None:
    bench = Bench()
    with running_service(tmp_path, script=ONE_CALL, toolbox=bench) as running:
        events = running.turn(running.session(agent={"tools": tools}), message("go"))
    use, result = only(events, "agent.tool_use"), only(events, "agent.tool_result")
    assert (use["evaluated_permission"], use["evaluation"]) == ("deny", None)
    assert result["is_error"]
    assert expected in result["content"][0]["text"]
    assert bench.made == []
    assert stop_of(events) == {"type": "end_turn"}


@pytest.mark.parametrize("policy", ["always_ask", "auto"])
def test_ask_waits_for_a_confirmation(tmp_path: Path, policy: str) -> None:
    bench = Bench()
    tools = [{**TOOLSET, "default_config": {"permission_policy": {"type": policy}}}]
    with running_service(tmp_path, script=ONE_CALL, toolbox=bench) as running:
        session = running.session(agent={"tools": tools})
        events = running.turn(session, message("go"))
        use = only(events, "agent.tool_use")
        assert use["evaluated_permission"] == "ask"
        assert use["evaluation"]["type"] == policy
        assert stop_of(events) == {"type": "requires_action", "event_ids": [use["id"]]}
        assert bench.made == []
        later = running.turn(session, confirm(use["id"]))
    assert types(later)[:3] == [
        "user.tool_confirmation",
        "session.status_running",
        "session.thread_status_running",
    ]
    assert bench.made[0].calls == ["first"]
    assert only(later, "agent.message")["content"][0]["text"] == "Got first."


def test_a_confirmation_may_come_while_another_call_runs(tmp_path: Path) -> None:
    class ConfirmingTools(EchoTools):
        async def call(self, name: str, input: Mapping[str, Any]) -> ToolOutcome:
            if name == "read":
                await asyncio.to_thread(confirm_first)
            return await super().call(name, input)

    def confirm_first() -> None:
        use = next(e for e in running.history(session) if e["type"] == "agent.tool_use")
        running.own.beta.sessions.events.send(session, events=[confirm(use["id"])])  # type: ignore[list-item]

    script = """
turns:
  - tools:
      - { id: a, name: bash, input: { command: first } }
      - { id: b, name: read, input: { file_path: /tmp/x } }
  - { say: "Got ${result.a} and ${result.b}." }
"""
    asks = {"name": "bash", "permission_policy": {"type": "always_ask"}}
    with running_service(tmp_path, script=script, toolbox=ConfirmingTools) as running:
        session = running.session(agent={"tools": [{**TOOLSET, "configs": [asks]}]})
        events = running.turn(session, message("go"))
    assert only(events, "agent.message")["content"][0]["text"] == "Got first and read."
    assert stop_of(events) == {"type": "end_turn"}


def test_a_denied_call_does_not_run_and_the_agent_reads_why(tmp_path: Path) -> None:
    bench = Bench()
    with running_service(tmp_path, script=ONE_CALL, toolbox=bench) as running:
        session = running.session(agent={"tools": [ASKING]})
        use = only(running.turn(session, message("go")), "agent.tool_use")
        later = running.turn(session, confirm(use["id"], "deny", deny_message="Not on Sundays."))
    result = only(later, "agent.tool_result")
    assert result["is_error"]
    assert "Not on Sundays." in result["content"][0]["text"]
    assert bench.made == []


def test_a_partial_answer_names_the_rest_again(tmp_path: Path) -> None:
    with running_service(tmp_path, script=RATES) as running:
        session = running.session(agent={"tools": [CUSTOM]})
        events = running.turn(session, message("go"))
        first, second = [e["id"] for e in events if e["type"] == "agent.custom_tool_use"]
        assert stop_of(events) == {"type": "requires_action", "event_ids": [first, second]}
        again = running.turn(session, answer(first, '{"value": 1.5}'))
        assert types(again) == [
            "user.custom_tool_result",
            "session.thread_status_idle",
            "session.usage",
            "session.status_idle",
        ]
        assert stop_of(again) == {"type": "requires_action", "event_ids": [second]}
        done = running.turn(session, answer(second, "2"))
    assert only(done, "agent.message")["content"][0]["text"] == "EUR 1.5, GBP 2."
    assert stop_of(done) == {"type": "end_turn"}


def test_event_ids_is_a_window_of_five(tmp_path: Path) -> None:
    calls = ", ".join(f"{{ id: c{n}, name: rate }}" for n in range(7))
    with running_service(tmp_path, script=f"turns: [{{ tools: [{calls}] }}]") as running:
        events = running.turn(running.session(agent={"tools": [CUSTOM]}), message("go"))
    used = [e["id"] for e in events if e["type"] == "agent.custom_tool_use"]
    assert len(used) == 7
    assert stop_of(events)["event_ids"] == used[:5]


def test_what_cannot_be_sent_now_is_refused_whole(tmp_path: Path) -> None:
    with running_service(tmp_path, script=RATES) as running:
        session = running.session(agent={"tools": [CUSTOM]})
        events = running.turn(session, message("go"))
        first, second = [e["id"] for e in events if e["type"] == "agent.custom_tool_use"]
        assert "waits for answers" in refused(running, session, message("and?"))
        assert "does not match any" in refused(running, session, answer("sevt_no", "1"))
        assert "does not match any agent.tool_use" in refused(running, session, confirm(first))
        assert "events.1" in refused(running, session, answer(first, "1"), answer("sevt_no", "1"))
        assert "already answered" in refused(
            running, session, answer(first, "1"), answer(first, "1")
        )
        running.turn(session, answer(first, "1"))
        assert "already answered" in refused(running, session, answer(first, "1"))
        assert stop_of(running.turn(session, answer(second, "1"))) == {"type": "retries_exhausted"}


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"type": "user.message", "content": []}, "events.0.content: "),
        ({"type": "user.message", "text": "hi"}, "events.0.content: "),
        ({"type": "user.confirm"}, "events.0"),
        (confirm("sevt_a", "allowed"), "events.0.result: "),
        (confirm("sevt_a", "allow", deny_message="no"), "deny_message is only allowed"),
        ({**confirm("sevt_a", "deny"), "message": "no"}, "Extra inputs are not permitted"),
        ({**answer("sevt_a", "x"), "is_error": "no"}, "valid boolean"),
        (
            {"type": "user.define_outcome", "description": "d", "rubric": {}},
            "not available in the local service",
        ),
        ({"type": "user.tool_result", "tool_use_id": "x"}, "not available in the local service"),
        ({"type": "system.message", "content": [{"type": "text", "text": "x"}]}, "comes last"),
        ({"type": "user.interrupt", "session_thread_id": "sthr_no"}, "has no thread"),
    ],
)
def test_malformed_events_are_refused_with_their_place(
    tmp_path: Path, event: dict[str, Any], said: str
) -> None:
    with running_service(tmp_path, script=SAY) as running:
        assert said in refused(running, running.session(), event)


def test_a_system_message_comes_with_the_message_before_it(tmp_path: Path) -> None:
    extra = {"type": "system.message", "content": [{"type": "text", "text": "Be brief."}]}
    with running_service(tmp_path, script=SAY) as running:
        events = running.turn(running.session(), message("hi"), extra)
    assert types(events).count("system.message") == 2
    assert stop_of(events) == {"type": "end_turn"}


def test_messages_sent_meanwhile_join_the_next_request(tmp_path: Path) -> None:
    with running_service(tmp_path, script=RATES + "  - { say: Once. }") as running:
        session = running.session(agent={"tools": [CUSTOM]})
        client = running.own
        with client.beta.sessions.events.stream(session) as stream:
            send = client.beta.sessions.events.send
            send(session, events=[message("one"), message("two")])  # type: ignore[list-item]
            events = until_stop(stream)
    assert types(events).count("user.message") == 4
    assert types(events).count("span.model_request_start") == 1


# Interrupts


def test_an_interrupt_ends_a_running_tool(tmp_path: Path) -> None:
    script = """
turns:
  - tools: [{ id: a, name: bash, input: { command: hang } }, { id: b, name: bash }]
  - say: Fresh.
"""
    bench = Bench()
    with running_service(tmp_path, script=script, toolbox=bench) as running:
        session = running.session(agent={"tools": [TOOLSET]})
        client = running.own
        with client.beta.sessions.events.stream(session) as stream:
            client.beta.sessions.events.send(session, events=[message("go")])  # type: ignore[list-item]
            for event in stream:
                if event.type == "span.model_request_end":
                    break
            client.beta.sessions.events.send(session, events=[{"type": "user.interrupt"}])
            events = until_stop(stream)
        assert bench.made[0].cancelled == (1 if bench.made[0].calls else 0)
        results = [e for e in events if e["type"] == "agent.tool_result"]
        assert [r["is_error"] for r in results] == [True, True]
        assert types(events).count("user.interrupt") == 2
        assert stop_of(events) == {"type": "end_turn"}
        after = running.turn(session, message("again"))
    assert only(after, "agent.message")["content"][0]["text"] == "Fresh."


def test_an_interrupt_closes_what_waits(tmp_path: Path) -> None:
    with running_service(tmp_path, script=RATES) as running:
        session = running.session(agent={"tools": [CUSTOM]})
        used = [
            e["id"]
            for e in running.turn(session, message("go"))
            if e["type"] == "agent.custom_tool_use"
        ]
        events = running.turn(session, {"type": "user.interrupt"})
        results = [e for e in events if e["type"] == "user.custom_tool_result"]
        assert [(r["custom_tool_use_id"], r["is_error"]) for r in results] == [
            (id, True) for id in used
        ]
        assert stop_of(events) == {"type": "end_turn"}
        assert "already answered" in refused(running, session, answer(used[0], "late"))


def test_an_interrupt_with_a_message_starts_over(tmp_path: Path) -> None:
    with running_service(tmp_path, script=RATES.replace("${result.eur.value}", "x")) as running:
        session = running.session(agent={"tools": [CUSTOM]})
        running.turn(session, message("go"))
        client = running.own
        with client.beta.sessions.events.stream(session) as stream:
            both = [{"type": "user.interrupt"}, message("do this instead")]
            client.beta.sessions.events.send(session, events=both)  # type: ignore[arg-type]
            first, second = until_stop(stream), until_stop(stream)
    assert stop_of(first) == {"type": "end_turn"}
    assert types(second)[:2] == ["user.message", "session.status_running"]
    assert only(second, "agent.message")


def test_an_interrupt_of_an_idle_session_changes_nothing(tmp_path: Path) -> None:
    with running_service(tmp_path, script=SAY) as running:
        session = running.session()
        with running.client() as client:
            client.beta.sessions.events.send(session, events=[{"type": "user.interrupt"}])
            assert client.beta.sessions.retrieve(session).status == "idle"
        assert types(running.history(session)) == ["user.interrupt"]


# Money


def test_usage_counts_all_four_classes_and_prices_them(tmp_path: Path) -> None:
    script = """
turns:
  - say: One.
    usage: { input: 1000000, output: 100000, cache_read: 2000000, cache_write: 400000 }
"""
    with running_service(tmp_path, script=script) as running:
        session = running.session()
        events = running.turn(session, message("go"))
        with running.client() as client:
            usage = client.beta.sessions.retrieve(session).usage
    assert usage.input_tokens == 1_000_000
    assert usage.output_tokens == 100_000
    assert usage.cache_read_input_tokens == 2_000_000
    assert usage.cache_creation is not None
    assert usage.cache_creation.ephemeral_5m_input_tokens == 400_000
    # Opus 5.5: 4 + 0.1 * 20 + 2 * 0.20 + 0.4 * 5 = 8.40 USD, and next to nothing for the time.
    assert usage.list_cost is not None
    assert usage.list_cost.amount == "840"
    assert only(events, "session.usage")["usage"]["list_cost"]["amount"] == "840"
    assert only(events, "span.model_request_end")["model_usage"] == {
        "input_tokens": 1_000_000,
        "output_tokens": 100_000,
        "cache_read_input_tokens": 2_000_000,
        "cache_creation_input_tokens": 400_000,
        "speed": None,
    }


EXPENSIVE = """
turns:
  - { tools: [{ id: a, name: bash }], usage: { output: 100000 } }
  - { say: Done., usage: { output: 1000 } }
"""


def budget(cents: str) -> dict[str, Any]:
    return {"type": "limit", "max_list_cost": {"amount": cents, "currency": "USD"}}


def test_a_budget_stops_before_the_next_request_and_goes_on_when_raised(tmp_path: Path) -> None:
    with running_service(tmp_path, script=EXPENSIVE, toolbox=Bench()) as running:
        session = running.session(agent={"tools": [TOOLSET]}, budget=budget("150"))
        events = running.turn(session, message("go"))
        assert types(events)[-3:] == [
            "session.thread_status_idle",
            "session.usage",
            "session.status_idle",
        ]
        assert stop_of(events) == {"type": "budget_reached"}
        assert types(events).count("span.model_request_start") == 1
        assert only(events, "session.usage")["budget"] == budget("150")
        assert "reached its budget" in refused(running, session, message("go on"))
        with running.client() as client:
            before = running.history(session)
            client.beta.sessions.events.send(session, events=[{"type": "user.interrupt"}])
            assert running.history(session) == before
            with pytest.raises(anthropic.BadRequestError, match="has used 200 cents"):
                client.beta.sessions.update(session, budget=budget("200"))  # type: ignore[arg-type]
            with client.beta.sessions.events.stream(session) as stream:
                client.beta.sessions.update(session, budget=budget("201"))  # type: ignore[arg-type]
                after = until_stop(stream)
    assert types(after)[0] == "session.updated"
    assert after[0]["budget"] == budget("201")
    assert stop_of(after) == {"type": "end_turn"}


def test_removing_the_budget_resumes_and_cannot_be_undone(tmp_path: Path) -> None:
    with running_service(tmp_path, script=EXPENSIVE, toolbox=Bench()) as running:
        session = running.session(agent={"tools": [TOOLSET]}, budget=budget("1"))
        running.turn(session, message("go"))
        with running.client() as client:
            with client.beta.sessions.events.stream(session) as stream:
                client.beta.sessions.update(session, budget=None)
                assert stop_of(until_stop(stream)) == {"type": "end_turn"}
            with pytest.raises(anthropic.BadRequestError) as caught:
                client.beta.sessions.update(session, budget=budget("900"))  # type: ignore[arg-type]
    assert caught.value.error_code == "budget_create_only"


# Failures


def test_a_refusal_has_its_own_stop_reason(tmp_path: Path) -> None:
    with running_service(tmp_path, script="turns: [{ stop: refusal }]") as running:
        events = running.turn(running.session(), message("go"))
    assert stop_of(events) == {"type": "refusal"}
    assert events[-1]["stop_details"]["type"] == "refusal"


def test_a_retried_failure_reschedules_and_goes_on(tmp_path: Path) -> None:
    script = """
turns:
  - error: { type: model_overloaded_error, message: Busy., retry: retrying }
  - say: Back.
"""
    with running_service(tmp_path, script=script) as running:
        events = running.turn(running.session(), message("go"))
    error = only(events, "session.error")["error"]
    assert (error["type"], error["retry_status"]["type"]) == ("model_overloaded_error", "retrying")
    order = [t for t in types(events) if t.startswith("session.status")]
    assert order == [
        "session.status_running",
        "session.status_rescheduled",
        "session.status_running",
        "session.status_idle",
    ]
    assert [e["is_error"] for e in events if e["type"] == "span.model_request_end"] == [True, False]


def test_a_script_that_runs_out_exhausts_the_turn(tmp_path: Path) -> None:
    with running_service(tmp_path, script=ONE_CALL, toolbox=Bench()) as running:
        session = running.session(agent={"tools": [TOOLSET]})
        running.turn(session, message("go"))
        events = running.turn(session, message("more"))
    assert "all were played" in only(events, "session.error")["error"]["message"]
    assert stop_of(events) == {"type": "retries_exhausted"}


def test_a_terminal_failure_ends_the_session(tmp_path: Path) -> None:
    script = "turns: [{ error: { type: billing_error, message: Empty., retry: terminal } }]"
    with running_service(tmp_path, script=script) as running:
        session = running.session()
        events = running.turn(session, message("go"))
        assert events[-1]["type"] == "session.status_terminated"
        assert "terminated" in refused(running, session, message("hello?"))
        with running.client() as client:
            assert client.beta.sessions.retrieve(session).status == "terminated"


def test_without_a_model_a_session_says_so(tmp_path: Path) -> None:
    with running_service(tmp_path) as running:
        events = running.turn(running.session(), message("go"))
    assert "--script" in only(events, "session.error")["error"]["message"]
    assert stop_of(events) == {"type": "retries_exhausted"}


def test_a_failed_request_by_fault_is_repeated(tmp_path: Path) -> None:
    faults = Faults(requests=[request_error(1, "retrying")])
    with running_service(tmp_path, script=SAY, faults=faults) as running:
        events = running.turn(running.session(), message("go"))
    assert only(events, "agent.message")
    assert faults.fired == ["requests"]


class BrokenDriver:
    async def next_turn(self, context: TurnContext) -> Turn:
        raise ZeroDivisionError("one over nothing")


def test_a_bug_of_a_driver_ends_the_turn_and_is_named(tmp_path: Path) -> None:
    with running_service(tmp_path, driver=BrokenDriver(), toolbox=Bench()) as running:
        events = running.turn(running.session(), message("go"))
    error = only(events, "session.error")["error"]
    assert "bug" in error["message"]
    assert "one over nothing" in error["message"]
    assert stop_of(events) == {"type": "retries_exhausted"}


# Tools


def test_idle_sessions_make_room_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentflow.local.workshop._MAX_OPEN", 2)
    bench = Bench()
    with running_service(tmp_path, script=ONE_CALL, toolbox=bench) as running:
        for _ in range(3):
            running.turn(running.session(agent={"tools": [TOOLSET]}), message("go"))
        assert [tools.closed for tools in bench.made] == [True, False, False]


def test_a_long_result_goes_to_a_file(tmp_path: Path) -> None:
    script = """
turns:
  - tools: [{ id: a, name: bash, input: { command: long 100001 } }]
  - say: Read it.
"""
    bench = Bench()
    with running_service(tmp_path, script=script, toolbox=bench) as running:
        events = running.turn(running.session(agent={"tools": [TOOLSET]}), message("go"))
        text = only(events, "agent.tool_result")["content"][0]["text"]
        name = text.rpartition("/tmp/")[2].rstrip("]")
        assert len(text) < 3000
        assert (bench.made[0].root / "tmp" / name).read_text() == "x" * 100_001


@pytest.mark.parametrize(
    ("networking", "hosts"),
    [
        (None, None),
        ({"type": "limited", "allowed_hosts": ["a.example.com"]}, ("a.example.com",)),
        ({"type": "limited"}, ()),
    ],
)
def test_the_environment_decides_what_tools_reach(
    tmp_path: Path, networking: Any, hosts: Any
) -> None:
    bench = Bench()
    config = {"type": "cloud", **({"networking": networking} if networking else {})}
    with running_service(tmp_path, script=ONE_CALL, toolbox=bench) as running:
        session = running.session(agent={"tools": [TOOLSET]}, environment={"config": config})
        running.turn(session, message("go"))
    assert bench.made[0].hosts == hosts
    assert bench.made[0].closed


def test_other_package_managers_are_reported(tmp_path: Path) -> None:
    config = {"type": "cloud", "packages": {"apt": ["graphviz"], "npm": ["express"]}}
    with running_service(tmp_path, script=ONE_CALL, toolbox=Bench()) as running:
        session = running.session(agent={"tools": [TOOLSET]}, environment={"config": config})
        events = running.turn(session, message("go"))
    error = only(events, "session.error")["error"]
    assert "apt, npm are not available" in error["message"]
    assert error["retry_status"] == {"type": "retrying"}
    assert stop_of(events) == {"type": "end_turn"}
