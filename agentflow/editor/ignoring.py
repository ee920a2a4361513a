"""Where a comment has to stand that suppresses a finding, and how it is written there."""

from __future__ import annotations

import re
from typing import NamedTuple

from agentflow.codes import CODES
from agentflow.compiler.load import MARKDOWN
from agentflow.diagnostics import Diagnostic, Edit, Severity, Span
from agentflow.editor.index import FileIndex
from agentflow.editor.places import At, place_at
from agentflow.lint.engine import KNOWN
from agentflow.source.edits import apply_edits
from agentflow.source.markdown import parse_markdown
from agentflow.source.text import SourceText
from agentflow.source.yaml import parse

__all__ = ["can_be_ignored", "ignoring"]

_THERE = re.compile(r"agentflow:[ \t]*ignore[ \t]*\[(?P<codes>[^\]\n]*)\]")
_TEMPLATES = ("prompt", "task", "text", "sections")


class _Line(NamedTuple):
    number: int
    """From 1."""
    text: str
    """Without its break."""


def can_be_ignored(problem: Diagnostic) -> bool:
    """Whether comments suppress findings of this code. What makes a spec unusable is an error for good."""
    code = CODES.get(problem.code)
    return problem.code in KNOWN and problem.span is not None and (
        code is None or code.severity is not Severity.ERROR
    )  # fmt: skip


def ignoring(problem: Diagnostic, found: FileIndex) -> Edit | None:
    """The edit that adds a comment. None: comments are not for what stands there."""
    span = problem.span
    if span is None or not can_be_ignored(problem):
        return None
    source = SourceText(span.file, found.text)
    if not found.documents:
        return _behind(_line(source, span.line), problem.code, span.file, "{# ", " #}")
    at = place_at(found.documents, span.line, span.column)
    if at is None or at.document.is_verbatim:
        return None
    place = at.document.span(at.path)
    if span.line > place.line and any(step in _TEMPLATES for step in at.path) and not at.is_key:
        return _behind(_line(source, span.line), problem.code, span.file, "{# ", " #}")
    edits = [_above(at, source, problem.code)]
    if at.is_key or place.line == place.end_line:
        edits.insert(0, _behind(_line(source, span.line), problem.code, span.file, "# ", ""))
    return next((edit for edit in edits if _says_the_same(source, edit, found)), None)


def _says_the_same(source: SourceText, edit: Edit, found: FileIndex) -> bool:
    """Whether what is added is a comment, and not a part of a text that goes on over several lines."""
    read = parse_markdown if source.file.endswith(MARKDOWN) else parse
    documents, problems = read(source.file, apply_edits(source, [edit]))
    return not problems and [d.data for d in documents] == [d.data for d in found.documents]


def _line(source: SourceText, number: int) -> _Line:
    return _Line(number, source.text[slice(*source.line_bounds(number))])


def _behind(line: _Line, code: str, file: str, begin: str, end: str) -> Edit:
    """At the end of a line, or among the codes of the comment that is there."""
    there = _THERE.search(line.text)
    if there is not None:
        column = there.end("codes") + 1
        text = f", {code}" if there["codes"].strip() else code
    else:
        column = len(line.text) + 1
        gap = "" if line.text.endswith((" ", "\t")) or not line.text else " "
        gap = f"{gap} " if begin == "# " and gap else gap
        text = f"{gap}{begin}agentflow: ignore[{code}]{end}"
    return Edit(Span(file, line.number, column, line.number, column), text)


def _above(at: At, source: SourceText, code: str) -> Edit:
    """On a line of its own above the key whose value goes on over several lines."""
    key = at.document.span(at.path, key=True)
    line = _line(source, key.line)
    indent = line.text[: len(line.text) - len(line.text.lstrip(" \t"))]
    text = f"{indent}# agentflow: ignore[{code}]\n"
    return Edit(Span(key.file, key.line, 1, key.line, 1), text)
