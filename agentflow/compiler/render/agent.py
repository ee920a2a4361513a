"""The payload of an agent: what the service stores, with every default of the platform written out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agentflow.compiler.models import MODELS
from agentflow.compiler.sections import ASK_USER
from agentflow.spec.agent import AgentSpec, ModelSpec
from agentflow.spec.mcp import McpServer
from agentflow.spec.tool import (
    BUILT_IN_TOOLS,
    BuiltInTool,
    Tools,
    UrlFilter,
    UrlSources,
    WebFetchTool,
    WebSearchTool,
    is_enabled,
)

if TYPE_CHECKING:
    from agentflow.compiler.toolcard import ToolCard
    from agentflow.spec.skill import SkillSpec

__all__ = ["agent_payload"]

_POLICIES = {"allow": "always_allow", "ask": "always_ask", "auto": "auto"}

# The platform's own default is the opposite: every tool on, and none asks. With this one a tool that
# the service adds to the toolset later is off, and one that is switched on by hand still asks.
_CLOSED = {"enabled": False, "permission_policy": {"type": "always_ask"}}


def agent_payload(
    spec: AgentSpec,
    *,
    system: str | None,
    custom: Mapping[str, ToolCard],
    skill: Callable[[str], SkillSpec | None],
) -> dict[str, Any]:
    """The body of a create request, without ownership metadata.

    What a spec holds by name has no order there, so it is sorted here.

    Args:
        system: the whole system prompt. None: it has none.
        custom: a card for every custom tool of the spec.
        skill: finds a skill of the project by its name.
    """
    servers = sorted(spec.mcp.items())
    return {
        "name": spec.title or spec.name,
        "description": spec.description,
        "model": _model(spec.model),
        "system": system,
        "tools": [
            _toolset(spec.tools),
            *(_mcp_toolset(name, server) for name, server in servers),
            *_custom_tools(spec, custom),
        ],
        "mcp_servers": [
            {"type": "url", "name": name, "url": server.url} for name, server in servers
        ],
        "skills": _skills(spec, skill),
        "multiagent": _team(spec),
        "execution_identity": _identity(spec),
        "metadata": dict(sorted(spec.metadata.items())),
    }


def _identity(spec: AgentSpec) -> dict[str, Any]:
    if isinstance(spec.identity, str):
        return {"type": spec.identity}
    return {"type": "aws_role", "role_arn": spec.identity.aws_role}


def _model(model: ModelSpec) -> dict[str, Any]:
    """An unknown model keeps the service's own default effort; a null place is not sent.

    Place (`inference_geo`) falls through to the workspace's default where it is left out, and an
    update that leaves it out clears it.
    """
    facts = MODELS.get(model.id)
    effort = model.effort or (facts.default_effort if facts else None)
    payload: dict[str, Any] = {"id": model.id}
    if effort is not None:
        payload["effort"] = {"type": effort}
    payload["speed"] = model.speed
    if model.geo is not None:
        payload["inference_geo"] = model.geo
    return payload


def _toolset(tools: Tools) -> dict[str, Any]:
    return {
        "type": "agent_toolset_20260401",
        "default_config": _switch("off"),
        "configs": [_config(name, getattr(tools, name)) for name in BUILT_IN_TOOLS],
    }


def _config(name: str, tool: BuiltInTool | None) -> dict[str, Any]:
    named = {"type": name, "name": name}
    if tool is None or not is_enabled(tool):
        return {**named, **_switch("off")}
    return {**named, **_switch(tool.policy), **_limits(tool)}


def _mcp_toolset(name: str, server: McpServer) -> dict[str, Any]:
    """Named tools in `configs`, which have no `type` here; the others follow `default_config`."""
    return {
        "type": "mcp_toolset",
        "mcp_server_name": name,
        "default_config": _switch(server.others),
        "configs": [
            {"name": tool, **_switch(said.policy)} for tool, said in sorted(server.tools.items())
        ],
    }


def _switch(policy: str) -> dict[str, Any]:
    if policy == "off":
        return dict(_CLOSED)
    return {"enabled": True, "permission_policy": {"type": _POLICIES[policy]}}


def _limits(tool: BuiltInTool) -> dict[str, Any]:
    """What is left out here has no null form: an empty domain list is refused by the service."""
    limits: dict[str, Any] = {}
    if isinstance(tool, (WebFetchTool, WebSearchTool)):
        if tool.domains:
            limits["allowed_domains"] = list(tool.domains)
        if tool.blocked:
            limits["blocked_domains"] = list(tool.blocked)
    if isinstance(tool, WebFetchTool):
        if tool.max_tokens is not None:
            limits["max_content_tokens"] = tool.max_tokens
        if tool.sources != UrlSources():
            limits["url_sources"] = _url_sources(tool.sources)
    if isinstance(tool, WebSearchTool) and tool.location is not None:
        place = {k: v for k, v in vars(tool.location).items() if v is not None}
        limits["user_location"] = {"type": "approximate", **place}
    return limits


def _url_sources(sources: UrlSources) -> dict[str, Any]:
    return {
        "user_input": _url_source(sources.user),
        "client_tool_results": _url_source(sources.custom),
        "server_tool_results": _url_source(sources.server),
    }


def _url_source(source: str | UrlFilter) -> dict[str, Any]:
    if isinstance(source, str):
        return {"type": source}
    word, names = ("only", source.only) if source.only else ("except", source.but)
    tools = [{"type": "tool_reference", "name": name} for name in names or ()]
    return {"type": word, "tools": tools}


def _skills(
    spec: AgentSpec, skill: Callable[[str], SkillSpec | None]
) -> Sequence[Mapping[str, Any]]:
    if not spec.skills:
        return []
    from agentflow.compiler.render.refs import skill_reference

    return [skill_reference(text, skill) for text in spec.skills]


def _team(spec: AgentSpec) -> Mapping[str, Any] | None:
    if spec.team is None:
        return None
    from agentflow.compiler.render.team import team_payload

    return team_payload(spec.team, spec.name)


def _custom_tools(spec: AgentSpec, custom: Mapping[str, ToolCard]) -> list[dict[str, Any]]:
    cards = {name: custom[name] for name in sorted(spec.custom)}
    if spec.uncertainty is not None and spec.uncertainty.mode == "ask":
        from agentflow.compiler.toolcard import ASK_USER_CARD

        cards[ASK_USER] = ASK_USER_CARD
    return [
        {
            "type": "custom",
            "name": name,
            "description": card.description,
            "input_schema": dict(card.input_schema),
        }
        for name, card in cards.items()
    ]
