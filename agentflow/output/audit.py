"""Audits, costs and comparisons for people, as text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agentflow.output.text import clean, count, dollars, one_line, seconds
from agentflow.runtime.prices import is_priced

if TYPE_CHECKING:
    from agentflow.audit.cost import CostLine
    from agentflow.audit.finding import Finding
    from agentflow.audit.story import Turn
    from agentflow.audit.timeline import Row
    from agentflow.operations.audits import Audited, Compared

__all__ = [
    "cost_words",
    "render_audit",
    "render_compared",
    "render_costs",
    "render_events",
    "render_timeline",
]

_UNPRICED = "unpriced: a model is not known (where nothing says it, name it: --model ID), or has no list price"
_BAR = 24
_EDGE = 12
"""Turns at the beginning and at the end that are shown in any case."""
_MARKS = {"error": "error", "warning": "warning", "info": "note"}


def render_audit(audited: Audited, *, width: int) -> str:
    """The heading, the timeline in short, the findings and the cost."""
    evidence, story = audited.evidence, audited.story
    head = [f"{clean(evidence.title)}  ({_source(audited)}, {count(story.events, 'event')})"]
    if evidence.verdict is not None:
        head.append(f"{evidence.verdict}: {one_line(evidence.reason or '', width - 14)}")
    parts = [*head, "", *_turn_bars(audited, width), ""]
    for finding in audited.findings:
        parts += [*_finding(finding), ""]
    return "\n".join(
        [
            *parts,
            _summary(audited.findings),
            *cost_words(audited.cost, audited.evidence.facts.model),
        ]
    )


def _source(audited: Audited) -> str:
    return {"ledger": "from the ledger", "service": "from the service", "file": "from a file"}[
        audited.evidence.source
    ]


def _finding(finding: Finding) -> Iterator[str]:
    where = f" turn {finding.turn}" if finding.turn else ""
    yield f"{finding.code} {_MARKS[finding.severity.value]}: {finding.name}{where}"
    yield f"  {clean(finding.message)}"
    shown = ", ".join(finding.evidence[:4])
    more = len(finding.evidence) - 4
    yield f"  events  {shown}" + (f" and {more} more" if more > 0 else "")
    place = f"{finding.source}: " if finding.source is not None else ""
    yield f"  change  {place}{clean(finding.hint)}"


def _summary(findings: Sequence[Finding]) -> str:
    if not findings:
        return "Nothing to look at."
    numbers = dict.fromkeys(_MARKS.values(), 0)
    for finding in findings:
        numbers[_MARKS[finding.severity.value]] += 1
    return ", ".join(count(number, mark) for mark, number in numbers.items() if number) + "."


def cost_words(cost: CostLine, model: str | None) -> Iterator[str]:
    """Tokens, dollars and time, a line each. `model` is that of the session; None: nothing says it."""
    tokens = cost.tokens
    hits = "" if cost.cache_ratio is None else f" (cache hits {cost.cache_ratio:.0%})"
    yield (
        f"  tokens  {tokens.input:,} input, {tokens.output:,} output, {tokens.cache_read:,} cache read, "
        f"{tokens.cache_write:,} cache write{hits}"
    )
    yield f"  cost    {_money(cost, model)}"
    yield f"  time    {seconds(cost.active_s)} active, {seconds(cost.wall_s)} in all"


def _money(cost: CostLine, model: str | None) -> str:
    known = cost.estimate_usd is not None
    words = [f"{dollars(cost.estimate_usd)} by list prices" if known else _unpriced(model)]
    if cost.reported_usd is not None:
        words.append(f"{dollars(cost.reported_usd)} by the service")
    if cost.saved_usd is not None and cost.tokens.cache_read:
        words.append(f"the cache saved {dollars(cost.saved_usd)}")
    return ", ".join(words)


def _unpriced(model: str | None) -> str:
    if model is None:
        return "unpriced: nothing here says what model it has; name it: --model ID"
    if is_priced(model):
        return "unpriced: what models its threads have is not known"
    return f"unpriced: {clean(model)} has no list price"


def _turn_bars(audited: Audited, width: int) -> Iterator[str]:
    """A line for each turn: when, how large its prompt was and how much of it was cached, and its tools.

    Of a long session the first, the last and those with findings.
    """
    turns = audited.story.turns
    most = max((turn.prompt_tokens for turn in turns), default=0)
    found = {finding.turn: finding.code for finding in reversed(audited.findings)}
    left_out = 0
    for place, turn in enumerate(turns):
        if _EDGE <= place < len(turns) - _EDGE and turn.number not in found:
            left_out += 1
            continue
        if left_out:
            yield f"{'':>9}     … {count(left_out, 'turn')}"
            left_out = 0
        yield one_line_kept(_turn_bar(turn, most, found.get(turn.number, "")), width)
    if turns:
        yield f"{'':>9}  turn  {'█ cached  ▒ new':<{_BAR}} {'prompt':>9} {'output':>7}"


def _turn_bar(turn: Turn, most: int, mark: str) -> str:
    filled = round(_BAR * turn.prompt_tokens / most) if most else 0
    cached = round(_BAR * turn.tokens.cache_read / most) if most else 0
    bar = "█" * cached + "▒" * (filled - cached)
    tools = ", ".join(call.name + ("!" if call.is_error else "") for call in turn.calls)
    return (
        f"{seconds(turn.began_s):>9}  {turn.number:>4}  {bar:<{_BAR}} {turn.prompt_tokens:>9,} "
        f"{turn.tokens.output:>7,}  {mark:<6} {tools or ('says' if turn.said else '')}"
    )


def one_line_kept(text: str, width: int) -> str:
    """Cut at `width`, with its blanks as they are."""
    flat = clean(text)
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def render_timeline(rows: Sequence[Row], *, width: int) -> str:
    """A line for each turn, call, wait, message and error."""
    lines = []
    for row in rows:
        took = "" if row.seconds is None else seconds(row.seconds)
        mark = "!" if row.is_error else " "
        lines.append(
            one_line_kept(
                f"{seconds(row.began_s):>9} {took:>9} {mark} {row.kind:<8} {clean(row.label)}  "
                f"{one_line(row.detail, width)}",
                width,
            ).rstrip()
        )
    return "\n".join(lines)


def render_events(events: Sequence[Mapping[str, Any]], *, types: Sequence[str]) -> str:
    """The events themselves, one JSON object a line; `types`: only those, or those that begin so."""
    return "\n".join(
        json.dumps(event, ensure_ascii=False, default=str)
        for event in events
        if not types or any(_is(str(event.get("type", "")), type_) for type_ in types)
    )


def _is(type_: str, wanted: str) -> bool:
    return type_ == wanted or type_.startswith(wanted.rstrip(".") + ".")


def render_costs(lines: Sequence[CostLine], total: CostLine) -> str:
    heads = ("", "RUNS", "TURNS", "INPUT", "OUTPUT", "CACHE READ", "CACHE WRITE", "HITS", "ESTIMATE",
             "SERVICE", "SAVED", "ACTIVE", "WALL")  # fmt: skip
    rows = [heads, *(_cost_row(line) for line in (*lines, *((total,) if len(lines) > 1 else ())))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    table = [
        "  ".join(
            f"{cell:<{width}}" if not column else f"{cell:>{width}}"
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([*table, *([_UNPRICED] if total.estimate_usd is None else [])])


def _cost_row(line: CostLine) -> tuple[str, ...]:
    tokens = line.tokens
    return (
        clean(line.label),
        str(line.runs or ""),
        f"{line.turns:,}",
        f"{tokens.input:,}",
        f"{tokens.output:,}",
        f"{tokens.cache_read:,}",
        f"{tokens.cache_write:,}",
        "" if line.cache_ratio is None else f"{line.cache_ratio:.0%}",
        dollars(line.estimate_usd),
        "" if line.reported_usd is None else dollars(line.reported_usd),
        "" if line.saved_usd is None else dollars(line.saved_usd),
        seconds(line.active_s),
        seconds(line.wall_s),
    )


def render_compared(compared: Compared, *, width: int) -> str:
    a, b = (one.evidence.title for one in (compared.before, compared.after))
    if not compared.differences:
        return f"{clean(a)} and {clean(b)} do not differ in anything that is measured."
    rows = [("", a, b), *((d.what, d.before, d.after) for d in compared.differences)]
    room = max(12, (width - 26) // 2)
    return "\n".join(
        f"{one_line(what, 24):<24}  {one_line(before, room):<{room}}  {one_line(after, room)}".rstrip()
        for what, before, after in rows
    )
