"""[io] A session in a file: a transcript, a cassette, or an export of a service.

An export is what a service lists, in any of the shapes in which people keep that: an array of events, a page
or several, one event a line, or an object with `events` and perhaps `session` and `files`. Reading is lenient, so
that also what a crash has cut can be looked at; what was wrong is said in `problems`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentflow.errors import UsageError
from agentflow.ports import SessionInfo

__all__ = ["UNNAMED", "Exported", "read_export"]

MOST_BYTES = 2_000_000_000
"""A file larger than this is not a session."""

UNNAMED = "sesn_unnamed"
"""Stands on a cassette for the id of a session that nobody knows."""

_Raw = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Exported:
    events: list[_Raw] = field(default_factory=list)
    """The service's own JSON, in the order of the file."""
    head: _Raw = field(default_factory=dict)
    """Of a cassette. Empty: it is none."""
    info: SessionInfo | None = None
    """What the service said of the session. None: that is not in the file."""
    files: list[_Raw] | None = None
    """What the service listed. None: that is not in the file."""
    problems: list[str] = field(default_factory=list)
    """What could not be read, and where: the beginnings of sentences about the file."""
    more: bool = False
    """The service had more pages than are here."""
    transcript: bool = False

    @property
    def session_id(self) -> str | None:
        known = self.info is not None and self.info.id not in ("", UNNAMED)
        return self.info.id if self.info is not None and known else None

    @property
    def model(self) -> str | None:
        told = self.head.get("session")
        named = told.get("model") if isinstance(told, dict) else None
        found = named or (self.info.model if self.info is not None else None)
        return found if isinstance(found, str) and found else None

    @property
    def agent(self) -> str | None:
        """The address, else the name that the service has."""
        address = self.head.get("agent")
        if isinstance(address, str):
            return address
        if self.info is None:
            return None
        return self.info.metadata.get("agentflow.address") or self.info.agent_name or None

    @property
    def delivered(self) -> tuple[str, ...] | None:
        """Names of what the session produced. None: the file does not say."""
        if self.files is None:
            return None
        return tuple(str(one.get("filename")) for one in self.files if one.get("downloadable"))


def read_export(path: Path) -> Exported:
    """The session in a file.

    Raises:
        UsageError: it is not there, too large, no JSON at all, or holds no events.
    """
    if not path.is_file():
        raise UsageError(
            f"There is no file {str(path)!r}.", hint="Name a run, a session or a file."
        )
    if path.stat().st_size > MOST_BYTES:
        raise UsageError(f"{str(path)!r} is larger than two gigabytes.")
    found = Exported()
    try:
        _read(path, found)
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
    if not found.events:
        raise UsageError(
            f"{str(path)!r} holds no events.",
            hint="It takes a transcript, a cassette, the service's list of events, or one event a line.",
        )
    return found


def _read(path: Path, found: Exported) -> None:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline()
    if not first.strip():
        return
    try:
        whole = not isinstance(json.loads(first), dict) or not first.endswith("\n")
    except (ValueError, RecursionError):
        whole = True
    if whole:
        _take_all(_document(path), "item", found)
        return
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for number, text in enumerate(file, start=1):
            try:
                line = json.loads(text)
            except (ValueError, RecursionError) as error:
                if text.strip():
                    found.problems.append(f"line {number} is not JSON: {error}")
                continue  # a crash can cut the last line
            _take(line, f"line {number}", found)


def _document(path: Path) -> list[Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig", errors="replace"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{str(path)!r} is not JSON: {error}.") from error
    return data if isinstance(data, list) else [data]


def _take_all(items: Iterable[Any], what: str, found: Exported) -> None:
    for number, item in enumerate(items, start=1):
        _take(item, f"{what} {number}", found)


def _take(item: Any, where: str, found: Exported) -> None:
    """An event, or something that holds some."""
    if not isinstance(item, dict):
        found.problems.append(f"{where} is no JSON object")
    elif "op" in item:
        _take_operation(item, found)
    elif "cassette" in item:
        found.head = item
    elif isinstance(item.get("in"), dict):
        found.transcript = True
        found.events.append(item["in"])
    elif "out" in item:
        found.transcript = True  # what was sent comes back in the events
    elif isinstance(item.get("type"), str) and item["type"] != "session":
        found.events.append(item)
    elif not _take_holder(item, found):
        found.problems.append(f"{where} is no event: it has no `type`")


def _take_operation(line: _Raw, found: Exported) -> None:
    """A line of a cassette."""
    op, told = line["op"], line.get("out")
    if op == "event" and isinstance(told, dict):
        found.events.append(told)
    elif op == "history" and isinstance(told, list):
        # What a stream had missed; what it had not is known by its id.
        found.events.extend(event for event in told if isinstance(event, dict))
    elif op in ("create", "retrieve", "update") and isinstance(told, dict):
        found.info = _plain_info(told)
    elif op == "files" and isinstance(told, list):
        found.files = [file for file in told if isinstance(file, dict)]


def _take_holder(item: _Raw, found: Exported) -> bool:
    """A page, a session, or an object with both. Whether it is one of them."""
    session = item.get("session", item)
    is_session = isinstance(session, dict) and isinstance(session.get("agent"), dict)
    if is_session:
        found.info = _info(session)
    files = item.get("files")
    if isinstance(files, list):
        found.files = [file for file in files if isinstance(file, dict)]
    held = item.get("events", item.get("data"))
    if isinstance(held, dict):  # a page within an object
        found.more = held.get("next_page") is not None
        held = held.get("data")
    elif "data" in item:
        found.more = item.get("next_page") is not None
    if isinstance(held, list):
        _take_all(held, "event", found)
    return is_session or isinstance(held, list)


def _plain_info(told: _Raw) -> SessionInfo | None:
    """As a cassette has it."""
    known = SessionInfo.__dataclass_fields__
    try:
        return SessionInfo(**{key: value for key, value in told.items() if key in known})
    except TypeError:
        return None


def _info(body: _Raw) -> SessionInfo:
    """As the service has it, whatever is missing."""
    agent = body["agent"]
    model = agent.get("model")
    model = model.get("id") if isinstance(model, dict) else model
    version = agent.get("version")
    metadata = _mapping(body.get("metadata"))
    return SessionInfo(
        id=_text(body.get("id")),
        status=_text(body.get("status")),
        agent_id=_text(agent.get("id")),
        agent_version=version if isinstance(version, int) else 0,
        environment_id=_text(body.get("environment_id")),
        usage=_mapping(body.get("usage")),
        stats=_mapping(body.get("stats")),
        metadata={str(key): str(value) for key, value in metadata.items()},
        created_at=_text(body.get("created_at")),
        archived=body.get("archived_at") is not None,
        title=_text(body.get("title")),
        agent_name=_text(agent.get("name")),
        model=_text(model),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: object) -> _Raw:
    return value if isinstance(value, dict) else {}
