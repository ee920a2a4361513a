"""[io] Make a cassette of an export: of a session of a service that somebody else looked at, elsewhere.

An export has what a service lists of a session. It does not have what was never an event: see `LACKS`. That is
written in the head of the cassette, so that a replay can say what it cannot decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentflow import __version__
from agentflow.errors import UsageError
from agentflow.operations.check import Project
from agentflow.operations.exported import UNNAMED, Exported, read_export
from agentflow.operations.recording import (
    Recorded,
    check_cassette,
    protect_project,
    write_session,
    writing,
)
from agentflow.ports import SessionInfo
from agentflow.runtime.cassette import hide
from agentflow.runtime.file_bodies import left_out
from agentflow.runtime.opening import RUN_MARK

__all__ = ["LACKS", "NOT_EXPORTED", "import_session"]

LACKS = (
    "what its files held",
    "the spec and the inputs it was started with",
    "requests that failed, streams that broke, and when which was",
)
"""What no export has."""

NOT_EXPORTED = "not in the export"

_PREVIEWS = ("event_start", "event_delta")
"""Pieces of events that follow whole: they have no id, and are in no list."""

_NEEDS: Mapping[str, Mapping[str, type]] = {
    "agent.tool_use": {"name": str, "input": dict},
    "agent.mcp_tool_use": {"name": str, "input": dict},
    "agent.custom_tool_use": {"name": str, "input": dict},
    "user.custom_tool_result": {"custom_tool_use_id": str},
    "user.tool_confirmation": {"tool_use_id": str, "result": str},
    "session.status_idle": {"stop_reason": dict},
}
"""What a replay reads of an event, beside its id."""


def import_session(
    project: Project | None,
    given: Path,
    path: Path,
    *,
    target: str,
    overwrite: bool,
    model: str | None = None,
) -> Recorded:
    """Write a cassette of the session in a file.

    Args:
        project: whose secrets are masked. None: only those of the environment, and what looks like one.
        given: an export, or a transcript.
        path: of the cassette.
        target: as which the project is read.
        overwrite: a file at `path` may be replaced.
        model: that the session had, if the export does not say it.

    Raises:
        UsageError: the file holds no whole session, or the cassette has no place.
        ProblemsFound: the project has errors.
    """
    check_cassette(path, overwrite=overwrite)
    if path.exists() and path.samefile(given):
        raise UsageError(f"{str(path)!r} would replace what it is made of.")
    _check_text(given)
    found = read_export(given)
    events = _whole(given, found)
    unread = protect_project(project, target)
    info = _info(found, events)
    info = replace(info, model=info.model or model or "")
    files = None if found.files is None else [_file(file) for file in found.files]
    lacks = (*LACKS, *_unsaid(found, info), *unread)
    head = {
        "agentflow": __version__,
        "agent": info.metadata.get("agentflow.address"),
        "specs": None,
        "inputs": {},
        "person": True,
        "copied": True,
        "imported": {"from": given.name, "lacks": list(lacks)},
    }
    with writing(path, head, info) as writer:
        # How it stands now is told by its events: what the service says may be newer than they are.
        write_session(writer, info, events)
        if files is not None:
            writer.add("files", out=files)
            for file in files:
                if file["downloadable"]:
                    body = left_out(NOT_EXPORTED, size_bytes=file["size_bytes"])
                    writer.add("download", **{"in": file["id"]}, out=body)
    return Recorded(
        path=path, events=len(events), files=0, source=given.name, lacks=lacks, omitted=()
    )


def _check_text(path: Path) -> None:
    """Raise a `UsageError` for bytes that are no text, which looking at a session gets over."""
    if not path.is_file():
        return
    try:
        with path.open(encoding="utf-8-sig") as file:
            for _ in file:
                pass
    except UnicodeDecodeError as error:
        raise _refused(path, f"it is not UTF-8: {error.reason}") from None
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error


def _whole(path: Path, found: Exported) -> list[Mapping[str, Any]]:
    """The events, each once.

    Raises:
        UsageError: some are missing or damaged, or nobody gave the session anything to do.
    """
    if found.head:
        raise UsageError(
            f"{str(path)!r} is a cassette already.",
            hint="Name it under `cassette` in a test of the layer `replay`.",
        )
    if found.problems:
        raise _refused(path, found.problems[0])
    if found.more:
        raise UsageError(
            f"{str(path)!r} holds one page of several: its `next_page` says that there are more events.",
            hint="Export all pages, in order.",
        )
    events = _once(path, found.events)
    if not any(str(event["type"]).startswith("user.") for event in events):
        raise _refused(
            path, "nobody says anything to the agent in it, so there is nothing to replay"
        )
    return events


def _once(path: Path, found: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """By id: a stream brings an event of the client twice, the second time as it was read."""
    events: dict[str, Mapping[str, Any]] = {}
    for number, event in enumerate(found, start=1):
        if event["type"] in _PREVIEWS:
            continue
        wrong = _wrong(event)
        if wrong is not None:
            raise _refused(path, f"event {number} ({event['type']}) {wrong}")
        known = events.get(event["id"])
        if known is None or event.get("processed_at") is not None:
            events[event["id"]] = event
    return list(events.values())


def _wrong(event: Mapping[str, Any]) -> str | None:
    """What is the matter with an event. None: nothing."""
    for name, kind in {"id": str, **_NEEDS.get(str(event["type"]), {})}.items():
        if name not in event:
            return f"has no `{name}`"
        if not isinstance(event[name], kind):
            return f"has a `{name}` that is no {'text' if kind is str else 'object'}"
    try:
        hide(event)
    except RecursionError:
        return "is nested too deeply"
    return None


def _refused(path: Path, why: str) -> UsageError:
    return UsageError(
        f"{str(path)!r} cannot be made into a cassette: {why}.",
        hint="It takes all events of a session as the service lists them: an array, pages, or one event a line.",
    )


def _info(found: Exported, events: Iterable[Mapping[str, Any]]) -> SessionInfo:
    if found.info is not None:
        return replace(found.info, id=found.info.id or UNNAMED)
    usage = [event.get("usage") for event in events if event["type"] == "session.usage"]
    last = usage[-1] if usage else None
    return SessionInfo(
        id=UNNAMED,
        status="idle",
        agent_id="",
        agent_version=0,
        environment_id="",
        usage=last if isinstance(last, dict) else {},
        stats={},
    )


def _file(listed: Mapping[str, Any]) -> dict[str, Any]:
    """A file as a cassette lists it."""
    size = listed.get("size_bytes")
    return {
        "id": str(listed.get("id") or ""),
        "filename": str(listed.get("filename") or ""),
        "size_bytes": size if isinstance(size, int) else 0,
        "mime_type": str(listed.get("mime_type") or ""),
        "downloadable": listed.get("downloadable") is True,
        "created_at": str(listed.get("created_at") or ""),
    }


def _unsaid(found: Exported, info: SessionInfo) -> Iterable[str]:
    """What this export does not have, and others may."""
    if found.files is None:
        yield "which files there were"
    if not info.agent_id and not info.agent_name:
        yield "which agent it was, in which version"
    if not info.model:
        yield "its model (name it: --model ID)"
    if RUN_MARK not in info.metadata:
        yield "who answered what it asked"
