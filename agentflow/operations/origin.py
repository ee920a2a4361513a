"""Where a run came from: what its record says beside what the runtime needs, and what has changed since."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from agentflow.compiler.manifest import AgentPolicy, Compiled, Target, canonical_json, digest

__all__ = ["changes", "origin_of", "target_of"]


def target_of(record: Mapping[str, Any]) -> Target:
    """The target that a run was started on. Raises `KeyError` or `TypeError` if it is damaged."""
    return Target(**record["origin"]["target"])


def changes(built: Compiled, record: Mapping[str, Any]) -> tuple[str, ...]:
    """What the files say otherwise than the run was started with, as paths of the agent."""
    address = record["agent"]
    now = origin_of(built, address)
    policy = built.manifest.agents.get(address)
    if policy is None:
        return (f"{address} is gone",)
    found = list(_different(record["policy"], _as_json(policy)))
    words = {"system": "prompt"}
    payload = _different(record["origin"]["payload"], now["payload"])
    known = {path.partition(".")[0] for path in found}
    found += [words.get(key, key) for key in payload if key not in known]
    return tuple(found)


def origin_of(built: Compiled, address: str) -> dict[str, Any]:
    """What tells later where a run came from: its target, and prints of the agent as it was sent."""
    resource = built.manifest.resource(address)
    payload = resource.payload if resource is not None else {}
    return {
        "target": asdict(built.manifest.target),
        "payload": {key: digest(value) for key, value in sorted(payload.items())},
    }


def _as_json(policy: AgentPolicy) -> Any:
    return json.loads(canonical_json(asdict(policy)))


def _different(before: Any, after: Any, path: str = "") -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            if before.get(key) != after.get(key):
                yield from _different(
                    before.get(key), after.get(key), f"{path}.{key}" if path else key
                )
    elif before != after:
        yield path
