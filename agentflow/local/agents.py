"""The rules of agents: what the service makes of a body, and how an update is merged.

What is read back differs from what was sent: every default is written out.
Rules: https://platform.claude.com/docs/en/managed-agents/agent-setup
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentflow.local.agent_tools import check_tools, resolve_skill, resolve_tool
from agentflow.local.errors import invalid
from agentflow.local.shapes.agents import AgentCreate, AgentUpdate
from agentflow.local.shapes.base import merge_metadata, sent
from agentflow.local.shapes.sessions import AgentOverrides, AgentPatch
from agentflow.local.teams import Owner, check_team, merge_team

__all__ = ["merge", "normalise", "override", "session_agent"]

Fields = dict[str, Any]

_MEDIUM_BY_DEFAULT = ("claude-opus-5-5", "claude-haiku-5-5")
_EMPTY: Fields = {
    "name": "",
    "description": None,
    "system": None,
    "model": None,
    "tools": [],
    "mcp_servers": [],
    "skills": [],
    "multiagent": None,
    "execution_identity": {"type": "service_account"},
    "metadata": {},
}
"""An agent of which nothing was said."""


def normalise(body: AgentCreate, owner: Owner) -> Fields:
    """The content of a new agent, without id, version and times.

    Raises:
        ApiError: 400, the fields do not fit together or are not emulated; 404 or 400 for a member
            of its team.
    """
    return _merged(_EMPTY, sent(body), owner)


def merge(stored: Mapping[str, Any], body: AgentUpdate, owner: Owner) -> Fields:
    """The content after an update: a field left out is kept, null clears, `metadata` goes per key.

    Raises:
        ApiError: as `normalise`.
    """
    given = sent(body)
    given.pop("version", None)
    return _merged({key: stored[key] for key in _EMPTY}, given, owner)


def _merged(stored: Mapping[str, Any], given: Mapping[str, Any], owner: Owner) -> Fields:
    content = {**stored}
    for key, value in given.items():
        content[key] = _field(key, value, stored, owner)
    check_tools(content)
    check_team(content["multiagent"], content["model"], owner)
    return content


def _field(key: str, value: Any, stored: Mapping[str, Any], owner: Owner) -> Any:
    match key:
        case "model":
            return _model(value, stored["model"])
        case "tools":
            return [resolve_tool(tool) for tool in value or ()]
        case "skills":
            return [resolve_skill(n, skill) for n, skill in enumerate(value or ())]
        case "multiagent":
            return merge_team(value, stored["multiagent"], owner)
        case "metadata":
            return merge_metadata(stored["metadata"], value or {})
        case _:
            return value or _EMPTY[key]


def _model(given: str | Mapping[str, Any], stored: Mapping[str, Any] | None) -> Fields:
    """Whole replacement, except that the same model without an effort keeps the stored one."""
    model: Mapping[str, Any] = {"id": given} if isinstance(given, str) else given
    effort = model.get("effort")
    if effort is None and stored is not None and stored["id"] == model["id"]:
        effort = stored["effort"]
    if effort is None:
        effort = "medium" if model["id"] in _MEDIUM_BY_DEFAULT else "high"
    return {
        "id": model["id"],
        "effort": {"type": effort} if isinstance(effort, str) else effort,
        "speed": model.get("speed") or "standard",
        "inference_geo": model.get("inference_geo"),
    }


_OVERRIDES = ("model", "system", "tools", "mcp_servers", "skills")


def override(agent: Mapping[str, Any], body: AgentOverrides | AgentPatch, owner: Owner) -> Fields:
    """The agent with what a session says instead: what is left out is inherited, never merged.

    Raises:
        ApiError: 400, no model, or the fields do not fit together.
    """
    given = {key: value for key, value in sent(body).items() if key in _OVERRIDES}
    content = {key: agent[key] for key in _EMPTY if key in agent}
    if "model" in given:
        if given["model"] is None:
            raise invalid("agent.model: an agent needs a model.", code="agent_model_required")
        # An effort here is not applied, and the agent's own is not carried over.
        model = given["model"]
        given["model"] = model if isinstance(model, str) else {**model, "effort": None}
        content["model"] = None
    return {**agent, **_merged(content, given, owner)}


def session_agent(agent: Mapping[str, Any]) -> Fields:
    """The snapshot a session is created with: no metadata and no times."""
    keys = ("id", "version", *sorted(key for key in _EMPTY if key != "metadata"))
    return {"type": "agent", **{key: agent[key] for key in keys}}
