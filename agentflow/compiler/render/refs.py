"""References of specs as the service takes them: ids that apply fills in, or that were written out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agentflow.compiler import late
from agentflow.spec.refs import Ref, parse_ref

if TYPE_CHECKING:
    from agentflow.spec.skill import SkillSpec

__all__ = ["agent_reference", "id_of", "skill_reference"]


def _parsed(text: str, kind: str) -> Ref:
    ref = parse_ref(text, kind)
    assert ref is not None, f"the model of the spec lets no such reference pass: {text!r}"
    return ref


def id_of(text: str, kind: str) -> str:
    """The id of what a reference names: a mark, or the id itself.

    A part, such as the credential of a vault, does not count.
    """
    ref = _parsed(text, kind)
    return ref.id or late.mark(kind, str(ref.name), "id")


def agent_reference(text: str) -> dict[str, Any]:
    """An agent at the version that is applied, at a pinned one, or (not managed here) at its newest."""
    ref = _parsed(text, "agent")
    found: dict[str, Any] = {"type": "agent", "id": id_of(text, "agent")}
    if ref.pin is not None:
        found["version"] = int(ref.pin)
    elif ref.name is not None:
        found["version"] = late.mark("agent", ref.name, "version")
    return found


def skill_reference(text: str, find: Callable[[str], SkillSpec | None]) -> dict[str, Any]:
    """A skill at a version. `latest` is what the service has when the agent is saved.

    Args:
        text: a name, `name@version`, `id:skill_…` or `anthropic/xlsx`.
        find: a skill of the project by name. None: it is not known, or has errors.
    """
    ref = _parsed(text, "skill")
    if ref.anthropic is not None:
        return _anthropic(ref.anthropic, ref.pin)
    if ref.id is not None:
        return {"type": "custom", "skill_id": ref.id, "version": ref.pin or "latest"}
    name = str(ref.name)
    spec = find(name)
    if spec is not None and spec.anthropic is not None:
        return _anthropic(spec.anthropic, ref.pin or spec.version)
    return {
        "type": "custom",
        "skill_id": late.mark("skill", name, "id"),
        "version": ref.pin or late.mark("skill", name, "version"),
    }


def _anthropic(skill: str, version: str | None) -> dict[str, Any]:
    return {"type": "anthropic", "skill_id": skill, "version": version or "latest"}
