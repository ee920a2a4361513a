"""Quick fixes, and the comment that suppresses a finding, as edits of the editor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lsprotocol import types as lsp

from agentflow.diagnostics import Diagnostic, Edit
from agentflow.editor.ignoring import ignoring
from agentflow.editor.lsp_problems import place_of, to_lsp
from agentflow.editor.lsp_view import View

__all__ = ["FIX_ALL", "actions"]

FIX_ALL = f"{lsp.CodeActionKind.SourceFixAll.value}.agentflow"


def actions(
    view: View, file: str, wanted: lsp.Range, only: Iterable[str] | None
) -> list[lsp.CodeAction]:
    """What can be done about the findings in a part of a file.

    Args:
        view: of an analysis of the texts as they are now.
        file: in the project.
        wanted: the part.
        only: kinds of actions. None: all.
    """
    here = [
        (problem, to_lsp(problem, span, view))
        for problem in view.analysis.problems
        if (span := place_of(problem, view.analysis)).file == file
    ]
    found: list[lsp.CodeAction] = []
    if _wants(only, lsp.CodeActionKind.QuickFix.value):
        for problem, shown in here:
            if _touch(shown.range, wanted):
                found += _quick(problem, shown, view)
    if only is not None and _wants(only, FIX_ALL):
        found += _all(view, file, [problem for problem, _ in here])
    return found


def _wants(only: Iterable[str] | None, kind: str) -> bool:
    """A wish for `source` is one for `source.fixAll` too."""
    return only is None or any(kind == want or kind.startswith(f"{want}.") for want in only)


def _touch(one: lsp.Range, other: lsp.Range) -> bool:
    return _order(one.start) <= _order(other.end) and _order(other.start) <= _order(one.end)


def _order(position: lsp.Position) -> tuple[int, int]:
    return position.line, position.character


def _quick(problem: Diagnostic, shown: lsp.Diagnostic, view: View) -> Iterator[lsp.CodeAction]:
    fix = problem.fix
    if fix is not None:
        note = "" if fix.safe else " (changes what the spec means)"
        yield lsp.CodeAction(
            title=f"{fix.title}{note}",
            kind=lsp.CodeActionKind.QuickFix,
            diagnostics=[shown],
            is_preferred=fix.safe or None,
            edit=_edit(view, fix.edits),
        )
    found = view.analysis.index.files.get(problem.span.file) if problem.span else None
    comment = ignoring(problem, found) if found is not None else None
    if comment is not None:
        yield lsp.CodeAction(
            title=f"Ignore {problem.code} here, with a comment",
            kind=lsp.CodeActionKind.QuickFix,
            diagnostics=[shown],
            edit=_edit(view, (comment,)),
        )


def _all(view: View, file: str, problems: Iterable[Diagnostic]) -> Iterator[lsp.CodeAction]:
    """Every safe fix of a file that no other one gets in the way of."""
    chosen: dict[Edit, None] = {}
    for problem in problems:
        fix = problem.fix
        if fix is None or not fix.safe or any(edit.span.file != file for edit in fix.edits):
            continue
        if not any(_meet(edit, other) for edit in fix.edits for other in chosen):
            chosen.update(dict.fromkeys(fix.edits))
    if chosen:
        yield lsp.CodeAction(
            title="Make all safe fixes of this file",
            kind=FIX_ALL,
            edit=_edit(view, tuple(chosen)),
        )


def _meet(one: Edit, other: Edit) -> bool:
    if one == other:
        return False
    first, second = sorted((one.span, other.span))
    return (second.line, second.column) <= (first.end_line, first.end_column)


def _edit(view: View, edits: Iterable[Edit]) -> lsp.WorkspaceEdit:
    changes: dict[str, list[lsp.TextEdit]] = {}
    for edit in edits:
        text = lsp.TextEdit(range=view.exact(edit.span), new_text=edit.text)
        changes.setdefault(view.uri(edit.span.file), []).append(text)
    return lsp.WorkspaceEdit(changes=changes)
