"""Agents and environments over HTTP: defaults written out, versions, merging, and every limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.support.service import CUSTOM, TOOLSET, Running, running_service

ALLOW = {"type": "always_allow"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_service(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture
def client(running: Running) -> anthropic.Anthropic:
    return running.own


def create(client: anthropic.Anthropic, **body: Any) -> Any:
    return client.beta.agents.create(**{"name": "a", "model": "claude-opus-5-5", **body})


def said(error: pytest.ExceptionInfo[anthropic.APIStatusError]) -> str:
    assert isinstance(error.value.body, dict)
    return str(error.value.body["error"]["message"])


def test_defaults_are_written_out(client: anthropic.Anthropic) -> None:
    agent = create(client, tools=[{**TOOLSET, "configs": [{"name": "read", "enabled": False}]}])
    data = agent.to_dict()
    assert agent.version == 1
    assert data["model"] == {
        "id": "claude-opus-5-5",
        "effort": {"type": "medium"},
        "speed": "standard",
        "inference_geo": None,
    }
    assert data["tools"] == [
        {
            "type": "agent_toolset_20260401",
            "default_config": {"enabled": True, "permission_policy": ALLOW},
            "configs": [
                {"type": "read", "name": "read", "enabled": False, "permission_policy": ALLOW}
            ],
        }
    ]
    assert data["execution_identity"] == {"type": "service_account"}
    assert (data["system"], data["skills"], data["metadata"]) == (None, [], {})


@pytest.mark.parametrize(
    ("model", "effort"),
    [
        ("claude-sonnet-5", "high"),
        ("claude-haiku-5-5", "medium"),
        ({"id": "claude-sonnet-5", "effort": "low"}, "low"),
        ({"id": "claude-sonnet-5", "effort": {"type": "max"}}, "max"),
    ],
)
def test_effort_is_resolved_when_saved(
    client: anthropic.Anthropic, model: Any, effort: str
) -> None:
    assert create(client, model=model).model.effort.type == effort


def test_an_update_merges_and_makes_a_version_only_for_a_change(
    client: anthropic.Anthropic,
) -> None:
    agent = create(client, system="Be kind.", metadata={"a": "1", "b": "2"})
    same = client.beta.agents.update(agent.id, version=1, name="a", system="Be kind.")
    assert same.version == 1
    patch: Any = {"a": None, "c": "3"}
    changed = client.beta.agents.update(agent.id, version=1, description="New.", metadata=patch)
    assert changed.version == 2
    assert (changed.system, changed.description) == ("Be kind.", "New.")
    assert changed.metadata == {"b": "2", "c": "3"}
    cleared = client.beta.agents.update(agent.id, version=2, system=None, description="")
    assert (cleared.version, cleared.system, cleared.description) == (3, None, None)
    assert client.beta.agents.retrieve(agent.id, version=1).system == "Be kind."
    assert [v.version for v in client.beta.agents.versions.list(agent.id, limit=2)] == [3, 2, 1]
    with pytest.raises(anthropic.NotFoundError):
        client.beta.agents.retrieve(agent.id, version=9)


def test_the_model_is_replaced_whole_except_for_the_effort(client: anthropic.Anthropic) -> None:
    agent = create(client, model={"id": "claude-opus-5", "effort": "low", "inference_geo": "us"})
    same_model = client.beta.agents.update(agent.id, version=1, model={"id": "claude-opus-5"})
    assert same_model.model.effort is not None
    assert (same_model.model.effort.type, same_model.model.inference_geo) == ("low", None)
    other = client.beta.agents.update(agent.id, version=2, model="claude-opus-5-5")
    assert other.model.effort is not None
    assert other.model.effort.type == "medium"


def test_another_version_is_a_conflict_that_is_sent_once(running: Running) -> None:
    agent = create(running.own)
    running.own.beta.agents.update(agent.id, version=1, name="b")
    with running.client(max_retries=2) as client, pytest.raises(anthropic.ConflictError) as caught:
        client.beta.agents.update(agent.id, version=1, name="b")
    assert "at version 2, not 1" in said(caught)
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert caught.value.response.request.headers["x-stainless-retry-count"] == "0"


def test_an_archived_agent_stays_readable_and_unlisted(client: anthropic.Anthropic) -> None:
    agent = create(client)
    archived = client.beta.agents.archive(agent.id)
    assert archived.archived_at is not None
    assert client.beta.agents.archive(agent.id) == archived
    assert agent.id not in [a.id for a in client.beta.agents.list()]
    assert agent.id in [a.id for a in client.beta.agents.list(include_archived=True)]
    with pytest.raises(anthropic.BadRequestError, match="archived"):
        client.beta.agents.update(agent.id, version=1, name="b")


WEB = "tools.0.configs.0"


def web(name: str, **config: Any) -> list[dict[str, Any]]:
    return [{**TOOLSET, "configs": [{"name": name, **config}]}]


def custom(**fields: Any) -> list[dict[str, Any]]:
    return [{**CUSTOM, **fields}]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"name": ""}, "name: String should have at least 1 character"),
        ({"name": "x" * 257}, "name: String should have at most 256"),
        ({"name": None}, "name: Input should be a valid string"),
        ({"system": "x" * 100_001}, "system: String should have at most 100000"),
        ({"description": "x" * 2049}, "description: String should have at most 2048"),
        ({"model": {"id": "m", "effort": "huge"}}, "model.effort: Input should be"),
        ({"metadata": {"k": 1}}, "metadata.k: Input should be a valid string"),
        ({"metadata": {str(n): "" for n in range(17)}}, "at most 16 pairs are allowed, not 17"),
        ({"metadata": {"k": "x" * 513}}, "metadata.k: String should have at most 512"),
        ({"tools": [{"type": "bash"}]}, "tools.0"),
        ({"tools": [TOOLSET, TOOLSET]}, "only one agent_toolset"),
        ({"tools": [{**TOOLSET, "config": []}]}, "config: Extra inputs are not permitted"),
        ({"tools": [{**TOOLSET, "configs": [{"name": "rm"}]}]}, "'bash', 'read'"),
        ({"tools": web("bash", type="read")}, "must equal the tool's name"),
        ({"tools": web("bash", permission_policy={"type": "deny"})}, "'always_ask' or 'auto'"),
        (
            {"tools": [{**TOOLSET, "configs": [{"name": "bash"}, {"name": "bash"}]}]},
            "'bash' is configured more than once",
        ),
        ({"tools": web("bash", allowed_domains=["a.com"])}, "allowed_domains: Extra inputs"),
        ({"tools": web("web_fetch", allowed_domains=[])}, "at least 1 item"),
        ({"tools": web("web_fetch", allowed_domains=["https://a.com"])}, "plain host name"),
        ({"tools": web("web_fetch", allowed_domains=["a.com/b"])}, "plain host name"),
        ({"tools": web("web_fetch", allowed_domains=["10.0.0.1"])}, "plain host name"),
        ({"tools": web("web_fetch", allowed_domains=["*.a.com"])}, "plain host name"),
        ({"tools": web("web_fetch", allowed_domains=["com"])}, "plain host name"),
        ({"tools": web("web_fetch", allowed_domains=["a.local"])}, "not a public host"),
        ({"tools": web("web_fetch", allowed_domains=["a.com", "A.com"])}, "listed twice"),
        (
            {"tools": web("web_fetch", allowed_domains=["a.com"], blocked_domains=["b.com"])},
            "not both",
        ),
        ({"tools": custom(name="a b")}, "name: String should match"),
        ({"tools": custom(name="bash")}, "name of a built-in tool"),
        ({"tools": custom(name="ant__x")}, "reserved"),
        ({"tools": custom() + custom()}, "more than once"),
        ({"tools": custom(description="")}, "description: String should have at least 1"),
        ({"tools": custom(input_schema={"type": "array"})}, "input_schema.type"),
        ({"tools": custom(input_schema={"type": "object", "anyOf": []})}, "'anyOf'"),
        (
            {
                "tools": custom(
                    input_schema={"type": "object", "properties": {"a": {"$ref": "#/x"}}}
                )
            },
            "`$ref` is not allowed",
        ),
        ({"tools": custom(input_schema={"type": "object", "properties": {"a b": {}}})}, "a b"),
        ({"extra_body": {"prompt": "x"}}, "prompt: Extra inputs are not permitted"),
    ],
)
def test_a_body_the_service_refuses(
    client: anthropic.Anthropic, body: dict[str, Any], message: str
) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        create(client, **body)
    assert message in said(caught)


def test_rules_hold_for_the_result_of_an_update(client: anthropic.Anthropic) -> None:
    agent = create(client)
    with pytest.raises(anthropic.BadRequestError, match="null is not allowed"):
        client.beta.agents.update(agent.id, version=1, extra_body={"name": None})
    with pytest.raises(anthropic.BadRequestError, match="built-in tool"):
        client.beta.agents.update(agent.id, version=1, tools=custom(name="grep"))  # type: ignore[arg-type]
    assert client.beta.agents.retrieve(agent.id).version == 1


# Environments


def place(client: anthropic.Anthropic, **body: Any) -> Any:
    return client.beta.environments.create(**{"name": "e", **body})


def test_an_environment_is_resolved_fully(client: anthropic.Anthropic) -> None:
    managers = ("apt", "cargo", "gem", "go", "npm", "pip")
    empty = {"type": "packages", **{name: [] for name in managers}}
    plain = place(client).to_dict()["config"]
    assert plain == {"type": "cloud", "networking": {"type": "unrestricted"}, "packages": empty}
    limited = {"type": "cloud", "networking": {"type": "limited"}, "packages": {}}
    assert place(client, config=limited).to_dict()["config"]["networking"] == {
        "type": "limited",
        "allowed_hosts": [],
        "allow_mcp_servers": False,
        "allow_package_managers": False,
    }


def test_a_self_hosted_environment_is_kept_and_stays_one(running: Running) -> None:
    client = running.own
    made = place(client, config={"type": "self_hosted"}, scope="organization", description="d")
    data = made.to_dict()
    assert (data["config"], data["scope"]) == ({"type": "self_hosted"}, "organization")
    same: Any = client.beta.environments.update(made.id, config={"type": "self_hosted"}, name="f")
    assert (same.name, same.config.type, same.description) == ("f", "self_hosted", "d")
    with pytest.raises(anthropic.BadRequestError, match="cannot become 'cloud'") as caught:
        client.beta.environments.update(made.id, config={"type": "cloud"})
    assert caught.value.error_code == "invalid_config_type_change"
    with pytest.raises(anthropic.BadRequestError, match="self-hosted environment") as refused:
        client.beta.sessions.create(agent=create(client).id, environment_id=made.id)
    assert refused.value.error_code == "not_emulated_locally"


def test_an_environment_belongs_to_the_organisation(client: anthropic.Anthropic) -> None:
    made = place(client)
    with pytest.raises(anthropic.BadRequestError, match="only `organization`"):
        place(client, scope="account")
    with pytest.raises(anthropic.BadRequestError, match="only `organization`"):
        client.beta.environments.update(made.id, scope="account")


def test_an_environment_merges_field_by_field(client: anthropic.Anthropic) -> None:
    network = {"type": "limited", "allowed_hosts": ["a.com"], "allow_package_managers": True}
    made = place(
        client,
        config={"type": "cloud", "networking": network, "packages": {"pip": ["x"], "npm": ["y"]}},
        metadata={"a": "1", "b": "2", "c": "3"},
        description="d",
    )
    patch: Any = {"a": "", "b": None}
    config: Any = {
        "type": "cloud",
        "networking": {"type": "limited", "allowed_hosts": []},
        "packages": {"npm": []},
    }
    changed = client.beta.environments.update(made.id, config=config, metadata=patch)
    data: Any = changed.to_dict()
    assert data["config"]["networking"]["allowed_hosts"] == []
    assert data["config"]["networking"]["allow_package_managers"] is True
    assert (data["config"]["packages"]["pip"], data["config"]["packages"]["npm"]) == (["x"], [])
    assert data["metadata"] == {"c": "3"}
    cleared = client.beta.environments.update(made.id, description=None)
    assert cleared.description is None
    assert client.beta.environments.update(made.id, name="e").updated_at == cleared.updated_at


@pytest.mark.parametrize(
    ("config", "message", "code"),
    [
        ({"type": "box"}, "config", None),
        ({"type": "cloud", "allowed_hosts": []}, "allowed_hosts: Extra inputs", None),
        ({"type": "self_hosted", "packages": {}}, "packages: Extra inputs", None),
        (
            {"type": "cloud", "networking": {"type": "limited"}, "packages": {"pip": ["x"]}},
            "allow_package_managers: must be true",
            None,
        ),
        *[
            (
                {"type": "cloud", "networking": {"type": "limited", "allowed_hosts": [host]}},
                "allowed_hosts.0",
                None,
            )
            for host in ("https://a.com", "a.com:443", "a.com/b", "*", "")
        ],
    ],
)
def test_an_environment_the_service_refuses(
    client: anthropic.Anthropic, config: Any, message: str, code: str | None
) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        place(client, config=config)
    assert message in said(caught)
    assert caught.value.error_code == code


def test_an_environment_ends_by_archive_or_delete(running: Running) -> None:
    client = running.own
    made = place(client)
    client.beta.environments.archive(made.id)
    with pytest.raises(anthropic.BadRequestError) as caught:
        client.beta.environments.update(made.id, name="f")
    assert caught.value.error_code == "environment_archived"
    assert made.id not in [e.id for e in client.beta.environments.list()]
    assert client.beta.environments.delete(made.id).type == "environment_deleted"
    with pytest.raises(anthropic.NotFoundError) as missing:
        client.beta.environments.retrieve(made.id)
    assert missing.value.error_code == "environment_not_found"
    session = client.beta.sessions.retrieve(running.session())
    with pytest.raises(anthropic.BadRequestError, match=session.id):
        client.beta.environments.delete(session.environment_id)
