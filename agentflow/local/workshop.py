"""[io] Where the tools of sessions run: one toolbox each, made when the first tool is called.

The environment decides what a toolbox may reach and which packages it has. Managers other than pip
install into the whole system, which a sandbox without a container cannot give: they are reported on
the session as `session.error`, and the session goes on.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from agentflow.errors import AgentflowError
from agentflow.local.blobs import Blobs, mime_type
from agentflow.local.environments import MANAGERS, hosts_of
from agentflow.local.live import Live, Parts
from agentflow.local.paths import UPLOADS, Places
from agentflow.local.toolset import ToolOutcome

__all__ = ["OpenToolbox", "SessionTools", "Workshop", "delete_tree"]

_MAX_RESULT_CHARS = 100_000
"""Longer results go to a file in the sandbox, and the agent gets the start of them."""
_PREVIEW_CHARS = 2_000
_MAX_OPEN = 32
"""Toolboxes kept open, each with a shell. Beyond it, sessions that do not run lose theirs, and with
it what their shell remembered; their files stay."""


class SessionTools(Protocol):
    """What of a `toolset.Toolbox` is used here."""

    async def call(self, name: str, input: Mapping[str, Any]) -> ToolOutcome: ...

    async def close(self) -> None: ...


OpenToolbox = Callable[[Path, "tuple[str, ...] | None", "Path | None"], SessionTools]
"""Session directory, hosts (None: all), layer of packages (None: none) -> tools."""


class Workshop:
    def __init__(
        self,
        root: Path,
        parts: Parts,
        blobs: Blobs,
        open_toolbox: OpenToolbox,
        answered: Collection[str] = (),
    ) -> None:
        """`answered`: tools that `open_toolbox` makes besides those of this service."""
        self.answered = answered
        self._sessions = root / "sessions"
        self._layers = root / "packages"
        self._parts = parts
        self._blobs = blobs
        self._open_toolbox = open_toolbox
        self._toolboxes: dict[str, SessionTools] = {}

    def places(self, session_id: str) -> Places:
        return Places(self._sessions / session_id)

    async def call(
        self, live: Live, id: str, name: str, input: Mapping[str, Any]
    ) -> tuple[list[dict[str, Any]], bool]:
        try:
            toolbox = await self._toolbox(live)
        except AgentflowError as error:
            return [{"type": "text", "text": error.message}], True
        outcome = await toolbox.call(name, input)
        if outcome.blocks:
            return [dict(block) for block in outcome.blocks], outcome.is_error
        text = outcome.text
        if len(text) > _MAX_RESULT_CHARS:
            text = await asyncio.to_thread(self._to_file, live.id, id, text)
        return [{"type": "text", "text": text}], outcome.is_error

    def _to_file(self, session_id: str, call_id: str, text: str) -> str:
        name = f"tool-result-{call_id}.txt"
        place = self.places(session_id).temporary
        # Exclusive and not through a link: the session's own programs can write to this folder.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(place.host / name, flags, 0o644), "w", encoding="utf-8") as file:
            file.write(text)
        return (
            f"{text[:_PREVIEW_CHARS]}\n[The result has {len(text)} characters. This is its start; "
            f"all of it is in {place.seen_as}/{name}]"
        )

    async def _toolbox(self, live: Live) -> SessionTools:
        known = self._toolboxes.get(live.id)
        if known is not None:
            return known
        environment = self._parts.store.get("environment", live.record()["environment_id"])
        assert environment is not None, "an environment that a session uses is not deleted"
        config = environment["config"]
        missing = [name for name in MANAGERS if name != "pip" and config["packages"][name]]
        if missing:
            live.fail("unknown_error", _not_available(missing), "retrying")
        layer = await self._layer(live, config["packages"]["pip"])
        hosts = hosts_of(config)
        allowed = None if hosts is None else tuple(hosts)
        root = self._sessions / live.id
        await self._make_room()
        toolbox = await asyncio.to_thread(self._open_toolbox, root, allowed, layer)
        self._toolboxes[live.id] = toolbox
        return toolbox

    async def _make_room(self) -> None:
        for session_id in list(self._toolboxes):
            if len(self._toolboxes) < _MAX_OPEN:
                return
            record = self._parts.store.get("session", session_id)
            if record is None or record["status"] not in ("running", "rescheduling"):
                await self.close(session_id)

    async def _layer(self, live: Live, pip: list[str]) -> Path | None:
        """The folder with the environment's Python packages. None: there are none."""
        if not pip:
            return None
        from agentflow.local.packages import layer_for

        try:
            return await layer_for(pip, self._layers)
        except AgentflowError as error:
            # As on the hosted service, a session goes on without what could not be installed.
            live.fail("unknown_error", error.message, "retrying")
            return None

    async def collect(self, live: Live) -> None:
        """Make files of what is new or changed in the outputs; a changed one gets a new id."""
        store = self._parts.store
        files = [f for f in store.scoped("file", live.id) if "_path" in f]
        known = {file["_path"]: file["_stamp"] for file in files}
        outputs = self.places(live.id).outputs.host
        delivered = await asyncio.to_thread(self._blobs.deliveries, outputs, known)
        with store.transaction():
            for item in delivered:
                for old in files:
                    if old["_path"] == item.path:
                        store.drop("file", old["id"])
                        self._blobs.drop(old["id"])
                name = item.path.rpartition("/")[2]
                record = self._record(live.id, name, item.size_bytes, downloadable=True)
                store.add(
                    "file", {**record, "_path": item.path, "_stamp": item.stamp}, scope=live.id
                )
                item.blob.replace(self._blobs.path(record["id"]))

    def _record(
        self, session_id: str, filename: str, size: int, *, downloadable: bool
    ) -> dict[str, Any]:
        return {
            "id": self._parts.ids.new("file"),
            "type": "file",
            "filename": filename,
            "mime_type": mime_type(filename),
            "size_bytes": size,
            "created_at": self._parts.now(),
            "expires_at": None,
            "downloadable": downloadable,
            "scope": {"type": "session", "id": session_id},
        }

    def mount(self, session_id: str, file: Mapping[str, Any], mount_path: str) -> dict[str, Any]:
        """Copy an uploaded file into a session; returns the record of the copy.

        Args:
            session_id: the session.
            file: record of the original.
            mount_path: as tools see it, checked by the caller, below `/mnt/session/uploads`.
        """
        copy = self._record(session_id, file["filename"], file["size_bytes"], downloadable=False)
        copy["mime_type"] = file["mime_type"]
        places = self.places(session_id)
        places.create()
        self._blobs.share(file["id"], copy["id"])
        self._blobs.copy(file["id"], places.uploads.host / mount_path[len(UPLOADS) + 1 :])
        self._parts.store.add("file", copy, scope=session_id)
        return copy

    def unmount(self, session_id: str, file_id: str, mount_path: str) -> None:
        uploads = self.places(session_id).uploads.host
        (uploads / mount_path[len(UPLOADS) + 1 :]).unlink(missing_ok=True)
        self._parts.store.drop("file", file_id)
        self._blobs.drop(file_id)

    async def close(self, session_id: str) -> None:
        """End the session's programs. Its files stay."""
        toolbox = self._toolboxes.pop(session_id, None)
        if toolbox is not None:
            await toolbox.close()

    async def remove(self, session_id: str, files: Sequence[str]) -> None:
        """End the session's programs and delete everything they left, and the bytes of `files`."""
        await self.close(session_id)
        for id in files:
            self._blobs.drop(id)
        await asyncio.to_thread(delete_tree, self._sessions / session_id)

    async def close_all(self) -> None:
        for session_id in list(self._toolboxes):
            await self.close(session_id)


def delete_tree(folder: Path) -> None:
    """Remove a folder an agent wrote in, which may nest deeper than Python can follow."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:
        subprocess.run(["rm", "-rf", "--", str(folder)], check=False)


def _not_available(managers: list[str]) -> str:
    names = ", ".join(managers)
    return f"Packages of {names} are not available in the local service; only pip packages are."
