"""Files mounted into a session: where they may lie, and the copies that lie there."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from agentflow.local.call import Call, Service
from agentflow.local.errors import invalid, not_emulated, not_found
from agentflow.local.paths import UPLOADS
from agentflow.local.shapes.base import read, sent
from agentflow.local.shapes.sessions import FileResource
from agentflow.local.store import Document

__all__ = ["add", "add_file", "check_mounts", "delete", "list_", "retrieve"]

_MAX_RESOURCES = 500


def _mount_path(given: str | None, file_id: str) -> str:
    """The path as tools see it, below the uploads folder.

    Raises:
        ApiError: 400, it is not absolute or leaves the folder.
    """
    if given is None:
        return f"{UPLOADS}/{file_id}"
    below = given.removeprefix(UPLOADS) if given.startswith(f"{UPLOADS}/") else given
    parts = below.split("/")[1:]
    clean = all(part not in ("", ".", "..") and "\0" not in part for part in parts)
    if not below.startswith("/") or not parts or not clean or len(given.encode()) > 1024:
        raise invalid(f"mount_path: {given!r} is not an absolute path of a file.")
    return posixpath.join(UPLOADS, *parts)


def check_mounts(
    service: Service, resources: Sequence[Mapping[str, Any]], taken: Sequence[str] = ()
) -> list[tuple[Document, str]]:
    """Each file with its resolved path.

    Raises:
        ApiError: 404 for a file, 400 for a path, or a kind of resource that is not emulated.
    """
    paths = list(taken)
    mounts = []
    for index, resource in enumerate(resources):
        if resource["type"] != "file":
            raise not_emulated(f"resources.{index}: {resource['type']}")
        file = service.parts.store.get("file", resource["file_id"])
        if file is None:
            raise not_found(f"File {resource['file_id']!r} does not exist.")
        path = _mount_path(resource.get("mount_path"), file["id"])
        for other in paths:
            if path == other or path.startswith(f"{other}/") or other.startswith(f"{path}/"):
                raise invalid(f"resources.{index}.mount_path: {path!r} collides with {other!r}.")
        paths.append(path)
        mounts.append((file, path))
    if len(paths) > _MAX_RESOURCES:
        raise invalid(f"resources: at most {_MAX_RESOURCES} are allowed.")
    return mounts


def add_file(service: Service, session_id: str, file: Document, path: str) -> Document:
    """Mount a file; returns the resource."""
    live = service.harness.live(session_id)
    with live.change():
        copy = service.workshop.mount(session_id, file, path)
        now = service.parts.now()
        resource = {
            "id": service.parts.ids.new("sesrsc"),
            "type": "file",
            "file_id": copy["id"],
            "mount_path": path,
            "created_at": now,
            "updated_at": now,
        }
        live.patch(resources=[*live.record()["resources"], resource])
    return resource


async def list_(service: Service, call: Call) -> Document:
    """All at once: a session has at most 500."""
    call.limit(_MAX_RESOURCES, 1000)
    record = service.harness.live(call.path("session_id")).record()
    return {"data": record["resources"], "next_page": None}


async def add(service: Service, call: Call) -> Document:
    given = sent(read(FileResource, await call.body()))
    live = service.harness.live(call.path("session_id"))
    record = live.record()
    if record["status"] == "terminated":
        raise invalid("This session is terminated: it takes no more files.")
    taken = [resource["mount_path"] for resource in record["resources"]]
    [(file, path)] = check_mounts(service, [given], taken)
    return add_file(service, live.id, file, path)


def _find(service: Service, call: Call) -> tuple[Document, Document]:
    record = service.harness.live(call.path("session_id")).record()
    id = call.path("resource_id")
    for resource in record["resources"]:
        if resource["id"] == id:
            return record, resource
    raise not_found(f"Session {record['id']!r} has no resource {id!r}.")


async def retrieve(service: Service, call: Call) -> Document:
    return _find(service, call)[1]


async def delete(service: Service, call: Call) -> Document:
    record, resource = _find(service, call)
    live = service.harness.live(record["id"])
    with live.change():
        service.workshop.unmount(record["id"], resource["file_id"], resource["mount_path"])
        live.patch(resources=[r for r in record["resources"] if r["id"] != resource["id"]])
    return {"id": resource["id"], "type": "session_resource_deleted"}
