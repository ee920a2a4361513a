"""[io] Look at sessions after the fact: audit one, price many, compare two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentflow.audit.compare import Difference, compare
from agentflow.audit.cost import CostLine, cost_of, together, turn_costs
from agentflow.audit.finding import Finding, find
from agentflow.audit.story import Story, tell
from agentflow.errors import UsageError
from agentflow.operations.check import Project
from agentflow.operations.evidence import Evidence, gather
from agentflow.operations.workspace import ledger_path
from agentflow.runtime.ledger import Ledger

__all__ = ["BY", "Audited", "Compared", "audit_of", "audit_session", "compare_sessions", "costs"]

BY = ("turn", "run", "agent", "flow", "day", "project")


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    evidence: Evidence
    story: Story
    findings: tuple[Finding, ...]
    cost: CostLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    before: Audited
    after: Audited
    differences: tuple[Difference, ...]


def audit_of(evidence: Evidence) -> Audited:
    """The audit of what was gathered."""
    story = tell(evidence.events)
    return Audited(
        evidence=evidence,
        story=story,
        findings=find(story, evidence.facts),
        cost=cost_of(evidence.title, story, evidence.facts.model),
    )


async def audit_session(
    project: Project | None,
    given: str,
    *,
    target: str,
    ask_service: bool = False,
    model: str | None = None,
) -> Audited:
    """The audit of a run, a session or a file. Arguments and exceptions are those of `gather`."""
    return audit_of(
        await gather(project, given, target=target, ask_service=ask_service, model=model)
    )


async def compare_sessions(
    project: Project | None, before: str, after: str, *, target: str, model: str | None = None
) -> Compared:
    """Two sessions side by side. Arguments and exceptions are those of `gather`."""
    a = await audit_session(project, before, target=target, model=model)
    b = await audit_session(project, after, target=target, model=model)
    found = compare(a.story, b.story, (a.cost, b.cost), (a.findings, b.findings))
    return Compared(before=a, after=b, differences=found)


async def costs(
    project: Project | None,
    given: Sequence[str],
    *,
    by: str,
    target: str,
    model: str | None = None,
) -> tuple[CostLine, ...]:
    """What sessions cost, a line for each turn, run, agent, flow or day, or one for all of them.

    Args:
        project: whose runs are meant, if `given` names none.
        given: runs, sessions or files; nothing for all runs of the project.
        by: one of `BY`.
        target: as for `gather`.
        model: the same.

    Raises:
        UsageError: as `gather`; or there are no runs; or turns are wanted of several sessions.
    """
    names = list(given) or _runs(project)
    found = [await gather(project, name, target=target, model=model) for name in names]
    stories = [(evidence, tell(evidence.events)) for evidence in found]
    if by == "turn":
        if len(stories) != 1:
            raise UsageError("Turns are those of one session.", hint="Name one: --by turn RUN")
        evidence, story = stories[0]
        return turn_costs(story, evidence.facts.model)
    labels = [_label(evidence, by, project) for evidence, _ in stories]
    lines = [
        cost_of(label, story, evidence.facts.model)
        for label, (evidence, story) in zip(labels, stories, strict=True)
    ]
    return tuple(_grouped(lines))


def _runs(project: Project | None) -> list[str]:
    if project is None:
        raise UsageError("There is no project here.", hint="Name a file with events.")
    with Ledger.open(ledger_path(project.root)) as ledger:
        names = [run.id for run in ledger.runs() if run.session_id is not None]
    if not names:
        raise UsageError("No run of this project was recorded on this machine.")
    return names[::-1]


def _label(evidence: Evidence, by: str, project: Project | None) -> str:
    if by == "run":
        return evidence.run_id or evidence.session_id or evidence.title
    if by == "agent":
        return evidence.facts.agent or "unknown"
    if by == "flow":
        # What only a service or an export tells of does not say what it was a step of.
        return evidence.flow or ("no flow" if evidence.source == "ledger" else "unknown")
    if by == "day":
        first = next(
            (event["processed_at"] for event in evidence.events if event.get("processed_at")), ""
        )
        return str(first)[:10] or "unknown"
    return Path(project.root).resolve().name if project is not None else "all"


def _grouped(lines: Iterable[CostLine]) -> Iterable[CostLine]:
    groups: dict[str, list[CostLine]] = {}
    for line in lines:
        groups.setdefault(line.label, []).append(line)
    return (together(label, members) for label, members in groups.items())
