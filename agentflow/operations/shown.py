"""[io] One session that no ledger here knows, in short: told by its service, or by a file of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from agentflow.audit.cost import CostLine, cost_of
from agentflow.audit.story import Story, tell
from agentflow.audit.timeline import Row, timeline
from agentflow.operations.check import Project
from agentflow.operations.evidence import Evidence, gather
from agentflow.runtime.blocking import Standing, standing
from agentflow.runtime.session import Call

__all__ = ["LAST", "Shown", "show_session"]

LAST = 8
"""How many rows of its timeline are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    evidence: Evidence
    status: str
    """As the service has it: `running`, `idle`, `rescheduling` or `terminated`."""
    standing: Standing
    """What its events say that it does, and what it waits for."""
    began_at: str | None
    """Of its first event that has a time. None: no event has one."""
    last_at: str | None
    story: Story
    cost: CostLine
    last: tuple[Row, ...]
    """The end of its timeline."""
    next: tuple[str, ...]
    """Commands to go on with."""


async def show_session(
    project: Project | None, given: str, *, target: str, model: str | None = None
) -> Shown:
    """What a session is and where it stands. Arguments and exceptions are those of `gather`."""
    evidence = await gather(project, given, target=target, ask_service=True, model=model)
    story = tell(evidence.events)
    # A stream brings what was sent twice, the second time as it was read.
    latest = {str(event.get("id", place)): event for place, event in enumerate(evidence.events)}
    found = standing([*latest.values()])
    times = [str(event["processed_at"]) for event in evidence.events if event.get("processed_at")]
    return Shown(
        evidence=evidence,
        status=_status(evidence, found),
        standing=found,
        began_at=times[0] if times else None,
        last_at=times[-1] if times else None,
        story=story,
        cost=cost_of(evidence.title, story, evidence.facts.model),
        last=timeline(story)[-LAST:],
        next=tuple(_next(evidence, found, given, target)),
    )


_STATUS: Mapping[str, Literal["running", "idle", "terminated"]] = {
    "new": "idle",
    "works": "running",
    "waits": "idle",
    "rests": "idle",
    "gone": "terminated",
}


def _status(evidence: Evidence, found: Standing) -> str:
    if evidence.source == "service" and evidence.info is not None:
        return evidence.info.status
    return _STATUS[found.state]


def _next(evidence: Evidence, found: Standing, given: str, target: str) -> Iterator[str]:
    place = "" if target == "local" or evidence.source == "file" else f" -t {shlex.quote(target)}"
    name = shlex.quote(given)

    def command(verb: str, more: str = "") -> str:
        return f"agentflow sessions {verb} {name}{more}{place}"

    if evidence.source == "service":
        for call in found.calls:
            yield from _answers(call, command)
        if found.state == "rests" and not _is_archived(evidence):
            yield command("send", " TEXT")
        yield command("outputs")
    yield command("audit")
    yield command("timeline")
    if evidence.source == "service" or not evidence.is_cassette:
        yield command("record", " FILE")


def _answers(call: Call, command: Any) -> Iterator[str]:
    if call.custom:
        yield command("answer", f" TEXT --call {call.id}")
    else:
        yield command("approve", f" {call.id}")
        yield command("deny", f" {call.id} -m WHY")


def _is_archived(evidence: Evidence) -> bool:
    return evidence.info is not None and evidence.info.archived
