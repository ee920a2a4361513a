"""[io] What a session delivered, and archiving it: on the service, whoever started the session."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from agentflow.errors import Blocked, UsageError
from agentflow.operations.check import Project, compiled
from agentflow.operations.connect import connect
from agentflow.operations.origin import target_of
from agentflow.operations.remembered import find_run, look_up
from agentflow.operations.workspace import ledger_path
from agentflow.ports import Sessions
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.outputs import local_names

__all__ = ["Delivered", "Known", "archive", "known_session", "outputs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A file that a session has."""

    id: str
    filename: str
    size_bytes: int
    created_at: str
    downloadable: bool
    """False: it was put into the session, and did not come from it."""
    path: str | None
    """Where it was downloaded to. None: it was not."""


class Known(NamedTuple):
    """A session, and where it is."""

    session_id: str
    sessions: Sessions
    """Of the service that has it."""
    record: Mapping[str, Any] | None
    """What its run was started with. None: it is no run of this project, or an old one."""


@asynccontextmanager
async def known_session(project: Project, given: str, target: str) -> AsyncIterator[Known]:
    """A session by its id, or by a run of it.

    Raises:
        UsageError: nothing is known by that name, or the run has no session.
    """
    with Ledger.open(ledger_path(project.root)) as ledger:
        entry = look_up(ledger, given)
        if entry is None and not given.startswith("sesn_"):
            entry = find_run(ledger, given)
        record = None if entry is None else ledger.record(entry.id)
    if entry is not None and entry.session_id is None:
        raise UsageError(f"Run {entry.id} has no session.")
    session_id = given if entry is None else str(entry.session_id)
    place = (
        compiled(project, target=target)[0].manifest.target if record is None else target_of(record)
    )
    async with connect(place, project.root) as connection:
        yield Known(session_id, connection.sessions, record)


async def outputs(
    project: Project, given: str, *, target: str, out: Path | None
) -> tuple[Delivered, ...]:
    """The files of a session; with `out`, those it produced are downloaded there.

    Raises:
        UsageError: nothing is known by that name, or a file in `out` would be replaced.
        ServiceError: the service does not list or send them.
    """
    async with known_session(project, given, target) as (session_id, sessions, _):
        files = await sessions.files(session_id)
        produced = [file for file in files if file.downloadable]
        names = local_names(produced)
        places = {} if out is None else {id: out / name for id, name in names.items()}
        _refuse_replacing(places)
        if out is not None:
            _make(out)
            for id, path in places.items():
                await sessions.download(id, path)
    return tuple(
        Delivered(
            id=file.id,
            filename=file.filename,
            size_bytes=file.size_bytes,
            created_at=file.created_at,
            downloadable=file.downloadable,
            path=str(places[file.id]) if file.id in places else None,
        )
        for file in files
    )


def _refuse_replacing(places: dict[str, Path]) -> None:
    for path in places.values():
        if path.exists() or path.is_symlink():
            raise UsageError(
                f"{str(path)!r} is there already.", hint="Name another directory: --out DIR"
            )


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{str(out)!r} cannot be made: {error.strerror or error}.") from error


async def archive(project: Project, given: str, *, target: str) -> str:
    """Archive a session, which cannot be undone: its history stays, its files are gone with its sandbox.

    Raises:
        Blocked: it works, or waits for an answer.
        UsageError: nothing is known by that name.
        ServiceError: the service has no such session, or cannot be reached.
    """
    async with known_session(project, given, target) as (session_id, sessions, _):
        info = await sessions.retrieve(session_id)
        if info.archived:
            return f"Session {session_id} was archived before."
        if info.status in ("running", "rescheduling"):
            raise Blocked(
                f"Session {session_id} is {info.status}.",
                hint=f"Bring it to rest first: agentflow sessions interrupt {given}",
            )
        await sessions.archive(session_id)
        return f"Session {session_id} is archived."
