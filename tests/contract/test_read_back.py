"""What is sent is what is compared: created, read back, and updated from anything else.

Every payload is sent by the SDK over HTTP, and its canonical form is held against that of the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from agentflow.compiler import apply
from agentflow.compiler.canonical import aligned, canonical
from agentflow.compiler.changes import changes
from agentflow.compiler.ownership import remote_prints, sent_prints
from agentflow.compiler.plan import Action, Plan, Verb
from agentflow.ports import Record, Workspace
from tests.support.sdk_types import problems_of
from tests.support.service import Running, running_service

OFF, ON = {"type": "disabled"}, {"type": "enabled"}
ALONE = {"type": "multiagent_20261001", "advisor": OFF, "subagents": OFF, "workflows": OFF}
TOOLSET: dict[str, Any] = {"type": "agent_toolset_20260401"}
SERVER = {"type": "url", "name": "desk", "url": "https://desk.example.com/mcp"}
RATE = {"type": "custom", "name": "rate", "description": "d", "input_schema": {"type": "object"}}
MEMBER, OTHER = "MEMBER", "OTHER"
"""Stand for the ids of two agents that exist."""


def web(**config: Any) -> list[dict[str, Any]]:
    configs = [{"name": "read"}, {"name": "web_fetch", "enabled": True, **config}]
    default = {"enabled": False, "permission_policy": {"type": "always_ask"}}
    return [{**TOOLSET, "default_config": default, "configs": configs}, RATE]


def team(**members: Any) -> dict[str, Any]:
    return {"type": "multiagent_20261001", **members}


AGENTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "texts": {"description": "d", "system": "s", "metadata": {"a": "1", "b": ""}},
    "cleared": {"description": None, "system": "", "tools": [], "mcp_servers": [], "skills": []},
    "model": {
        "model": {
            "id": "claude-sonnet-5",
            "effort": "low",
            "speed": "fast",
        }
    },
    "geo": {"model": {"id": "claude-opus-5-5", "inference_geo": "us"}},
    "web": {"tools": web(allowed_domains=["a.com"], max_content_tokens=100)},
    "sources": {
        "tools": web(
            url_sources={
                "user_input": "none",
                "client_tool_results": {
                    "type": "except",
                    "tools": [{"type": "tool_reference", "name": "rate"}],
                },
            }
        )
    },
    "search": {
        "tools": [
            {
                **TOOLSET,
                "configs": [
                    {
                        "name": "web_search",
                        "permission_policy": {"type": "auto"},
                        "user_location": {"type": "approximate", "city": "Berlin"},
                        "blocked_domains": ["b.com/path"],
                    }
                ],
            }
        ]
    },
    "mcp": {
        "mcp_servers": [SERVER],
        "tools": [
            {
                "type": "mcp_toolset",
                "mcp_server_name": "desk",
                "default_config": {"enabled": False},
                "configs": [{"name": "search", "enabled": True}],
            }
        ],
    },
    "skills": {
        "tools": [TOOLSET],
        "skills": [
            {"type": "anthropic", "skill_id": "xlsx"},
            {"type": "anthropic", "skill_id": "pdf", "version": "latest"},
        ],
    },
    "pinned skill": {
        "tools": [TOOLSET],
        "skills": [{"type": "anthropic", "skill_id": "xlsx", "version": "20260101"}],
    },
    "role": {"execution_identity": {"type": "aws_role", "role_arn": "arn:aws:iam::1:role/r"}},
    "account": {"execution_identity": {"type": "service_account"}},
    "alone": {"multiagent": ALONE},
    "no team": {"multiagent": None},
    "everybody": {"multiagent": team()},
    "advised": {"multiagent": {**ALONE, "advisor": {**ON, "model": "claude-opus-5-5"}}},
    "subagents": {
        "multiagent": {
            **ALONE,
            "subagents": {**ON, "inline_agents": OFF, "predefined_agents": [MEMBER, OTHER]},
        }
    },
    "workflows": {
        "multiagent": team(
            subagents=OFF, workflows={**ON, "predefined_agents": [{"type": "self"}, OTHER]}
        )
    },
    "half said": {"multiagent": team(subagents={**ON, "predefined_agents": [MEMBER]})},
    "roster": {
        "multiagent": {
            "type": "coordinator",
            "agents": [
                {"type": "agent", "id": MEMBER, "version": 1},
                {"type": "self"},
                {"type": "advisor", "model": "claude-opus-5-5"},
            ],
        }
    },
}

CLOUD: dict[str, Any] = {"type": "cloud"}
ENVIRONMENTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "open": {"config": {**CLOUD, "networking": {"type": "unrestricted"}}},
    "closed": {"config": {**CLOUD, "networking": {"type": "limited"}}},
    "hosts": {
        "config": {
            **CLOUD,
            "networking": {
                "type": "limited",
                "allowed_hosts": ["*.a.com"],
                "allow_package_managers": True,
            },
            "packages": {"pip": ["x==1"], "apt": ["y"]},
        }
    },
    "texts": {"description": "d", "metadata": {"a": "1"}, "scope": "organization"},
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_service(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture(scope="module")
def members(running: Running) -> dict[str, str]:
    made = running.own.beta.agents.create
    return {name: made(name=name, model="claude-opus-5-5").id for name in (MEMBER, OTHER)}


def payload(kind: str, fields: dict[str, Any], members: dict[str, str]) -> dict[str, Any]:
    base = {"name": "a"} | ({"model": "claude-opus-5-5"} if kind == "agent" else {})
    filled: dict[str, Any] = _filled({**base, **fields}, members)
    return filled


def _filled(value: Any, members: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, members) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, members) for item in value]
    return members.get(value, value) if isinstance(value, str) else value


def resources(client: anthropic.Anthropic, kind: str) -> Any:
    return client.beta.agents if kind == "agent" else client.beta.environments


def record(kind: str, answer: Any) -> Record:
    body = answer.to_dict(mode="json")
    return Record(
        kind=kind,
        id=body["id"],
        name=body["name"],
        version=body.get("version"),
        archived=False,
        metadata=body["metadata"],
        body=body,
    )


def check(kind: str, sent: dict[str, Any], read: dict[str, Any]) -> None:
    desired = canonical(kind, sent)
    assert changes(aligned(kind, canonical(kind, read), desired), desired) == ()
    assert sent_prints(kind, sent).expected in remote_prints(kind, read)


CASES = [
    *[("agent", name) for name in AGENTS],
    *[("environment", name) for name in [*ENVIRONMENTS, "self-hosted"]],
]
ALL = {
    "agent": AGENTS,
    "environment": {**ENVIRONMENTS, "self-hosted": {"config": {"type": "self_hosted"}}},
}


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_what_is_created_is_read_back_unchanged(
    running: Running, members: dict[str, str], kind: str, name: str
) -> None:
    sent = payload(kind, ALL[kind][name], members)
    assert problems_of(kind, sent) == []
    api = resources(running.own, kind)
    made = api.create(**sent)
    read = api.retrieve(made.id).to_dict(mode="json")
    check(kind, sent, read)
    # What was read back can be sent, and is the same again.
    fields = {key: read[key] for key in canonical(kind, read) if key in read}
    again = api.update(made.id, **({"version": 1} if kind == "agent" else {}), **fields)
    assert again.to_dict(mode="json") == read


STARTS = {
    "agent": ("texts", "web", "mcp", "skills", "role", "subagents", "workflows", "roster"),
    "environment": ("open", "hosts", "texts"),
}
"""Each with something that the others would have to clear."""


@pytest.mark.parametrize(("kind", "start"), [(k, name) for k in STARTS for name in STARTS[k]])
def test_an_update_gets_from_here_to_anything(
    running: Running, members: dict[str, str], kind: str, start: str
) -> None:
    api = resources(running.own, kind)
    for fields in (AGENTS if kind == "agent" else ENVIRONMENTS).values():
        sent = payload(kind, fields, members)
        made = api.create(**payload(kind, ALL[kind][start], members))
        action = update(kind, sent, record(kind, made))
        extra = {"version": made.version} if kind == "agent" else {}
        changed = api.update(made.id, **extra, extra_body=apply.update(plan(action), action))
        check(kind, sent, changed.to_dict(mode="json"))


def update(kind: str, sent: dict[str, Any], record: Record) -> Action:
    return Action(
        address=f"{kind}/a",
        kind=kind,
        name="a",
        verb=Verb.UPDATE,
        reason="",
        origin=None,
        payload=sent,
        depends_on=(),
        record=record,
    )


def plan(action: Action) -> Plan:
    return Plan(
        project="p",
        target="t",
        service="local",
        workspace=Workspace(base_url="http://x", organization_id=None, workspace_id=None),
        actions=(action,),
        orphans=(),
        problems=(),
    )
