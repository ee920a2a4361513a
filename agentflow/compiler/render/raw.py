"""`raw:` merged into a payload, last and unchecked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentflow.compiler.delivery import plain
from agentflow.records import NamedTuple

__all__ = ["Merged", "merge"]


class Merged(NamedTuple):
    payload: dict[str, Any]
    pointers: tuple[str, ...]
    """JSON pointers (RFC 6901) of what `raw` set, sorted."""


def merge(payload: Mapping[str, Any], raw: Mapping[str, Any]) -> Merged:
    """Maps merge key by key; everything else, also null and lists, replaces."""
    pointers: list[str] = []
    merged = _merge(payload, plain(raw), "", pointers)
    return Merged(merged, tuple(sorted(pointers)))


def _merge(
    base: Mapping[str, Any], over: Mapping[str, Any], prefix: str, pointers: list[str]
) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        pointer = f"{prefix}/{str(key).replace('~', '~0').replace('/', '~1')}"
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = _merge(below, value, pointer, pointers)
        else:
            merged[key] = value
            pointers.append(pointer)
    return merged
