"""The runs of a project, as tables for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from agentflow.output.asked import call_lines
from agentflow.output.text import clean, count, dollars, one_line, seconds

if TYPE_CHECKING:
    from agentflow.operations.limits import Raised
    from agentflow.operations.listing import ServiceLine
    from agentflow.operations.pools import PoolLine
    from agentflow.operations.sessions import Reaped, RunDetail, RunLine
    from agentflow.runtime.questions import Question
    from agentflow.runtime.remarks import RemarkEntry

__all__ = [
    "as_json",
    "render_on_service",
    "render_pools",
    "render_raised",
    "render_reaped",
    "render_run",
    "render_runs",
]


def as_json(value: Any) -> str:
    """A dataclass, or several, as JSON."""
    plain = [asdict(item) for item in value] if isinstance(value, tuple) else asdict(value)
    return json.dumps(plain, indent=2, ensure_ascii=False)


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _when(at: str | None) -> str:
    return "" if at is None else at[:19].replace("T", " ")


def render_runs(runs: Sequence[RunLine]) -> str:
    if not runs:
        return "No runs yet. Start one: agentflow run"
    rows = [("RUN", "AGENT", "TARGET", "STATE", "STARTED", "COST", "SESSION")]
    for run in runs:
        state = f"{run.state}, asks {run.waiting}" if run.waiting else run.state
        rows.append(
            (
                run.run_id,
                clean(run.agent.removeprefix("agent/")),
                clean(run.target or "?"),
                state,
                _when(run.started_at),
                "" if run.cost_usd is None else dollars(Decimal(run.cost_usd)),
                run.session_id or "none",
            )
        )
    return "\n".join([*_table(rows), *_advice(runs)])


def render_on_service(sessions: Sequence[ServiceLine]) -> str:
    if not sessions:
        return "The service has no session that is not archived."
    rows = [("SESSION", "STATUS", "AGENT", "VERSION", "CREATED", "RUN", "TITLE")]
    rows += [
        (
            one.session_id,
            clean(one.status),
            clean(one.agent),
            str(one.agent_version or ""),
            _when(one.created_at),
            clean(one.run_id or ""),
            one_line(one.title, 40),
        )
        for one in sessions
    ]
    return "\n".join(_table(rows))


def _advice(runs: Iterable[RunLine]) -> list[str]:
    lines = []
    for run in runs:
        if run.waiting:
            lines.append(f"  {run.run_id} waits for you: agentflow sessions show {run.run_id}")
        elif run.state in ("abandoned", "waiting", "unknown", "detached"):
            lines.append(f"  {run.run_id} can go on: agentflow run --resume {run.run_id}")
    return lines


def render_run(detail: RunDetail) -> str:
    line = detail.line
    lines = [
        f"{line.run_id}  {clean(line.agent)}  {line.state}",
        f"  agent     version {detail.agent_version}{_applied(detail.applied)}",
        f"  target    {clean(line.target or 'not kept')}",
        f"  session   {line.session_id or 'none'}",
        f"  started   {_when(line.started_at)}{_resumed(line.resumes)}",
    ]
    if detail.flow is not None:
        lines.append(f"  flow      {clean(detail.flow)}")
    if line.ended_at is not None:
        lines.append(f"  ended     {_when(line.ended_at)}")
    if line.reason:
        lines.append(f"  reason    {clean(line.reason)}")
    if detail.usage:
        lines.append(f"  used      {_used(detail.usage)}")
    lines.append(f"  folder    {clean(detail.folder)}")
    for call in detail.calls:
        done = "outcome unknown" if call.ended_at is None else seconds(call.seconds or 0.0)
        failed = ", failed" if call.is_error else ""
        lines.append(f"  call      {clean(call.tool)} {call.call_id}: {done}{failed}")
    for made in detail.decisions:
        verb = "allowed" if made.allowed else "denied"
        by = f"{made.who} ({made.rule})" if made.who else made.by
        why = f": {one_line(made.message, 160)}" if made.message else ""
        lines.append(f"  {verb:<9} {clean(made.tool)} by {clean(by)} at {_when(made.at)}{why}")
    lines += [_remark(one) for one in detail.remarks]
    for one in detail.questions:
        if one.closed_at is None:
            lines += _question(one, waits=line.state == "followed")
    return "\n".join(lines)


def _applied(now: str | None) -> str:
    return "" if now is None else f", and {clean(now)} is applied by now"


def _remark(one: RemarkEntry) -> str:
    when = f"waits since {_when(one.at)}"
    if one.event_id is not None:
        when = f"sent {_when(one.begun_at)}"
    elif one.closed_at is not None:
        when = f"not sent: {one_line(one.reason or '', 100)}"
    return f"  said      {one_line(one.text, 160)} (by {clean(one.who)}, {when})"


def _used(usage: Mapping[str, Any]) -> str:
    tokens, cost = usage.get("tokens", 0), str(usage.get("cost_usd"))
    price = "at an unknown price" if cost == "None" else dollars(Decimal(cost))
    return f"{count(tokens, 'token')}, {price}"


def _resumed(times: int) -> str:
    return f", gone on with {count(times, 'time')}" if times else ""


def _question(one: Question, *, waits: bool) -> list[str]:
    until = f", until {_when(one.until)}" if one.until and waits else ""
    lines = [f"asks since {_when(one.asked_at)}{until}:"]
    if one.kind == "question":
        lines.append(f"  {clean(str(one.input.get('question', '')))}")
        options = one.input.get("options")
        lines += [f"  - {clean(str(o))}" for o in options] if isinstance(options, list) else []
        if default := one.input.get("default"):
            lines.append(f"  without an answer it would take: {clean(str(default))}")
        lines.append(f"  answer it: agentflow sessions answer {one.run_id} TEXT")
        return lines
    lines.append(f"  {clean(one.tool)} {one.call_id} ({one.rule})")
    whole = f"agentflow sessions show {one.run_id} --format json"
    lines += call_lines(one.tool, one.input, one.change, whole=whole, indent="    ")
    lines.append(f"  allow it: agentflow sessions approve {one.run_id} {one.call_id}")
    lines.append(f"  or not:   agentflow sessions deny {one.run_id} {one.call_id} -m WHY")
    return lines


def render_reaped(found: Sequence[Reaped], *, ended: bool) -> str:
    if not found:
        return "Every run of this project has an end, or somebody who follows it."
    rows = [("RUN", "SESSION", "TARGET", "SESSION IS", "")]
    for one in found:
        what = one.doubt or ("interrupted" if one.ended else "")
        if one.elsewhere and not what:
            since = f" {_when(one.started_at)}" if one.started_at else ""
            what = f"begun elsewhere{since}: {one.title or 'no title'}"
        rows.append((one.run_id, one.session_id, clean(one.target), one.status, clean(what)))
    lines = _table(rows)
    if not ended:
        lines.append("End them with: agentflow sessions reap --yes")
        lines.append("Or go on with one: agentflow run --resume RUN")
    if any(one.elsewhere and not one.ended for one in found):
        lines.append(
            "Somebody may follow what was begun elsewhere. --yes --elsewhere ends that too"
        )
    return "\n".join(lines)


def render_pools(lines: Sequence[PoolLine]) -> str:
    """How far each pool is used."""
    if not lines:
        return "No agent draws from a pool of a day or a month. See `pools` in docs/runs.md."
    rows = [("POOL", "PERIOD", "USED", "HELD", "LIMIT", "FULL AGAIN")]
    for line in lines:
        held = f"{line.held} by {count(line.runs, 'run')}" if line.runs else "-"
        again = line.full_again[:16].replace("T", " ")
        rows.append((line.pool, line.period, line.used, held, line.limit, again))
    return "\n".join(_table(rows))


def render_raised(raised: Sequence[Raised]) -> str:
    """The limits of a run that were changed, and how it goes on."""
    lines = [
        f"{one.name:<11}{one.now} (was {one.was}; used: {one.used})"
        for one in sorted(raised, key=lambda one: one.name)
    ]
    return "\n".join([*lines, f"Go on: agentflow run --resume {raised[0].run_id}"])
