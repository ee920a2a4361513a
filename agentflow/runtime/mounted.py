"""Whether a new session has what it was created with: the service has left things out before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agentflow.ports import SessionInfo
from agentflow.runtime.run import RunRequest

__all__ = ["missing_mounts"]

_KEYS = {"file": "mount_path", "memory_store": "memory_store_id", "github_repository": "url"}
"""By type of resource, the field that both sides name it by."""
_WORDS = {"file": "file", "memory_store": "memory store", "github_repository": "repository"}


def missing_mounts(request: RunRequest, info: SessionInfo) -> Iterator[str]:
    """One sentence for each file, memory store or repository that a session just created lacks."""
    found = [(str(one.get("type")), one) for one in info.resources]
    for type, name in _wanted(request):
        if not any(type == other and _is(name, one.get(_KEYS[type])) for other, one in found):
            yield (
                f"The session was created without the {_WORDS[type]} {name}: the agent will not find it."
            )


def _wanted(request: RunRequest) -> Iterator[tuple[str, str]]:
    for resource in request.policy.session.resources:
        type = str(resource.get("type"))
        name = resource.get(_KEYS.get(type, ""))
        # What is only known once it is uploaded, or has a path of the service's choice, has no name yet.
        if isinstance(name, str):
            yield type, name
    for value in request.inputs.values():
        if isinstance(value, Path):
            yield "file", f"/{value.name}"


def _is(name: str, found: Any) -> bool:
    """The service shows where below its own folder a file is mounted."""
    return isinstance(found, str) and (found == name or found.endswith(name))
