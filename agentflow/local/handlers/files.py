"""Files: uploads, and what sessions were given and delivered."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response

from agentflow.local.blobs import MAX_FILE_BYTES, mime_type
from agentflow.local.call import Call, Service, page_body, public
from agentflow.local.errors import invalid, not_emulated, not_found, too_large
from agentflow.local.store import Document

__all__ = ["delete", "download", "list_", "retrieve", "upload"]

BETA = "managed-agents-2026-04-01"


def _get(service: Service, call: Call) -> Document:
    id = call.path("file_id")
    file = service.parts.store.get("file", id)
    if file is None:
        raise not_found(f"File {id!r} does not exist.")
    return file


async def upload(service: Service, call: Call) -> Document:
    length = call.request.headers.get("content-length", "")
    if length.isdigit() and int(length) > MAX_FILE_BYTES + 1_000_000:
        raise too_large(f"A file may have {MAX_FILE_BYTES} bytes.")
    try:
        form = await call.request.form(max_files=1, max_fields=4)
    except HTTPException as error:
        raise invalid(f"The request is not a multipart form: {error.detail}") from None
    async with _Closing(form):
        part = form.get("file")
        unknown = set(form) - {"file", "expires_in_seconds"}
        if unknown:
            raise invalid(f"{sorted(unknown)[0]}: Extra inputs are not permitted")
        if not isinstance(part, UploadFile):
            raise invalid("file: a part with this name and a file name is required.")
        if "expires_in_seconds" in form:
            raise not_emulated("expires_in_seconds: a file that expires")
        return await _keep(service, part)


class _Closing:
    """Closes a form's spooled files."""

    def __init__(self, form: Any) -> None:
        self._form = form

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *error: object) -> None:
        await self._form.close()


async def _keep(service: Service, part: UploadFile) -> Document:
    size = part.size or 0
    if size > MAX_FILE_BYTES:
        raise too_large(f"A file may have {MAX_FILE_BYTES} bytes.")
    filename = (part.filename or "").replace("\\", "/").rpartition("/")[2] or "unnamed"
    id = service.parts.ids.new("file")
    await asyncio.to_thread(service.blobs.keep, id, part.file)
    file = {
        "id": id,
        "type": "file",
        "filename": filename,
        "mime_type": part.content_type or mime_type(filename),
        "size_bytes": size,
        "created_at": service.parts.now(),
        "expires_at": None,
        "downloadable": False,
    }
    service.parts.store.add("file", file)
    return file


async def list_(service: Service, call: Call) -> Document:
    store = service.parts.store
    ids = call.texts("ids")
    if ids:
        if call.text("page") is not None or call.text("limit") is not None:
            raise invalid("ids: cannot be combined with page or limit.")
        if len(set(ids)) > 100:
            raise invalid("ids: at most 100 are allowed.")
        found = [store.get("file", id) for id in dict.fromkeys(ids)]
        return {"data": [public(file) for file in found if file], "next_page": None}
    scope = call.text("scope_id")
    where: list[tuple[str, list[object]]] = []
    if scope is not None:
        if BETA not in call.request.headers.get("anthropic-beta", ""):
            raise invalid(f"scope_id: needs the header `anthropic-beta: {BETA}`.")
        if call.faults.take("late_files"):
            where.append(("json_extract(body, '$.downloadable') = 0", []))
    page = store.resources(
        "file", limit=call.limit(20, 1000), cursor=call.text("page"), scope=scope, where=where
    )
    return page_body(page)


async def retrieve(service: Service, call: Call) -> Document:
    return public(_get(service, call))


async def download(service: Service, call: Call) -> Response:
    file = _get(service, call)
    if not file["downloadable"]:
        message = f"File {file['id']!r} was uploaded, and uploads cannot be downloaded."
        raise invalid(message, code="file_not_downloadable")
    path = service.blobs.path(file["id"])
    # The type is the client's word: nothing here may be taken for a page by a browser.
    return FileResponse(path, media_type="application/octet-stream")


async def delete(service: Service, call: Call) -> Document:
    file = _get(service, call)
    service.parts.store.drop("file", file["id"])
    service.blobs.drop(file["id"])
    return {"id": file["id"], "type": "file_deleted"}
