"""The rules of `multiagent`: members pinned to versions, defaults written out, the merge by level.

Rules: https://platform.claude.com/docs/en/managed-agents/multiagent-orchestration
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentflow.local.errors import invalid, not_found

__all__ = ["Owner", "check_team", "merge_team", "repin", "resolved_team", "works_in_team"]

Fields = dict[str, Any]

_OFF = {"type": "disabled"}
_DELEGATION: Fields = {
    "type": "enabled",
    "inline_agents": {"type": "enabled"},
    "predefined_agents": [],
}
_DEFAULTS: Fields = {"advisor": _OFF, "subagents": _DELEGATION, "workflows": _DELEGATION}
_FAMILIES = ("haiku", "sonnet", "opus", "fable")
"""Of models, from the least to the most capable."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The agent whose team it is, and how it finds others."""

    id: str
    version: int
    """Before the change that is being made: a member with this id and version is the owner."""
    find: Callable[[str, int | None], Fields | None]
    """An agent at a version, or (None) as it is now."""


def merge_team(
    given: Mapping[str, Any] | None, stored: Fields | None, owner: Owner
) -> Fields | None:
    """What is kept after `given` was sent: merged into a stored team of the newer form, else new.

    Raises:
        ApiError: 400 or 404, a member cannot be one.
    """
    if given is None:
        return None
    if given["type"] == "coordinator":
        return {"type": "coordinator", "agents": _members("agents", given["agents"], owner)}
    base = stored if stored is not None and stored["type"] == given["type"] else _DEFAULTS
    team: Fields = {"type": given["type"]}
    for key, default in _DEFAULTS.items():
        if key not in given:
            team[key] = base[key]
        elif given[key] is None:
            team[key] = default
        elif key == "advisor" or given[key]["type"] == "disabled":
            team[key] = dict(given[key])
        else:
            start = base[key] if base[key]["type"] == "enabled" else _DELEGATION
            team[key] = _delegation(key, given[key], start, owner)
    return team


def _delegation(
    key: str, given: Mapping[str, Any], start: Mapping[str, Any], owner: Owner
) -> Fields:
    """A key left out is kept; null is the default."""
    inline, predefined = start["inline_agents"], start["predefined_agents"]
    if "inline_agents" in given:
        inline = given["inline_agents"] or _DELEGATION["inline_agents"]
    if "predefined_agents" in given:
        place = f"{key}.predefined_agents"
        predefined = _members(place, given["predefined_agents"] or (), owner)
    return {"type": "enabled", "inline_agents": inline, "predefined_agents": predefined}


def _members(place: str, given: Sequence[Any], owner: Owner) -> list[Fields]:
    return [_member(f"multiagent.{place}.{n}", entry, owner) for n, entry in enumerate(given)]


def _member(place: str, entry: Any, owner: Owner) -> Fields:
    if isinstance(entry, str):
        entry = {"type": "agent", "id": entry}
    if entry["type"] == "advisor":
        return dict(entry)
    itself = entry["type"] == "self" or entry["id"] == owner.id
    if itself and entry.get("version") in (None, owner.version):
        return {"type": "agent", "id": owner.id, "version": owner.version}
    current = owner.find(entry["id"], None)
    if current is None:
        raise not_found(f"{place}: agent {entry['id']!r} does not exist.")
    if current["archived_at"] is not None:
        raise invalid(f"{place}: agent {entry['id']!r} is archived.")
    version = entry.get("version") or current["version"]
    pinned = owner.find(entry["id"], version)
    if pinned is None:
        raise not_found(f"{place}: agent {entry['id']!r} has no version {version}.")
    if pinned["multiagent"] is not None:
        message = f"{place}: agent {entry['id']!r} has `multiagent` itself; one level is allowed."
        raise invalid(message)
    return {"type": "agent", "id": entry["id"], "version": version}


def _lists(team: Mapping[str, Any]) -> Iterator[tuple[str, list[Fields]]]:
    """Every list of members, with its place below `multiagent`."""
    if team["type"] == "coordinator":
        yield "agents", team["agents"]
        return
    for key in ("subagents", "workflows"):
        if team[key]["type"] == "enabled":
            yield f"{key}.predefined_agents", team[key]["predefined_agents"]


def check_team(team: Mapping[str, Any] | None, model: Mapping[str, Any], owner: Owner) -> None:
    """Cross-field rules, on the team as it would be kept.

    Raises:
        ApiError: 400, the first that is broken.
    """
    if team is None:
        return
    for place, members in _lists(team):
        _check_members(f"multiagent.{place}", members, model, owner)
    for key in ("subagents", "workflows"):
        part = team.get(key, _OFF)
        nobody = part.get("inline_agents") == _OFF and not part["predefined_agents"]
        if nobody:
            message = "without inline_agents at least one predefined agent is needed."
            raise invalid(f"multiagent.{key}: {message}")
    for advisor in _advisors(team):
        _check_advisor(advisor, model["id"])


def _advisors(team: Mapping[str, Any]) -> list[str]:
    """The advisor's model, if there is an advisor."""
    if team["type"] == "coordinator":
        return [entry["model"] for entry in team["agents"] if entry["type"] == "advisor"]
    return [team["advisor"]["model"]] if team["advisor"]["type"] == "enabled" else []


def _check_members(
    place: str, members: Sequence[Fields], model: Mapping[str, Any], owner: Owner
) -> None:
    ids = [entry["id"] for entry in members if entry["type"] == "agent"]
    if len(members) - len(ids) > 1:
        raise invalid(f"{place}: at most one advisor is allowed.")
    for id in ids:
        if ids.count(id) > 1:
            raise invalid(f"{place}: agent {id!r} is listed more than once.")
    for entry in members:
        found = _other(entry, owner)
        if found is None:
            continue
        if len(ids) < len(members) and found["name"] == "anthropic.advisor":
            raise invalid(f"{place}: the advisor has the name of agent {found['id']!r}.")
        geo, own = found["model"]["inference_geo"], model["inference_geo"]
        if geo != own:
            raise invalid(
                f"{place}: agent {found['id']!r} has inference_geo {geo!r}, and this agent has "
                f"{own!r}; all agents of a team need the same."
            )


def _other(entry: Mapping[str, Any], owner: Owner) -> Fields | None:
    """The agent that a member is. None: the owner itself, or an advisor."""
    if entry["type"] != "agent" or (entry["id"], entry["version"]) == (owner.id, owner.version):
        return None
    return owner.find(entry["id"], entry["version"])


def _check_advisor(advisor: str, model: str) -> None:
    """Only where the families tell: which models of one family may advise each other is not known."""
    ranks = [
        next((n for n, family in enumerate(_FAMILIES) if family in id), None)
        for id in (advisor, model)
    ]
    if None not in ranks and ranks[0] < ranks[1]:  # type: ignore[operator]
        raise invalid(
            f"multiagent: {advisor!r} is less capable than {model!r}, and cannot advise it."
        )


def repin(team: Fields | None, owner: Owner) -> Fields | None:
    """The team in the owner's next version: where it names itself, it names that version."""
    if team is None:
        return None
    itself = {"type": "agent", "id": owner.id, "version": owner.version}
    following = {**itself, "version": owner.version + 1}
    changed = {**team}
    for place, members in _lists(team):
        key, _, inner = place.partition(".")
        moved = [following if entry == itself else entry for entry in members]
        changed[key] = {**team[key], inner: moved} if inner else moved
    return changed


def resolved_team(team: Fields | None, owner: Owner) -> Fields | None:
    """The team as a session shows it: each member whole, as it was at its version."""
    if team is None:
        return None
    shown = {**team}
    for place, members in _lists(team):
        key, _, inner = place.partition(".")
        whole = [_whole(entry, owner) for entry in members]
        shown[key] = {**team[key], inner: whole} if inner else whole
    return shown


def _whole(entry: Fields, owner: Owner) -> Fields:
    if entry["type"] != "agent":
        return entry
    found = owner.find(entry["id"], entry["version"])
    assert found is not None, "a member that was kept exists at its version"
    left_out = ("metadata", "multiagent", "created_at", "updated_at", "archived_at")
    return {
        **{key: value for key, value in found.items() if key not in left_out},
        "type": "agent",
    }


def works_in_team(team: Mapping[str, Any] | None) -> bool:
    """Whether a session of such an agent can do what one without a team cannot."""
    return team is not None and any(team.get(key, {}) != _OFF for key in _DEFAULTS)
