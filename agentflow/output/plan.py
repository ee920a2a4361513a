"""A plan, and what came of it, for people.

  ~ agent/sales-analyst   update   the spec changed: system
      ~ system
          … 12 unchanged lines
          ~ Answer in [-two-]{+three+} sentences.

Plan: 0 to create, 1 to update, 2 unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from agentflow.compiler import late
from agentflow.compiler.apply import Status
from agentflow.compiler.changes import Change, ChangeKind
from agentflow.compiler.plan import APPLIED_KINDS, Action, Plan, Verb
from agentflow.diagnostics import Diagnostic, Severity
from agentflow.operations.apply import ActionResult, ApplyOutcome, Progress
from agentflow.output.excerpt import printable
from agentflow.output.text import one_line
from agentflow.output.words import DiffLine, text_diff

__all__ = ["progress_line", "render_outcome", "render_plan"]

_WIDTH = 88
_GREEN, _YELLOW, _RED, _DIM, _BOLD = "32", "33", "31", "2", "1"
_STYLE = {"+": _GREEN, "-": _RED, "~": _YELLOW, "!": _RED, "…": _DIM}
_MARK = {Verb.CREATE: "+", Verb.UPDATE: "~", Verb.NONE: "="}
_BRACKETS = {"-": ("[-", "-]"), "+": ("{+", "+}")}


class _Paint:
    def __init__(self, *, color: bool) -> None:
        self.color = color

    def __call__(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.color and text else text


def render_plan(plan: Plan, *, color: bool) -> str:
    """Text that ends with a line break. Resources that stay as they are, are only counted."""
    paint = _Paint(color=color)
    shown = [a for a in plan.actions if a.changes_something or a.blocked or a.kept]
    width = max((len(action.address) for action in shown), default=0)
    lines: list[str] = []
    for action in shown:
        lines += [*_action(action, width, paint), ""]
    for orphan in plan.orphans:
        text = f"  · {orphan.address} ({orphan.id}) is no longer in the specs; it is left alone."
        lines += [paint(printable(text), _DIM), ""]
    if plan.not_applied:
        lines += [*_not_applied(plan, paint), ""]
    for problem in plan.problems:
        lines += [*_problem(problem, paint), ""]
    lines.append(paint(plan.summary, _BOLD))
    return "\n".join(lines) + "\n"


def _not_applied(plan: Plan, paint: _Paint) -> Iterator[str]:
    kinds = " and ".join(f"{kind}s" for kind in APPLIED_KINDS)
    yield f"  Not applied: this version applies {kinds} that need nothing else."
    for left in plan.not_applied:
        named = left.name if left.name not in left.address else ""
        why = f"needs {', '.join(left.needs)}" if left.needs else named
        yield paint(printable(f"    · {left.address}{f'  ({why})' if why else ''}"), _DIM)


def _action(action: Action, width: int, paint: _Paint) -> Iterator[str]:
    mark = "!" if action.blocked else _MARK[action.verb]
    verb = "blocked" if action.blocked else action.verb.value
    if action.verb is Verb.NONE and not action.blocked:
        verb = "as it is"
    head = f"  {mark} {action.address:<{width}}  {verb:<8}  {action.reason}"
    yield paint(printable(head), _STYLE.get(mark, _DIM))
    if action.verb is Verb.CREATE:
        for key, value in action.payload.items():
            yield f"      {paint('+', _GREEN)} {key}: {_value(value)}"
    for change in action.changes:
        yield from _change(change, paint)
    for change in action.kept:
        yield paint(f"      = {printable(change.label)}: stays {_value(change.before)}", _DIM)


def _change(change: Change, paint: _Paint) -> Iterator[str]:
    mark = {ChangeKind.ADD: "+", ChangeKind.REMOVE: "-", ChangeKind.CHANGE: "~"}[change.kind]
    label = printable(change.label) + ("  (unchecked: set by `raw`)" if change.unchecked else "")
    lead = f"      {paint(mark, _STYLE[mark])} {label}"
    if _is_long(change.before) or _is_long(change.after):
        yield lead
        for line in text_diff(_text(change.before), _text(change.after)):
            yield f"          {_diff_line(line, paint)}".rstrip()
    elif change.kind is ChangeKind.CHANGE:
        yield f"{lead}: {_value(change.before)} → {_value(change.after)}"
    else:
        value = change.after if change.kind is ChangeKind.ADD else change.before
        yield f"{lead}: {_value(value)}"


def _is_long(value: object) -> bool:
    return isinstance(value, str) and ("\n" in value or len(value) > _WIDTH // 2)


def _text(value: object) -> str:
    value = late.readable(value)
    return value if isinstance(value, str) else "" if value is None else _json(value)


def _diff_line(line: DiffLine, paint: _Paint) -> str:
    if line.mark != "~":
        text = "".join(piece.text for piece in line.pieces)
        return paint(f"{line.mark} {printable(text)}".rstrip(), _STYLE.get(line.mark, _DIM))
    words = []
    for piece in line.pieces:
        before, after = ("", "") if paint.color else _BRACKETS.get(piece.mark, ("", ""))
        text = before + printable(piece.text) + after
        words.append(paint(text, _STYLE[piece.mark]) if piece.mark != " " else text)
    return f"{paint('~', _YELLOW)} {''.join(words)}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _value(value: Any) -> str:
    value = late.readable(value)
    if isinstance(value, str) and "\n" in value:
        lines = value.splitlines()
        return f"{printable(one_line(_json(lines[0]), 60))} and {len(lines) - 1} more lines"
    return printable(one_line(_json(value), _WIDTH))


def _problem(problem: Diagnostic, paint: _Paint) -> Iterator[str]:
    style = _RED if problem.severity is Severity.ERROR else _YELLOW
    place = f"{problem.span}: " if problem.span else ""
    head = f"{problem.severity.value}[{problem.code} {problem.name}]"
    yield f"{place}{paint(head, style)}: {printable(problem.message)}"
    if problem.hint:
        yield f"  hint: {printable(problem.hint)}"


def progress_line(progress: Progress) -> str:
    """One plain line, while it happens."""
    return printable(str(progress))


def render_outcome(outcome: ApplyOutcome, *, color: bool) -> str:
    """What failed and why, then the count. Ends with a line break."""
    paint = _Paint(color=color)
    lines: list[str] = []
    for result in outcome.results:
        if result.error is not None:
            lines += [*_failure(result, paint), ""]
    counts = {status: sum(r.status is status for r in outcome.results) for status in Status}
    parts = [f"{counts[Status.DONE]} done"]
    parts += [f"{counts[s]} {s.value}" for s in (Status.FAILED, Status.SKIPPED) if counts[s]]
    lines.append(paint(f"Apply: {', '.join(parts)}.", _BOLD))
    return "\n".join(lines) + "\n"


def _failure(result: ActionResult, paint: _Paint) -> Iterator[str]:
    assert result.error is not None
    address = result.action.address
    yield f"{paint('error', _RED)}: {address}: {printable(result.error.message)}"
    if result.theirs:
        yield "  on the service, since the plan was made:"
        for change in result.theirs:
            yield from _change(change, paint)
        yield "  in the spec:"
        for change in result.action.changes:
            yield from _change(change, paint)
    if result.error.hint:
        yield f"  hint: {printable(result.error.hint)}"
