"""[io] Read the service live, and plan."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from agentflow import codes
from agentflow.compiler.manifest import Manifest
from agentflow.compiler.ownership import owned_by
from agentflow.compiler.plan import APPLIED_KINDS, DriftPolicy, Observed, Plan, plan
from agentflow.diagnostics import Span
from agentflow.errors import NotFound
from agentflow.ports import Record, Resources
from agentflow.state.model import State
from agentflow.state.store import StateStore

__all__ = ["AT_ONCE", "make_plan", "observe", "surfaced"]

AT_ONCE = 16
"""Requests in flight. More gains nothing against the service's limits per minute."""


async def make_plan(
    manifest: Manifest,
    resources: Resources,
    store: StateStore,
    *,
    drift: DriftPolicy = DriftPolicy.BLOCK,
    sources: Mapping[str, Span] | None = None,
) -> Plan:
    """What to do so that the service has what the manifest says. Changes nothing.

    Args:
        drift: what to do about changes made on the service.
        sources: as in `Compiled.sources`; places problems in the specs.

    Raises:
        StateError: the state file is of a newer format, or cannot be read.
        ServiceError: the service cannot be read.
    """
    state, damage = store.read()
    with surfaced():
        observed = await observe(manifest, resources, state)
    made = plan(manifest, observed, state, drift=drift, sources=sources)
    if damage is None:
        return made
    message = f"The state file {store.path.name} cannot be used: {damage}"
    hint = "Nothing to do: the service knows what belongs to the project."
    warning = codes.STATE_REBUILT.at(None, message, hint=hint)
    return replace(made, problems=(*made.problems, warning))


async def observe(manifest: Manifest, resources: Resources, state: State) -> Observed:
    """All that the service has of this project and target: one list for each kind."""
    async with asyncio.TaskGroup() as group:
        lists = [group.create_task(resources.list(kind)) for kind in APPLIED_KINDS]
    records = [record for task in lists for record in task.result()]
    owned = owned_by(records, project=manifest.project, target=manifest.target.name)
    addresses = {resource.address for resource in manifest.resources}
    lost = {
        entry.id: entry.kind
        for address, entry in state.resources.items()
        if address in addresses and address not in owned
    }
    return Observed(
        workspace=await resources.workspace(),
        owned=owned,
        by_id=await _by_id(resources, lost),
    )


async def _by_id(resources: Resources, wanted: Mapping[str, str]) -> dict[str, Record]:
    """Records by id, of those ids that exist. `wanted` maps an id to its kind."""
    limit = asyncio.Semaphore(AT_ONCE)
    found: dict[str, Record] = {}

    async def get(id: str, kind: str) -> None:
        async with limit:
            try:
                found[id] = await resources.get(kind, id)
            except NotFound:
                return

    async with asyncio.TaskGroup() as group:
        for id, kind in wanted.items():
            group.create_task(get(id, kind))
    return found


@contextmanager
def surfaced() -> Iterator[None]:
    """Raise a task group's exception group as its first exception.

    Callers handle one error at a time; what failed together failed for the same reason.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None
