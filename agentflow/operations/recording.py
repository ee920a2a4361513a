"""[io] Make cassettes: of a run while it takes place, or of a session that exists.

Of a session that exists the list of its events says what a client has seen; what it had sent is in it too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentflow import __version__
from agentflow.compiler.manifest import Compiled
from agentflow.errors import UsageError
from agentflow.operations.check import Project
from agentflow.operations.clock import SystemClock
from agentflow.operations.delivered import known_session
from agentflow.ports import Clock, SessionInfo, Sessions
from agentflow.runtime.cassette import (
    CassetteWriter,
    digests,
    field_digests,
    protect_environment,
)
from agentflow.runtime.file_bodies import file_body
from agentflow.runtime.recording import RecordingSessions, plain
from agentflow.runtime.run import RunRequest

__all__ = ["Recorded", "check_cassette", "record_session", "recorded"]

_FROM_CLIENT = ("user.", "system.")
_NOT_SENT = frozenset({"id", "processed_at"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A cassette that was written."""

    path: Path
    events: int
    files: int


def check_cassette(path: Path, *, overwrite: bool) -> None:
    """Raise a `UsageError` where a cassette would replace something, or has no place."""
    if path.is_dir():
        raise UsageError(f"{str(path)!r} is a directory.", hint="A cassette is a file: run.jsonl")
    if path.exists() and not overwrite:
        raise UsageError(
            f"The cassette {str(path)!r} exists.", hint="Name another file, or say --overwrite."
        )


@contextmanager
def recorded(
    path: Path | None,
    sessions: Sessions,
    request: RunRequest,
    built: Compiled,
    *,
    person: bool,
    clock: Clock | None = None,
    compressed: bool = False,
) -> Iterator[Sessions]:
    """The sessions to give to a run: they write down all that it does, unless `path` is None.

    Args:
        path: of the cassette, which is there once the context ends.
        sessions: of the service.
        request: the run.
        built: what its agent was compiled to.
        person: somebody can be asked.
        clock: tells when something happened. None: the machine's.
        compressed: keep contents of files also where no secret could be found in them.
    """
    if path is None:
        yield sessions
        return
    protect_environment()
    root = request.project_root
    resource = built.manifest.resource(request.agent)
    head = {
        "agentflow": __version__,
        "agent": request.agent,
        "specs": None if resource is None else digests(resource.payload, request.policy),
        "inputs": {name: _portable(value, root) for name, value in request.inputs.items()},
        "person": person,
        **({} if request.flow is None else {"flow": request.flow}),
    }
    with CassetteWriter(path, clock or SystemClock(), head) as writer:
        yield RecordingSessions(sessions, writer, compressed=compressed)


def _portable(value: Any, root: Path) -> Any:
    """A file relative to the project, if it is in it."""
    if not isinstance(value, Path):
        return value
    whole, home = value.absolute(), root.absolute()
    return str(whole.relative_to(home) if whole.is_relative_to(home) else whole)


async def record_session(
    project: Project, given: str, path: Path, *, target: str, overwrite: bool
) -> Recorded:
    """Write what a service knows of a session, as if somebody had recorded it.

    Args:
        project: whose target it is on; a run of it is known with all that it was started with.
        given: a run as `find_run` takes it, or the id of a session, whoever made it.
        path: of the cassette.
        target: whose service has the session, if the ledger does not know it.
        overwrite: a file at `path` may be replaced.

    Raises:
        UsageError: nothing is known by that name, or the cassette has no place.
        ServiceError: the session or its files cannot be read.
    """
    check_cassette(path, overwrite=overwrite)
    async with known_session(project, given, target) as known:
        record = known.record or {}
        policy = record.get("policy")
        specs = None
        if policy is not None:
            payload = record["origin"].get("payload", {})
            specs = {"payload": dict(payload), "policy": field_digests(policy)}
        inputs = {
            name: value.get("file", value.get("value"))
            for name, value in record.get("inputs", {}).items()
        }
        head = {
            "agentflow": __version__,
            "agent": record.get("agent"),
            "specs": specs,
            "inputs": inputs,
            "person": True,
            "copied": True,
        }
        return await _copy(path, known.session_id, known.sessions, head)


async def _copy(
    path: Path, session_id: str, sessions: Sessions, head: Mapping[str, Any]
) -> Recorded:
    protect_environment()
    info = await sessions.retrieve(session_id)
    events = await sessions.history(session_id)
    listed = [file for file in await sessions.files(session_id) if file.downloadable]
    with CassetteWriter(path, SystemClock(), head) as writer:
        writer.add("create", out=_as_new(info))
        writer.add("stream")
        for event in events:
            if str(event.get("type", "")).startswith(_FROM_CLIENT):
                writer.add("send", **{"in": [_as_sent(event)]}, out=[dict(event)])
            writer.add("event", out=dict(event))
        writer.add("retrieve", out=plain(info))
        writer.add("files", out=[plain(file) for file in listed])
        with tempfile.TemporaryDirectory() as name:
            for number, file in enumerate(listed):
                place = Path(name, str(number))
                await sessions.download(file.id, place)
                writer.add("download", **{"in": file.id}, out=file_body(_read(place)))
    return Recorded(path=path, events=len(events), files=len(listed))


def _read(path: Path) -> bytes:
    return path.read_bytes()


def _as_new(info: SessionInfo) -> dict[str, Any]:
    """A session as it was before it had a task."""
    return {**plain(info), "status": "idle", "usage": {}, "stats": {}}


def _as_sent(event: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key not in _NOT_SENT}
