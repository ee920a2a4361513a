"""Two sessions side by side: what they did, what it cost, and what only one of them has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentflow.audit.cost import CostLine
from agentflow.audit.finding import Finding
from agentflow.audit.story import Story

__all__ = ["Difference", "compare"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    what: str
    before: str
    after: str


def compare(
    a: Story,
    b: Story,
    costs: tuple[CostLine, CostLine],
    findings: tuple[Sequence[Finding], Sequence[Finding]],
) -> tuple[Difference, ...]:
    """What differs, in the order in which one looks at it. Empty: nothing that is measured does."""
    rows = [*_measures(a, b, costs), *_tools(a, b), *_findings(*findings), *_words(a, b)]
    return tuple(row for row in rows if row.before != row.after)


def _measures(a: Story, b: Story, costs: tuple[CostLine, CostLine]) -> Iterator[Difference]:
    def row(what: str, before: object, after: object) -> Difference:
        return Difference(what=what, before=str(before), after=str(after))

    yield row("end", _end(a), _end(b))
    yield row("turns", len(a.turns), len(b.turns))
    yield row("tool calls", len(a.calls), len(b.calls))
    yield row("failed calls", _failed(a), _failed(b))
    for name in ("input", "output", "cache_read", "cache_write"):
        what = name.replace("_", " ") + " tokens"
        yield row(what, f"{getattr(a.tokens, name):,}", f"{getattr(b.tokens, name):,}")
    ratios = [line.cache_ratio for line in costs]
    yield row("cache hits", *("none" if r is None else f"{r:.0%}" for r in ratios))
    yield row("estimate", *(_dollars(line) for line in costs))
    yield row("active", f"{a.active_s:.1f} s", f"{b.active_s:.1f} s")
    yield row("wall", f"{a.wall_s:.1f} s", f"{b.wall_s:.1f} s")


def _dollars(line: CostLine) -> str:
    return "unpriced" if line.estimate_usd is None else f"${line.estimate_usd:.4f}"


def _end(story: Story) -> str:
    if story.terminated is not None:
        return "terminated"
    return story.stops[-1].reason if story.stops else "none"


def _failed(story: Story) -> int:
    return sum(call.is_error for call in story.calls)


def _tools(a: Story, b: Story) -> Iterator[Difference]:
    before, after = (Counter(call.name for call in story.calls) for story in (a, b))
    for name in sorted({*before, *after}):
        yield Difference(what=f"calls of {name}", before=str(before[name]), after=str(after[name]))


def _findings(a: Sequence[Finding], b: Sequence[Finding]) -> Iterator[Difference]:
    before, after = (Counter(f"{one.code} {one.name}" for one in found) for found in (a, b))
    for name in sorted({*before, *after}):
        yield Difference(what=f"findings {name}", before=str(before[name]), after=str(after[name]))


def _words(a: Story, b: Story) -> Iterator[Difference]:
    last = ["", ""]
    for index, story in enumerate((a, b)):
        said = [message.text for message in story.messages if message.who == "agent"]
        last[index] = " ".join(said[-1].split())[:120] if said else ""
    yield Difference(what="last words", before=last[0], after=last[1])
