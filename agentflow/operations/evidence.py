"""[io] The events of a session, and what is known beside them: from the service, the ledger, or a file.

A run of this project is told from its transcript, so it needs no network. A session that the ledger does
not know is read from the service of the target. A file is a transcript, a cassette, a list of events as the
service gives it, or one event a line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from agentflow.audit.finding import Facts
from agentflow.compiler.manifest import AgentPolicy
from agentflow.diagnostics import Span
from agentflow.errors import StateError, UsageError
from agentflow.operations.check import Project, compiled
from agentflow.operations.connect import connect
from agentflow.operations.origin import target_of
from agentflow.operations.remembered import find_run, look_up
from agentflow.operations.workspace import ledger_path, run_dir, state_dir
from agentflow.runtime.ledger import Ledger, RunEntry
from agentflow.runtime.record import read_policy
from agentflow.runtime.transcript import read_transcript
from agentflow.runtime.watching import is_watched

__all__ = ["Evidence", "gather", "read_events"]

MOST_BYTES = 2_000_000_000
"""A file larger than this is not a session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    source: Literal["ledger", "service", "file"]
    title: str
    """What a heading calls it: the run, the session or the file."""
    run_id: str | None
    session_id: str | None
    events: tuple[Mapping[str, Any], ...]
    """The service's own JSON, in its order."""
    facts: Facts
    verdict: str | None = None
    """Of the run. None: it has no end, or it is no run of this project."""
    reason: str | None = None


def read_events(path: Path) -> tuple[Mapping[str, Any], ...]:
    """The events in a file.

    Raises:
        UsageError: it is not there, too large, or holds no events.
    """
    if not path.is_file():
        raise UsageError(
            f"There is no file {str(path)!r}.", hint="Name a run, a session or a file."
        )
    if path.stat().st_size > MOST_BYTES:
        raise UsageError(f"{str(path)!r} is larger than two gigabytes.")
    found = tuple(_events(path))
    if not found:
        raise UsageError(
            f"{str(path)!r} holds no events.",
            hint="It takes a transcript, a cassette, the service's list of events, or one event a line.",
        )
    return found


def _events(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(encoding="utf-8", errors="replace") as file:
        first = file.readline()
    if not first.strip():
        return
    try:
        whole = not isinstance(json.loads(first), dict) or not first.endswith("\n")
    except ValueError:
        whole = True
    if whole:
        yield from _of_document(path)
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for text in file:
            try:
                line = json.loads(text)
            except ValueError:
                continue  # a crash can cut the last line
            if isinstance(line, dict):
                yield from _of_line(line)


def _of_line(line: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A line of a transcript or of a cassette, an event, or a page of the service's list."""
    if "op" in line:
        told = line.get("out")
        if line["op"] == "event" and isinstance(told, dict):
            yield told
        elif line["op"] == "history" and isinstance(told, list):
            # What a stream had missed; what it had not is known by its id.
            yield from (event for event in told if isinstance(event, dict))
    elif isinstance(line.get("in"), dict):
        yield line["in"]
    elif isinstance(line.get("type"), str) and "out" not in line:
        yield line
    elif isinstance(line.get("data"), list):
        yield from (event for event in line["data"] if isinstance(event, dict))


def _of_document(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        data = json.loads(path.read_text(encoding="utf-8", errors="replace"))
    except ValueError as error:
        raise UsageError(f"{str(path)!r} is not JSON: {error}.") from error
    if isinstance(data, dict):
        data = data.get("events", data.get("data", [data]))
    if isinstance(data, list):
        for item in data:
            if isinstance(item, dict):
                yield from _of_line(item)


async def gather(
    project: Project | None, given: str, *, target: str, ask_service: bool = False
) -> Evidence:
    """What is known of one session.

    Args:
        project: that the run is of. None: only files can be read.
        given: a file, a run as `find_run` takes it, or the id of a session.
        target: whose service knows the session, if the ledger does not.
        ask_service: read the events from the service, also for a run that has a transcript.

    Raises:
        UsageError: nothing is known by that name.
        StateError: the record of the run is damaged.
        ServiceError: the service has no such session, or cannot be reached.
    """
    if _is_file(given):
        return _of_file(Path(given))
    if project is None:
        raise UsageError(f"There is no project here, so {given!r} can only be a file.")
    with Ledger.open(ledger_path(project.root)) as ledger:
        entry = look_up(ledger, given)
        if entry is None and not given.startswith("sesn_"):
            entry = find_run(ledger, given)
        if entry is not None:
            return await _of_run(project.root, ledger, entry, ask_service=ask_service)
    return await _of_service(project, given, target)


def _is_file(given: str) -> bool:
    path = Path(given)
    return path.suffix in (".json", ".jsonl") or path.is_file()


def _of_file(path: Path) -> Evidence:
    return Evidence(
        source="file",
        title=path.name,
        run_id=None,
        session_id=None,
        events=read_events(path),
        facts=Facts(),
    )


async def _of_run(root: Path, ledger: Ledger, entry: RunEntry, *, ask_service: bool) -> Evidence:
    record = ledger.record(entry.id)
    facts = _facts(root, ledger, entry, record)
    transcript = run_dir(root, entry.id) / "transcript.jsonl"
    evidence = Evidence(
        source="ledger",
        title=f"run {entry.id}",
        run_id=entry.id,
        session_id=entry.session_id,
        events=(),
        facts=facts,
        verdict=entry.verdict,
        reason=entry.reason,
    )
    if not ask_service and transcript.is_file():
        lines = read_transcript(transcript)
        return replace(evidence, events=tuple(line.event for line in lines if not line.sent))
    if entry.session_id is None:
        raise UsageError(f"Run {entry.id} has no session, so nothing happened in it.")
    if record is None:
        raise StateError(f"The ledger does not say where the session of run {entry.id} is.")
    async with connect(target_of(record), root) as connection:
        events = await connection.sessions.history(entry.session_id)
    return replace(evidence, source="service", events=tuple(events))


def _facts(root: Path, ledger: Ledger, entry: RunEntry, record: Mapping[str, Any] | None) -> Facts:
    facts = Facts(
        agent=entry.agent,
        agent_version=entry.agent_version,
        persons={call: by for call, _, _, by in ledger.approvals(entry.id)},
        followed=is_watched(run_dir(root, entry.id)),
        files=_delivered(root, entry, record),
    )
    if record is None:
        return facts
    try:
        policy: AgentPolicy = read_policy(record)
        sources = {key: Span(*values) for key, values in record["sources"].items()}
        target = target_of(record)
    except (KeyError, TypeError, ValueError) as error:
        raise StateError(f"The record of run {entry.id} is damaged: {error}") from error
    return replace(
        facts,
        policy=policy,
        sources=sources,
        model=policy.model,
        latest_version=_applied(root, entry.agent, target.name),
    )


def _delivered(
    root: Path, entry: RunEntry, record: Mapping[str, Any] | None
) -> tuple[str, ...] | None:
    """Names of the files a run that has its end has fetched. None: it has none yet."""
    if entry.verdict is None or record is None or "out_dir" not in record:
        return None
    folder = root / str(record["out_dir"])
    return tuple(sorted(p.name for p in folder.iterdir())) if folder.is_dir() else None


def _applied(root: Path, address: str, target: str) -> int | None:
    """The version of an agent that the state knows as applied. None: it knows none."""
    path = state_dir(root) / f"{target}.json"
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        version = state["resources"][address]["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return version if isinstance(version, int) else None


async def _of_service(project: Project, session_id: str, target: str) -> Evidence:
    built, _ = compiled(project, target=target)
    manifest = built.manifest
    async with connect(manifest.target, project.root) as connection:
        info = await connection.sessions.retrieve(session_id)
        events = await connection.sessions.history(session_id)
        files = await connection.sessions.files(session_id)
    address = info.metadata.get("agentflow.address") or info.metadata.get("agentflow.agent")
    policy = manifest.agents.get(address or "")
    return Evidence(
        source="service",
        title=f"session {session_id}",
        run_id=info.metadata.get("agentflow.run"),
        session_id=session_id,
        events=tuple(events),
        facts=Facts(
            agent=address,
            policy=policy,
            sources=built.sources,
            agent_version=info.agent_version,
            model=policy.model if policy else None,
            files=tuple(file.filename for file in files if file.downloadable),
            followed=info.status == "running",
        ),
    )
