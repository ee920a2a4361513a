"""A session that no ledger here knows, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from agentflow.audit.timeline import Row
from agentflow.output.audit import cost_words, render_timeline
from agentflow.output.audit_report import CostReport, cost_report, schema_of
from agentflow.output.text import clean, count, one_line

if TYPE_CHECKING:
    from agentflow.operations.shown import Shown
    from agentflow.runtime.session import Call

__all__ = ["render_shown", "session_schema", "shown_json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingReport:
    id: str
    tool: str
    input: Mapping[str, Any]
    needs: Literal["approval", "result"]
    """`result`: the tool runs on the side of the client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionReport:
    """What is not known is null."""

    source: Literal["ledger", "service", "file"]
    session: str | None
    run: str | None
    flow: str | None
    title: str | None
    status: str
    state: Literal["new", "works", "waits", "rests", "gone"]
    """What its events say that it does."""
    reason: str | None
    """Why it rests, or waits: its stop reason."""
    archived: bool | None
    agent: str | None
    agent_id: str | None
    agent_version: int | None
    model: str | None
    created_at: str | None
    began_at: str | None
    last_at: str | None
    files: tuple[str, ...] | None
    """Names of what it delivered."""
    events: int
    cost: CostReport
    waiting: tuple[WaitingReport, ...]
    last: tuple[Row, ...]
    next: tuple[str, ...]
    """Commands to go on with."""
    format: Literal[1] = 1


def shown_json(shown: Shown) -> str:
    evidence = shown.evidence
    info, facts = evidence.info, evidence.facts
    report = SessionReport(
        source=evidence.source,
        session=evidence.session_id,
        run=evidence.run_id,
        flow=evidence.flow,
        title=(info.title or None) if info is not None else None,
        status=shown.status,
        state=shown.standing.state,
        reason=shown.standing.reason or None,
        archived=info.archived if info is not None else None,
        agent=facts.agent,
        agent_id=(info.agent_id or None) if info is not None else None,
        agent_version=facts.agent_version or None,
        model=facts.model,
        created_at=(info.created_at or None) if info is not None else None,
        began_at=shown.began_at,
        last_at=shown.last_at,
        files=facts.files,
        events=shown.story.events,
        cost=cost_report(shown.cost),
        waiting=tuple(
            WaitingReport(
                id=call.id,
                tool=_tool(call),
                input=call.input,
                needs="result" if call.custom else "approval",
            )
            for call in shown.standing.calls
        ),
        last=shown.last,
        next=shown.next,
    )
    return json.dumps(asdict(report), indent=2, ensure_ascii=False)


def session_schema() -> str:
    """JSON Schema of a `SessionReport`."""
    return schema_of(SessionReport)


def render_shown(shown: Shown, *, width: int) -> str:
    return "\n".join(_lines(shown, width))


def _lines(shown: Shown, width: int) -> Iterator[str]:
    evidence = shown.evidence
    info, facts = evidence.info, evidence.facts
    source = {"ledger": "", "service": "  (from the service)", "file": "  (from a file)"}
    yield f"{clean(evidence.title)}  {clean(_state(shown))}{source[evidence.source]}"
    if info is not None and info.title:
        yield f"  title   {one_line(info.title, width - 10)}"
    if evidence.source == "file" and evidence.session_id:
        yield f"  session {clean(evidence.session_id)}"
    version = f", version {facts.agent_version}" if facts.agent_version else ""
    yield f"  agent   {clean(facts.agent or 'not known')}{version}"
    yield f"  model   {clean(facts.model or 'not known')}"
    if evidence.run_id is not None:
        yield f"  run     {clean(evidence.run_id)}"
    if info is not None and info.created_at:
        yield f"  created {_when(info.created_at)}"
    if shown.began_at is not None:
        events = count(shown.story.events, "event")
        yield f"  events  {_when(shown.began_at)} to {_when(shown.last_at or '')}, {events}"
    if facts.files:
        yield f"  files   {one_line(', '.join(facts.files), width - 10)}"
    yield from cost_words(shown.cost, facts.model)
    for call in shown.standing.calls:
        needs = "a result: it runs on your side" if call.custom else "an approval"
        arguments = one_line(json.dumps(call.input, ensure_ascii=False), max(20, width - 40))
        yield f"  waits   {clean(_tool(call))} {call.id} needs {needs}"
        yield f"          {clean(arguments)}"
    if shown.last:
        yield "its last events:"
        yield render_timeline(shown.last, width=width)
    yield "go on with:"
    for command in shown.next:
        yield f"  {clean(command)}"


def _state(shown: Shown) -> str:
    archived = (
        ", archived" if shown.evidence.info is not None and shown.evidence.info.archived else ""
    )
    reason = f", {shown.standing.reason}" if shown.standing.reason else ""
    return f"{shown.status}{reason}{archived}"


def _tool(call: Call) -> str:
    return f"{call.server}.{call.name}" if call.server else call.name


def _when(at: str) -> str:
    return clean(at[:19].replace("T", " "))
