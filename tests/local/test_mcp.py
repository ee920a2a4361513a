"""Tools of MCP servers that a script plays: permissions, confirmations and results as of any tool."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agentflow.errors import ProblemsFound
from agentflow.local.drivers.script_file import parse_script
from tests.support.service import Bench, Running, message, only, running_service, types

SCRIPT = """
turns:
  - tools:
      - { id: found, server: desk, name: search, input: { for: lamp }, result: '{"lamps": 3}' }
      - { id: gone, server: desk, name: open, result: { text: They are gone., is_error: true } }
  - expect: [{ tool: found, contains: lamps, is_error: false }, { tool: gone, is_error: true }]
    say: "${result.found.lamps} lamps, and: ${result.gone}"
  - tools: [{ id: late, server: desk, name: search }, { id: closed, server: desk, name: drop, result: x }]
  - say: "${result.late} ${result.closed}"
"""
ALLOW, ASK = ({"type": policy} for policy in ("always_allow", "always_ask"))
AGENT: dict[str, Any] = {
    "mcp_servers": [{"type": "url", "name": "desk", "url": "https://desk.example.com/mcp"}],
    "tools": [
        {
            "type": "mcp_toolset",
            "mcp_server_name": "desk",
            "default_config": {"enabled": False},
            "configs": [
                {"name": "search", "enabled": True, "permission_policy": ALLOW},
                {"name": "open", "enabled": True, "permission_policy": ASK},
            ],
        }
    ],
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    root = tmp_path_factory.mktemp("mcp")
    with running_service(root, script=SCRIPT, toolbox=Bench()) as running:
        yield running


def test_a_server_of_a_script_answers_once_its_calls_may_run(running: Running) -> None:
    session = running.session(agent=AGENT)
    asked = running.turn(session, message("How many?"))
    assert "session.error" not in types(asked)
    calls = [event for event in asked if event["type"] == "agent.mcp_tool_use"]
    assert [(c["name"], c["mcp_server_name"], c["evaluated_permission"]) for c in calls] == [
        ("search", "desk", "allow"),
        ("open", "desk", "ask"),
    ]
    assert asked[-1]["stop_reason"] == {"type": "requires_action", "event_ids": [calls[1]["id"]]}
    result = only(asked, "agent.mcp_tool_result")
    assert result["mcp_tool_use_id"] == calls[0]["id"]
    assert result["content"][0]["text"] == '{"lamps": 3}'
    confirm = {"type": "user.tool_confirmation", "tool_use_id": calls[1]["id"], "result": "allow"}
    done = running.turn(session, confirm)
    assert only(done, "agent.mcp_tool_result")["is_error"]
    assert only(done, "agent.message")["content"][0]["text"] == "3 lamps, and: They are gone."

    more = running.turn(session, message("And now?"))
    said = only(more, "agent.message")["content"][0]["text"]
    assert "cannot be reached" in said
    assert "'drop' of MCP server 'desk' is not enabled" in said


def test_a_result_needs_a_server() -> None:
    with pytest.raises(ProblemsFound) as caught:
        parse_script("s.yaml", "turns: [{ tools: [{ name: bash, result: x }] }]")
    assert "`result` goes with `server`" in str(caught.value.problems[0].message)
