"""The state file: a cache of what was applied to one target.

The truth is the ownership metadata on the service; this file remembers what that cannot hold: the
digest of what the service answered, and ids whose metadata somebody removed. It holds digests, ids
and versions only: nothing a user wrote.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from agentflow.errors import StateError

__all__ = ["FORMAT", "Entry", "Place", "State"]

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Who answered when this was applied. None where the service does not say."""

    organization_id: str | None = None
    workspace_id: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"organization_id": self.organization_id, "workspace_id": self.workspace_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is known of one address."""

    kind: str
    id: str
    version: int | None
    """None: this kind has no versions."""
    sent_digest: str
    """Of what the spec said when it was applied."""
    returned_digest: str
    """Of what the service answered."""
    archived: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "id": self.id,
            "version": self.version,
            "sent_digest": self.sent_digest,
            "returned_digest": self.returned_digest,
            "archived": self.archived,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    project: str
    target: str
    serial: int = 0
    """Counts writes, so that two copies can be told apart. 0: never written."""
    place: Place | None = None
    """None: nothing was applied yet."""
    resources: Mapping[str, Entry] = field(default_factory=lambda: MappingProxyType({}))
    """By address."""

    def with_entry(self, address: str, entry: Entry) -> State:
        return replace(self, resources={**self.resources, address: entry})

    def without(self, address: str) -> State:
        return replace(
            self, resources={a: entry for a, entry in self.resources.items() if a != address}
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "serial": self.serial,
            "project": self.project,
            "target": self.target,
            "place": self.place.to_json() if self.place else None,
            "resources": {a: entry.to_json() for a, entry in sorted(self.resources.items())},
        }

    def to_text(self) -> str:
        """The text of the file: a line for each field and each resource, sorted."""
        data = self.to_json()
        resources = data.pop("resources")
        fields = [f"  {_json(key)}: {_json(value)}" for key, value in data.items()]
        entries = [f"    {_json(address)}: {_json(entry)}" for address, entry in resources.items()]
        block = "{\n" + ",\n".join(entries) + "\n  }" if entries else "{}"
        return "{\n" + ",\n".join([*fields, f'  "resources": {block}']) + "\n}\n"

    @classmethod
    def from_json(cls, data: object) -> State:
        """The state of a file of the current format.

        Raises:
            StateError: it has another shape. The message names the first thing that is wrong.
        """
        table = _mapping(data, "the file")
        place = table.get("place")
        return cls(
            project=_typed(table, "project", str),
            target=_typed(table, "target", str),
            serial=_typed(table, "serial", int),
            place=None if place is None else _place(_mapping(place, "`place`")),
            resources={
                address: _entry(_mapping(entry, f"`resources.{address}`"))
                for address, entry in _mapping(table.get("resources"), "`resources`").items()
            },
        )


def _place(table: Mapping[str, Any]) -> Place:
    return Place(
        organization_id=_optional(table, "organization_id", str),
        workspace_id=_optional(table, "workspace_id", str),
    )


def _entry(table: Mapping[str, Any]) -> Entry:
    return Entry(
        kind=_typed(table, "kind", str),
        id=_typed(table, "id", str),
        version=_optional(table, "version", int),
        sent_digest=_typed(table, "sent_digest", str),
        returned_digest=_typed(table, "returned_digest", str),
        archived=_typed(table, "archived", bool),
    )


def _json(value: object) -> str:
    return json.dumps(value)


def _mapping(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise StateError(f"{what} is not a mapping.")
    return value


def _typed(table: Mapping[str, Any], key: str, kind: type) -> Any:
    value = table.get(key)
    # `bool` is an `int` in Python, but `true` is no version.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise StateError(f"`{key}` is not a {kind.__name__}.")
    return value


def _optional(table: Mapping[str, Any], key: str, kind: type) -> Any:
    return None if table.get(key) is None else _typed(table, key, kind)
