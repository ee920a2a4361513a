"""References that only apply can fill in: ids and versions of resources that may not exist yet.

Between `resolve` and apply each one stands in its text between two code points that no text uses
(Unicode reserves them for a program's own marks), so that `$${ref.agent.x.id}`, or the same words in a
prompt file, stay what they are: text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agentflow.patterns import regex
from agentflow.source import characters
from agentflow.spec.base import SECRET_MARK

__all__ = [
    "fill",
    "mark",
    "named",
    "no_text",
    "opening",
    "readable",
    "revealed",
    "secret",
    "secrets",
]

_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
_MARK = regex(f"{_OPEN}ref\\.([a-z]+)\\.([a-z0-9-]+)\\.([a-z]+){_CLOSE}")


def opening(kind: str, name: str) -> str:
    """How every mark of one resource begins."""
    return f"{_OPEN}ref.{kind}.{name}."


def mark(kind: str, name: str, field: str) -> str:
    """The reference to a field of a resource, as it stands in a payload."""
    return f"{opening(kind, name)}{field}{_CLOSE}"


def secret(name: str) -> str:
    """A secret, as it stands in a payload: apply reads it and sends it, and nothing else ever has it."""
    return f"{_OPEN}secret.{name}{_CLOSE}"


def secrets(value: Any) -> set[str]:
    """Names of the secrets that any string in `value` refers to."""
    return {name for text in _marked(value) for name in SECRET_MARK.findall(text)}


def revealed(value: Any, values: Mapping[str, str]) -> Any:
    """`value` with every secret in it read: only to be sent, never to be shown or kept.

    Raises:
        KeyError: `values` has not all that `secrets` finds.
    """
    return _each(value, lambda text: SECRET_MARK.sub(lambda match: values[match[1]], text))


def _each(value: Any, change: Callable[[str], str]) -> Any:
    """`value` with every string in it changed, keys left alone."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _each(item, change) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_each(item, change) for item in value]
    return value


def no_text(text: str) -> str | None:
    """A character that a rendered text holds and must not, as `U+FDD0`. None: there is none.

    A reference may stand in it; a secret may not, and is there only if somebody wrote its mark.
    """
    if _OPEN not in text:
        return characters.no_text(text)
    if found := SECRET_MARK.search(text):
        return characters.no_text(found[0])
    return characters.no_text(readable(text))


def named(value: Any, *, within: str = _OPEN) -> set[str]:
    """Addresses of the resources that any string in `value` refers to.

    Args:
        within: a text that holds all of its strings, if there is one: mostly none has a mark.
    """
    if _OPEN not in within:
        return set()
    return {f"{m[1]}/{m[2]}" for text in _marked(value) for m in _MARK.finditer(text)}


def _marked(value: Any) -> list[str]:
    """The strings in `value` that may hold a mark, keys left out. Most payloads have none."""
    found: list[str] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if _OPEN in one:
                found.append(one)
        elif isinstance(one, dict):  # told apart ten times faster than other mappings
            waiting.extend(one.values())
        elif isinstance(one, (list, tuple)):
            waiting.extend(one)
        elif one is not None and not isinstance(one, (int, float)) and isinstance(one, Mapping):
            waiting.extend(one.values())
    return found


def fill(value: Any, lookup: Callable[[str, str], str | None]) -> Any:
    """`value` with references filled in where `lookup(address, field)` knows them.

    A version becomes a number where the service takes one: in a reference to an agent.
    """
    if isinstance(value, Mapping):
        filled = {key: fill(item, lookup) for key, item in value.items()}
        version = filled.get("version")
        if _is_agent_reference(value) and isinstance(version, str) and version.isdecimal():
            filled["version"] = int(version)
        return filled
    if isinstance(value, (list, tuple)):
        return [fill(item, lookup) for item in value]
    return _each(
        value, lambda text: _MARK.sub(lambda m: lookup(f"{m[1]}/{m[2]}", m[3]) or m[0], text)
    )


def _is_agent_reference(value: Mapping[str, Any]) -> bool:
    """Whether it is `{type: agent, id, version}` with a version that was not known yet."""
    version = value.get("version")
    return (
        value.get("type") == "agent"
        and "id" in value
        and isinstance(version, str)
        and _MARK.fullmatch(version) is not None
    )


def readable(value: Any) -> Any:
    """`value` with references as people write them: `${ref.agent.x.id}`."""
    return _each(
        value,
        lambda text: SECRET_MARK.sub(r"${secret.\1}", _MARK.sub(r"${ref.\1.\2.\3}", text)),
    )
