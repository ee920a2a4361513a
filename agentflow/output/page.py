"""One self-contained page about a session: it loads nothing, and holds everything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentflow.audit.cost import turn_costs
from agentflow.audit.timeline import Row, timeline
from agentflow.output.text import dollars, seconds

if TYPE_CHECKING:
    from agentflow.audit.finding import Finding
    from agentflow.audit.story import Story
    from agentflow.operations.audits import Audited

__all__ = ["session_page"]

MOST_TEXT = 20_000
"""Characters of one text. What is cut off is said."""


def session_page(audited: Audited) -> bytes:
    """The page, in UTF-8."""
    template = Path(__file__).with_name("session_page.html").read_text(encoding="utf-8")
    text = json.dumps(_data(audited), ensure_ascii=False, separators=(",", ":"), default=str)
    # Inside a script element only this could end it, or begin a comment.
    safe = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return template.replace("__DATA__", safe).encode("utf-8", "replace")


def _data(audited: Audited) -> dict[str, Any]:
    evidence, story = audited.evidence, audited.story
    return {
        "title": evidence.title,
        "subtitle": evidence.reason or evidence.facts.agent or "",
        "facts": list(_facts(audited)),
        "findings": [_finding(finding) for finding in audited.findings],
        "turns": list(_turns(audited)),
        "rows": list(_rows(story)),
        "tools": _tools(story),
        "wall": story.wall_s,
    }


def _facts(audited: Audited) -> Iterator[tuple[str, str]]:
    cost, story, evidence = audited.cost, audited.story, audited.evidence
    if evidence.verdict is not None:
        yield "verdict", evidence.verdict
    if evidence.facts.agent is not None:
        version = evidence.facts.agent_version
        yield (
            "agent",
            evidence.facts.agent.removeprefix("agent/") + (f" @{version}" if version else ""),
        )
    yield "turns", f"{len(story.turns):,}"
    yield "tool calls", f"{len(story.calls):,}"
    yield "tokens", f"{cost.tokens.total:,}"
    if cost.cache_ratio is not None:
        yield "cache hits", f"{cost.cache_ratio:.0%}"
    yield "cost by list prices", dollars(cost.estimate_usd)
    if cost.reported_usd is not None:
        yield "cost by the service", dollars(cost.reported_usd)
    if cost.saved_usd is not None:
        yield "saved by the cache", dollars(cost.saved_usd)
    yield "active", seconds(cost.active_s)
    yield "wall", seconds(cost.wall_s)
    yield "events", f"{story.events:,}"


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "message": finding.message,
        "hint": finding.hint,
        "evidence": finding.evidence,
        "source": None if finding.source is None else str(finding.source),
    }


def _turns(audited: Audited) -> Iterator[dict[str, Any]]:
    spent: float | None = 0.0
    lines = turn_costs(audited.story, audited.evidence.facts.model)
    for turn, line in zip(audited.story.turns, lines, strict=False):  # threads come last
        known = spent is not None and line.tokens_usd is not None
        spent = spent + float(line.tokens_usd) if known else None  # type: ignore[operator,arg-type]
        yield {
            "id": turn.start_id,
            "number": turn.number,
            "read": turn.tokens.cache_read,
            "write": turn.tokens.cache_write,
            "input": turn.tokens.input,
            "output": turn.tokens.output,
            "spent": spent,
        }


def _rows(story: Story) -> Iterator[dict[str, Any]]:
    calls = {call.id: call for call in story.calls}
    texts = {message.id: message.text for message in story.messages}
    faults = {fault.id: fault.message for fault in story.faults}
    ends = {turn.start_id: turn.end_id for turn in story.turns}
    for row in timeline(story):
        ids, parts = [row.id], []
        if row.kind == "tool":
            call = calls[row.id]
            ids += [id for id in (call.result_id, call.answer_id) if id]
            given = json.dumps(call.input, indent=2, ensure_ascii=False, default=str)
            parts.append(("arguments", _cut(given)))
            if call.answer is not None:
                parts.append(("answer", call.answer))
            if call.result_id is not None:
                parts.append(("error" if call.is_error else "result", _cut(call.result)))
        elif row.kind == "turn":
            ids += [id for id in (ends.get(row.id),) if id]
        text = texts.get(row.id) or faults.get(row.id)
        if text:
            parts.append(("text", _cut(text)))
        yield {**_row(row), "ids": ids, "parts": parts}


def _row(row: Row) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "at": round(row.began_s, 3),
        "took": None if row.seconds is None else round(row.seconds, 3),
        "label": row.label,
        "detail": row.detail,
        "error": row.is_error,
    }


def _cut(text: str) -> str:
    if len(text) <= MOST_TEXT:
        return text
    return f"{text[:MOST_TEXT]}\n[{len(text) - MOST_TEXT:,} characters more are not in this page]"


def _tools(story: Story) -> list[dict[str, Any]]:
    """By tool, the one that took longest first."""
    found: dict[str, dict[str, Any]] = {}
    for call in story.calls:
        one = found.setdefault(
            call.name, {"name": call.name, "calls": 0, "errors": 0, "seconds": 0.0, "longest": 0.0}
        )
        took = call.seconds or 0.0
        one["calls"] += 1
        one["errors"] += call.is_error
        one["seconds"] += took
        one["longest"] = max(one["longest"], took)
    return sorted(found.values(), key=lambda one: -one["seconds"])
