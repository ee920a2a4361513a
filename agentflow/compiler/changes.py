"""Field by field, what an update would change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = ["Change", "ChangeKind", "changes"]


class ChangeKind(StrEnum):
    ADD = "add"
    REMOVE = "remove"
    CHANGE = "change"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    kind: ChangeKind
    path: str
    """JSON pointer; into the old value for what is removed, else into the new one."""
    before: Any
    """None for what is added."""
    after: Any
    """None for what is removed."""
    label: str
    """`path` as a person reads it: names in place of positions."""
    unchecked: bool = False
    """`raw:` set it."""


def changes(
    before: Mapping[str, Any], after: Mapping[str, Any], *, unchecked: Sequence[str] = ()
) -> tuple[Change, ...]:
    """In the order of the pointers' keys. `unchecked` are pointers that `raw:` set."""
    return tuple(
        Change(
            kind=kind,
            path=pointer,
            before=old,
            after=new,
            label=label,
            unchecked=any(pointer == raw or pointer.startswith(f"{raw}/") for raw in unchecked),
        )
        for kind, pointer, label, old, new in _walk(before, after, "", "")
    )


_Found = tuple[ChangeKind, str, str, Any, Any]


def _walk(before: Any, after: Any, pointer: str, label: str) -> Iterator[_Found]:
    if _same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _mappings(before, after, pointer, label)
    elif (pairs := _pairs(before, after)) is not None:
        for old, new, index, name in pairs:
            here, there = f"{pointer}/{index}", f"{label}[{name}]"
            if old is _NOTHING:
                yield ChangeKind.ADD, here, there, None, new
            elif new is _NOTHING:
                yield ChangeKind.REMOVE, here, there, old, None
            else:
                yield from _walk(old, new, here, there)
    else:
        yield ChangeKind.CHANGE, pointer, label, before, after


def _mappings(before: Any, after: Any, pointer: str, label: str) -> Iterator[_Found]:
    for key in sorted({*before, *after}):
        here = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
        there = f"{label}.{key}" if label else key
        if key not in before:
            yield ChangeKind.ADD, here, there, None, after[key]
        elif key not in after:
            yield ChangeKind.REMOVE, here, there, before[key], None
        else:
            yield from _walk(before[key], after[key], here, there)


def _same(before: Any, after: Any) -> bool:
    """Equal as JSON: Python takes `True == 1` and `1 == 1.0` for equal, and the first is not."""
    if isinstance(before, bool) or isinstance(after, bool):
        return before is after
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(_same(before[k], after[k]) for k in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_same, before, after))
    return bool(before == after)


_NOTHING = object()


def _pairs(before: Any, after: Any) -> list[tuple[Any, Any, int, str]] | None:
    """Items of two lists that belong together, by name; None where that would hide a difference.

    Lists of texts, lists with items that have no name or share one, and lists where the common
    items changed places are shown as a whole.
    """
    if not (isinstance(before, list) and isinstance(after, list)):
        return None
    old, new = _by_name(before), _by_name(after)
    if old is None or new is None:
        return None
    if [name for name in old if name in new] != [name for name in new if name in old]:
        return None
    gone = [(old[name][1], _NOTHING, old[name][0], name) for name in old if name not in new]
    kept = [
        (old[name][1] if name in old else _NOTHING, item, index, name)
        for name, (index, item) in new.items()
    ]
    return gone + kept


def _by_name(items: list[Any]) -> dict[str, tuple[int, Any]] | None:
    """Name to position and item. None: an item is not a mapping, or two share a name."""
    named: dict[str, tuple[int, Any]] = {}
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            return None
        name = item.get("name") or item.get("mcp_server_name") or item.get("type")
        if not isinstance(name, str) or name in named:
            return None
        named[name] = (index, item)
    return named
