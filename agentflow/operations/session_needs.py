"""What the sessions of an agent need beside it, and whether a run can have that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agentflow.compiler import late
from agentflow.compiler.manifest import AgentPolicy, Manifest, Target
from agentflow.errors import UsageError
from agentflow.nearest import one_of

__all__ = ["check_session", "session_uploads"]

_UPLOAD = "file/"

_NOT_LOCAL = {"github_repository": "repositories", "memory_store": "memory stores"}
"""Resources of sessions that the embedded service does not have."""


def check_session(address: str, policy: AgentPolicy, target: Target) -> None:
    """Raise a `UsageError` for what a run on this target cannot give to its session."""
    missing = sorted(need for need in _needs(policy) if not need.startswith(_UPLOAD))
    if missing:
        raise UsageError(
            f"The sessions of {address} need {one_of(missing, joined='and')}, which this version "
            "does not apply.",
            hint="Refer to what exists on the service already, by its id: `id:…`.",
        )
    if policy.session.outcome is not None:
        raise UsageError(
            f"{address} has an `outcome`, and this version does not have runs graded.",
            hint="Remove `outcome` from the agent; a deployment of it can have one of its own.",
        )
    absent = sorted(set(_not_local(policy)))
    if target.service == "local" and absent:
        raise UsageError(
            f"The sessions of {address} have {one_of(absent, joined='and')}, which the embedded "
            "service does not have.",
            hint="Run it on a target with another service: agentflow run -t TARGET",
        )


def session_uploads(manifest: Manifest, policy: AgentPolicy, root: Path) -> dict[str, Path]:
    """The files that a session of the agent can read, by the address of their upload."""
    found = {}
    for address in _needs(policy):
        resource = manifest.resource(address)
        if resource is not None and address.startswith(_UPLOAD):
            found[address] = root / resource.files[0].path
    return found


def _needs(policy: AgentPolicy) -> set[str]:
    return late.named([policy.session.resources, policy.session.vault_ids])


def _not_local(policy: AgentPolicy) -> Iterator[str]:
    resources: tuple[Mapping[str, Any], ...] = policy.session.resources
    yield from (_NOT_LOCAL[r["type"]] for r in resources if r["type"] in _NOT_LOCAL)
    if policy.session.vault_ids:
        yield "vaults"
