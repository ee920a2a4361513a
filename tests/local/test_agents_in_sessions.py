"""What a session makes of its agent: overrides, and what is said of parts that cannot run here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest

from tests.local.test_agents import create, place, said
from tests.local.test_agents_parts import SERVER, SERVERS, XLSX
from tests.local.test_agents_team import NEW, roster, team
from tests.support.service import CUSTOM, TOOLSET, Running, message, only, running_service

SAYS_HELLO = "turns: [{ say: Hello. }, { say: Again. }]"
OFF = {"type": "disabled"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_service(tmp_path_factory.mktemp("service"), script=SAYS_HELLO) as service:
        yield service


@pytest.fixture
def client(running: Running) -> anthropic.Anthropic:
    return running.own


def start(client: anthropic.Anthropic, agent: Any, **overrides: Any) -> Any:
    given = {"type": "agent_with_overrides", "id": agent.id, **overrides}
    return client.beta.sessions.create(agent=given, environment_id=place(client).id)  # type: ignore[arg-type]


def test_overrides_replace_in_full_and_leave_the_agent_alone(client: anthropic.Anthropic) -> None:
    agent = create(client, system="Be kind.", tools=[TOOLSET], skills=[XLSX], description="d")
    session = start(client, agent, system="Be brief.", tools=[TOOLSET, CUSTOM])
    shown = session.agent.to_dict()
    assert (shown["id"], shown["version"], shown["description"]) == (agent.id, 1, "d")
    assert (shown["system"], len(shown["tools"]), len(shown["skills"])) == ("Be brief.", 2, 1)
    cleared = start(client, agent, system=None, skills=[], tools=[]).agent
    assert (cleared.system, cleared.skills, cleared.tools) == (None, [], [])
    assert client.beta.agents.retrieve(agent.id) == agent
    same = start(client, agent).agent
    assert (same.system, same.tools) == ("Be kind.", agent.tools)


def test_overrides_start_from_a_version(client: anthropic.Anthropic) -> None:
    agent = create(client, system="One.")
    client.beta.agents.update(agent.id, version=1, system="Two.")
    old = start(client, agent, version=1, model="claude-sonnet-5").agent
    assert (old.version, old.system, old.model.id) == (1, "One.", "claude-sonnet-5")


def test_an_effort_among_overrides_is_not_applied(client: anthropic.Anthropic) -> None:
    agent = create(client, model={"id": "claude-sonnet-5", "effort": "low", "inference_geo": "us"})
    model = start(client, agent, model={"id": "claude-sonnet-5", "effort": "max"}).agent.model
    assert (model.effort.type, model.inference_geo) == ("high", None)


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        ({"model": None}, "agent.model: an agent needs a model"),
        ({"tools": SERVERS["tools"]}, "the tool `read` must be enabled"),
        ({"mcp_servers": None}, "mcp_servers has no 'desk'"),
        ({"system": "x" * 100_001}, "at most 100000"),
        ({"tools": [{"type": "bash"}]}, "agent.tools.0"),
        ({"metadata": {}}, "metadata: Extra inputs"),
    ],
)
def test_overrides_the_service_refuses(
    client: anthropic.Anthropic, overrides: dict[str, Any], text: str
) -> None:
    agent = create(client, mcp_servers=[SERVER], tools=[TOOLSET, *SERVERS["tools"]], skills=[XLSX])
    with pytest.raises(anthropic.BadRequestError) as caught:
        start(client, agent, **overrides)
    assert text in said(caught)
    assert (caught.value.error_code == "agent_model_required") is ("model" in overrides)


def test_tools_of_an_idle_session_are_replaced_for_it_alone(running: Running) -> None:
    client = running.own
    session = running.session(agent={"tools": [TOOLSET]})
    changed = client.beta.sessions.update(session, agent={"tools": [TOOLSET, CUSTOM]})  # type: ignore[arg-type]
    assert [tool.type for tool in changed.agent.tools] == ["agent_toolset_20260401", "custom"]
    client.beta.sessions.update(session, agent={"tools": [TOOLSET, CUSTOM]})  # type: ignore[arg-type]
    event = only(running.history(session), "session.updated")
    assert len(event["agent"]["tools"]) == 2
    assert len(client.beta.agents.retrieve(changed.agent.id).tools) == 1
    with pytest.raises(anthropic.BadRequestError, match="no mcp_toolset in tools names 'desk'"):
        client.beta.sessions.update(session, agent={"mcp_servers": [SERVER]})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "agent",
    [
        {"multiagent": team()},
        {"multiagent": roster({"type": "self"})},
        {
            "multiagent": team(
                subagents=OFF, workflows=OFF, advisor={"type": "enabled", "model": "m"}
            )
        },
        {"execution_identity": {"type": "aws_role", "role_arn": "arn:aws:iam::1:role/r"}},
    ],
)
def test_what_cannot_run_here_is_refused_when_a_session_starts(
    client: anthropic.Anthropic, agent: dict[str, Any]
) -> None:
    made = create(client, **agent)
    with pytest.raises(anthropic.BadRequestError) as caught:
        client.beta.sessions.create(agent=made.id, environment_id=place(client).id)
    assert "not available in the local service" in said(caught)
    assert caught.value.error_code == "not_emulated_locally"


def test_an_agent_that_is_explicitly_alone_runs(running: Running) -> None:
    alone = {"type": NEW, "advisor": OFF, "subagents": OFF, "workflows": OFF}
    session = running.session(agent={"multiagent": alone})
    shown: Any = running.own.beta.sessions.retrieve(session).agent.multiagent
    assert shown.to_dict() == alone
    assert running.turn(session, message("Hi"))[-1]["stop_reason"]["type"] == "end_turn"


def test_servers_and_skills_that_are_missing_are_reported_once(running: Running) -> None:
    tools = [TOOLSET, *SERVERS["tools"]]
    session = running.session(
        agent={"mcp_servers": [SERVER], "tools": tools, "skills": [XLSX]},
    )
    assert running.turn(session, message("Hi"))[-1]["stop_reason"]["type"] == "end_turn"
    running.turn(session, message("And?"))
    errors = [e["error"] for e in running.history(session) if e["type"] == "session.error"]
    assert [(error["type"], error.get("mcp_server_name")) for error in errors] == [
        ("mcp_connection_failed_error", "desk"),
        ("unknown_error", None),
    ]
    assert "'desk' is not available in the local service" in errors[0]["message"]
    assert "not available in the local service: xlsx" in errors[1]["message"]


def test_a_call_of_an_mcp_tool_is_answered_with_an_error(tmp_path: Path) -> None:
    script = "turns: [{ tools: [{ name: search }] }, { say: I see. }]"
    with running_service(tmp_path, script=script) as running:
        session = running.session(agent=SERVERS)
        events = running.turn(session, message("Search."))
    result = only(events, "agent.tool_result")
    assert result["is_error"]
    assert "A tool of an MCP server is called with `server`" in result["content"][0]["text"]
