"""What a run was started with, as JSON for the ledger: enough to go on with it without its specs.

Secrets are not in it: their names are in the policy, and whoever goes on reads them again. Paths below
the project are relative, so that a project can be moved to another machine together with its ledger.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, astuple
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from agentflow.compiler.manifest import AgentPolicy, canonical_json
from agentflow.diagnostics import Span
from agentflow.errors import StateError
from agentflow.runtime.run import Reuse, RunRequest
from agentflow.secret import SecretText

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["Recorded", "read_policy", "read_record", "write_record"]

FORMAT = 1


class Recorded(NamedTuple):
    request: RunRequest
    task: str
    """The first message, as it was made of the inputs."""


def write_record(request: RunRequest, task: str) -> Mapping[str, Any]:
    """The record of a run that is about to start."""
    root = request.project_root
    prefix = f"{request.agent}#"
    return {
        "format": FORMAT,
        "agent": request.agent,
        "agent_id": request.agent_id,
        "agent_version": request.agent_version,
        "environment_id": request.environment_id,
        "policy": json.loads(canonical_json(asdict(request.policy))),
        "inputs": {
            name: {"file": _portable(value, root)} if isinstance(value, Path) else {"value": value}
            for name, value in request.inputs.items()
        },
        "out_dir": _portable(request.out_dir, root),
        "sources": {
            key: astuple(span)
            for key, span in request.sources.items()
            if key == request.agent or key.startswith(prefix)
        },
        "title": request.title,
        "uploads": {key: _portable(path, root) for key, path in request.uploads.items()},
        "task": task,
        "reuse": None if request.reuse is None else asdict(request.reuse),
        "origin": request.origin,
        "flow": request.flow,
        "pools_of": request.pools_of,
    }


def read_record(
    run_id: str, record: Mapping[str, Any], *, root: Path, secrets: Mapping[str, SecretText]
) -> Recorded:
    """The request of a run, for the project as it lies at `root` now.

    Raises:
        StateError: the record is damaged, or of a newer version.
    """
    found = record.get("format")
    if found != FORMAT:
        raise StateError(
            f"Run {run_id} was recorded in format {found}; this version reads {FORMAT}.",
            hint="Update agentflow.",
        )
    try:
        return Recorded(_request(run_id, record, root, secrets), str(record["task"]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StateError(f"The record of run {run_id} is damaged: {error}") from error


def read_policy(record: Mapping[str, Any]) -> AgentPolicy:
    """The policy in a record. Raises `KeyError` or `ValueError` if it is damaged."""
    return _policies().validate_python(record["policy"])


@cache
def _policies() -> TypeAdapter[AgentPolicy]:
    from pydantic import TypeAdapter

    return TypeAdapter(AgentPolicy)


def _request(
    run_id: str, record: Mapping[str, Any], root: Path, secrets: Mapping[str, SecretText]
) -> RunRequest:
    return RunRequest(
        run_id=run_id,
        agent=record["agent"],
        agent_id=record["agent_id"],
        agent_version=record["agent_version"],
        environment_id=record["environment_id"],
        policy=read_policy(record),
        inputs={
            name: root / given["file"] if "file" in given else given["value"]
            for name, given in record["inputs"].items()
        },
        out_dir=root / record["out_dir"],
        project_root=root,
        sources={key: Span(*values) for key, values in record["sources"].items()},
        title=record["title"],
        secrets=secrets,
        uploads={key: root / path for key, path in record["uploads"].items()},
        reuse=_reuse(record.get("reuse")),
        origin=record["origin"],
        flow=record.get("flow"),
        pools_of=record.get("pools_of"),
    )


def _reuse(found: Mapping[str, Any] | None) -> Reuse | None:
    """Runs of older versions have none."""
    if found is None:
        return None
    return Reuse(
        session_id=found["session_id"],
        after=found["after"],
        files=tuple(found["files"]),
        base_cents=found.get("base_cents", 0),
    )


def _portable(path: Path, root: Path) -> str:
    whole, home = path.absolute(), root.absolute()
    return str(whole.relative_to(home) if whole.is_relative_to(home) else whole)
