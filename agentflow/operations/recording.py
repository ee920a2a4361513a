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
from agentflow.compiler.manifest import AgentPolicy, Compiled
from agentflow.errors import UsageError
from agentflow.operations.clock import SystemClock
from agentflow.ports import SessionInfo, Sessions
from agentflow.runtime.cassette import CassetteWriter, digests, file_body, protect_environment
from agentflow.runtime.recording import RecordingSessions, plain
from agentflow.runtime.run import RunRequest

__all__ = ["Recorded", "check_cassette", "recorded", "write_cassette"]

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
) -> Iterator[Sessions]:
    """The sessions to give to a run: they write down all that it does, unless `path` is None.

    Args:
        path: of the cassette, which is there once the context ends.
        sessions: of the service.
        request: the run.
        built: what its agent was compiled to.
        person: somebody can be asked.
    """
    if path is None:
        yield sessions
        return
    protect_environment()
    root = request.project_root
    head = {
        **_head(request.agent, built, request.policy),
        "inputs": {name: _portable(value, root) for name, value in request.inputs.items()},
        "person": person,
    }
    with CassetteWriter(path, SystemClock(), head) as writer:
        yield RecordingSessions(sessions, writer)


def _portable(value: Any, root: Path) -> Any:
    """A file relative to the project, if it is in it."""
    if not isinstance(value, Path):
        return value
    whole, home = value.absolute(), root.absolute()
    return str(whole.relative_to(home) if whole.is_relative_to(home) else whole)


def _head(agent: str | None, built: Compiled | None, policy: AgentPolicy | None) -> dict[str, Any]:
    """What is known of the specs: nothing of a session that was made elsewhere."""
    found: dict[str, Any] = {"agentflow": __version__, "agent": agent}
    resource = None if built is None or agent is None else built.manifest.resource(agent)
    if resource is not None and policy is not None:
        found["specs"] = digests(resource.payload, policy)
    return found


async def write_cassette(
    path: Path,
    session_id: str,
    sessions: Sessions,
    *,
    agent: str | None = None,
    built: Compiled | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> Recorded:
    """Write what a service knows of a session, as if somebody had recorded it.

    Args:
        path: of the cassette.
        session_id: whose.
        sessions: of the service.
        agent: its address, if it is one of ours.
        built: the project as it is, which is what later changes are told from. None: nothing is told.
        inputs: of its run, if that is known.

    Raises:
        ServiceError: the session or its files cannot be read.
    """
    protect_environment()
    info = await sessions.retrieve(session_id)
    events = await sessions.history(session_id)
    listed = [file for file in await sessions.files(session_id) if file.downloadable]
    policy = None if built is None or agent is None else built.manifest.agents.get(agent)
    head = {**_head(agent, built, policy), "inputs": dict(inputs or {}), "person": True}
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
