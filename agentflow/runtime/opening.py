"""[io] Upload what a task needs, and create the session it runs in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from agentflow.compiler import late
from agentflow.errors import LostAnswer, NotFound, Unavailable, UsageError
from agentflow.ports import Clock, SessionInfo, Sessions
from agentflow.runtime import backoff, budget
from agentflow.runtime.run import RunRequest

__all__ = ["RUN_MARK", "find_session", "mount_inputs", "mounts_of", "open_session", "raise_budget"]

T = TypeVar("T")

RUN_MARK = "agentflow.run"
"""The metadata key of a session that names the run it was created for."""

LONGEST_WAIT_S = 60.0
"""No limit of the run holds before it has a session, so a longer wait is the caller's to decide on."""


async def open_session(
    request: RunRequest,
    sessions: Sessions,
    clock: Clock,
    *,
    tries: int,
    draw: Callable[[], float],
    cap_usd: Decimal | None = None,
) -> SessionInfo:
    """Upload what the task needs and create the session.

    `cap_usd`: the most that is left for it of what runs share. None: nothing is shared.

    Trying again may leave an upload or a session behind, idle and without an event: neither costs
    anything nor does any work.
    """

    def patiently(once: Callable[[], Awaitable[T]]) -> Awaitable[T]:
        return _patiently(once, clock, tries=tries, draw=draw)

    inputs = _file_inputs(request)
    ids: dict[str, str] = {}
    for address, path in sorted(request.uploads.items()):
        ids[address] = (await patiently(partial(sessions.upload, path, filename=path.name))).id
    resources = _own_resources(request, ids)
    for path in inputs:
        file = await patiently(partial(sessions.upload, path, filename=path.name))
        resources.append({"type": "file", "file_id": file.id, "mount_path": f"/{path.name}"})
    body = _session_body(request, resources, cap_usd)
    return await patiently(partial(sessions.create, body))


def mounts_of(values: Mapping[str, Any]) -> list[str]:
    """Where the files among the inputs of a task are mounted, below the uploads."""
    return [f"/{value.name}" for value in values.values() if isinstance(value, Path)]


async def mount_inputs(values: Mapping[str, Any], info: SessionInfo, sessions: Sessions) -> None:
    """Mount the files of a task in a session that exists. None of them may be there yet.

    Raises:
        ServiceError: one could not be uploaded, or not be mounted.
    """
    for path in {value: None for value in values.values() if isinstance(value, Path)}:
        file = await sessions.upload(path, filename=path.name)
        resource = {"type": "file", "file_id": file.id, "mount_path": f"/{path.name}"}
        await sessions.add_resource(info.id, resource)


async def _patiently(
    once: Callable[[], Awaitable[T]], clock: Clock, *, tries: int, draw: Callable[[], float]
) -> T:
    for attempt in range(tries):
        try:
            return await once()
        except (Unavailable, LostAnswer) as error:
            asked = error.retry_after_s if isinstance(error, Unavailable) else None
            if attempt == tries - 1 or (asked or 0.0) > LONGEST_WAIT_S:
                raise
            await clock.sleep(asked if asked is not None else backoff.delay_s(attempt, draw()))
    raise AssertionError("the last try returns or raises")


async def find_session(
    run_id: str,
    session_id: str | None,
    sessions: Sessions,
    clock: Clock,
    *,
    tries: int,
    draw: Callable[[], float],
) -> SessionInfo | None:
    """The session of a run that was begun before. None: it never came to one.

    A session whose creation was not written down any more has had no event: any of them will do.

    Raises:
        NotFound: it had one, and that is gone.
        ServiceError: the service does not say.
    """
    if session_id is None:
        listed = await _patiently(sessions.list, clock, tries=tries, draw=draw)
        return next((info for info in listed if info.metadata.get(RUN_MARK) == run_id), None)
    try:
        return await _patiently(
            partial(sessions.retrieve, session_id), clock, tries=tries, draw=draw
        )
    except NotFound as error:
        raise NotFound(
            f"Session {session_id} of run {run_id} does not exist any more.",
            hint="What it did cannot be followed up. Give the task to a new run: agentflow run",
            status=error.status,
        ) from error


def _own_resources(request: RunRequest, ids: Mapping[str, str]) -> list[dict[str, Any]]:
    """What the policy gives to every session, with the ids of uploads and the secrets in it."""
    own = [dict(resource) for resource in request.policy.session.resources]
    filled = late.fill(own, lambda address, field: ids[address] if field == "id" else None)
    made: list[dict[str, Any]] = late.revealed(
        filled, {name: secret.reveal() for name, secret in request.secrets.items()}
    )
    return made


def _file_inputs(request: RunRequest) -> list[Path]:
    """Each file once. All are mounted in one directory, so their names must differ."""
    found: dict[str, Path] = {}
    taken = {resource.get("mount_path") for resource in request.policy.session.resources}
    for name, value in request.inputs.items():
        if not isinstance(value, Path):
            continue
        if f"/{value.name}" in taken:
            raise UsageError(
                f"Input {name!r} is a file named {value.name!r}, and so is one of the agent's files.",
                hint="Give it another name: both would be mounted at the same place.",
            )
        if found.setdefault(value.name, value) != value:
            raise UsageError(
                f"Input {name!r} and another one are both files named {value.name!r}.",
                hint="Give one of them another name: both are mounted in one directory.",
            )
    return list(found.values())


def _session_body(
    request: RunRequest, resources: list[dict[str, Any]], cap_usd: Decimal | None
) -> dict[str, Any]:
    own = request.policy.session
    marks = {RUN_MARK: request.run_id, "agentflow.address": request.agent}
    body: dict[str, Any] = {
        "agent": {"type": "agent", "id": request.agent_id, "version": request.agent_version},
        "environment_id": request.environment_id,
        "metadata": {**own.metadata, **marks},
    }
    title = own.title or request.title
    if title:
        body["title"] = title
    if resources:
        body["resources"] = resources
    if own.vault_ids:
        body["vault_ids"] = list(own.vault_ids)
    cents = _cents(request, cap_usd)
    if cents is not None:
        body["budget"] = _limit(cents)
    return body


def _cents(request: RunRequest, cap_usd: Decimal | None) -> int | None:
    """The session budget of the service. None: the agent has no limit in dollars."""
    limits = request.policy.budget
    if limits is None or limits.usd is None:
        return None
    own = int(budget.budget_cents(limits.usd))
    return own if cap_usd is None else max(1, min(own, int(cap_usd * 100)))


def _limit(cents: int) -> dict[str, Any]:
    return {"type": "limit", "max_list_cost": {"amount": str(cents), "currency": "USD"}}


async def raise_budget(
    request: RunRequest, info: SessionInfo, sessions: Sessions, cap_usd: Decimal | None
) -> None:
    """Let a session that was made with a lower budget have what the run may spend by now.

    The service lets a session go on by itself that had reached its budget.

    Raises:
        ServiceError: the service refuses, for instance because more is used already.
    """
    cents = _cents(request, cap_usd)
    if cents is None or info.budget is None:
        return
    wanted = cents + (request.reuse.base_cents if request.reuse is not None else 0)
    has = (info.budget.get("max_list_cost") or {}).get("amount")
    if has is not None and int(str(has)) < wanted:
        await sessions.update(info.id, {"budget": _limit(wanted)})
