"""[io] Check what silently breaks: this machine, the installed packages, a target's service."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from agentflow.compiler.plan import APPLIED_KINDS
from agentflow.errors import AgentflowError, NotFound
from agentflow.operations.connect import Connection
from agentflow.operations.workspace import run_dir
from agentflow.runtime.events import is_documented
from agentflow.runtime.opening import RUN_MARK
from agentflow.runtime.transcript import read_transcript
from agentflow.runtime.watching import is_watched

__all__ = ["Finding", "Health", "machine", "recorded", "service"]

RECENT = 20
"""Runs whose events are looked at."""
OLD_WORK_S = 30.0
"""A worker that is there takes work within seconds."""
NAMED = 5

KNOWN_BAD_SDK = {"0.93.0": "event streams yield nothing"}
"""Versions of `anthropic` that break runs, and how."""


class Health(StrEnum):
    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    health: Health
    subject: str
    text: str
    hint: str | None = None


def _python() -> Finding:
    version = platform.python_version()
    return Finding(health=Health.OK, subject="python", text=f"{version}, {sys.executable}")


def _sdk() -> Finding:
    version = importlib.metadata.version("anthropic")
    if version in KNOWN_BAD_SDK:
        return Finding(
            health=Health.BROKEN,
            subject="anthropic",
            text=f"{version}: {KNOWN_BAD_SDK[version]}",
            hint="pip install -U anthropic",
        )
    return Finding(health=Health.OK, subject="anthropic", text=version)


def _yaml() -> Finding:
    from agentflow.source.yaml import USES_C_PARSER

    if USES_C_PARSER:
        return Finding(health=Health.OK, subject="yaml", text="the C parser is in use")
    return Finding(
        health=Health.WARNING,
        subject="yaml",
        text="the C parser is missing: reading specs takes twenty times longer",
        hint="pip install ruamel.yaml.clib",
    )


def _sandbox() -> Finding:
    from agentflow.local.sandbox import support

    found = support()
    if found.problem is None:
        text = f"available, Landlock ABI {found.landlock_abi}"
        return Finding(health=Health.OK, subject="sandbox", text=text)
    return Finding(health=Health.BROKEN, subject="sandbox", text=found.problem, hint=found.hint)


def _credentials() -> Finding:
    """Whether something is set, never what."""
    names = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE")
    present = [name for name in names if os.environ.get(name)]
    if present:
        return Finding(health=Health.OK, subject="credentials", text=f"{', '.join(present)} is set")
    return Finding(
        health=Health.OK,
        subject="credentials",
        text="none in the environment; the local target needs none",
    )


def _not_emulated() -> Iterator[Finding]:
    from agentflow.local.not_emulated import NOT_EMULATED

    what = "; ".join(item.what for item in NOT_EMULATED)
    yield Finding(health=Health.OK, subject="not emulated locally", text=what)


_RESOURCES = {
    "agent": "agents",
    "environment": "environments",
    "deployment": "deployments",
    "vault": "vaults",
    "credential": "credentials",
    "memorystore": "memory stores",
    "skill": "skills",
}


def _not_applied() -> Finding:
    left = [words for kind, words in _RESOURCES.items() if kind not in APPLIED_KINDS]
    return Finding(health=Health.OK, subject="not applied yet", text=", ".join(left))


def machine() -> tuple[Finding, ...]:
    """This machine and the installed packages. Opens no connection."""
    return (
        _python(),
        _sdk(),
        _yaml(),
        _sandbox(),
        _credentials(),
        _not_applied(),
        *_not_emulated(),
    )


async def service(connection: Connection, root: Path) -> tuple[Finding, ...]:
    """Whether a target's service answers, as which workspace, and what is left undone there.

    `root` is that of the project.
    """
    try:
        workspace = await connection.resources.workspace()
        agents = await connection.resources.list("agent")
    except NotFound as error:
        return (
            Finding(
                health=Health.BROKEN,
                subject="service",
                text=f"{connection.base_url}: {error.message}",
                hint="A 404 for everything means that the beta header was dropped on the way, "
                "or that the workspace has no access to Managed Agents.",
            ),
        )
    except AgentflowError as error:
        text = f"{connection.base_url}: {error.message}"
        return (Finding(health=Health.BROKEN, subject="service", text=text, hint=error.hint),)
    where = workspace.workspace_id or "workspace not named"
    answers = Finding(
        health=Health.OK,
        subject="service",
        text=f"{workspace.base_url} answers, {where}, agents: {len(agents)}",
    )
    try:
        left = [await _sessions(connection, root), *[one async for one in _work(connection)]]
    except AgentflowError as error:
        broken = Finding(health=Health.BROKEN, subject="sessions", text=error.message)
        return (answers, broken)
    return (answers, *left)


async def _sessions(connection: Connection, root: Path) -> Finding:
    """Sessions of runs that go on, and cost money, though nobody here looks at them."""
    working = await connection.sessions.list(statuses=("running", "rescheduling"))
    ours = {info.metadata.get(RUN_MARK): info.id for info in working if RUN_MARK in info.metadata}
    left = [id for run, id in ours.items() if not is_watched(run_dir(root, str(run)))]
    if not left:
        text = f"{len(ours)} of our runs are at work, and each is followed here"
        return Finding(health=Health.OK, subject="sessions", text=text)
    return Finding(
        health=Health.WARNING,
        subject="sessions",
        text=f"{_some(left)} of our runs are at work, and nobody on this machine follows them",
        hint="agentflow sessions list shows the runs of this project; agentflow sessions reap ends "
        "those that nobody follows.",
    )


async def _work(connection: Connection) -> AsyncIterator[Finding]:
    """Sessions of self-hosted environments that wait for a worker."""
    for place in await connection.resources.list("environment"):
        if (place.body.get("config") or {}).get("type") != "self_hosted":
            continue
        queue = await connection.resources.work_queue(place.id)
        age_s = _age_s(queue.oldest_queued_at)
        if age_s < OLD_WORK_S:
            text = f"{place.name}: {queue.waiting} sessions wait for a worker"
            yield Finding(health=Health.OK, subject="worker", text=text)
            continue
        workers = "" if queue.workers is None else f", and {queue.workers} workers ask for work"
        yield Finding(
            health=Health.BROKEN,
            subject="worker",
            text=f"{place.name}: a session has waited for a worker for {age_s:.0f} s{workers}",
            hint="Start a worker for this environment, and keep it running: one that ends before its "
            "work leaves the session waiting for ever.",
        )


def _age_s(at: str | None) -> float:
    """Seconds since then. 0: nothing waits."""
    if at is None:
        return 0.0
    return (datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds()


def recorded(root: Path) -> Finding:
    """Whether the newest runs of a project met events that this version does not know."""
    runs = sorted(
        (root / ".agentflow" / "runs").glob("*/transcript.jsonl"),
        key=lambda path: path.stat().st_mtime,
        reverse=True,
    )[:RECENT]
    seen = {
        str(line.event.get("type"))
        for path in runs
        for line in read_transcript(path)
        if not line.sent and not is_documented(str(line.event.get("type")))
    }
    if not seen:
        text = f"every event of the newest {len(runs)} runs is known"
        return Finding(health=Health.OK, subject="events", text=text)
    return Finding(
        health=Health.WARNING,
        subject="events",
        text=f"the newest {len(runs)} runs met events that are unknown here: {_some(sorted(seen))}",
        hint="They were kept in the transcripts and changed nothing. Look for a newer agentflow: "
        "pip install -U agentflow",
    )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED} more"
