"""The check of payloads against the SDK's types: it accepts what is right, and looks everywhere."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.support.sdk_types import BODIES, HEADERS, problems_of

ON = {"type": "enabled"}
BUDGET = {"type": "limit", "max_list_cost": {"amount": "250", "currency": "USD"}}
MESSAGE = {"type": "user.message", "content": [{"type": "text", "text": "Go."}]}
RESOURCES = [
    {"type": "file", "file_id": "file_1", "mount_path": "/a.csv"},
    {"type": "memory_store", "memory_store_id": "memstore_1", "access": "read_only"},
    {
        "type": "github_repository",
        "url": "https://github.com/a/b",
        "authorization_token": "t",
        "checkout": {"type": "branch", "name": "main"},
    },
]

ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    (
        "agent",
        {
            "name": "a",
            "model": {"id": "claude-opus-5-5", "effort": "low"},
            "tools": [
                {
                    "type": "agent_toolset_20260401",
                    "configs": [
                        {
                            "name": "web_fetch",
                            "url_sources": {
                                "user_input": "none",
                                "client_tool_results": {
                                    "type": "only",
                                    "tools": [{"type": "tool_reference", "name": "rate"}],
                                },
                            },
                        }
                    ],
                },
                {"type": "mcp_toolset", "mcp_server_name": "w", "configs": [{"name": "x"}]},
                {
                    "type": "custom",
                    "name": "rate",
                    "description": "d",
                    "input_schema": {"type": "object", "additionalProperties": False},
                },
            ],
            "mcp_servers": [{"type": "url", "name": "w", "url": "https://w.example.com"}],
            "skills": [{"type": "anthropic", "skill_id": "xlsx"}],
            "multiagent": {
                "type": "multiagent_20261001",
                "advisor": {"type": "enabled", "model": "m"},
                "subagents": {
                    **ON,
                    "inline_agents": {"type": "disabled"},
                    "predefined_agents": ["agent_1", {"type": "agent", "id": "agent_2"}],
                },
            },
            "execution_identity": {"type": "aws_role", "role_arn": "arn:aws:iam::1:role/r"},
            "metadata": {"k": "v"},
        },
    ),
    (
        "environment",
        {
            "name": "e",
            "config": {
                "type": "cloud",
                "networking": {"type": "limited", "allowed_hosts": ["a.com"]},
                "packages": {"type": "packages", "pip": ["x"]},
            },
            "scope": "organization",
        },
    ),
    (
        "session",
        {
            "agent": {"type": "agent_with_overrides", "id": "agent_1", "tools": []},
            "environment_id": "env_1",
            "initial_events": [MESSAGE],
            "resources": RESOURCES,
            "vault_ids": ["vlt_1"],
            "budget": BUDGET,
        },
    ),
    (
        "deployment",
        {
            "name": "d",
            "agent": {"type": "agent", "id": "agent_1", "version": 2},
            "environment_id": "env_1",
            "initial_events": [MESSAGE],
            "schedule": {"type": "cron", "expression": "0 6 * * 1", "timezone": "Europe/Berlin"},
            "resources": RESOURCES,
            "budget": BUDGET,
        },
    ),
    ("vault", {"display_name": "v", "metadata": {}}),
    (
        "credential",
        {
            "auth": {
                "type": "mcp_oauth",
                "mcp_server_url": "https://w.example.com",
                "access_token": "t",
                "refresh": {
                    "client_id": "c",
                    "refresh_token": "r",
                    "token_endpoint": "https://w.example.com/token",
                    "token_endpoint_auth": {"type": "client_secret_basic", "client_secret": "s"},
                },
            }
        },
    ),
    (
        "credential",
        {
            "auth": {
                "type": "environment_variable",
                "secret_name": "A",
                "secret_value": "b",
                "networking": {"type": "limited", "allowed_hosts": ["a.com"]},
                "injection_location": {"header": True},
            }
        },
    ),
    ("memory_store", {"name": "m", "description": "d"}),
    ("skill", {"files": ["skills/s/SKILL.md"], "display_name": "S"}),
]


def _maps(value: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Every map inside a payload, with its place."""
    if isinstance(value, list):
        return [found for n, item in enumerate(value) for found in _maps(item, f"{path}/{n}")]
    if not isinstance(value, dict):
        return []
    inner = [found for key, item in value.items() for found in _maps(item, f"{path}/{key}")]
    return [(path, value), *inner]


def _open(path: str) -> bool:
    """A map whose keys are the user's own."""
    return path.endswith(("/metadata", "/input_schema"))


@pytest.mark.parametrize(("kind", "payload"), ACCEPTED)
def test_a_payload_that_is_right_has_no_problems(kind: str, payload: dict[str, Any]) -> None:
    assert problems_of(kind, payload) == []


@pytest.mark.parametrize(("kind", "payload"), ACCEPTED)
def test_an_unknown_field_is_found_at_any_depth(kind: str, payload: dict[str, Any]) -> None:
    places = [(path, map_) for path, map_ in _maps(payload) if not _open(path)]
    for path, map_ in places:
        map_["surprise"] = 1
        try:
            found = problems_of(kind, payload)
        finally:
            del map_["surprise"]
        assert found, f"{path or 'the body'} takes any field"
        assert any("surprise" in line for line in found), (path, found)


@pytest.mark.parametrize(
    ("kind", "places"),
    [
        ("agent", ["/tools/1", "/tools/2", "/mcp_servers/0", "/skills/0", "/multiagent/advisor"]),
        ("environment", ["/config", "/config/networking"]),
        ("session", ["/agent", "/initial_events/0/content/0", "/budget"]),
        ("deployment", ["/agent", "/schedule", "/resources/1", "/resources/2/checkout"]),
        ("credential", ["/auth", "/auth/refresh/token_endpoint_auth"]),
    ],
)
def test_a_required_field_is_missed_at_any_depth(kind: str, places: list[str]) -> None:
    payload = next(payload for name, payload in ACCEPTED if name == kind)
    maps = dict(_maps(payload))
    for place in places:
        kept = maps[place].pop("type")
        found = problems_of(kind, payload)
        maps[place]["type"] = kept
        assert found, place
    assert problems_of(kind, payload) == []


def test_what_is_wrong_is_told_of_the_form_that_was_meant() -> None:
    payload = copy.deepcopy(ACCEPTED[0][1])
    payload["multiagent"]["subagents"]["predefined_agents"][1]["version"] = "7"
    (problem,) = problems_of("agent", payload)
    assert problem.startswith("/multiagent/subagents/predefined_agents/1/version: '7' is not")


@pytest.mark.parametrize("kind", sorted(BODIES))
def test_headers_are_no_part_of_a_body(kind: str) -> None:
    for name in HEADERS:
        assert any(line.startswith(f"/{name}") for line in problems_of(kind, {name: []}))
    assert problems_of(kind, ["no map"])


@pytest.mark.parametrize("files", [[1], [""], "SKILL.md", None, [{"path": "SKILL.md"}]])
def test_files_are_listed_by_path(files: Any) -> None:
    assert problems_of("skill", {"files": files})
