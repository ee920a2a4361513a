"""Diagnostics as annotations of a pull request: workflow commands of GitHub Actions, one a line.

The format: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agentflow.diagnostics import SETTINGS_FILE, Diagnostic, Severity, Span
from agentflow.output.excerpt import printable

__all__ = ["render_github"]

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render_github(problems: Sequence[Diagnostic], *, show_path: Callable[[str], str] = str) -> str:
    """A line for each problem, each with its line break. `show_path`: to a path in the repository."""
    return "".join(f"{_line(problem, show_path)}\n" for problem in problems)


def _line(problem: Diagnostic, show_path: Callable[[str], str]) -> str:
    properties = {"title": f"{problem.code} {problem.name}"}
    if problem.span is not None and problem.span.file != SETTINGS_FILE:
        properties = {"file": show_path(problem.span.file), **_range(problem.span), **properties}
    told = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    text = problem.message if problem.hint is None else f"{problem.message}\n{problem.hint}"
    return f"::{_COMMANDS[problem.severity]} {told}::{_data(text)}"


def _range(span: Span) -> dict[str, str]:
    """Columns only within one line, as GitHub wants it; there the end is inclusive."""
    lines = {"line": str(span.line), "endLine": str(span.end_line)}
    if span.line != span.end_line:
        return lines
    last = max(span.column, span.end_column - 1)
    return {**lines, "col": str(span.column), "endColumn": str(last)}


def _data(text: str) -> str:
    """No text may end the line and begin a command of its own."""
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
