"""[io] The events of a session, and what is known beside them: from the service, the ledger, or a file.

A run of this project is told from its transcript, so it needs no network. A session that the ledger does
not know is read from the service of the target. A file is read as `exported.py` says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from agentflow.audit.finding import Facts
from agentflow.compiler.manifest import AgentPolicy
from agentflow.diagnostics import Span
from agentflow.errors import NotFound, StateError, UsageError
from agentflow.operations.check import Project, compiled
from agentflow.operations.connect import connect
from agentflow.operations.exported import read_export
from agentflow.operations.origin import target_of
from agentflow.operations.remembered import find_run, look_up
from agentflow.operations.workspace import ledger_path, run_dir, state_dir
from agentflow.ports import SessionInfo
from agentflow.runtime.ledger import Ledger, RunEntry
from agentflow.runtime.opening import RUN_MARK
from agentflow.runtime.record import read_policy
from agentflow.runtime.transcript import read_transcript
from agentflow.runtime.watching import is_watched

__all__ = ["Evidence", "gather", "is_file"]


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
    info: SessionInfo | None = None
    """What the service says of the session. None: it was not asked, and no file says it."""
    is_cassette: bool = False
    flow: str | None = None
    """The flow that the run is a step of. None: it is none, or what is known here does not say."""


async def gather(
    project: Project | None,
    given: str,
    *,
    target: str,
    ask_service: bool = False,
    model: str | None = None,
) -> Evidence:
    """What is known of one session.

    Args:
        project: that the run is of. None: only files can be read.
        given: a file, a run as `find_run` takes it, or the id of a session.
        target: whose service knows the session, if the ledger does not.
        ask_service: read the events from the service, also for a run that has a transcript.
        model: of a session of which nothing says what model it has.

    Raises:
        UsageError: nothing is known by that name.
        StateError: the record of the run is damaged.
        ServiceError: the service has no such session, or cannot be reached.
    """
    found = await _gather(project, given, target=target, ask_service=ask_service)
    if model is not None and found.facts.model is None:
        return replace(found, facts=replace(found.facts, model=model))
    return found


async def _gather(
    project: Project | None, given: str, *, target: str, ask_service: bool
) -> Evidence:
    if is_file(given):
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


def is_file(given: str) -> bool:
    """Whether somebody named a file, there or not, and neither a run nor a session."""
    path = Path(given)
    try:
        return path.suffix in (".json", ".jsonl") or path.is_file()
    except OSError:  # no file can have such a name
        return False


def _of_file(path: Path) -> Evidence:
    found = read_export(path)
    info, flow = found.info, found.head.get("flow")
    return Evidence(
        source="file",
        title=path.name,
        run_id=None if info is None else info.metadata.get(RUN_MARK),
        session_id=found.session_id,
        events=tuple(found.events),
        facts=Facts(
            agent=found.agent,
            agent_version=None if info is None else info.agent_version or None,
            model=found.model,
            files=found.delivered,
        ),
        info=info,
        is_cassette=bool(found.head),
        flow=flow if isinstance(flow, str) else None,
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
        flow=None if record is None else record.get("flow"),
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
        try:
            info = await connection.sessions.retrieve(session_id)
        except NotFound as error:
            raise NotFound(
                f"Session {session_id} does not exist on target {manifest.target.name}.",
                hint="Name the target it is on: -t TARGET",
                status=error.status,
            ) from error
        events = await connection.sessions.history(session_id)
        files = await connection.sessions.files(session_id)
    address = info.metadata.get("agentflow.address") or info.metadata.get("agentflow.agent")
    policy = manifest.agents.get(address or "")
    return Evidence(
        source="service",
        title=f"session {session_id}",
        run_id=info.metadata.get(RUN_MARK),
        session_id=session_id,
        events=tuple(events),
        facts=Facts(
            agent=address,
            policy=policy,
            sources=built.sources,
            agent_version=info.agent_version,
            model=info.model or (policy.model if policy else None),
            files=tuple(file.filename for file in files if file.downloadable),
            followed=info.status == "running",
        ),
        info=info,
    )
