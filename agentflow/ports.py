"""What the core needs from outside, as protocols. The shell supplies them; tests supply their own.

Times are seconds. A wall-clock instant is an aware `datetime` in UTC; a monotonic one is a float.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from agentflow.records import field, record

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path

__all__ = [
    "Callables",
    "Clock",
    "Files",
    "Record",
    "RemoteFile",
    "Resources",
    "SessionInfo",
    "Sessions",
    "WorkQueue",
    "Workspace",
]


class Clock(Protocol):
    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class Files(Protocol):
    """The files of one project, read-only. Paths are relative to its root, with forward slashes."""

    def specs(self) -> Sequence[str]:
        """The files that hold specs, sorted; `agentflow.yaml` is one of them if it exists."""
        ...

    def read(self, path: str) -> str:
        """The text of a file.

        Raises:
            FileRefused: it is missing, a directory, too large, not UTF-8, or outside the project.
        """
        ...

    def digest(self, path: str) -> str:
        """`sha256:` and 64 hexadecimal digits, of the bytes of a file of any kind and size.

        Raises:
            FileRefused: as `read`, except for size and encoding.
        """
        ...

    def size(self, path: str) -> int:
        """Bytes of a file of any kind.

        Raises:
            FileRefused: as `digest`.
        """
        ...

    def folder(self, path: str) -> Sequence[str]:
        """Every file below a folder, relative to it, sorted. Hidden ones are left out.

        Raises:
            FileRefused: it is missing, no folder, outside the project, or has a link in it.
        """
        ...


class Callables(Protocol):
    """Python functions of the project, as they are once their modules have been imported."""

    def describe(self, reference: str) -> Mapping[str, Any]:
        """What `package.module:function` says of itself: `doc`, and `parameters` in order.

        A parameter is a mapping: `name`; `kind` and `required`, as `inspect` has them; `default`, if
        JSON has it; and `schema` as pydantic makes it, or `why` there is none, a sentence.

        Raises:
            CallableRefused: the module cannot be imported, or the function not be described.
        """
        ...


@record
class Record:
    """A resource as the service has it."""

    kind: str
    id: str
    name: str
    version: int | None
    """None: this kind has no versions."""
    archived: bool
    metadata: Mapping[str, str]
    body: Mapping[str, Any]
    """The whole answer, as JSON data."""


@record
class Workspace:
    """Who answers: from the response headers. None where the service does not say."""

    base_url: str
    organization_id: str | None
    workspace_id: str | None


@record
class WorkQueue:
    """Sessions of a self-hosted environment that no worker has taken yet."""

    waiting: int
    oldest_queued_at: str | None
    """RFC 3339. None: nothing waits."""
    workers: int | None
    """That asked for work of late. None: the service does not say."""


class Resources(Protocol):
    """Create, read and update resources. `kind` is `agent` or `environment`.

    Every method raises a `ServiceError`.
    """

    async def workspace(self) -> Workspace: ...

    async def list(self, kind: str) -> Sequence[Record]:
        """All that are not archived."""
        ...

    async def get(self, kind: str, id: str) -> Record: ...

    async def work_queue(self, environment_id: str) -> WorkQueue:
        """Of a self-hosted environment."""
        ...

    async def create(self, kind: str, payload: Mapping[str, Any]) -> Record: ...

    async def update(
        self, kind: str, id: str, payload: Mapping[str, Any], *, expected_version: int | None
    ) -> Record:
        """Send a full update. `expected_version` guards kinds that have versions.

        Raises:
            Conflict: the resource is not at `expected_version` any more.
        """
        ...


@record
class SessionInfo:
    id: str
    status: str
    agent_id: str
    agent_version: int
    environment_id: str
    usage: Mapping[str, Any]
    """As the service reports it: token classes, `list_cost`, `active_seconds`."""
    stats: Mapping[str, Any]
    metadata: Mapping[str, str] = field(default_factory=dict)
    created_at: str = ""
    archived: bool = False
    title: str = ""
    budget: Mapping[str, Any] | None = None
    """As the service has it. None: it has none, and cannot be given one any more."""
    resources: Sequence[Mapping[str, Any]] = ()
    """What is mounted, as the service has it."""
    agent_name: str = ""
    model: str = ""
    """That its agent runs, as the service has it. Empty, of either: it does not say."""


@record
class RemoteFile:
    id: str
    filename: str
    size_bytes: int
    mime_type: str
    downloadable: bool
    created_at: str


class Sessions(Protocol):
    """One service's sessions. Events travel as JSON objects with a `type`.

    Requests that have effects are never repeated by an implementation: it raises, and the caller
    decides. Every method raises a `ServiceError`; a stream raises `StreamLost` when it breaks and
    simply ends when the service closes it.
    """

    async def create(self, body: Mapping[str, Any]) -> SessionInfo: ...

    async def retrieve(self, session_id: str) -> SessionInfo: ...

    async def update(self, session_id: str, body: Mapping[str, Any]) -> SessionInfo:
        """Change its `title`, `metadata` or `budget`; what is left out stays."""
        ...

    async def add_resource(self, session_id: str, body: Mapping[str, Any]) -> None:
        """Mount one more file."""
        ...

    async def list(self, *, statuses: Sequence[str] = ()) -> Sequence[SessionInfo]:
        """All that are not archived, newest first; `statuses`: only those with one of them."""
        ...

    def stream(
        self, session_id: str
    ) -> AbstractAsyncContextManager[AsyncIterator[Mapping[str, Any]]]:
        """Entering opens the connection: events emitted from then on are delivered."""
        ...

    async def history(self, session_id: str) -> Sequence[Mapping[str, Any]]:
        """All persisted events in list order, every page."""
        ...

    async def send(
        self, session_id: str, events: Sequence[Mapping[str, Any]]
    ) -> Sequence[Mapping[str, Any]]:
        """The events as the service stored them, with their ids."""
        ...

    async def archive(self, session_id: str) -> None: ...

    async def upload(self, path: Path, *, filename: str) -> RemoteFile: ...

    async def files(self, session_id: str) -> Sequence[RemoteFile]: ...

    async def download(self, file_id: str, to: Path) -> None:
        """Write the bytes to `to`, whole or not at all."""
        ...
