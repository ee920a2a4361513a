"""The payload of an agent: what the service stores, with every default of the platform written out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentflow.compiler.models import MODELS
from agentflow.compiler.sections import ASK_USER
from agentflow.compiler.toolcard import ASK_USER_CARD, ToolCard
from agentflow.spec.agent import AgentSpec, ModelSpec
from agentflow.spec.tool import (
    BUILT_IN_TOOLS,
    BuiltInTool,
    Tools,
    WebFetchTool,
    WebSearchTool,
    is_enabled,
)

__all__ = ["agent_payload"]

_POLICIES = {"allow": "always_allow", "ask": "always_ask", "auto": "auto"}

# The platform's own default is the opposite: every tool on, and none asks. With this one a tool that
# the service adds to the toolset later is off, and one that is switched on by hand still asks.
_CLOSED = {"enabled": False, "permission_policy": {"type": "always_ask"}}


def agent_payload(
    spec: AgentSpec, *, system: str, custom: Mapping[str, ToolCard]
) -> dict[str, Any]:
    """The body of a create request, without ownership metadata.

    Args:
        system: the whole system prompt.
        custom: a card for every custom tool of the spec.
    """
    return {
        "name": spec.name,
        "description": spec.description,
        "model": _model(spec.model),
        "system": system,
        "tools": [_toolset(spec.tools), *_custom_tools(spec, custom)],
        "mcp_servers": [],
        "skills": [],
        "multiagent": None,
        "execution_identity": {"type": "service_account"},
        "metadata": dict(sorted(spec.metadata.items())),
    }


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
        "default_config": dict(_CLOSED),
        "configs": [_config(name, getattr(tools, name)) for name in BUILT_IN_TOOLS],
    }


def _config(name: str, tool: BuiltInTool | None) -> dict[str, Any]:
    named = {"type": name, "name": name}
    if tool is None or not is_enabled(tool):
        return {**named, **_CLOSED}
    policy = {"type": _POLICIES[tool.policy]}
    return {**named, "enabled": True, "permission_policy": policy, **_limits(tool)}


def _limits(tool: BuiltInTool) -> dict[str, Any]:
    """What is left out here has no null form: an empty domain list is refused by the service."""
    limits: dict[str, Any] = {}
    if isinstance(tool, (WebFetchTool, WebSearchTool)):
        if tool.domains:
            limits["allowed_domains"] = list(tool.domains)
        if tool.blocked:
            limits["blocked_domains"] = list(tool.blocked)
    if isinstance(tool, WebFetchTool) and tool.max_tokens is not None:
        limits["max_content_tokens"] = tool.max_tokens
    if isinstance(tool, WebSearchTool) and tool.location is not None:
        place = tool.location.model_dump(exclude_none=True)
        limits["user_location"] = {"type": "approximate", **place}
    return limits


def _custom_tools(spec: AgentSpec, custom: Mapping[str, ToolCard]) -> list[dict[str, Any]]:
    cards = {name: custom[name] for name in spec.custom}
    if spec.uncertainty is not None and spec.uncertainty.mode == "ask":
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
