"""An agent: its model, what it is told, whom it works with. Tools are in `tools`."""

from __future__ import annotations

from agentflow.compiler.ant.body import Draft, Node
from agentflow.compiler.ant.links import Links
from agentflow.compiler.ant.tools import translate_tools

__all__ = ["agent_reference", "translate_agent"]


def translate_agent(body: Node, draft: Draft, links: Links) -> None:
    draft.copy("description", body.get("description"))
    _model(body, draft)
    _prompt(body, draft)
    translate_tools(body, draft)
    _skills(body, draft, links)
    _team(body.get("multiagent"), draft, links)
    _identity(body.get("execution_identity"), draft)
    draft.copy("metadata", body.get("metadata"))


def _model(body: Node, draft: Draft) -> None:
    model = body.get("model")  # where it is missing, the check of the spec says so
    if model is None:
        return
    if isinstance(model.value, str):
        draft.put("model", "id", value=model.value, at=model)
    elif model.keys("id", "effort", "speed", "inference_geo"):
        if (name := model.get("id")) is not None:
            draft.put("model", "id", value=name.value, at=name)
        effort = model.get("effort")
        if effort is not None and isinstance(effort.value, dict):
            effort = effort.need("type") if effort.keys("type") else None
        for key, node in (
            ("effort", effort),
            ("speed", model.get("speed")),
            ("geo", model.get("inference_geo")),
        ):
            if node is not None and node.text() is not None:
                draft.put("model", key, value=node.value, at=node)


def _prompt(body: Node, draft: Draft) -> None:
    system = body.get("system")
    # A file may say nothing at all, for which we have no word; blanks are sent as nothing.
    text = system.text() if system is not None else None
    draft.put("prompt", value=text or " ", at=system or body)


def _identity(identity: Node | None, draft: Draft) -> None:
    if identity is None or not identity.keys("type", "role_arn"):
        return
    kind = identity.need("type")
    word = kind.one_of("service_account", "aws_role") if kind is not None else None
    if word == "service_account":
        draft.put("identity", value=word, at=identity)
    elif word == "aws_role" and (role := identity.need("role_arn")) is not None:
        draft.put("identity", "aws_role", value=role.value, at=role)


# Skills


def _skills(body: Node, draft: Draft, links: Links) -> None:
    skills = body.get("skills")
    for item in skills.items() if skills is not None else ():
        reference = _skill(item, links)
        if reference is not None:
            draft.add("skills", reference, item)


def _skill(item: Node, links: Links) -> str | None:
    if isinstance(item.value, str):
        return links.skill(item)
    if not item.keys("type", "skill_id", "path", "version"):
        return None
    version = item.get("version")
    pin = version.text() if version is not None else None
    kind = item.get("type")
    word = kind.one_of("custom", "anthropic") if kind is not None else "custom"
    if word is None:
        return None
    if word == "anthropic":
        skill = item.need("skill_id")
        name = skill.text() if skill is not None else None
        reference = None if name is None else f"anthropic/{name}"
    else:
        skill = item.get("path") or item.need("skill_id")
        reference = links.skill(skill) if skill is not None else None
    if reference is None or pin is None or pin == "latest":
        return reference
    return f"{reference}@{pin}"


# The team


def _team(team: Node | None, draft: Draft, links: Links) -> None:
    kind = team.need("type") if team is not None and isinstance(team.value, dict) else None
    if team is None or kind is None:
        if team is not None:
            team.keys()
        return
    word = kind.one_of("multiagent_20261001", "coordinator")
    if word == "coordinator" and team.keys("type", "agents"):
        _coordinator(team, draft, links)
    elif word == "multiagent_20261001" and team.keys("type", "advisor", "subagents", "workflows"):
        _advisor(team.get("advisor"), draft)
        for key in ("subagents", "workflows"):
            _delegation(team, key, draft, links)


def _coordinator(team: Node, draft: Draft, links: Links) -> None:
    roster = team.need("agents")
    found = []
    for item in roster.items() if roster is not None else ():
        kind = item.get("type")
        if kind is not None and kind.value == "advisor":
            if item.keys("type", "model") and (model := item.need("model")) is not None:
                draft.put("team", "advisor", value=model.value, at=model)
        elif (member := _member(item, links)) is not None:
            found.append((member, item))
    _members(("team", "coordinator"), found, draft)


def _advisor(advisor: Node | None, draft: Draft) -> None:
    if advisor is not None and _is_enabled(advisor, "model"):
        model = advisor.need("model")
        if model is not None:
            draft.put("team", "advisor", value=model.value, at=model)


def _delegation(team: Node, key: str, draft: Draft, links: Links) -> None:
    """What is left out is enabled, and may define agents on the spot."""
    node = team.get(key)
    if node is not None and not _is_enabled(node, "inline_agents", "predefined_agents"):
        return
    inline = node.get("inline_agents") if node is not None else None
    is_inline = inline is None or _is_enabled(inline)
    draft.put("team", key, "inline", value=is_inline, at=inline or node or team)
    roster = node.get("predefined_agents") if node is not None else None
    items = list(roster.items()) if roster is not None else []
    members = [(_member(item, links), item) for item in items]
    found = [(member, item) for member, item in members if member is not None]
    _members(("team", key, "agents"), found, draft)


def _is_enabled(node: Node, *keys: str) -> bool:
    if not node.keys("type", *keys):
        return False
    kind = node.need("type")
    return kind is not None and kind.one_of("enabled", "disabled") == "enabled"


def _members(path: tuple[str, ...], members: list[tuple[str, Node]], draft: Draft) -> None:
    if members:
        draft.put(*path, value=[None] * len(members), at=members[0][1])
    for number, (member, item) in enumerate(members):
        draft.put(*path, number, value=member, at=item)


def _member(item: Node, links: Links) -> str | None:
    if isinstance(item.value, dict) and item.value.get("type") == "self":
        item.keys("type")
        return "self"
    return agent_reference(item, links)


def agent_reference(item: Node, links: Links) -> str | None:
    """An id or a path, or a mapping with one of them and maybe a version."""
    if isinstance(item.value, str):
        return links.reference(item, "agent")
    if not item.keys("type", "id", "path", "version"):
        return None
    if (kind := item.get("type")) is not None and kind.one_of("agent") is None:
        return None
    target = item.get("path") or item.need("id")
    reference = links.reference(target, "agent") if target is not None else None
    version = item.get("version")
    if reference is None or version is None:
        return reference
    return f"{reference}@{version.value}"
