"""MCP servers, skills, sources of addresses and identities of agents: kept, read back, refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.local.test_agents import create, custom, said, web
from tests.support.service import TOOLSET, Running, running_service

ALLOW, ASK = {"type": "always_allow"}, {"type": "always_ask"}
SERVER = {"type": "url", "name": "desk", "url": "https://desk.example.com/mcp"}
SERVERS = {"mcp_servers": [SERVER], "tools": [{"type": "mcp_toolset", "mcp_server_name": "desk"}]}
XLSX = {"type": "anthropic", "skill_id": "xlsx"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_service(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture
def client(running: Running) -> anthropic.Anthropic:
    return running.own


def toolset(**fields: Any) -> dict[str, Any]:
    return {"type": "mcp_toolset", "mcp_server_name": "desk", **fields}


def test_tools_of_an_mcp_server_ask_unless_said_otherwise(client: anthropic.Anthropic) -> None:
    tools = [
        toolset(configs=[{"name": "search", "permission_policy": ALLOW}, {"name": "add_note"}])
    ]
    data = create(client, mcp_servers=[SERVER], tools=tools).to_dict()
    assert data["mcp_servers"] == [SERVER]
    assert data["tools"] == [
        {
            "type": "mcp_toolset",
            "mcp_server_name": "desk",
            "default_config": {"enabled": True, "permission_policy": ASK},
            "configs": [
                {"name": "search", "enabled": True, "permission_policy": ALLOW},
                {"name": "add_note", "enabled": True, "permission_policy": ASK},
            ],
        }
    ]


def test_servers_and_tools_are_replaced_together_or_refused(client: anthropic.Anthropic) -> None:
    agent = create(client, **SERVERS)
    update = client.beta.agents.update
    with pytest.raises(anthropic.BadRequestError, match="mcp_servers has no 'desk'"):
        update(agent.id, version=1, mcp_servers=None)
    with pytest.raises(anthropic.BadRequestError, match="no mcp_toolset in tools names 'desk'"):
        update(agent.id, version=1, tools=[])
    assert update(agent.id, version=1, mcp_servers=[SERVER]).version == 1  # type: ignore[list-item]
    cleared = update(agent.id, version=1, mcp_servers=None, tools=None)
    assert (cleared.version, cleared.mcp_servers, cleared.tools) == (2, [], [])


@pytest.mark.parametrize("version", [None, "latest", "20260101"])
def test_a_skill_is_pinned_when_it_is_saved(
    client: anthropic.Anthropic, version: str | None
) -> None:
    agent = create(client, tools=[TOOLSET], skills=[{**XLSX, "version": version}])
    [skill] = agent.skills
    assert skill.version == ("20260101" if version == "20260101" else "20251013")
    again = client.beta.agents.update(agent.id, version=1, skills=[{**XLSX, "version": version}])  # type: ignore[list-item]
    assert again.version == 1
    assert client.beta.agents.update(agent.id, version=1, skills=None).skills == []


def test_sources_of_addresses_are_read_back_as_objects(client: anthropic.Anthropic) -> None:
    only = {"type": "only", "tools": [{"type": "tool_reference", "name": "rate"}]}
    sources = {"user_input": "none", "client_tool_results": only}
    agent = create(client, tools=[*web("web_fetch", url_sources=sources), *custom()])
    assert agent.to_dict()["tools"][0]["configs"][0]["url_sources"] == {
        "user_input": {"type": "none"},
        "client_tool_results": only,
        "server_tool_results": None,
    }


def test_an_identity_is_kept_and_null_restores_the_default(client: anthropic.Anthropic) -> None:
    role = {"type": "aws_role", "role_arn": "arn:aws:iam::123456789012:role/runner"}
    agent = create(client, execution_identity=role)
    assert agent.to_dict()["execution_identity"] == role
    assert client.beta.agents.update(agent.id, version=1, name="b").execution_identity.type == (
        "aws_role"
    )
    cleared = client.beta.agents.update(agent.id, version=2, execution_identity=None)
    assert cleared.execution_identity.type == "service_account"


def sources(**given: Any) -> dict[str, Any]:
    return {"tools": [*web("web_fetch", url_sources=given), *custom()]}


def named(*names: str, type: str = "only") -> dict[str, Any]:
    return {"type": type, "tools": [{"type": "tool_reference", "name": name} for name in names]}


def servers(*given: dict[str, Any], tools: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"mcp_servers": list(given), "tools": [toolset()] if tools is None else tools}


OFF = {**TOOLSET, "configs": [{"name": "read", "enabled": False}]}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (servers({**SERVER, "name": ""}), "mcp_servers.0.name: String should have at least 1"),
        (servers({**SERVER, "name": "x" * 256}), "mcp_servers.0.name: String should have at most"),
        (servers({**SERVER, "url": "desk.example.com"}), "mcp_servers.0.url: must be an http"),
        (servers({**SERVER, "url": "https://"}), "mcp_servers.0.url: must be an http"),
        (servers({**SERVER, "url": "http://[x"}), "mcp_servers.0.url: must be an http"),
        (servers({**SERVER, "url": "https://a.com/" + "x" * 2048}), "at most 2048"),
        (servers({**SERVER, "type": "stdio"}), "mcp_servers.0.type: Input should be 'url'"),
        (servers({**SERVER, "headers": {}}), "mcp_servers.0.headers: Extra inputs"),
        (servers(SERVER, SERVER), "mcp_servers.0.name: 'desk' is used more than once"),
        (servers(SERVER, tools=[]), "mcp_servers.0: no mcp_toolset in tools names 'desk'"),
        (servers(), "tools.0.mcp_server_name: mcp_servers has no 'desk'"),
        (
            {
                "mcp_servers": [{**SERVER, "name": f"s{n}"} for n in range(21)],
                "tools": [toolset(mcp_server_name=f"s{n}") for n in range(21)],
            },
            "mcp_servers: List should have at most 20",
        ),
        (
            servers(SERVER, tools=[toolset(configs=[{"name": "x", "type": "x"}])]),
            "type: Extra inputs",
        ),
        (servers(SERVER, tools=[toolset(configs=[{"name": "x" * 129}])]), "at most 128"),
        (
            servers(SERVER, tools=[toolset(configs=[{"name": "x"}, {"name": "x"}])]),
            "'x' is configured more than once",
        ),
        ({"tools": [TOOLSET], "skills": [{**XLSX, "skill_id": "xslx"}]}, "docx, pdf, pptx, xlsx"),
        ({"tools": [TOOLSET], "skills": [{**XLSX, "type": "github"}]}, "skills.0.type"),
        ({"tools": [TOOLSET], "skills": [{**XLSX, "name": "x"}]}, "skills.0.name: Extra inputs"),
        ({"skills": [XLSX]}, "the tool `read` must be enabled"),
        ({"tools": [OFF], "skills": [XLSX]}, "the tool `read` must be enabled"),
        (
            {"tools": [{**TOOLSET, "default_config": {"enabled": False}}], "skills": [XLSX]},
            "the tool `read` must be enabled",
        ),
        (
            {"tools": [TOOLSET], "skills": [{"type": "custom", "skill_id": "skill_01"}]},
            "skills.0: a custom skill: not available in the local",
        ),
        (sources(user_input="some"), "user_input"),
        (sources(user_input={"type": "only", "tools": []}), "user_input.type"),
        (sources(client_tool_results={"type": "only"}), "client_tool_results.tools"),
        (sources(client_tool_results=named()), "at least 1 item"),
        (sources(client_tool_results=named("rate", "rate")), "each tool is named once"),
        (sources(client_tool_results={**named("rate"), "type": "none"}), "tools: Extra inputs"),
        (sources(client_tool_results=named("web_search")), "'web_search' is no custom tool"),
        (sources(server_tool_results=named("rate", type="except")), "'rate' is no web tool"),
        (
            sources(user_input="none", client_tool_results="none", server_tool_results="none"),
            "nothing could be fetched",
        ),
        ({"execution_identity": {"type": "aws_role"}}, "role_arn: Field required"),
        ({"execution_identity": {"type": "aws_role", "role_arn": "x" * 2049}}, "at most 2048"),
        (
            {"execution_identity": {"type": "service_account", "role_arn": "r"}},
            "role_arn: Extra inputs",
        ),
        ({"execution_identity": {"type": "person"}}, "execution_identity"),
    ],
)
def test_a_part_the_service_refuses(
    client: anthropic.Anthropic, body: dict[str, Any], message: str
) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        create(client, **body)
    assert message in said(caught)


def test_web_tools_may_be_named_as_sources(client: anthropic.Anthropic) -> None:
    agent = create(client, **sources(server_tool_results=named("web_search", type="except")))
    assert agent.version == 1
