"""F: servers of others, as far as a run meets them."""

from __future__ import annotations

from typing import Any

import pytest

from agentflow.compiler.pipeline import build
from agentflow.runtime.run import Verdict
from tests.matrix.shapes import turn
from tests.pitfalls.pit import REPORT, Pit
from tests.pitfalls.specs import PROJECT, agent
from tests.support.memory_files import MemoryFiles

REFUSED = {
    "type": "mcp_authentication_failed_error",
    "message": "No credential is stored for this server URL.",
    "mcp_server_name": "warehouse",
}
TURNS = (turn("The report.", REPORT), turn("Done."))
CALL = {"id": "find", "server": "warehouse", "name": "find", "input": {}, "result": "3 lamps"}
SERVERS = {"warehouse": "always_allow", "crm": "always_allow"}


def faults(**error: Any) -> dict[str, Any]:
    # What comes second takes its time, so that nobody has to be quick.
    slow = {"number": 2, "slow_s": 30.0} if error["mcp_server_name"] == "warehouse" else None
    return {"requests": [{"number": 1, "error": error}, *([slow] if slow else [])]}


@pytest.mark.parametrize(
    ("type", "says"),
    [
        ("mcp_authentication_failed_error", "refuses its credential"),
        ("mcp_connection_failed_error", "cannot be reached"),
    ],
)
def test_56_a_run_does_not_go_on_without_a_server_that_it_needs(
    pit: Pit, type: str, says: str
) -> None:
    error = {**REFUSED, "type": type, "retry": "exhausted"}
    needs = {"required_servers": ("warehouse",)}
    played = pit.play(*TURNS, servers=SERVERS, changes=needs, faults=faults(**error))
    assert played.result.verdict is Verdict.FAILED
    assert played.result.reason.startswith(f"The MCP server 'warehouse' {says}")
    assert "No credential is stored" in played.result.reason
    assert played.result.hint is not None
    assert len(played.of("user.interrupt")) == 1
    assert played.status == "idle"


@pytest.mark.parametrize(
    ("server", "retry", "warnings"), [("crm", "exhausted", 1), ("crm", "retrying", 0)]
)
def test_56_a_run_goes_on_without_a_server_that_it_does_not_need(
    pit: Pit, server: str, retry: str, warnings: int
) -> None:
    error = {**REFUSED, "mcp_server_name": server, "retry": retry}
    needs = {"required_servers": ("warehouse",)}
    first = turn("I look.", CALL)
    played = pit.play(first, *TURNS, servers=SERVERS, changes=needs, faults=faults(**error))
    assert played.result.verdict is Verdict.COMPLETED
    assert len(played.result.warnings) == warnings
    assert all("No credential is stored" in text for text in played.result.warnings)


def test_56_a_server_that_tries_again_is_waited_for(pit: Pit) -> None:
    error = {**REFUSED, "retry": "retrying"}
    needs = {"required_servers": ("warehouse",)}
    plan = {"requests": [{"number": 1, "error": error}]}
    played = pit.play(turn("I look.", CALL), *TURNS, servers=SERVERS, changes=needs, faults=plan)
    assert played.result.verdict is Verdict.COMPLETED


def test_56_which_servers_a_run_needs_stands_in_the_spec() -> None:
    servers = "mcp: { crm: { url: 'https://crm.dev/mcp', required: true }, b: { url: 'https://b.dev/m' } }"
    built = build(MemoryFiles({"agentflow.yaml": PROJECT, "a.yaml": agent(servers)}))
    assert built.value.compiled is not None
    [policy] = built.value.compiled.manifest.agents.values()
    assert policy.required_servers == ("crm",)
