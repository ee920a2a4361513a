"""Environments."""

from __future__ import annotations

from agentflow.local.call import Call, Service, page_body
from agentflow.local.environments import merge, normalise
from agentflow.local.errors import ApiError, invalid
from agentflow.local.shapes.base import read
from agentflow.local.shapes.environments import EnvironmentCreate, EnvironmentUpdate
from agentflow.local.store import Document

__all__ = ["archive", "create", "delete", "list_", "retrieve", "update"]


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
