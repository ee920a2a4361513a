"""What a spec may leave to the service, which answers with a choice of its own.

Of an agent the model's effort, the versions of skills and the versions of a team's members; of an
environment its scope. Where the spec says nothing, its canonical form has None, and the answer's has a
value: that is no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

__all__ = ["expected_form", "possible_forms", "without_unsaid"]

Form = dict[str, Any]
Change = Callable[[Any, Any], Any]
"""(value, value at the same place of the other form or None) -> new value."""
Group = Callable[[Mapping[str, Any], Change, Mapping[str, Any]], Form]
"""(form, what to do with each value of the group, other form) -> changed form."""


def _effort(form: Mapping[str, Any], change: Change, other: Mapping[str, Any]) -> Form:
    return _in(form, "model", other, lambda mine, its: _at(mine, "effort", its, change))


def _skills(form: Mapping[str, Any], change: Change, other: Mapping[str, Any]) -> Form:
    return _in(form, "skills", other, lambda mine, its: _versions(mine, its, change))


def _members(form: Mapping[str, Any], change: Change, other: Mapping[str, Any]) -> Form:
    def listed(key: str) -> Change:
        return lambda mine, its: _at(mine, key, its, lambda a, b: _versions(a, b, change))

    def team(mine: Any, its: Any) -> Any:
        mine = _at(mine, "agents", its, lambda a, b: _versions(a, b, change))
        for part in ("subagents", "workflows"):
            mine = _at(mine, part, its, listed("predefined_agents"))
        return mine

    return _in(form, "multiagent", other, team)


def _scope(form: Mapping[str, Any], change: Change, other: Mapping[str, Any]) -> Form:
    return _in(form, "scope", other, change)


_GROUPS: Mapping[str, tuple[Group, ...]] = {
    "agent": (_effort, _skills, _members),
    "environment": (_scope,),
}


def _in(form: Mapping[str, Any], key: str, other: Mapping[str, Any], change: Change) -> Form:
    changed: Form = _at(form, key, other, change)
    return changed


def _at(mine: Any, key: str, other: Any, change: Change) -> Any:
    """`mine` with the value at `key` changed; `change` gets the other form's value beside it."""
    if not isinstance(mine, Mapping) or key not in mine:
        return mine
    beside = other.get(key) if isinstance(other, Mapping) else None
    return {**mine, key: change(mine[key], beside)}


def _versions(mine: Any, other: Any, change: Change) -> Any:
    """Items go by their id, as lists differ in length where something was added or removed."""
    if not isinstance(mine, list):
        return mine
    beside = {_identity(item): item for item in other or []} if isinstance(other, list) else {}
    return [_at(item, "version", beside.get(_identity(item)), change) for item in mine]


def _identity(item: Any) -> object:
    if not isinstance(item, Mapping):
        return None
    return str((item.get("type"), item.get("id"), item.get("skill_id")))


def without_unsaid(kind: str, answer: Mapping[str, Any], desired: Mapping[str, Any]) -> Form:
    """The answer's form, with None where `desired` leaves the choice to the service."""
    form = dict(answer)
    for group in _GROUPS[kind]:
        form = group(form, lambda mine, its: None if its is None else mine, desired)
    return form


def expected_form(kind: str, desired: Mapping[str, Any]) -> Form:
    """What a fingerprint is taken of when a spec is sent.

    The versions of a list go all out if the spec leaves one of them out: the fingerprint of an answer
    has to be found among a few.
    """
    form = dict(desired)
    for group in _GROUPS[kind]:
        if None in _values(group, form):
            form = _cleared(group, form)
    return form


def possible_forms(kind: str, answer: Mapping[str, Any]) -> tuple[Form, ...]:
    """The forms under which an answer may have been expected, the full one first."""
    found: list[Form] = []
    for size in range(len(_GROUPS[kind]) + 1):
        for groups in combinations(_GROUPS[kind], size):
            form = dict(answer)
            for group in groups:
                form = _cleared(group, form)
            if form not in found:
                found.append(form)
    return tuple(found)


def _cleared(group: Group, form: Form) -> Form:
    return group(form, lambda mine, its: None, {})


def _values(group: Group, form: Form) -> list[Any]:
    seen: list[Any] = []

    def look(mine: Any, its: Any) -> Any:
        seen.append(mine)
        return mine

    group(form, look, {})
    return seen
