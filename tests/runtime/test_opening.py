"""What a session is created with: files of the agent and of the run, its title, its secrets."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agentflow.compiler import late
from agentflow.compiler.manifest import SessionPolicy
from agentflow.errors import LostAnswer, UsageError
from agentflow.runtime.opening import open_session
from agentflow.runtime.run import RunRequest
from agentflow.secret import SecretText
from tests.runtime.desk import Desk
from tests.runtime.support import HandClock, agent_policy, budget_policy
from tests.support.sdk_types import problems_of

TERMS = "file/0123456789abcdef"
SESSION = SessionPolicy(
    title="Terms",
    metadata={"desk": "rates"},
    resources=(
        {"type": "file", "file_id": late.mark("file", TERMS[5:], "id"), "mount_path": "/terms.csv"},
        {
            "type": "github_repository",
            "url": "https://github.com/desk/code",
            "mount_path": "/workspace/code",
            "authorization_token": late.secret("github"),
        },
    ),
    vault_ids=("vlt_01",),
)


def request(tmp_path: Path, session: SessionPolicy, **inputs: Path) -> RunRequest:
    (tmp_path / "terms.csv").write_text("AUM\n", encoding="utf-8")
    return RunRequest(
        run_id="r1",
        agent="agent/reader",
        agent_id="agent_1",
        agent_version=3,
        environment_id="env_1",
        policy=agent_policy(session=session, budget=budget_policy(usd="2.50")),
        inputs=inputs,
        out_dir=tmp_path / "out",
        project_root=tmp_path,
        title="desk/agent/reader",
        secrets={"github": SecretText("github", "ghp-secret")},
        uploads={TERMS: tmp_path / "terms.csv"} if session.resources else {},
    )


def opened(desk: Desk, asked: RunRequest) -> Any:
    asyncio.run(open_session(asked, desk, HandClock(), tries=2, draw=lambda: 0.0))
    return desk.bodies[-1]


def test_a_session_has_what_its_policy_says_and_what_the_run_adds(tmp_path: Path) -> None:
    desk = Desk()
    (tmp_path / "orders.csv").write_text("id\n", encoding="utf-8")
    body = opened(desk, request(tmp_path, SESSION, orders=tmp_path / "orders.csv"))
    assert problems_of("session", body) == []
    assert desk.uploads == ["terms.csv", "orders.csv"]
    assert body["title"] == "Terms"
    assert body["vault_ids"] == ["vlt_01"]
    assert body["metadata"] == {
        "desk": "rates",
        "agentflow.run": "r1",
        "agentflow.address": "agent/reader",
    }
    terms, code, orders = body["resources"]
    assert terms["mount_path"] == "/terms.csv"
    assert orders["mount_path"] == "/orders.csv"
    assert terms["file_id"] != orders["file_id"]
    assert code["authorization_token"] == "ghp-secret"
    assert body["budget"]["max_list_cost"] == {"amount": "250", "currency": "USD"}


def test_without_anything_of_its_own_it_has_the_title_of_the_run(tmp_path: Path) -> None:
    body = opened(Desk(), request(tmp_path, SessionPolicy()))
    assert body["title"] == "desk/agent/reader"
    assert "resources" not in body
    assert "vault_ids" not in body


def test_a_file_is_uploaded_once_though_the_creation_is_tried_again(tmp_path: Path) -> None:
    desk = Desk()
    desk.create_faults = [LostAnswer("The connection broke.")]
    opened(desk, request(tmp_path, SESSION))
    assert desk.uploads == ["terms.csv"]
    assert len(desk.bodies) == 2
    assert desk.bodies[0] == desk.bodies[1]


def test_an_input_cannot_take_the_place_of_a_file_of_the_agent(tmp_path: Path) -> None:
    desk = Desk()
    with pytest.raises(UsageError, match=r"'other' is a file named 'terms\.csv'") as caught:
        opened(desk, request(tmp_path, SESSION, other=tmp_path / "elsewhere" / "terms.csv"))
    assert caught.value.hint is not None
    assert desk.uploads == []
