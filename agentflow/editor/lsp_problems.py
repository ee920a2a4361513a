"""Findings as an editor shows them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from lsprotocol import types as lsp

from agentflow.compiler.load import PROJECT_FILE
from agentflow.diagnostics import SETTINGS_FILE, Diagnostic, Severity, Span
from agentflow.editor.analysis import Analysis
from agentflow.editor.lsp_view import View
from agentflow.editor.pages import page_uri
from agentflow.lint.own import UNUSED_SUPPRESSION
from agentflow.lint.rules.unused import unused_resource, unused_secret, unused_vault

__all__ = ["SOURCE", "Shown", "place_of", "shown"]

SOURCE = "agentflow"

_SEVERITY = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.INFO: lsp.DiagnosticSeverity.Information,
}
_UNUSED = {
    UNUSED_SUPPRESSION.id,
    *(rule.code.id for rule in (unused_resource, unused_secret, unused_vault)),
}


class Shown(NamedTuple):
    """All findings of one file."""

    path: Path
    uri: str
    version: int | None
    """Of the text they were found in. None: the file is not open."""
    problems: list[lsp.Diagnostic]


def place_of(problem: Diagnostic, analysis: Analysis) -> Span:
    """Where a finding is shown: what belongs to no file, at the top of the project's."""
    span = problem.span
    if span is None or span.file == SETTINGS_FILE:
        home = analysis.home
        return Span.start_of(PROJECT_FILE if home.is_project else home.path.name)
    return span


def shown(analysis: Analysis, encoding: str) -> Mapping[str, Shown]:
    """The findings of an analysis, by file of the project."""
    view = View(analysis, analysis.buffers, encoding)
    found: dict[str, Shown] = {}
    for problem in analysis.problems:
        span = place_of(problem, analysis)
        if span.file not in found:
            path = view.path(span.file)
            buffer = analysis.buffers.get(path)
            version = buffer.version if buffer else None
            found[span.file] = Shown(path, view.uri(span.file), version, [])
        found[span.file].problems.append(to_lsp(problem, span, view))
    return found


def to_lsp(problem: Diagnostic, span: Span, view: View) -> lsp.Diagnostic:
    page = page_uri(problem.code)
    hint = f"\n{problem.hint}" if problem.hint else ""
    related = [
        lsp.DiagnosticRelatedInformation(
            location=lsp.Location(uri=view.uri(place.file), range=view.exact(place)),
            message=caption,
        )
        for place, caption in problem.related
        if place.file != SETTINGS_FILE
    ]
    return lsp.Diagnostic(
        range=view.exact(span),
        severity=_SEVERITY[problem.severity],
        code=problem.code,
        code_description=lsp.CodeDescription(href=page) if page else None,
        source=SOURCE,
        message=f"{problem.message}{hint}",
        tags=[lsp.DiagnosticTag.Unnecessary] if problem.code in _UNUSED else None,
        related_information=related or None,
    )
