"""[io] Make cassettes: of a run while it takes place, or of a session that exists.

Of a session that exists the list of its events says what a client has seen; what it had sent is in it too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agentflow import __version__
from agentflow.compiler.manifest import Compiled
from agentflow.errors import SecretUnavailable, UsageError
from agentflow.operations.check import Project, check, compiled
from agentflow.operations.clock import SystemClock
from agentflow.operations.delivered import known_session
from agentflow.operations.secrets import read_secrets
from agentflow.ports import Clock, SessionInfo, Sessions
from agentflow.runtime.cassette import (
    CassetteWriter,
    digests,
    field_digests,
    protect_environment,
)
from agentflow.runtime.file_bodies import file_body
from agentflow.runtime.recording import RecordingSessions, plain, reported
from agentflow.runtime.run import RunRequest

__all__ = [
    "Recorded",
    "check_cassette",
    "protect_project",
    "record_session",
    "recorded",
    "write_session",
    "writing",
]

_FROM_CLIENT = ("user.", "system.")
_NOT_SENT = frozenset({"id", "processed_at"})
_BEGINNINGS = ("session.status_running", "session.thread_status_running")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A cassette that was written."""

    path: Path
    events: int
    files: int
    """Whose contents were to be had."""
    omitted: tuple[str, ...]
    """Names of those that are left out, because no secret could be found in them."""
    source: str | None = None
    """The name of the file it was made of. None: it was made of a session."""
    lacks: tuple[str, ...] = ()
    """What it does not have because that could not be had."""


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


def protect_project(project: Project | None, target: str) -> tuple[str, ...]:
    """Have the secrets of a project and of the environment masked.

    Returns:
        What of it could not be done: nobody knows the values of secrets that cannot be read here.

    Raises:
        ProblemsFound: the project has errors, so that it cannot be said which secrets it has.
    """
    unread = [] if project is None else _unread(project, target)
    # Behind them: what a project has a name for goes by that.
    protect_environment()
    if not unread:
        return ()
    return (f"the values of secrets that cannot be read here, to mask them: {', '.join(unread)}",)


def _unread(project: Project, target: str) -> list[str]:
    """Read every secret of a project, so that it is masked; the names of those that cannot be."""
    graph = check(project, target=target).build.graph
    if graph is None:
        graph = compiled(project, target=target)[1].build.graph
    assert graph is not None, "compiled() returns only what has one"
    unread = []
    for name, source in graph.project.spec.secrets.items():
        try:
            read_secrets([name], {name: source}, project.root)
        except SecretUnavailable:
            unread.append(name)
    return unread


async def record_session(
    project: Project,
    given: str,
    path: Path,
    *,
    target: str,
    overwrite: bool,
    compressed: bool = False,
    model: str | None = None,
) -> Recorded:
    """Write what a service knows of a session, as if somebody had recorded it.

    Args:
        project: whose target it is on; a run of it is known with all that it was started with.
        given: a run as `find_run` takes it, or the id of a session, whoever made it.
        path: of the cassette.
        target: whose service has the session, if the ledger does not know it.
        overwrite: a file at `path` may be replaced.
        compressed: keep contents of files also where no secret could be found in them.
        model: that the session had, if the service does not say it.

    Raises:
        UsageError: nothing is known by that name, or the cassette has no place.
        ProblemsFound: the project has errors.
        ServiceError: the session or its files cannot be read.
    """
    check_cassette(path, overwrite=overwrite)
    unread = protect_project(project, target)
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
            **({} if record.get("flow") is None else {"flow": record["flow"]}),
        }
        info = await known.sessions.retrieve(known.session_id)
        info = replace(info, model=info.model or model or "")
        made = await _copy(path, info, known.sessions, head, compressed=compressed)
    return replace(made, lacks=unread)


async def _copy(
    path: Path,
    info: SessionInfo,
    sessions: Sessions,
    head: Mapping[str, Any],
    *,
    compressed: bool,
) -> Recorded:
    events = await sessions.history(info.id)
    listed = [file for file in await sessions.files(info.id) if file.downloadable]
    omitted = []
    with writing(path, head, info) as writer:
        write_session(writer, info, events)
        writer.add("retrieve", out=plain(info))
        writer.add("files", out=[plain(file) for file in listed])
        with tempfile.TemporaryDirectory() as name:
            for number, file in enumerate(listed):
                place = Path(name, str(number))
                await sessions.download(file.id, place)
                body = file_body(_read(place), compressed=compressed)
                if "omitted" in body:
                    omitted.append(file.filename)
                writer.add("download", **{"in": file.id}, out=body)
    return Recorded(path=path, events=len(events), files=len(listed), omitted=tuple(omitted))


@contextmanager
def writing(path: Path, head: Mapping[str, Any], info: SessionInfo) -> Iterator[CassetteWriter]:
    """A cassette of a session that exists: there is all of it once the context ends, or nothing.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        with CassetteWriter(path, SystemClock(), head, whole=True) as writer:
            writer.knows(session=reported(info))
            yield writer
    except OSError as error:
        raise UsageError(
            f"The cassette {str(path)!r} cannot be written: {error.strerror or error}."
        ) from error


def write_session(
    writer: CassetteWriter, info: SessionInfo, events: Sequence[Mapping[str, Any]]
) -> None:
    """Write the events of a session as if they had come by a stream, and what of them was sent.

    A list has a message behind the status that it brought about; it was sent before that.
    """
    writer.add("create", out=_as_new(info))
    writer.add("stream")
    begun: list[Mapping[str, Any]] = []
    at_rest = True
    for place, event in enumerate(events):
        if _is_sent(event):
            if place == 0 or not _goes_with(events[place - 1], event):
                following = events[place + 1 : place + 2]
                group = [event, *(one for one in following if _goes_with(event, one))]
                writer.add("send", **{"in": [_as_sent(one) for one in group]}, out=group)
        elif at_rest and event.get("type") in _BEGINNINGS:
            begun.append(event)
            continue
        elif event.get("type") == "session.status_idle":
            at_rest = True
        elif event.get("type") != "session.usage":
            at_rest = False
        for one in (*begun, event):
            writer.add("event", out=dict(one))
        begun.clear()
    for one in begun:
        writer.add("event", out=dict(one))


def _is_sent(event: Mapping[str, Any]) -> bool:
    return str(event.get("type", "")).startswith(_FROM_CLIENT)


def _goes_with(before: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """A word to the agent is sent together with the result that it follows."""
    return event.get("type") == "system.message" and str(before.get("type")).startswith("user.")


def _read(path: Path) -> bytes:
    return path.read_bytes()


def _as_new(info: SessionInfo) -> dict[str, Any]:
    """A session as it was before it had a task."""
    return {**plain(info), "status": "idle", "usage": {}, "stats": {}}


def _as_sent(event: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key not in _NOT_SENT}
