"""How often each code was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentflow.diagnostics import Diagnostic

__all__ = ["count_codes", "render_statistics"]


def count_codes(problems: Sequence[Diagnostic]) -> list[dict[str, Any]]:
    """An entry for each code: `code`, `name`, `severity` (the worst), `count`, `fixable`.

    The most frequent first; `fixable` are those with a fix.
    """
    by_code: dict[str, list[Diagnostic]] = {}
    for problem in problems:
        by_code.setdefault(problem.code, []).append(problem)
    return [
        {
            "code": code,
            "name": found[0].name,
            "severity": min((p.severity for p in found), key=lambda s: s.rank).value,
            "count": len(found),
            "fixable": sum(problem.fix is not None for problem in found),
        }
        for code, found in sorted(by_code.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def render_statistics(problems: Sequence[Diagnostic], *, summary: str) -> str:
    """A table for people, a line for each code, and the summary below it."""
    counts = count_codes(problems)
    width = max((len(str(entry["count"])) for entry in counts), default=0)
    names = max((len(entry["name"]) for entry in counts), default=0)
    codes = max((len(entry["code"]) for entry in counts), default=0)
    rows = [
        f"{entry['count']:>{width}}  {entry['code']:<{max(codes, 6)}}  {entry['name']:<{names}}  "
        f"{entry['severity']:<7}" + (f"  {entry['fixable']} with a fix" if entry["fixable"] else "")
        for entry in counts
    ]
    return "".join(f"{row.rstrip()}\n" for row in rows) + ("\n" if rows else "") + f"{summary}\n"
