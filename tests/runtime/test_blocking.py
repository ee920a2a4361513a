"""What a session does, by its history alone."""

from __future__ import annotations

from typing import Any

import pytest

from agentflow.runtime.blocking import standing


def event(type: str, id: str, **fields: Any) -> dict[str, Any]:
    return {"type": type, "id": id, "processed_at": "2026-11-22T10:00:00Z", **fields}


def ask(id: str, permission: str = "ask") -> dict[str, Any]:
    return event("agent.tool_use", id, name="bash", input={}, evaluated_permission=permission)


def custom(id: str) -> dict[str, Any]:
    return event("agent.custom_tool_use", id, name="rate", input={})


def idle(id: str, reason: str = "end_turn", *ids: str) -> dict[str, Any]:
    return event("session.status_idle", id, stop_reason={"type": reason, "event_ids": list(ids)})


RUNNING = event("session.status_running", "r")
SAID = event("user.message", "m", content=[])
QUEUED = {**SAID, "processed_at": None}
SIX = [ask(f"c{number}") for number in range(6)]

STANDINGS: list[tuple[str, list[dict[str, Any]], str, list[str]]] = [
    ("new", [], "new", []),
    ("a message on its way", [QUEUED], "works", []),
    ("works", [SAID, RUNNING], "works", []),
    ("listed behind its turn", [RUNNING, SAID, idle("i")], "rests", []),
    ("done", [SAID, RUNNING, idle("i")], "rests", []),
    ("a second message on its way", [SAID, RUNNING, idle("i"), QUEUED], "works", []),
    ("waits", [SAID, RUNNING, ask("c"), idle("i", "requires_action", "c")], "waits", ["c"]),
    (
        "waits for more than are named",
        [RUNNING, *SIX, idle("i", "requires_action", *(f"c{n}" for n in range(5)))],
        "waits",
        [f"c{number}" for number in range(6)],
    ),
    (
        "one is answered",
        [
            RUNNING,
            ask("a"),
            custom("b"),
            event("user.tool_confirmation", "x", tool_use_id="a", result="allow"),
            idle("i", "requires_action", "b"),
        ],
        "waits",
        ["b"],
    ),
    (
        "named without saying so",
        [RUNNING, ask("a", "allow"), idle("i", "requires_action", "a")],
        "waits",
        ["a"],
    ),
    (
        "not ours",
        [RUNNING, ask("a", "allow"), ask("b"), idle("i", "requires_action", "b")],
        "waits",
        ["b"],
    ),
    ("goes on", [RUNNING, ask("c"), idle("i", "requires_action", "c"), RUNNING], "works", []),
    ("terminated", [RUNNING, event("session.status_terminated", "t")], "gone", []),
    ("deleted", [RUNNING, {"type": "session.deleted"}], "gone", []),
]


@pytest.mark.parametrize(
    ("history", "state", "calls"), [row[1:] for row in STANDINGS], ids=[row[0] for row in STANDINGS]
)
def test_what_a_session_does(history: Any, state: str, calls: list[str]) -> None:
    found = standing(history)
    assert found.state == state
    assert [call.id for call in found.calls] == calls
