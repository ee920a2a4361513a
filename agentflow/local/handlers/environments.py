"""Environments."""

from __future__ import annotations

from datetime import timedelta

from agentflow.local.call import Call, Service, page_body
from agentflow.local.clock import write_time
from agentflow.local.environments import merge, normalise
from agentflow.local.errors import ApiError, invalid
from agentflow.local.shapes.base import read
from agentflow.local.shapes.environments import EnvironmentCreate, EnvironmentUpdate
from agentflow.local.store import Document

__all__ = ["archive", "create", "delete", "list_", "retrieve", "update", "work_stats"]


def _get(service: Service, id: str) -> Document:
    environment = service.parts.store.get("environment", id)
    if environment is None:
        raise ApiError(
            404,
            "not_found_error",
            f"Environment {id!r} does not exist.",
            details={"error_code": "environment_not_found"},
        )
    return environment


async def create(service: Service, call: Call) -> Document:
    content = normalise(read(EnvironmentCreate, await call.body()))
    now = service.parts.now()
    environment = {
        "id": service.parts.ids.new("env"),
        "type": "environment",
        **content,
        "created_at": now,
        "updated_at": now,
        "archived_at": None,
    }
    service.parts.store.add("environment", environment)
    return environment


async def list_(service: Service, call: Call) -> Document:
    page = service.parts.store.resources(
        "environment",
        limit=call.limit(20, 100),
        cursor=call.text("page"),
        archived=call.flag("include_archived"),
    )
    return page_body(page)


async def retrieve(service: Service, call: Call) -> Document:
    return _get(service, call.path("environment_id"))


async def update(service: Service, call: Call) -> Document:
    body = read(EnvironmentUpdate, await call.body())
    environment = _get(service, call.path("environment_id"))
    if environment["archived_at"] is not None:
        message = f"Environment {environment['id']!r} is archived and cannot be updated."
        raise invalid(message, code="environment_archived")
    changed = {**environment, **merge(environment, body)}
    if changed != environment:
        changed["updated_at"] = service.parts.now()
        service.parts.store.put("environment", changed)
    return changed


async def archive(service: Service, call: Call) -> Document:
    environment = _get(service, call.path("environment_id"))
    if environment["archived_at"] is None:
        now = service.parts.now()
        environment = {**environment, "archived_at": now, "updated_at": now}
        service.parts.store.put("environment", environment)
    return environment


async def work_stats(service: Service, call: Call) -> Document:
    """The queue of a self-hosted environment: empty, since nothing is queued here, but on purpose."""
    environment = _get(service, call.path("environment_id"))
    if environment["config"]["type"] != "self_hosted":
        raise invalid(
            f"Environment {environment['id']!r} is not self-hosted: it has no work queue."
        )
    age_s = call.faults.plan.old_work_s
    queued = None
    if age_s is not None:
        queued = write_time(service.parts.clock.now() - timedelta(seconds=age_s))
    waiting = int(queued is not None)
    return {
        "type": "work_queue_stats",
        "depth": waiting,
        "pending": 0,
        "oldest_queued_at": queued,
        "workers_polling": 0,
    }


async def delete(service: Service, call: Call) -> Document:
    environment = _get(service, call.path("environment_id"))
    used = service.parts.store.resources(
        "session",
        limit=1,
        where=[("json_extract(body, '$.environment_id') = ?", [environment["id"]])],
    )
    if used.data:
        raise invalid(
            f"Environment {environment['id']!r} is used by session {used.data[0]['id']!r} and "
            "cannot be deleted: delete its sessions first, or archive it."
        )
    service.parts.store.drop("environment", environment["id"])
    return {"id": environment["id"], "type": "environment_deleted"}
